"""How many sessions each user has, over all nodes. Where Redis is away, each node counts alone."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from . import scripts
from .directory import Directory
from .errors import ClusterAway

logger = structlog.get_logger(__name__)

LOOK_S = 0.1  # between two looks at which have ended: who ends one begins the next at once
HOLD_EVERY_S = 1.0
HELD_S = 4.0  # for which a session counts whose node has not said again that it is there


class UserSessions:
    """Counts in Redis. A node says again and again which of its sessions count, and for whom.

    Args:
        directory: Has the connection.
        away: Whether Redis is known to be away: then nobody waits to find out again.
        counted: The sessions that count here and their users, asked each time.
    """

    def __init__(
        self,
        directory: Directory,
        away: Callable[[], bool],
        counted: Callable[[], Mapping[str, str]],
    ) -> None:
        self._directory = directory
        self._away = away
        self._counted = counted
        self._seen: Mapping[str, str] = {}

    async def take(self, user_id: str, session_id: str, most: int, keep_s: float) -> bool:
        """Count a session that is about to begin on some node; False if `most` count already.

        It counts for `keep_s` until a node has it.
        """
        if self._away():
            return True
        key = self._directory.key("user", user_id)
        try:
            keep_ms = round(keep_s * 1000)
            return bool(await self._directory.run(scripts.COUNT, key, session_id, most, keep_ms))
        except ClusterAway:
            return True

    async def give_back(self, user_id: str, session_id: str) -> None:
        """Count a session no more. What is not heard of counts no more soon, too."""
        await self._hold({}, {session_id: user_id})

    async def run(self) -> None:
        """Say which sessions count here, until cancelled."""
        loop = asyncio.get_running_loop()
        held_at_s = -HOLD_EVERY_S
        while True:
            try:
                counted = self._counted()
                over = {each: user for each, user in self._seen.items() if each not in counted}
                self._seen = counted
                if over or loop.time() - held_at_s >= HOLD_EVERY_S:
                    held_at_s = loop.time()
                    await self._hold(counted, over)
            except Exception:  # of one look; users could begin more than they may otherwise
                logger.exception("a user's sessions were not counted")
            await asyncio.sleep(LOOK_S)

    async def _hold(self, there: Mapping[str, str], over: Mapping[str, str]) -> None:
        if self._away() or not (there or over):
            return
        pairs = [
            (self._directory.key("user", user), each)
            for each, user in (*there.items(), *over.items())
        ]
        flat = [value for pair in pairs for value in pair]
        try:
            await self._directory.run(scripts.HOLD, round(HELD_S * 1000), len(there), *flat)
        except ClusterAway:
            return
