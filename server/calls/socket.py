"""One WebSocket of a call: from its first message to its end."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import WSMsgType, web

from ..auth import BadToken, CallClaims
from ..beside import beside
from ..live.lease import Lease
from ..live.messages import BadMessage
from ..rate import Rate
from .guests import NotLetIn
from .messages import MAX_MESSAGE_BYTES, encode, parse_client
from .page_messages import CallHello, CallLeave, CallPing, CallRenew
from .rooms import Entered, Rooms
from .server_messages import ByeReason, CallBye, CallPong, CallRefused, Role, ServerMessage

logger = structlog.get_logger(__name__)

MOST_BAD_MESSAGES = 16  # then it is no page of ours

BAD_MESSAGES, BAD_TOKEN, REPLACED, OVER, FLOODING = 4400, 4401, 4409, 4410, 4429
CODES: dict[ByeReason, int] = {
    "ended": OVER,
    "deleted": OVER,
    "replaced": REPLACED,
    "dismissed": 1000,
    "expired": BAD_TOKEN,
    "signed_out": BAD_TOKEN,
    "shutdown": 1001,
    "full": 1013,
}


@dataclass(frozen=True, kw_only=True)
class SocketLimits:
    """What a socket may take; times in seconds."""

    hello_s: float = 5.0  # for the first message
    heartbeat_s: float = 15.0  # without a sign of life; then it is asked, and waited for half of it
    close_s: float = 3.0  # for the other side to close as well
    waiting_bytes: int = 512 * 1024  # nobody reads who lets this much wait
    lossy_bytes: int = 64 * 1024  # a score that waits behind so much is out of date


class CallSocket:
    """A socket, of which its request's handler is the owner: all its tasks end with `run`.

    Args:
        web_socket: Prepared.
        request: Of it.
        address: Where it comes from.
        call_id: Which call it is for.
        rooms: Where it may enter.
        limits: What it may take.
        clock: Tells seconds that go on steadily.
    """

    def __init__(
        self,
        web_socket: web.WebSocketResponse,
        request: web.Request,
        call_id: str,
        rooms: Rooms,
        *,
        address: str,
        limits: SocketLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number = 0  # set by `Rooms.enter`
        self.address = address
        self.user_id = ""  # these three are set by `known_as`
        self.role: Role = "member"
        self.sign_in_id: str | None = None
        self.over = asyncio.Event()
        self._socket = web_socket
        self._request = request
        self._call_id = call_id
        self._rooms = rooms
        self._limits = limits
        self._lease = Lease(call_id, "", None, clock)
        self._rate = Rate(clock=clock)
        self._bad = 0
        self._outbox: asyncio.Queue[str | int] = asyncio.Queue()  # texts, and the code at last
        self._waiting_bytes = 0
        self._closing = False
        self._hanging_up: asyncio.TimerHandle | None = None

    # For the room

    def known_as(self, claims: CallClaims, role: Role) -> None:
        """It has proved who it is."""
        self.user_id, self.role, self.sign_in_id = claims.user_id, role, claims.sign_in_id
        self._lease.prolong(claims)

    def send(self, message: ServerMessage, *, lossy: bool = False) -> None:
        """Send a message when those before it are sent; one that is `lossy` only if few wait."""
        self.send_text(encode(message), lossy=lossy)

    def send_text(self, text: str, *, lossy: bool = False) -> None:
        """As `send`, of a message that is JSON already."""
        if self._closing:
            return
        limit = self._limits.lossy_bytes if lossy else self._limits.waiting_bytes
        if self._waiting_bytes + len(text) <= limit:
            self._waiting_bytes += len(text)
            self._outbox.put_nowait(text)
        elif not lossy:
            logger.warning("a call's page does not read; it is hung up", call_id=self._call_id)
            self._abort()

    def put_out(self, reason: ByeReason) -> None:
        """Say why, and close."""
        self.send(CallBye(reason=reason))
        self._close(CODES[reason])

    # The whole life

    async def run(self) -> None:
        """Live until one of the two sides closes. Whatever happens, the seat is free afterwards."""
        self._rooms.enter(self)
        writer = asyncio.create_task(self._write(), name="call socket's writer")
        talk = asyncio.create_task(self._talk(), name="call socket's talk")
        try:
            await asyncio.wait({writer, talk}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._rooms.leave(self)
            talk.cancel()
            self._close(1000)
            self._outbox.put_nowait(1000)  # of several codes the first counts; now there is one
            try:
                await self._wind_up(talk, writer)
            finally:
                if self._hanging_up is not None:
                    self._hanging_up.cancel()
                writer.cancel()
                self.over.set()

    async def _wind_up(self, talk: asyncio.Task[None], writer: asyncio.Task[int]) -> None:
        """Send what waits, say goodbye, and wait for the other side to do so, all for a time."""
        (failure,) = await asyncio.gather(talk, return_exceptions=True)
        if isinstance(failure, Exception):
            logger.error("a call's socket failed", call_id=self._call_id, exc_info=failure)
        try:
            await asyncio.wait({writer}, timeout=self._limits.close_s)
            if writer.done():
                with contextlib.suppress(ConnectionError):
                    await self._socket.close(code=writer.result())
        finally:
            if not writer.done():
                self._abort()

    async def _talk(self) -> None:
        room = await self._hello()
        if room is None:
            return
        async with (
            beside(self._watch_lease(), "call socket's lease"),
            beside(room.listen(), "call socket's room elsewhere"),
        ):
            await self._read(room)

    async def _hello(self) -> Entered | None:
        """Wait for the first message, and enter; None if it may not."""
        try:
            async with asyncio.timeout(self._limits.hello_s):
                message = await self._socket.receive()
        except TimeoutError:
            self._refuse("no_hello", BAD_MESSAGES)
            return None
        try:
            if message.type is not WSMsgType.TEXT:
                raise BadMessage("hello comes first")
            hello = parse_client(message.data)
            if not isinstance(hello, CallHello):
                raise BadMessage("hello comes first")
            claims = self._rooms.read(self._call_id, hello.token)
            return await self._rooms.join(self, claims, hello.epoch)
        except BadMessage:
            self._refuse("no_hello", BAD_MESSAGES)
        except BadToken:
            self.send(CallBye(reason="expired"))
            self._refuse("token", BAD_TOKEN)
        except NotLetIn as error:
            self.put_out(error.reason)
            self._refuse(error.reason, CODES[error.reason])
        return None

    async def _read(self, room: Entered) -> None:
        async for message in self._socket:
            if self._closing:
                continue  # until the other side closes as well
            if not self._rate.take():
                self._close(FLOODING)
            elif message.type is WSMsgType.TEXT:
                await self._take(room, message.data)
            else:
                self._is_bad(BadMessage("Messages are text: send JSON, not binary."))

    async def _take(self, room: Entered, text: str) -> None:
        try:
            message = parse_client(text)
        except BadMessage as error:
            self._is_bad(error)
            return
        match message:
            case CallHello():
                self._is_bad(BadMessage("hello comes once."))
            case CallRenew(token=token):
                try:
                    claims = self._rooms.read(self._call_id, token)
                    self.send(await self._rooms.renew(self, room, claims))
                except BadToken as error:
                    self._is_bad(error, of="renew")
            case CallPing(id=ping_id):
                self.send(CallPong(id=ping_id))
            case CallLeave():
                self._close(1000)
            case _:
                room.take(self, message)

    async def _watch_lease(self) -> None:
        await self._lease.run_out()
        self.put_out("expired")

    async def _write(self) -> int:
        """Send what is to be sent; return the code to close with at last."""
        while isinstance(item := await self._outbox.get(), str):
            await self._socket.send_str(item)
            self._waiting_bytes -= len(item)
        return item

    # Steps

    def _is_bad(self, error: Exception, of: str = "message") -> None:
        self._bad += 1
        self.send(CallRefused(of=of, detail=str(error)))
        if self._bad >= MOST_BAD_MESSAGES:
            self._close(BAD_MESSAGES)

    def _refuse(self, why: str, code: int) -> None:
        self._rooms.refused(why)
        self._close(code)

    def _close(self, code: int) -> None:
        """Close when what waits is sent, or when it takes too long."""
        if not self._closing:
            self._closing = True
            self._outbox.put_nowait(code)
            loop = asyncio.get_running_loop()
            self._hanging_up = loop.call_later(self._limits.close_s, self._abort)

    def _abort(self) -> None:
        """Hang up at once."""
        self._closing = True
        if self._request.transport is not None:
            self._request.transport.abort()


async def serve(
    request: web.Request, call_id: str, rooms: Rooms, *, address: str, limits: SocketLimits
) -> web.WebSocketResponse:
    """Serve a request that wants to become a WebSocket of a call, to its end."""
    web_socket = web.WebSocketResponse(
        heartbeat=limits.heartbeat_s,
        max_msg_size=MAX_MESSAGE_BYTES,
        compress=False,  # what is small when it comes must be small when it is read
        timeout=limits.close_s,
    )
    await web_socket.prepare(request)
    socket = CallSocket(web_socket, request, call_id, rooms, address=address, limits=limits)
    await socket.run()
    return web_socket
