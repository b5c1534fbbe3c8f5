"""What is kept of a session: when it began, what was said, how it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import structlog

from posesim.updates import RepUpdate, ScoreUpdate, Update

from ..database import StoreError
from ..store.parts import Notes, Parts
from ..store.sessions import Superseded
from .earlier import Earlier
from .outcomes import EndReason, SummaryValues

logger = structlog.get_logger(__name__)

ROWS_A_WRITE = 16  # about five seconds of scores and what else is said
LAST_PAUSES_S = (0.2, 0.6)  # before the second and the third try to store the end


class SessionStore(Protocol):
    """What is needed of `store.sessions.SessionRows`."""

    async def start(self, session_id: str, *, run: int | None = None) -> bool:
        """Note that the camera arrived."""
        ...

    async def add_parts(self, session_id: str, parts: Parts, *, run: int | None = None) -> None:
        """Append what was said, all or none; doing it again changes nothing."""
        ...

    async def held(self, session_id: str, held_s: float, *, run: int | None = None) -> None:
        """Note the longest that a posture was held so far."""
        ...

    async def end(
        self,
        session_id: str,
        reason: str,
        summary: dict[str, Any] | None,
        *,
        run: int | None = None,
    ) -> bool:
        """Note the end."""
        ...


class Record:
    """Keeps what a session says until it is stored, in batches while it runs and at its end.

    Args:
        store: Where it is stored; None: nothing of it is kept.
        session_id: Of which session.
        again_s: Seconds between two tries to store what could not be stored.
        earlier: What an earlier run of the server stored; None: the camera has not come yet.
        run: Which run this is; another one may take the session, see `store.sessions`.

    Attributes:
        superseded: Whether another run has taken the session: nothing more is stored here.
    """

    def __init__(
        self,
        store: SessionStore | None,
        session_id: str,
        again_s: float,
        earlier: Earlier | None = None,
        *,
        run: int | None = None,
    ) -> None:
        self.superseded = False
        self._run = run
        self._store = store
        self._session_id = session_id
        self._again_s = again_s
        self._notes = Notes(earlier.parts if earlier else None)
        self._many = asyncio.Event()  # notes wait
        self._began = asyncio.Event()
        self._started = earlier is not None  # and that is stored
        if self._started:
            self._began.set()
        self._held_s = self._stored_held_s = (earlier and earlier.held_s) or 0.0

    def begin(self) -> None:
        """The camera came. Saying it again is harmless."""
        self._began.set()

    def add(self, update: Update) -> None:
        """Something was said."""
        if self._store is None:
            return
        self._notes.add(update)
        if isinstance(update, ScoreUpdate):
            self._held_s = max(self._held_s, update.held_s or 0.0)
        # A repetition is what people count: it does not wait for others.
        if len(self._notes) >= ROWS_A_WRITE or isinstance(update, RepUpdate):
            self._many.set()

    @property
    def began(self) -> bool:
        """Whether there is anything to go on with: the camera came, and it is kept."""
        return self._store is not None and self._began.is_set()

    async def run(self) -> None:
        """Store what is said, as long as it takes: a database that is busy ends no session.

        Returns when another run of the server has taken the session.
        """
        await self._began.wait()
        while True:
            try:
                await self._write()
            except Superseded as error:
                logger.warning("another goes on with the session", error=str(error))
                self.superseded = True
                return
            except StoreError as error:
                logger.warning("what was said waits to be stored", error=str(error))
                await asyncio.sleep(self._again_s)
                continue
            await self._many.wait()
            self._many.clear()

    async def write_last(self) -> None:
        """Store what still waits."""
        if self.superseded:
            return
        try:
            await _tried_again(self._write)
        except Superseded as error:
            logger.warning("another goes on with the session", error=str(error))
            self.superseded = True

    async def end(self, reason: EndReason, summary: SummaryValues | None) -> None:
        """Store how it ended."""
        if self._store is None or self.superseded:
            return
        stored = summary.model_dump(mode="json") if summary else None
        await _tried_again(
            partial(self._store.end, self._session_id, reason, stored, run=self._run)
        )

    async def _write(self) -> None:
        """Store what waits, first that the camera came; what can't be stored waits on."""
        if self._store is None:
            return
        if self._began.is_set() and not self._started:
            await self._store.start(self._session_id, run=self._run)
            self._started = True
        parts = self._notes.waiting()
        await self._store.add_parts(self._session_id, parts, run=self._run)
        self._notes.forget(parts)
        if (held_s := self._held_s) > self._stored_held_s:
            await self._store.held(self._session_id, held_s, run=self._run)
            self._stored_held_s = held_s


async def _tried_again(step: Callable[[], Awaitable[object]]) -> None:
    """Do a step, and again after a pause when the database can't be used."""
    for pause_s in LAST_PAUSES_S:
        try:
            await step()
        except Superseded:
            raise
        except StoreError as error:
            logger.warning("to be stored again", error=str(error))
            await asyncio.sleep(pause_s)
        else:
            return
    await step()
