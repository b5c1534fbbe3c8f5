"""What is done when a session is over: it is summarised, stored and told."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import structlog

from ..database import StoreError
from ..store.sessions import Superseded
from .audience import Told
from .connections import Connections
from .outcomes import EndReason, SummaryValues
from .plan import OnEnd, SessionPlan
from .publishing import Publisher
from .record import Record
from .stream import Stream

logger = structlog.get_logger(__name__)

LATE_S = 600.0  # in which a database comes back, or what can't be stored never will be


class Farewell:
    """Does each of its steps whether or not the one before succeeded.

    Args:
        plan: What the session was about.
        stream: What it saw, to be finished.
        record: What is kept of it.
        publisher, audience: Who is told.
        connections: The page's, still open.
        finish_s: How long the summary may take.
        again_s: Between two tries to store what could not be stored.
        on_end: Told of an end that is stored.
    """

    def __init__(
        self,
        *,
        plan: SessionPlan,
        stream: Stream,
        record: Record,
        publisher: Publisher,
        audience: Told,
        connections: Connections,
        finish_s: float,
        again_s: float,
        on_end: OnEnd | None,
    ) -> None:
        self._plan = plan
        self._stream = stream
        self._record = record
        self._publisher = publisher
        self._audience = audience
        self._connections = connections
        self._finish_s = finish_s
        self._again_s = again_s
        self._on_end = on_end
        self._unstored: list[Callable[[], Awaitable[None]]] = []  # what is to be done, in its order

    @property
    def unstored(self) -> bool:
        """Whether something of the session waits for a database that can't be used."""
        return bool(self._unstored)

    async def say(self, reason: EndReason) -> None:
        """Say it. A session that another run of the server can go on with is left open."""
        summary = None
        try:
            summary = await self._summarise()
            await self._store(self._record.write_last)
            goes_on = self._plan.resumable and self._record.began
            stays_open = self._record.superseded or (reason == "shutdown" and goes_on)
            if not stays_open:
                await self._store(partial(self._end, reason, summary))
            with _logged("the end could not be told"):
                if stays_open:
                    self._connections.channels.draining(0.0)
                else:
                    self._publisher.ended(reason, summary)
            logger.info(
                "session ended",
                reason=reason,
                score=summary.score if summary else None,
                **self._stream.figures(),
                **self._connections.figures(),
            )
        finally:
            self._audience.ended(reason, summary)  # if it has not heard of it

    async def store_late(self) -> None:
        """Store what could not be stored when it was said; give up after some minutes."""
        clock = asyncio.get_running_loop().time
        until_s = clock() + LATE_S
        while self._unstored and clock() < until_s:
            await asyncio.sleep(self._again_s)
            await self._try_again()
        for step in self._unstored:  # the last of it may be stored without the first
            with _logged("the end could not be stored"):
                await step()

    async def _try_again(self) -> None:
        """Do what waits, in its order, as far as the database goes along."""
        while self._unstored:
            with _logged("the end could not be stored"):
                try:
                    await self._unstored[0]()
                except Superseded:
                    raise
                except StoreError as error:
                    logger.warning("the end waits to be stored", error=str(error))
                    return
            del self._unstored[0]

    async def _store(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step, or later, when the database can't be used or a step before waits for it."""
        self._unstored.append(step)
        if len(self._unstored) == 1:
            await self._try_again()

    async def _end(self, reason: EndReason, summary: SummaryValues | None) -> None:
        if self._record.superseded:  # as was found when the database was back
            return
        await self._record.end(reason, summary)
        if self._on_end is not None:
            await self._on_end(self._plan, reason)

    async def _summarise(self) -> SummaryValues | None:
        """Finish the comparison as far as that is possible; None if there was none."""
        with _logged("the comparison could not be finished"):
            try:
                async with asyncio.timeout(self._finish_s):
                    await self._stream.finish()
            except TimeoutError:  # the machine has too much to do
                logger.warning("the comparison could not be finished in time")
        return self._stream.summary()


@contextlib.contextmanager
def _logged(event: str) -> Iterator[None]:
    """Log what goes wrong and go on: the steps after it must happen as well."""
    try:
        yield
    except Exception:
        logger.exception(event)
