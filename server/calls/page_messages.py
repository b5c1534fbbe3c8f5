"""What a page says on a call's WebSocket (docs/api.md)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..problems import NUL

MAX_SDP = 32_768  # characters
LONGEST_NOTE = 500  # characters
MOST_EXERCISES = 30  # of a program
MOST_REPETITIONS = 9999
LONGEST_AGO_S = 600.0


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError(NUL.rstrip("."))
    return text


_Text = Annotated[str, AfterValidator(_without_nul)]
Epoch = Annotated[_Text, Field(min_length=1, max_length=64)]
Id = Annotated[_Text, Field(min_length=1, max_length=64)]


class _FromPage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1]


# From both


class CallHello(_FromPage):
    """The first message, within 5 s: who it is.

    Attributes:
        token: Of POST /v1/calls/ID/token.
        epoch: Of a peer connection that still works; null without one.
    """

    type: Literal["hello"]
    token: str = Field(repr=False)
    epoch: Epoch | None


class CallRenew(_FromPage):
    """The page goes on with another token of this call."""

    type: Literal["renew"]
    token: str = Field(repr=False)


class CallPing(_FromPage):
    """The page asks for a `pong` with the same id."""

    type: Literal["ping"]
    id: int = Field(ge=0, lt=2**53)  # what a JavaScript number holds exactly


class CallMedia(_FromPage):
    """What the page sends to the other person now."""

    type: Literal["media"]
    camera: bool
    microphone: bool


class CallDescription(_FromPage):
    """An offer or an answer. It is passed on to the other page as it is, and comes from there."""

    type: Literal["description"]
    epoch: Epoch
    kind: Literal["offer", "answer"]
    sdp: str = Field(max_length=MAX_SDP, repr=False)


class CallCandidate(_FromPage):
    """An ICE candidate. It is passed on to the other page as it is, and comes from there."""

    type: Literal["candidate"]
    epoch: Epoch
    candidate: str = Field(max_length=4096, repr=False)
    sdp_mid: Annotated[str, Field(max_length=64)] | None
    sdp_m_line_index: Annotated[int, Field(ge=0, le=255)] | None
    username_fragment: Annotated[str, Field(max_length=256)] | None


class CallLeave(_FromPage):
    """The person leaves; they may come again."""

    type: Literal["leave"]


# From the member


class CallReady(_FromPage):
    """What the member's check of their devices came to."""

    type: Literal["ready"]
    camera: bool
    microphone: bool
    framed: bool


# From the coach


class CallAdmit(_FromPage):
    """Let the member in who waits."""

    type: Literal["admit"]


class CallDismiss(_FromPage):
    """Send the member out; they may come again and wait."""

    type: Literal["dismiss"]


class CallProgram(_FromPage):
    """Which exercises are to be done, in order."""

    type: Literal["program"]
    exercise_ids: Annotated[list[Id], Field(max_length=MOST_EXERCISES)]


class CallSelect(_FromPage):
    """Choose an exercise of the program."""

    type: Literal["select"]
    index: int = Field(ge=0, lt=MOST_EXERCISES)


class CallStart(_FromPage):
    """Begin a run: of the chosen exercise, or of what the coach shows live."""

    type: Literal["start"]


class CallPause(_FromPage):
    """Interrupt the run."""

    type: Literal["pause"]


class CallResume(_FromPage):
    """Go on with the run."""

    type: Literal["resume"]


class CallStop(_FromPage):
    """End the run."""

    type: Literal["stop"]


class CallNext(_FromPage):
    """End the run if one is on, and choose the next exercise."""

    type: Literal["next"]


class CallNote(_FromPage):
    """Mark a moment.

    Attributes:
        ago_s: How many seconds ago it was: it is noticed first and written about then.
    """

    type: Literal["mark"]
    note: Annotated[_Text, Field(min_length=1, max_length=LONGEST_NOTE)]
    ago_s: float = Field(default=0.0, ge=0.0, le=LONGEST_AGO_S, allow_inf_nan=False)


class CallCorrect(_FromPage):
    """Say how many repetitions there were; null takes what the server counted."""

    type: Literal["correct"]
    session_id: Id
    repetitions: Annotated[int, Field(ge=0, le=MOST_REPETITIONS)] | None


class CallLiveReference(_FromPage):
    """Make the coach's own camera the reference, or no longer."""

    type: Literal["live_reference"]
    on: bool


class CallEnd(_FromPage):
    """End the call, for both and for good."""

    type: Literal["end"]


Signal = CallDescription | CallCandidate
FromCoach = (
    CallAdmit
    | CallDismiss
    | CallProgram
    | CallSelect
    | CallStart
    | CallPause
    | CallResume
    | CallStop
    | CallNext
    | CallNote
    | CallCorrect
    | CallLiveReference
    | CallEnd
)
FromBoth = CallHello | CallRenew | CallPing | CallMedia | Signal | CallLeave
ClientMessage = FromBoth | CallReady | FromCoach
