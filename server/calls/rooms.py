"""The rooms that are open, and who may enter one."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from ..auth import BadToken, CallClaims, Tokens
from ..cluster.lines import Opens, nowhere
from ..config import ServerConfig
from ..database import now
from ..live.tell import Tell, tell_nobody
from ..metrics import Metrics
from ..privacy.consents import Consents
from ..store import Store
from ..turn import ice_servers, transport_policy
from .far_seat import PURPOSE, FarSeat
from .guests import Guest, Guests, NotLetIn
from .known import known
from .open_room import Connection, OpenRoom
from .room import Message, Room
from .server_messages import ByeReason, CallDraining, CallRenewed, CallWelcome, Role
from .sessions import CallSessions

logger = structlog.get_logger(__name__)

MOST_ROOMS = 500
MOST_SOCKETS = 2000
MOST_STRANGERS = 500  # sockets that have not said who they are
MOST_STRANGERS_THERE = 20  # from one address
LAST_WORDS_S = 5.0  # for sockets to close when the server stops


class Socket(Connection, Protocol):
    """What is needed of `socket.CallSocket` besides."""

    address: str
    user_id: str
    over: asyncio.Event

    def known_as(self, claims: CallClaims, role: Role) -> None:
        """It has proved who it is."""
        ...


class PageSocket(Socket, Protocol):
    """A socket that is here."""

    def send_text(self, text: str, *, lossy: bool = False) -> None:
        """Send a message that is JSON already, without waiting for it."""
        ...


class Entered(Protocol):
    """A room as a socket sees it that was let in: here, or on another node."""

    def take(self, connection: Any, message: Message, /) -> None:
        """Do what a page wants."""
        ...

    async def listen(self) -> None:
        """Pass on what comes from another node, if it does, until it is over."""
        ...

    def renewed(self, connection: Any, /) -> None:
        """A connection goes on, perhaps by another sign-in."""
        ...

    def leave(self, connection: Any, /) -> None:
        """Somebody is gone. Leaving twice is harmless."""
        ...


async def _alone(_call_id: str) -> bool:
    """There are no other nodes that may have a call."""
    return True


class Rooms:
    """All rooms of this server. Each is open from the first hello until nobody has come back.

    Who enters and who is put out take turns: nobody enters by what ended a moment before.
    """

    def __init__(
        self,
        *,
        config: ServerConfig,
        store: Store,
        consents: Consents,
        tokens: Tokens,
        sessions: CallSessions,
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._store = store
        self._guests = Guests(store, consents)
        self._tokens = tokens
        self._sessions = sessions
        self._metrics = metrics
        self._open: dict[str, OpenRoom] = {}
        self._shut: set[OpenRoom] = set()  # in which something may still be stored
        self._sockets: dict[Socket, Entered | None] = {}
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()  # somebody has
        self._draining = False
        self._closing = False
        self.tell: Tell = tell_nobody
        self.take: Callable[[str], Awaitable[bool]] = _alone
        self.line_to: Opens = nowhere

    # Sockets

    def takes(self, address: str) -> bool:
        """Whether another socket is taken from an address."""
        strangers = [socket.address for socket, room in self._sockets.items() if room is None]
        return not (
            self._closing
            or len(self._sockets) >= MOST_SOCKETS
            or len(strangers) >= MOST_STRANGERS
            or strangers.count(address) >= MOST_STRANGERS_THERE
        )

    @property
    def open(self) -> set[str]:
        """The calls whose rooms are here."""
        return set(self._open)

    def enter(self, socket: Socket) -> None:
        """A socket is there that has not said who it is. It gets a number that no other has."""
        socket.number = next(self._numbers)
        self._sockets[socket] = None

    def leave(self, socket: Socket) -> None:
        """A socket is gone. Leaving twice is harmless."""
        room = self._sockets.pop(socket, None)
        if room is not None:
            room.leave(socket)
        self._left.set()
        self._count()

    def read(self, call_id: str, token: str) -> CallClaims:
        """What a token proves of this call.

        Raises:
            BadToken: If it proves nothing of it.
        """
        claims = self._tokens.verify_call(token, now())
        if claims.call_id != call_id:
            raise BadToken
        return claims

    async def join(self, socket: PageSocket, claims: CallClaims, epoch: str | None) -> Entered:
        """Let somebody into the call that the token is for, wherever its room is, and greet them.

        Raises:
            NotLetIn: If they may not be there.
        """
        async with self._turn:
            guest, room = await self._room_for(claims)
            if room is not None:
                return self._seat(socket, guest, claims, room, epoch)
            line = await self.line_to(guest.call.id, PURPOSE, **FarSeat.opening(claims, epoch))
            if line is None:
                raise self._not_here()
            seat = FarSeat(socket, line)
            self._seated(socket, guest, claims, seat)
        refused = await seat.entered()
        if refused is not None:
            raise NotLetIn(refused)
        return seat

    async def join_here(self, socket: Socket, claims: CallClaims, epoch: str | None) -> OpenRoom:
        """As `join`, only into a room that is here.

        Raises:
            NotLetIn: If they may not be there, or the room is not here.
        """
        async with self._turn:
            guest, room = await self._room_for(claims)
            if room is None:
                raise self._not_here()
            return self._seat(socket, guest, claims, room, epoch)

    async def renew(self, socket: Socket, room: Entered, claims: CallClaims) -> CallRenewed:
        """Let somebody stay who brings another token; return what they are to be told.

        Raises:
            BadToken: If it is somebody else's, or its sign-in is over.
        """
        async with self._turn:
            if claims.user_id != socket.user_id or await self._guests.user(claims) is None:
                raise BadToken
            socket.known_as(claims, socket.role)
            room.renewed(socket)
            servers = ice_servers(self._config, claims.user_id, now())
            return CallRenewed(ice_servers=servers, expires_in=round(claims.left_s))

    def refused(self, why: str) -> None:
        """Note that somebody was not let in."""
        self._metrics.refused_join(why)
        logger.info("not let into a call", reason=why)

    # What ends. Each of these does so on all nodes, and its twin for what is here.

    async def end_call(self, call_id: str, reason: ByeReason = "ended") -> None:
        """Put both out of a call that ended or was deleted; nothing of it is written any more."""
        await self.tell("end_call", call_id=call_id, reason=reason)
        await self.end_call_here(call_id, reason)

    async def end_call_here(self, call_id: str, reason: ByeReason) -> None:
        """See `end_call`."""
        async with self._turn:
            room = self._open.get(call_id)
            if room is not None:
                room.end(reason)
        if room is not None:
            await room.closed()

    async def end_account(self, user_id: str) -> None:
        """End all rooms of a user whose account is being deleted."""
        await self.tell("end_account", user_id=user_id)
        await self.end_account_here(user_id)

    async def end_account_here(self, user_id: str) -> None:
        """See `end_account`."""
        for room in list(self._open.values()):
            if user_id in (room.call.coach_id, room.call.member_id):
                await self.end_call_here(room.call.id, "deleted")

    async def end_user(self, user_id: str, *, keep_sign_in: str | None = None) -> None:
        """Put a user out who signed out everywhere, or everywhere but in one sign-in."""
        await self.tell("leave_user", user_id=user_id, keep_sign_in=keep_sign_in)
        await self.end_user_here(user_id, keep_sign_in)

    async def end_user_here(self, user_id: str, keep_sign_in: str | None) -> None:
        """See `end_user`."""
        async with self._turn:
            for socket, room in list(self._sockets.items()):
                if (
                    room is not None
                    and socket.user_id == user_id
                    and (keep_sign_in is None or socket.sign_in_id != keep_sign_in)
                ):
                    self._put_out(socket, room)

    async def end_sign_in(self, sign_in_id: str) -> None:
        """Put out who came by a sign-in that is over."""
        await self.tell("leave_sign_in", sign_in_id=sign_in_id)
        await self.end_sign_in_here(sign_in_id)

    async def end_sign_in_here(self, sign_in_id: str) -> None:
        """See `end_sign_in`."""
        async with self._turn:
            for socket, room in list(self._sockets.items()):
                if room is not None and socket.sign_in_id == sign_in_id:
                    self._put_out(socket, room)

    async def refresh(self, call_id: str) -> None:
        """Tell those who are in a call that something of it was changed in the store."""
        await self.tell("refresh_call", call_id=call_id)
        await self.refresh_here(call_id)

    async def refresh_here(self, call_id: str) -> None:
        """See `refresh`."""
        if (room := self._open.get(call_id)) is not None:
            room.refresh()

    def give_up(self, call_id: str) -> None:
        """Send those away who are in a call that goes on elsewhere."""
        room = self._open.get(call_id)
        if room is None:
            return
        for socket in [each for each, theirs in self._sockets.items() if theirs is room]:
            socket.put_out("shutdown")
        self._forget(room)

    def drain(self, left_s: float) -> None:
        """Open no more rooms, and tell those who are in one that the server stops in `left_s`."""
        self._draining = True
        for socket, room in list(self._sockets.items()):
            if room is not None:
                socket.send(CallDraining(left_s=left_s))

    async def idle(self) -> None:
        """Wait until nobody is in a room."""
        while any(room is not None for room in self._sockets.values()):
            self._left.clear()
            await self._left.wait()

    async def close(self) -> None:
        """Tell everybody at once that the server stops, and wait until their sockets are closed.

        Live sessions go on: they are told by their owner.
        """
        self._closing = True
        sockets = list(self._sockets)
        for socket in sockets:
            socket.put_out("shutdown")
        for room in list(self._open.values()):
            self._forget(room)
        waits = [asyncio.ensure_future(socket.over.wait()) for socket in sockets]
        if waits:
            _, late = await asyncio.wait(waits, timeout=LAST_WORDS_S)
            for each in late:
                each.cancel()
        for room in self._shut:
            await room.closed()

    # Steps

    async def _room_for(self, claims: CallClaims) -> tuple[Guest, OpenRoom | None]:
        """Who comes, and the room, opened if need be and there may be one more; else None."""
        if self._closing:
            raise NotLetIn("shutdown")
        guest = await self._guests.guest(claims)
        room = self._open.get(guest.call.id)
        if room is not None:
            return guest, room
        if self._draining:
            raise NotLetIn("shutdown")
        if self._full or not await self.take(guest.call.id):  # what is full leaves it to others
            return guest, None
        decides = Room(await known(self._store.calls, guest.call))
        opened = OpenRoom(guest.call, decides, self._store, self._sessions, self._forget)
        self._open[guest.call.id] = opened
        return guest, opened

    @property
    def _full(self) -> bool:
        return len(self._open) >= MOST_ROOMS

    def _not_here(self) -> NotLetIn:
        """Why nobody is let into a room that is neither here nor known to be elsewhere."""
        return NotLetIn("full" if self._full else "shutdown")  # a page comes back, and asks where

    def _seat(
        self, socket: Socket, guest: Guest, claims: CallClaims, room: OpenRoom, epoch: str | None
    ) -> OpenRoom:
        self._seated(socket, guest, claims, room)
        socket.send(self._welcome(guest, claims))
        room.join(socket, guest.call, epoch)
        self._count()
        return room

    def _seated(self, socket: Socket, guest: Guest, claims: CallClaims, room: Entered) -> None:
        if self._closing or socket not in self._sockets:
            room.leave(socket)
            raise NotLetIn("shutdown")
        self._sockets[socket] = room
        socket.known_as(claims, guest.role)

    def _forget(self, room: OpenRoom) -> None:
        if self._open.get(room.call.id) is room:
            del self._open[room.call.id]
        room.shut()
        self._shut = {each for each in self._shut if each.working} | {room}

    def _put_out(self, socket: Socket, room: Entered) -> None:
        socket.put_out("signed_out")
        room.leave(socket)
        self._count()

    def _welcome(self, guest: Guest, claims: CallClaims) -> CallWelcome:
        return CallWelcome(
            call_id=guest.call.id,
            role=guest.role,
            name=guest.user.name,
            ice_servers=ice_servers(self._config, guest.user.id, now()),
            ice_transport_policy=transport_policy(self._config),
            expires_in=round(claims.left_s),
        )

    def _count(self) -> None:
        self._metrics.seats(sum(len(room.present) for room in self._open.values()))
