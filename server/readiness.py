"""Whether the server should get more work, and if not, why."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from posesim.errors import PosesimError

from .compute.workers import Workers
from .database import Database, DatabaseAway, DatabaseReadOnly, StoreError
from .metrics import Dependency, Metrics
from .objects.base import Objects, ObjectsError, ObjectsReadOnly
from .uploads import DiskFull

logger = structlog.get_logger(__name__)

MOST_LOOP_LAG_S = 0.1  # then pictures and the connections' signs of life are answered late
DATABASE_S = 3.0  # for one write; another writer may be at it
OBJECTS_S = 5.0  # for one small file; a store that is overloaded needs some
LOOK_S = 1.0  # for which who asks for figures waits
AGAIN_S = 2.0  # between two writes: who asks often shall not make it work
OBJECTS_AGAIN_S = 15.0  # each one costs money where the store is somebody else's


class NotReady(PosesimError):
    """The server should get no more work now."""


class Readiness:
    """Looks at what a new session needs.

    Args:
        metrics: Knows how late the event loop is.
        workers: Each of them must be up.
        database: Must take a write.
        draining: Whether the server is about to stop.
        objects: Must take files; None where there is nothing to look at beside the database.
        refused: Why it gets no sessions in its cluster; None if it does, or is alone.
        degraded: What is wrong there all the same.
        clock: Seconds that go on steadily.
    """

    def __init__(
        self,
        metrics: Metrics,
        workers: Workers,
        database: Database,
        draining: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        *,
        objects: Objects | None = None,
        refused: Callable[[], str | None] = lambda: None,
        degraded: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._metrics = metrics
        self._workers = workers
        self._draining = draining
        self._clock = clock
        self._refused = refused
        self._degraded = degraded
        self._database_try = _Try(database.try_writing, AGAIN_S, DATABASE_S)
        self._objects_try = (
            None
            if objects is None or objects.here
            else _Try(objects.check, OBJECTS_AGAIN_S, OBJECTS_S)
        )

    async def check(self) -> str | None:
        """Look at everything; say what does not work although new sessions do.

        Raises:
            NotReady: With the first reason why not.
        """
        if self._draining():
            raise NotReady("The server is about to stop and takes no new sessions.")
        if (refused := self._refused()) is not None:
            raise NotReady(refused)
        up, wanted = self._workers.up, self._workers.wanted
        if up < wanted:
            raise NotReady(f"{up} of {wanted} workers are up; the others are being started.")
        lag_s = self._metrics.loop_lag_s
        if lag_s > MOST_LOOP_LAG_S:
            raise NotReady(
                f"The event loop is {1000 * lag_s:.0f} ms late; {1000 * MOST_LOOP_LAG_S:.0f} ms is "
                "the most. The machine has too much to do."
            )
        await self._require_database()
        wrong = [await self._require_objects(), self._degraded()]
        return " ".join(each for each in wrong if each) or None

    async def look(self) -> None:
        """Note for the figures whether all that is needed takes writes, as far as is known."""
        tries: dict[Dependency, _Try] = {"database": self._database_try}
        if self._objects_try is not None:
            tries["objects"] = self._objects_try
        now_s = self._clock()
        up = await asyncio.gather(*(each.is_fine(now_s) for each in tries.values()))
        self._metrics.depends(dict(zip(tries, up, strict=True)))

    async def close(self) -> None:
        """Wait for what is under way. It is not cut short: that leaves connections."""
        for each in (self._database_try, self._objects_try):
            if each is not None and each.task is not None:
                await asyncio.wait({each.task})

    async def _require_database(self) -> None:
        """Make sure that the database takes a write.

        Raises:
            NotReady: If it does not.
        """
        match await self._database_try.outcome(self._clock()):
            case None:
                return
            case TimeoutError():
                raise NotReady(
                    f"The database can't be written: it takes more than {DATABASE_S:.0f} s."
                )
            case DatabaseAway():
                raise NotReady(
                    "The database can't be written: it is not reached. Look at whether it runs."
                )
            case DatabaseReadOnly():
                raise NotReady(
                    "The database can't be written: it can only be read. Is it a standby, is its "
                    "file protected, or is its disk full?"
                )
            case StoreError() as error:
                logger.warning("the database can't be written", error=str(error.__cause__))
                raise NotReady(
                    "The database can't be written. Look at the server's log, and whether its disk "
                    "is full."
                )
            case error:
                raise error

    async def _require_objects(self) -> str | None:
        """Make sure that files can be read; say why none can be kept, if so.

        Raises:
            NotReady: If they can't.
        """
        if self._objects_try is None:
            return None
        match await self._objects_try.outcome(self._clock()):
            case None:
                return None
            case ObjectsReadOnly() as error:
                return str(error)
            case TimeoutError() | ObjectsError() | DiskFull():
                raise NotReady(
                    "Files can't be kept in the object store. Look at the server's log, which says "
                    "why."
                )
            case error:
                raise error


class _Try:
    """Something that is tried again and again.

    Args:
        act: Fails where it can't be done.
        again_s: From one to the next.
        longest_s: What takes longer has failed.
    """

    def __init__(
        self, act: Callable[[], Coroutine[Any, Any, None]], again_s: float, longest_s: float
    ) -> None:
        self.task: asyncio.Task[None] | None = None  # under way, or the last one
        self._act = act
        self._again_s = again_s
        self._longest_s = longest_s
        self._begun_s = 0.0
        self._fine = True  # or the server had not started

    async def outcome(self, now_s: float) -> BaseException | None:
        """Why it failed, TimeoutError if it takes too long; all who ask meanwhile share a try."""
        task = self._under_way(now_s)
        done, _ = await asyncio.wait({task}, timeout=self._longest_s)
        return task.exception() if done else TimeoutError()

    async def is_fine(self, now_s: float) -> bool:
        """Whether it can be done, without waiting for long: as it was last, or takes too long."""
        task = self._under_way(now_s)
        done, _ = await asyncio.wait({task}, timeout=LOOK_S)
        if done:
            self._fine = task.exception() is None
        elif now_s - self._begun_s >= self._longest_s:
            self._fine = False
        return self._fine

    def _under_way(self, now_s: float) -> asyncio.Task[None]:
        """A try that is new enough."""
        if self.task is None or (self.task.done() and now_s - self._begun_s >= self._again_s):
            self.task = asyncio.create_task(self._act(), name="try writing")
            self.task.add_done_callback(_hear)
            self._begun_s = now_s
        return self.task


def _hear(task: asyncio.Task[None]) -> None:
    """Perhaps nobody asks again why it failed."""
    if not task.cancelled():
        task.exception()
