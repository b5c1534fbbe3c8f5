"""The messages on the data channels: their one definition, from and to JSON (docs/api.md)."""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.functional_serializers import PlainSerializer

from posesim.errors import PosesimError
from posesim.updates import CueName, Part

MAX_MESSAGE_BYTES = 1024  # fits one SCTP packet, so that a lost packet costs one message
LANDMARKS = 33
LEAST_THOUSANDTHS, MOST_THOUSANDTHS = -1000, 2000  # a body may reach out of its picture, so far
LONGEST_REFERENCE_S = 86400.0
FASTEST_RATE = 4.0  # that a page plays a reference at

StateName = Literal[
    "no_person", "partial", "several", "still", "warming_up", "lost", "gap", "scoring"
]
GapReason = Literal["no_frames", "overload", "clock", "restart"]
EndReason = Literal[
    "left",
    "deleted",
    "lost",
    "expired",
    "shutdown",
    "failed",
    "never_joined",
    "reference_deleted",
    "reference_changed",
    "signed_out",
    "token_expired",
]

# Four decimals are a tenth of a millisecond: more digits only cost bytes.
Rounded = Annotated[FiniteFloat, PlainSerializer(lambda value: round(value, 4), return_type=float)]
Thousandths = Annotated[int, Field(ge=LEAST_THOUSANDTHS, le=MOST_THOUSANDTHS)]


class BadMessage(PosesimError):
    """A message from the page that is not one of those in docs/api.md."""


class _FromPage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1]


class _FromServer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1


# Page → server


class Hello(_FromPage):
    """The page is ready for `welcome`."""

    type: Literal["hello"]


class Ping(_FromPage):
    """The page asks for a `pong` with the same id."""

    type: Literal["ping"]
    id: int = Field(ge=0, lt=2**53)  # what a JavaScript number holds exactly


class Bye(_FromPage):
    """The page ends the session."""

    type: Literal["bye"]


class Clock(_FromPage):
    """The page plays the reference to the user: where it is now.

    Attributes:
        reference_s: Where in the reference; null if it is no longer played.
        rate: Reference seconds per second, 0 if it is paused; null if it is no longer played.
    """

    type: Literal["clock"]
    reference_s: Annotated[FiniteFloat, Field(ge=0, le=LONGEST_REFERENCE_S)] | None
    rate: Annotated[FiniteFloat, Field(ge=0, le=FASTEST_RATE)] | None

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Self:
        if (self.reference_s is None) != (self.rate is None):
            raise ValueError("reference_s and rate are both numbers or both null")
        return self


class Renew(_FromPage):
    """The page goes on with another token of this session."""

    type: Literal["renew"]
    token: str = Field(repr=False)


ClientMessage = Hello | Ping | Clock | Renew | Bye


# Server → page


class ComponentValues(BaseModel):
    """What the score is made of, each 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    movement: Rounded
    timing: Rounded
    range: Rounded


class SummaryValues(BaseModel):
    """What a session came to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: Rounded | None
    state: StateName
    components: ComponentValues | None
    tempo: Rounded | None
    scored_s: Rounded
    duration_s: Rounded
    best_score: Rounded | None
    best_s: Rounded | None
    gaps: int
    repetitions: int = 0  # these three are not in summaries that were stored before they existed
    attempts: int = 0
    held_s: Rounded | None = None


class Score(_FromServer):
    """The newest score, on the channel `scores`. `seq` counts them from 0, sent or not.

    `age_s` is from the arrival of the newest frame that counts until now, `lag_s` how far the user
    is behind the reference that is played.
    """

    type: Literal["score"] = "score"
    seq: int
    t_s: Rounded
    state: StateName
    score: Rounded | None
    components: ComponentValues | None
    reference_s: Rounded | None
    tempo: Rounded | None
    lag_s: Rounded | None
    mirrored: bool
    repetitions: int
    held_s: Rounded | None
    age_s: Rounded


