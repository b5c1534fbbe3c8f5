"""Sessions that this node goes on with: those whose page comes here, and those nobody has."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import structlog

from ..database import StoreError, now
from ..live.plan import SessionGone
from ..live.sessions import Draining, Sessions
from ..reopening import Reopening
from ..store.open_sessions import OpenSession
from .directory import Directory
from .errors import ClusterAway, OnAnotherNode

logger = structlog.get_logger(__name__)

LOOK_S = 2.0  # between two looks for sessions that nobody has
ORPHAN_S = 10.0  # for a page to find its session's next node by itself; then a node waits for it


@dataclass(kw_only=True)
class Adoption:
    """Takes sessions from the store, each by one node.

    Args:
        directory: Knows which sessions other nodes have.
        sessions: Those that run here.
        reopening: Makes one of what is stored.
        takes: Whether this node may get sessions.
    """

    directory: Directory
    sessions: Sessions
    reopening: Reopening
    takes: Callable[[], bool]
    _opening: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def open(self, session_id: str) -> None:
        """Make a session run here that is stored; several who ask at once wait for the same.

        Raises:
            SessionGone: If it has ended, or nobody can go on with it.
            OnAnotherNode: If another node has it.
            NoPlace: If there is none for it, or the server is about to stop.
            ClusterAway: If it can't be known who has it.
        """
        opening = self._opening.get(session_id)
        if opening is None:
            opening = asyncio.create_task(self._open(session_id), name=f"open {session_id}")
            self._opening[session_id] = opening
            opening.add_done_callback(lambda _: self._opening.pop(session_id, None))
        await asyncio.shield(opening)

    async def run(self) -> None:
        """Look for sessions that nobody has, until cancelled, and wait for their pages."""
        loop = asyncio.get_running_loop()
        since_s: dict[str, float] = {}
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                since_s = await self._look(since_s, loop.time())
            except (ClusterAway, StoreError):
                since_s = {}
            except Exception:  # of one session, perhaps; the others are looked for all the same
                logger.exception("sessions that nobody has could not be taken")
                since_s = {}

    async def close(self) -> None:
        """Wait for those that are being opened."""
        await asyncio.gather(*self._opening.values(), return_exceptions=True)

    async def _look(self, since_s: dict[str, float], at_s: float) -> dict[str, float]:
        """Take what nobody has had for long enough; return since when nobody has had the others."""
        since_s = {each: since_s.get(each, at_s) for each in await self._orphans()}
        for session_id, found_s in since_s.items():
            if at_s - found_s >= ORPHAN_S and self.takes():
                await self._adopt(session_id)
        return since_s

    async def _orphans(self) -> list[str]:
        here = self.sessions.unended
        open_ids = await self.reopening.store.open_sessions.ids()
        elsewhere = [each for each in open_ids if each not in here]
        return await self.directory.orphans(elsewhere) if elsewhere else []

    async def _adopt(self, session_id: str) -> None:
        try:
            async with self._taken(session_id) as left:
                if left is not None and left.session.state == "live":
                    await self.reopening.go_on(left, now())
                elif left is not None:
                    await self.reopening.store.sessions.end(session_id, "never_joined", None)
        except (ClusterAway, StoreError, OnAnotherNode) as error:
            logger.info("a session was not taken", session_id=session_id, reason=str(error))

    async def _open(self, session_id: str) -> None:
        if self.sessions.draining:
            raise Draining
        if session_id in self.sessions.unended:  # on its way out, or another was quicker
            raise OnAnotherNode
        async with self._taken(session_id) as left:
            if left is None:
                raise SessionGone
            await self._go_on(left)
        logger.info("a session is here now", session_id=session_id, run=left.restarts)

    @contextlib.asynccontextmanager
    async def _taken(self, session_id: str) -> AsyncIterator[OpenSession | None]:
        """Take a session, None if it has ended; where the block fails others may have it."""
        if not await self.directory.claim(session_id):
            raise OnAnotherNode
        try:
            left = await self.reopening.store.open_sessions.take(session_id)
            yield left
        except BaseException:
            with contextlib.suppress(ClusterAway):
                await self.directory.release(session_id)
            raise
        if left is None:
            await self.directory.release(session_id)

    async def _go_on(self, left: OpenSession) -> None:
        if left.session.state == "live":
            if not await self.reopening.go_on(left, now()):
                raise SessionGone
            return
        plan = await self.reopening.plan(left)
        if plan is None:
            await self.reopening.store.sessions.end(left.session.id, "failed", None)
            raise SessionGone
        self.sessions.create(plan)
