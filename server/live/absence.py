"""What is done while a session's page is away."""

import asyncio
from collections.abc import Callable

from .connections import Connections
from .outcomes import EndReason
from .plan import Limits
from .signs_of_life import SignsOfLife
from .stream import Stream

RECENT_S = 3.0  # frames came until this long before the end: the person left, and was not lost


class Absence:
    """Gives a session's place in its worker back while the page is away, and ends it without one.

    Args:
        connections: The page's; another one brings it back.
        signs: Tell that it is away, or shows nothing.
        stream: Gives the place back.
        limits: How long it may be away.
        resumable: Whether it may come back at all.
        end: Asks the session to end.
        ending: Whether that was asked already; then nobody is waited for.
    """

    def __init__(
        self,
        connections: Connections,
        signs: SignsOfLife,
        stream: Stream,
        limits: Limits,
        *,
        resumable: bool,
        end: Callable[[EndReason], None],
        ending: Callable[[], bool],
    ) -> None:
        self._connections = connections
        self._signs = signs
        self._stream = stream
        self._limits = limits
        self._resumable = resumable
        self._end = end
        self._ending = ending

    async def run(self) -> None:
        """Wait for a page each time that it is away, until the session ends."""
        while not self._ending():
            contact = await self._signs.lost()
            if self._ending():
                return
            if contact == "silent":
                self._end("lost")
            else:
                await self._wait_for_page()

    async def _wait_for_page(self) -> None:
        peer = self._connections.newest
        recent = self._stream.since_frame_s < RECENT_S
        reason: EndReason = "left" if recent else "lost"
        if not self._resumable:
            self._end(reason)
            return
        self._signs.tell("away")
        peer.retire()
        await peer.close()

        def waits() -> bool:
            return self._connections.newest is peer

        try:
            async with asyncio.timeout(self._limits.resume_s):
                await self._stream.suspend(waits)
                await self._connections.replaced(peer)
        except TimeoutError:
            if waits() and not self._connections.joining:
                self._end(reason)