class Pose(_FromServer):
    """Where the user's body is, on the channel `scores`. `seq` counts them from 0, sent or not.

    Attributes:
        points: x, y, x, y, ... of MediaPipe's 33 landmarks in thousandths of the picture's width
            and height; both null for a landmark that is not visible.
        parts: What differs from the reference, the farthest first.
    """

    type: Literal["pose"] = "pose"
    seq: int
    t_s: Rounded
    points: Annotated[
        tuple[Thousandths | None, ...], Field(min_length=2 * LANDMARKS, max_length=2 * LANDMARKS)
    ]
    parts: tuple[Part, ...]


class Welcome(_FromServer):
    """The answer to `hello`."""

    type: Literal["welcome"] = "welcome"
    seq: int
    session_id: str
    exercise_name: str
    reference_duration_s: Rounded
    window_s: Rounded
    hop_s: Rounded


class Pong(_FromServer):
    """The answer to `ping`."""

    type: Literal["pong"] = "pong"
    seq: int
    id: int


class Renewed(_FromServer):
    """The answer to `renew`: the session may go on for `expires_in` seconds without another."""

    type: Literal["renewed"] = "renewed"
    seq: int
    expires_in: int


class StateChanged(_FromServer):
    """The state is another one from `t_s` on."""

    type: Literal["state"] = "state"
    seq: int
    t_s: Rounded
    state: StateName


class Gap(_FromServer):
    """Nothing is known about this stretch of time."""

    type: Literal["gap"] = "gap"
    seq: int
    start_s: Rounded
    end_s: Rounded
    reason: GapReason


class DifferenceValues(BaseModel):
    """By how many degrees a part of the body was more open than the reference's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: Part
    degrees: int


class Rep(_FromServer):
    """A repetition is over; one that is not `valid` was an attempt. `number` counts both from 1."""

    type: Literal["rep"] = "rep"
    seq: int
    number: int
    start_s: Rounded
    end_s: Rounded
    valid: bool
    score: Rounded | None
    range: Rounded
    tempo: Rounded | None
    differences: tuple[DifferenceValues, ...]


class Cue(_FromServer):
    """One thing to tell the user now; with `praise`, what was mended."""

    type: Literal["cue"] = "cue"
    seq: int
    t_s: Rounded
    cue: CueName
    part: Part | None
    praise: bool


class Ended(_FromServer):
    """The last message. `summary` is null when nothing was compared."""

    type: Literal["ended"] = "ended"
    seq: int
    reason: EndReason
    summary: SummaryValues | None


ServerMessage = Score | Pose | Welcome | Pong | Renewed | StateChanged | Gap | Rep | Cue | Ended

_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)
_SERVER: TypeAdapter[ServerMessage] = TypeAdapter(
    Annotated[ServerMessage, Field(discriminator="type")]
)


def parse_client(text: str | bytes) -> ClientMessage:
    """Read a message from the page.

    Raises:
        BadMessage: If it is binary, too long, not JSON, or no message that a page may send.
    """
    if isinstance(text, bytes):
        raise BadMessage("Messages are text: send JSON as a string, not as binary.")
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise BadMessage(f"A message has at most {MAX_MESSAGE_BYTES} bytes, got {len(raw)}.")
    try:
        return _CLIENT.validate_json(raw)
    except ValidationError as error:
        raise BadMessage(
            f"Not a message of version 1 (hello, ping, clock, renew or bye): {_reason(error)}."
        ) from error


def parse_server(text: str) -> ServerMessage:
    """Read a message to the page, as a client written in Python does.

    Raises:
        ValueError: If it is none of the messages that the server sends.
    """
    return _SERVER.validate_json(text)


def encode(message: ServerMessage | ClientMessage) -> str:
    """Write a message as JSON."""
    return message.model_dump_json()


def _reason(error: ValidationError) -> str:
    """The first thing that was wrong, without the message's own words: they may be anything."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if detail["type"] == "union_tag_invalid":
        return "unknown type"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
