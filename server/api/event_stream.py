"""Server-sent events. Source: HTML standard, section 9.2, "Server-sent events"."""

import asyncio

from aiohttp import web

MEDIA_TYPE = "text/event-stream"
RECONNECT_MS = 3000  # how long a client waits before it asks again
WRITE_S = 20.0  # for a client to take what is sent; then it is as good as gone

_HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy that collects events would tell them late
}


class ListenerGone(Exception):
    """Nobody reads any more."""


class EventStream:
    """An answer that goes on while there is something to tell: `open` first, then the others."""

    def __init__(self) -> None:
        self.response = web.StreamResponse(headers=_HEADERS)
        self._request: web.Request | None = None

    async def open(self, request: web.Request) -> None:
        """Begin the answer.

        Raises:
            ListenerGone: If nobody reads it.
        """
        self._request = request
        try:
            await self.response.prepare(request)
        except ConnectionError as error:
            raise ListenerGone from error
        await self._write(f"retry: {RECONNECT_MS}\n\n")

    async def send(self, event: str, data: str, event_id: str) -> None:
        """Tell an event.

        Args:
            event: Its type.
            data: What it says; JSON without line breaks.
            event_id: What a client gives as `Last-Event-ID` when it asks again.

        Raises:
            ListenerGone: If nobody reads it.
        """
        await self._write(f"id: {event_id}\nevent: {event}\ndata: {data}\n\n")

    async def beat(self) -> None:
        """Send a comment: proxies keep the connection open, and it is found out who is gone.

        Raises:
            ListenerGone: If nobody reads it.
        """
        await self._write(":\n\n")

    async def _write(self, text: str) -> None:
        try:
            async with asyncio.timeout(WRITE_S):
                await self.response.write(text.encode())
        except ConnectionError as error:
            raise ListenerGone from error
        except TimeoutError as error:
            # Else the end of the answer would wait for this client, too.
            if self._request is not None and self._request.transport is not None:
                self._request.transport.abort()
            raise ListenerGone from error
