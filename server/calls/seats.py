"""The two seats of a room, and the peer connection between them."""

import uuid
from dataclasses import dataclass

from .effects import Away, Later, PutOut
from .page_messages import Signal
from .server_messages import ByeReason, CallPeer, CallReadiness, CallSeat, Role, ServerMessage
from .wishes import Wishes

AWAY_S = 60.0  # until what needs somebody ends who does not come back
OTHER: dict[Role, Role] = {"coach": "member", "member": "coach"}


@dataclass
class _Seat:
    """One of the two.

    Attributes:
        connection: None while nobody is there.
        visit: How often somebody came.
        epoch: Of the peer connection that its page has; None without one.
    """

    connection: int | None = None
    visit: int = 0
    epoch: str | None = None
    camera: bool = False
    microphone: bool = False
    ready: CallReadiness | None = None


class Seats:
    """Who is there, what they send, and of which epoch their peer connection is."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._seats: dict[Role, _Seat] = {"coach": _Seat(), "member": _Seat()}

    def taken(self, role: Role) -> bool:
        """Whether somebody is there."""
        return self._seats[role].connection is not None

    def camera(self, role: Role) -> bool:
        """Whether a camera is being sent from there."""
        return self._seats[role].camera

    def shown(self, role: Role, name: str | None) -> CallSeat:
        """The seat as it is told."""
        seat = self._seats[role]
        return CallSeat(
            name=name,
            present=seat.connection is not None,
            camera=seat.camera,
            microphone=seat.microphone,
            ready=seat.ready,
        )

    def take(self, role: Role, connection: int, epoch: str | None) -> bool:
        """Take a seat; who sat there is put out. False if it is the page that was there before."""
        seat = self._seats[role]
        if seat.connection is not None:
            self._wishes.do(PutOut(seat.connection, "replaced"))
        another = epoch is None or epoch != seat.epoch
        if another:
            seat.camera, seat.microphone, seat.ready = False, False, None
        seat.connection, seat.epoch = connection, epoch
        seat.visit += 1
        self._wishes.changed = True
        return another

    def leave(self, connection: int) -> None:
        """A connection is gone; one that sits nowhere does not matter."""
        for role, seat in self._seats.items():
            if seat.connection == connection:
                self._vacate(role)

    def put_out(self, role: Role, reason: ByeReason) -> None:
        """Put out whoever sits there."""
        connection = self._seats[role].connection
        if connection is not None:
            self._wishes.do(PutOut(connection, reason))
            self._vacate(role)

    def is_away(self, away: Away) -> bool:
        """Whether somebody has not come back from then on."""
        seat = self._seats[away.role]
        return seat.connection is None and seat.visit == away.visit

    def sends(self, role: Role, *, camera: bool, microphone: bool) -> None:
        """What is being sent from there."""
        self._seats[role].camera, self._seats[role].microphone = camera, microphone
        self._wishes.changed = True

    def is_ready(self, readiness: CallReadiness) -> None:
        """What the member's check of their devices came to."""
        self._seats["member"].ready = readiness
        self._wishes.changed = True

    # Messages

    def send(self, role: Role, message: ServerMessage, *, lossy: bool = False) -> None:
        """Send to whoever sits there."""
        self._wishes.send(self._seats[role].connection, message, lossy=lossy)

    def relay(self, role: Role, signal: Signal) -> None:
        """Pass on what is of the peer connection that both have; drop everything else."""
        here, there = self._seats[role], self._seats[OTHER[role]]
        if signal.epoch == here.epoch == there.epoch:
            self._wishes.send(there.connection, signal)

    def meet(self) -> None:
        """See to it that both have a peer connection of one epoch, if both are there."""
        coach, member = self._seats["coach"], self._seats["member"]
        if coach.connection is None or member.connection is None:
            return
        if coach.epoch is not None and coach.epoch == member.epoch:
            return
        coach.epoch = member.epoch = epoch = str(uuid.uuid4())
        self.send("coach", CallPeer(epoch=epoch, polite=False))
        self.send("member", CallPeer(epoch=epoch, polite=True))

    def part(self) -> None:
        """They have no peer connection any more."""
        for seat in self._seats.values():
            seat.epoch = None

    def _vacate(self, role: Role) -> None:
        seat = self._seats[role]
        seat.connection = None
        seat.camera = seat.microphone = False
        self._wishes.do(Later(AWAY_S, Away(role, seat.visit)))
        self._wishes.changed = True
