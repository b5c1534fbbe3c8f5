"""What is done when a session is over: it is summarised, stored and told."""

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from .audience import Told
from .connections import Connections
from .outcomes import EndReason, SummaryValues
from .plan import OnEnd, SessionPlan
from .publishing import Publisher
from .record import Record
from .stream import Stream

logger = structlog.get_logger(__name__)


class Farewell:
    """Does each of its steps whether or not the one before succeeded.

    Args:
        plan: What the session was about.
        stream: What it saw, to be finished.
        record: What is kept of it.
        publisher, audience: Who is told.
        connections: The page's, still open.
        finish_s: How long the summary may take.
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
        on_end: OnEnd | None,
    ) -> None:
        self._plan = plan
        self._stream = stream
        self._record = record
        self._publisher = publisher
        self._audience = audience
        self._connections = connections
        self._finish_s = finish_s
        self._on_end = on_end

    async def say(self, reason: EndReason) -> None:
        """Say it. A session that another run of the server can go on with is left open."""
        summary = None
        try:
            summary = await self._summarise()
            with _logged("what was said last could not be stored"):
                await self._record.write_last()
            goes_on = self._plan.resumable and self._record.began
            stays_open = self._record.superseded or (reason == "shutdown" and goes_on)
            if not stays_open:
                with _logged("the end could not be stored"):
                    await self._record.end(reason, summary)
                    if self._on_end is not None:
                        await self._on_end(self._plan, reason)
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
