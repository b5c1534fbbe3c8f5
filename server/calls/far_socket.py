"""A page in a room that is here, while its socket is on another node."""

import asyncio
from typing import Any

from ..auth import CallClaims
from ..cluster.lines import Line
from .guests import NotLetIn
from .messages import encode, parse_client
from .room import Message
from .rooms import Rooms
from .server_messages import ByeReason, Role, ServerMessage


class FarSocket:
    """What a room needs of a socket, said over a line to the node that has it.

    That node has checked the token and counts what the page says; the room's own node checks again
    who may be in the call.
    """

    def __init__(self, line: Line) -> None:
        self.number = 0  # set by `Rooms.enter`
        self.address = line.node_id
        self.user_id = ""  # these three are set by `known_as`
        self.role: Role = "member"
        self.sign_in_id: str | None = None
        self.over = asyncio.Event()
        self._line = line

    def known_as(self, claims: CallClaims, role: Role) -> None:
        """It has proved who it is."""
        self.user_id, self.role, self.sign_in_id = claims.user_id, role, claims.sign_in_id

    def send(self, message: ServerMessage, *, lossy: bool = False) -> None:
        """Send a message to the page."""
        self._line.say({"send": encode(message), "lossy": lossy}, lossy=lossy)

    def put_out(self, reason: ByeReason) -> None:
        """Have the page told why, and its socket closed."""
        self._line.say({"put_out": reason})
        self._line.end()


async def serve(rooms: Rooms, line: Line, opening: dict[str, Any]) -> None:
    """Serve a page that is on another node, until it leaves or the line is over."""
    socket = FarSocket(line)
    rooms.enter(socket)
    try:
        claims = CallClaims(**opening["claims"])
        try:
            room = await rooms.join_here(socket, claims, opening["epoch"])
        except NotLetIn as error:
            line.say({"in": error.reason})
            return
        line.say({"in": None})
        async for message in line:
            match message:
                case {"take": text}:
                    wanted = parse_client(text)
                    assert isinstance(wanted, Message)
                    room.take(socket, wanted)
                case {"renewed": sign_in_id}:
                    socket.sign_in_id = sign_in_id
                    room.renewed(socket)
    finally:
        rooms.leave(socket)
        socket.over.set()
