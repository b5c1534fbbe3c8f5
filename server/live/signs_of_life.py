"""What is heard of a session's page, and how it is by that."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from .heartbeat import Contact, Heartbeat
from .plan import Limits

logger = structlog.get_logger(__name__)


class SignsOfLife:
    """A heartbeat on the session's clock, for one who waits until it is missing.

    Args:
        limits: How long the page may be silent.
        seen: Whether there was a picture in an earlier run of the server; its page is away.
        clock: A monotonic clock.

    Attributes:
        contact: How the page is, as it was told last.
    """

    def __init__(
        self, limits: Limits, *, seen: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.contact: Contact = "away" if seen else "good"
        self._clock = clock
        self._heartbeat = Heartbeat(limits, seen=seen)
        self._framed = False  # a picture came in this run of the server
        self._changed = asyncio.Event()

    def joined(self) -> None:
        """A connection begins; it takes the place of the one before."""
        self._heartbeat.joined(self._clock())
        self._changed.set()

    def message(self) -> None:
        """The page said something."""
        self._heartbeat.message(self._clock())
        if self.contact == "degraded":
            self._changed.set()

    def frame(self) -> None:
        """A picture came."""
        self._heartbeat.frame(self._clock())
        if self.contact == "degraded" or not self._framed:
            self._changed.set()
        self._framed = True

    def closed(self) -> None:
        """The connection is gone."""
        self._heartbeat.closed()
        self._changed.set()

    def look(self) -> Contact:
        """How the page is now."""
        return self._heartbeat.look(self._clock())

    def tell(self, contact: Contact) -> None:
        """Say how the page is."""
        if contact != self.contact:
            logger.info("contact with the page", contact=contact)
        self.contact = contact

    async def lost(self) -> Contact:
        """Wait until the page is `away` or `silent`, and say meanwhile how it is."""
        while True:
            now_s = self._clock()
            contact = self._heartbeat.look(now_s)
            if contact in ("away", "silent"):
                return contact
            self._changed.clear()
            self.tell(contact)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._heartbeat.next_s(now_s) - now_s):
                    await self._changed.wait()
