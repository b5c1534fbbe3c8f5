"""What the server says on a call's WebSocket (docs/api.md)."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..live.outcomes import Rounded, SummaryValues
from ..live.server_messages import Cue, Ended, Gap, Pose, Rep, Score, StateChanged
from ..store.exercises import Kind
from ..turn import IceServer, TransportPolicy
from .page_messages import CallCandidate, CallDescription

Role = Literal["coach", "member"]
Phase = Literal["waiting", "admitted"]
LiveReferenceState = Literal["off", "connecting", "on"]
ByeReason = Literal[
    "ended", "replaced", "dismissed", "expired", "signed_out", "shutdown", "deleted", "full"
]


class _FromServer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# The parts of `state`


class CallReadiness(_Part):
    """What the member's check of their devices came to."""

    camera: bool
    microphone: bool
    framed: bool


class CallSeat(_Part):
    """One of the two.

    Attributes:
        name: Null while nobody has used the link.
        camera, microphone: Whether they are being sent.
        ready: Null until the devices were checked, and always of the coach.
    """

    name: str | None
    present: bool
    camera: bool
    microphone: bool
    ready: CallReadiness | None


class CallItem(_Part):
    """An exercise of the program.

    Attributes:
        start_s: Where its reference begins in the clip.
    """

    id: str
    name: str
    kind: Kind
    target: int | None
    start_s: Rounded
    mirrored: bool


class CallRun(_Part):
    """What is being tried.

    Attributes:
        session_id: Null while there is none yet, or when it was lost and another is to be made.
        exercise_id: Null for what the coach shows live.
        number: Which session of the call it is, from 1.
        corrected: The coach's count of this session's repetitions so far; null for the server's.
    """

    state: Literal["starting", "running", "paused"]
    session_id: str | None
    exercise_id: str | None
    name: str
    live: bool
    number: int
    corrected: int | None


class CallReference(_Part):
    """What the coach shows live, as far as it is known."""

    kind: Kind
    cycle_s: Rounded | None


class CallMark(_Part):
    """A moment with a note; `t_s` on the time of its session."""

    id: str
    at: AwareDatetime
    session_id: str | None
    t_s: Rounded | None
    note: str


class CallResult(_Part):
    """What a session of the call came to; `corrected` is the coach's count, if there is one."""

    session_id: str
    name: str
    repetitions: int
    corrected: int | None
    score: Rounded | None


# The messages


class CallWelcome(_FromServer):
    """The answer to `hello`. The page may stay `expires_in` seconds without another token."""

    type: Literal["welcome"] = "welcome"
    call_id: str
    role: Role
    name: str
    ice_servers: list[IceServer]
    ice_transport_policy: TransportPolicy
    expires_in: int


class CallRenewed(_FromServer):
    """The answer to `renew`. Credentials of a relay run out, too: here are new ones."""

    type: Literal["renewed"] = "renewed"
    ice_servers: list[IceServer]
    expires_in: int


class CallPong(_FromServer):
    """The answer to `ping`."""

    type: Literal["pong"] = "pong"
    id: int


class CallRefused(_FromServer):
    """Something changed nothing: `of` is its type, or "message" for what is no message."""

    type: Literal["refused"] = "refused"
    of: str
    detail: str


class CallState(_FromServer):
    """The whole call, at every change. Who waits to be let in sees no more than the coach's name.

    Attributes:
        current: Which exercise of the program is chosen.
        run: Null while nothing is being tried.
        reference: What the coach shows live, once somebody was compared with it.
        results: Of all sessions that have ended, oldest first.
    """

    type: Literal["state"] = "state"
    phase: Phase
    title: str
    coach: CallSeat
    member: CallSeat
    program: tuple[CallItem, ...]
    current: int | None
    run: CallRun | None
    live_reference: LiveReferenceState
    reference: CallReference | None
    marks: tuple[CallMark, ...]
    results: tuple[CallResult, ...]


class CallPeer(_FromServer):
    """Both are there: make a new RTCPeerConnection. What is of another epoch is out of date."""

    type: Literal["peer"] = "peer"
    epoch: str
    polite: bool


class CallTicket(_FromServer):
    """Send the camera to the server, by WHIP: to be scored, or as the live reference."""

    type: Literal["ticket"] = "ticket"
    purpose: Literal["score", "reference"]
    id: str
    whip_url: str
    token: str = Field(repr=False)
    expires_in: int
    ice_servers: list[IceServer]
    ice_transport_policy: TransportPolicy
    name: str


LiveMessage = Score | Pose | StateChanged | Gap | Rep | Cue | Ended


class CallLive(_FromServer):
    """To the coach: what the member's page was told on its data channels."""

    type: Literal["live"] = "live"
    session_id: str
    message: Annotated[LiveMessage, Field(discriminator="type")]


class CallRunOver(_FromServer):
    """A run is over. `summary` is of its last session, null when nothing was compared in it."""

    type: Literal["result"] = "result"
    session_id: str
    name: str
    summary: SummaryValues | None


class CallDraining(_FromServer):
    """The server is about to stop: in `left_s` seconds the line breaks, and soon comes back."""

    type: Literal["draining"] = "draining"
    left_s: Rounded


class CallBye(_FromServer):
    """The last message."""

    type: Literal["bye"] = "bye"
    reason: ByeReason


ServerMessage = (
    CallWelcome
    | CallRenewed
    | CallPong
    | CallRefused
    | CallState
    | CallPeer
    | CallDescription
    | CallCandidate
    | CallTicket
    | CallLive
    | CallRunOver
    | CallDraining
    | CallBye
)
