"""What all nodes know together, in Redis: which there are, and which session is on which."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import scripts
from .cancelling import cancellation_kept
from .errors import ClusterAway, NoRedisLibrary
from .node import Node

if TYPE_CHECKING:
    from redis.asyncio import Redis

ANSWER_S = 1.0  # for Redis to answer; it does within a millisecond, or is away
NODE_S = 4.0  # without a beat; then a node is dead, and its sessions are nobody's
SESSION_S = 7200.0  # a session's key outlives a Redis that was away for a while
PREFIX = "posesim"


@dataclass(frozen=True)
class Beat:
    """What a node hears when it says that it is there.

    Attributes:
        at_s: The clock of Redis.
        lost: Sessions that run here, and that another living node has meanwhile.
    """

    at_s: float
    lost: frozenset[str]


class Directory:
    """Asks Redis. What two nodes might decide differently is one script there.

    Every method raises `ClusterAway` where Redis does not answer, or has no memory.

    Args:
        url: Of Redis, as redis://host:6379/0.
        node_id: This node.
        prefix: Of all keys.
        node_s: After how many seconds without a beat a node is dead.

    Raises:
        NoRedisLibrary: If the extra is not installed.
    """

    def __init__(
        self, url: str, node_id: str, *, prefix: str = PREFIX, node_s: float = NODE_S
    ) -> None:
        self.node_id = node_id
        self.prefix = prefix
        self.redis = connect(url)
        self._node_ms = round(node_s * 1000)

    async def beat(
        self, node: Node, running: Collection[str] = (), over: Collection[str] = ()
    ) -> Beat:
        """Say that this node is there, and which sessions it has, and has no more."""
        seconds, microseconds, lost = await self.run(
            scripts.BEAT,
            self.prefix,
            self.node_id,
            node.to_json(),
            self._node_ms,
            round(SESSION_S * 1000),
            len(running),
            *running,
            *over,
        )
        return Beat(
            int(seconds) + int(microseconds) / 1e6, frozenset(each.decode() for each in lost)
        )

    async def nodes(self) -> list[Node]:
        """Those that are there, this one among them."""
        return [Node.from_json(each) for each in await self.run(scripts.NODES, self.prefix)]

    async def place(
        self, session_id: str, keep_s: float, *, elsewhere: bool = False
    ) -> Node | None:
        """Where a session is; one that is nowhere gets a place, which is kept for `keep_s`.

        With `elsewhere`, on another node of this one's version.

        Returns:
            The node; None if no node has room.
        """
        found = await self.run(
            scripts.PLACE,
            self.prefix,
            self.node_id,
            session_id,
            round(keep_s * 1000),
            int(elsewhere),
        )
        return Node.from_json(found) if found else None

    async def claim(self, session_id: str) -> bool:
        """Take a session that no other living node has; False if one has."""
        keep_ms = round(SESSION_S * 1000)
        return bool(await self.run(scripts.CLAIM, self.prefix, self.node_id, session_id, keep_ms))

    async def release(self, session_id: str) -> None:
        """Give a session back that this node took."""
        await self.run(scripts.RELEASE, self.prefix, self.node_id, session_id)

    async def orphans(self, session_ids: Sequence[str]) -> list[str]:
        """Which of some sessions no living node has."""
        found = await self.run(scripts.ORPHANS, self.prefix, *session_ids)
        return [each.decode() for each in found]

    async def elsewhere(self, session_ids: Collection[str]) -> set[str]:
        """Which of some sessions another living node has."""
        if not session_ids:
            return set()
        found = await self.run(scripts.ELSEWHERE, self.prefix, self.node_id, *session_ids)
        return {each.decode() for each in found}

    async def owner(self, session_id: str) -> Node | None:
        """The living node that has a session; None if none has."""
        found = await self.run(scripts.OWNER, self.prefix, session_id)
        return Node.from_json(found) if found else None

    async def leave(self) -> None:
        """Say that this node is not there any more."""
        await self.run(scripts.LEAVE, self.prefix, self.node_id)

    def key(self, kind: str, name: str) -> str:
        """A key for what has to do with a person or an address, neither of which it tells."""
        return f"{self.prefix}:{kind}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    async def close(self) -> None:
        """Give the connections back."""
        await self.redis.aclose()

    async def run(self, script: str, *values: object) -> Any:
        """Run a script; `values` are its ARGV.

        Raises:
            ClusterAway: If Redis does not answer, or can't do it.
        """
        from redis.exceptions import RedisError

        try:
            with cancellation_kept():
                return await self.redis.eval(script, 0, *[str(each) for each in values])
        except (RedisError, OSError, TimeoutError) as error:
            raise ClusterAway(error) from error


def connect(url: str) -> "Redis":
    """Make a client, which connects when it is used.

    Raises:
        NoRedisLibrary: If the extra is not installed.
    """
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError as error:
        raise NoRedisLibrary from error
    return Redis.from_url(
        url,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 1),  # a connection of before a restart of Redis is one failure
    )
