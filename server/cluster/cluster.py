"""A node of a cluster: everything of it that outlives a request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ..live.sessions import ClusterFull
from .adoption import Adoption
from .channel import Channel, Heard
from .directory import Directory
from .errors import BadNode, ClusterAway
from .limits import SharedLimits
from .lines import Accept, Line, Lines
from .membership import Membership, Room
from .node import Node
from .turns import ClusterTurns
from .users import UserSessions

PROMISE_S = 60.0  # for which a place is kept until the page comes, as `Limits.join_s`


@dataclass(frozen=True)
class Cluster:
    """What the application asks.

    Attributes:
        directory, membership, adoption, channel, lines, limits, turns, users: See there.
    """

    directory: Directory
    membership: Membership
    adoption: Adoption
    channel: Channel
    lines: Lines
    limits: SharedLimits
    turns: ClusterTurns
    users: UserSessions

    @property
    def id(self) -> str:
        """Of this node."""
        return self.directory.node_id

    def others(self, than: str) -> list[str]:
        """The addresses of the nodes that are there besides one, which may be asked after it."""
        return [each.url for each in self.membership.nodes if each.url != than]

    async def place(self, session_id: str) -> Node | None:
        """Where a session or a call is, or is to be; None if no node has room.

        Raises:
            BadNode: If there is none because this node does not fit the others.
            ClusterAway: If that can't be known.
        """
        if self.membership.away is not None:  # found out by the beat; nobody waits for it again
            raise ClusterAway("it does not answer")
        node = await self.directory.place(session_id, PROMISE_S)
        if node is None:
            self.require_fit()
        return node

    async def line_elsewhere(
        self, session_id: str, purpose: str, /, *, perhaps: str | None, **opening: object
    ) -> Line | None:
        """Open a line to another node, which keeps a place for a session that has none here.

        Args:
            session_id: Of the session.
            purpose: Of the line.
            perhaps: A node that is asked where none is known to have room: it may have it since.
            opening: How the line is opened, besides the session.

        Returns:
            The line; None if it can't be known which node has room.

        Raises:
            ClusterFull: If none has.
        """
        if self.membership.away is not None:
            return None
        try:
            node = await self.directory.place(session_id, PROMISE_S, elsewhere=True)
        except ClusterAway:
            return None
        node_id = perhaps if node is None else node.id
        if node_id is None:
            raise ClusterFull
        return self.lines.call(node_id, purpose, session_id=session_id, **opening)

    def require_fit(self) -> None:
        """Make sure that this node may begin something.

        Raises:
            BadNode: If it does not fit the others, or its clock is wrong.
        """
        if self.membership.refused is not None:
            raise BadNode(self.membership.refused)

    async def count(self, user_id: str, session_id: str, most: int) -> bool:
        """Count a session that is about to begin; False if its user has `most` on all nodes."""
        return await self.users.take(user_id, session_id, most, PROMISE_S)

    async def take(self, call_id: str) -> bool:
        """Take a call for this node; False if another has it, or is to, or that can't be known."""
        if self.membership.away is not None or self.membership.refused is not None:
            return False
        try:
            return await self.directory.claim(call_id)
        except ClusterAway:
            return False

    async def line_to(self, name: str, purpose: str, /, **opening: object) -> Line | None:
        """Open a line to the node that has a session or a call; None if no other is known to."""
        try:
            owner = await self._other_with(name)
        except ClusterAway:
            return None
        return None if owner is None else self.lines.call(owner.id, purpose, **opening)

    async def tell(self, kind: str, **values: object) -> None:
        """Tell all other nodes what has ended; where Redis is away they find out by tokens."""
        if self.membership.away is None:
            try:
                await self.channel.tell(kind, **values)
            except ClusterAway:
                return

    async def end_session(self, session_id: str) -> bool:
        """Have a session ended by the node that has it, which is another one; False if none has.

        Raises:
            ClusterAway: If that can't be known, or was not done in time.
        """
        owner = await self._other_with(session_id)
        if owner is not None:
            await self.channel.ask(owner.id, "end_session", session_id=session_id)
        return owner is not None

    async def user_of(self, session_id: str) -> str | None:
        """Whose session goes on on another node; None if none has it.

        Raises:
            ClusterAway: If that can't be known.
        """
        owner = await self._other_with(session_id)
        if owner is None:
            return None
        user_id: str | None = await self.channel.ask(owner.id, "user_of", session_id=session_id)
        return user_id

    async def _other_with(self, name: str) -> Node | None:
        """The other node that has a session or a call; None if none has."""
        if self.membership.away is not None:  # found out by the beat; nobody waits for it again
            raise ClusterAway("it does not answer")
        owner = await self.directory.owner(name)
        return None if owner is None or owner.id == self.id else owner


@asynccontextmanager
async def opened(
    directory: Directory,
    node: Node,
    *,
    room: Callable[[], Room],
    running: Callable[[], Collection[str]],
    counted: Callable[[], Mapping[str, str]],
    lost: Callable[[str], None],
    adoption: Callable[[Callable[[], bool]], Adoption],
    hears: Mapping[str, Heard],
    accepts: Mapping[str, Accept],
) -> AsyncIterator[Cluster]:
    """Be a node of the cluster; afterwards others may have its sessions at once.

    Args:
        directory: What all nodes know.
        node: This one.
        room, running, lost: See `Membership`.
        counted: See `UserSessions`.
        adoption: Makes it, of whether this node may get sessions.
        hears: See `Channel`.
        accepts: See `Lines`.
    """

    async def line(**values: Any) -> None:
        await lines.hear(**values)

    channel = Channel(directory, {**hears, "line": line})
    lines = Lines(directory.node_id, channel, accepts)
    turns = ClusterTurns(
        directory,
        channel,
        away=lambda: membership.away is not None,
        fits=lambda: membership.refused is None,
    )

    def has() -> set[str]:
        return {*running(), *turns.has}

    def loses(name: str) -> None:
        turns.let_go(name)
        lost(name)

    membership = Membership(directory, node, room=room, running=has, lost=loses)
    adopts = adoption(lambda: membership.away is None and membership.node.takes)
    limits = SharedLimits(directory, lambda: membership.away is not None)
    users = UserSessions(directory, lambda: membership.away is not None, counted)
    await membership.beat()
    await membership.beat()  # the first one tells the time, and who else is there
    tasks = [
        asyncio.create_task(membership.run(), name="cluster beat"),
        asyncio.create_task(adopts.run(), name="cluster adoption"),
        asyncio.create_task(channel.run(), name="cluster channel"),
        asyncio.create_task(users.run(), name="cluster users"),
        asyncio.create_task(lines.run(), name="cluster lines"),
    ]
    try:
        yield Cluster(directory, membership, adopts, channel, lines, limits, turns, users)
    finally:
        await lines.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await adopts.close()
        await channel.close()
        await membership.leave()
        await directory.close()
