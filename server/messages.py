"""The messages on the data channels: their one definition, from and to JSON (docs/api.md)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError
from pydantic.functional_serializers import PlainSerializer

from posesim.comparison import GapUpdate, ScoreUpdate, Summary
from posesim.errors import PosesimError
from posesim.scoring import Components

MAX_MESSAGE_BYTES = 1024  # fits one SCTP packet, so that a lost packet costs one message

StateName = Literal[
    "no_person", "partial", "several", "still", "warming_up", "lost", "gap", "scoring"
]
GapReason = Literal["no_frames", "overload", "clock", "restart"]
EndReason = Literal[
    "left", "deleted", "lost", "expired", "shutdown", "failed", "never_joined", "reference_deleted"
]

# Four decimals are a tenth of a millisecond: more digits only cost bytes.
Rounded = Annotated[FiniteFloat, PlainSerializer(lambda value: round(value, 4), return_type=float)]


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


ClientMessage = Hello | Ping | Bye


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


class Score(_FromServer):
    """The newest score, on the channel `scores`. `seq` counts them from 0, sent or not."""

    type: Literal["score"] = "score"
    seq: int
    t_s: Rounded
    state: StateName
    score: Rounded | None
    components: ComponentValues | None
    reference_s: Rounded | None
    tempo: Rounded | None
    lag_s: Rounded


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


class Ended(_FromServer):
    """The last message. `summary` is null when nothing was compared."""

    type: Literal["ended"] = "ended"
    seq: int
    reason: EndReason
    summary: SummaryValues | None


ServerMessage = Score | Welcome | Pong | StateChanged | Gap | Ended

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
            f"Not a message of version 1 (hello, ping or bye): {_reason(error)}."
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


def score_message(update: ScoreUpdate, *, seq: int, lag_s: float) -> Score:
    """The message for a score; `lag_s` from the arrival of its newest frame until now."""
    return Score(
        seq=seq,
        t_s=update.t_s,
        state=update.state,
        score=update.score,
        components=component_values(update.components),
        reference_s=update.reference_s,
        tempo=update.tempo,
        lag_s=lag_s,
    )


def gap_message(update: GapUpdate, *, seq: int) -> Gap:
    """The message for a gap."""
    return Gap(seq=seq, start_s=update.start_s, end_s=update.end_s, reason=update.reason)


def summary_values(summary: Summary) -> SummaryValues:
    """A summary as it is sent and stored."""
    return SummaryValues(
        score=summary.score,
        state=summary.state,
        components=component_values(summary.components),
        tempo=summary.tempo,
        scored_s=summary.scored_s,
        duration_s=summary.duration_s,
        best_score=summary.best_score,
        best_s=summary.best_s,
        gaps=summary.gaps,
    )


def component_values(components: Components | None) -> ComponentValues | None:
    """Components as they are sent."""
    if components is None:
        return None
    return ComponentValues(
        movement=components.movement, timing=components.timing, range=components.range
    )


def _reason(error: ValidationError) -> str:
    """The first thing that was wrong, without the message's own words: they may be anything."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if detail["type"] == "union_tag_invalid":
        return "unknown type"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
