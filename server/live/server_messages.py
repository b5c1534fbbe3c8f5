"""What the server says on the two data channels (docs/api.md)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from posesim.timebase import GapReason
from posesim.updates import CueName, Part

from .outcomes import ComponentValues, EndReason, Rounded, StateName, SummaryValues

LANDMARKS = 33
LEAST_THOUSANDTHS, MOST_THOUSANDTHS = -1000, 2000  # a body may reach out of its picture, so far
Thousandths = Annotated[int, Field(ge=LEAST_THOUSANDTHS, le=MOST_THOUSANDTHS)]


class _FromServer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    epoch: int = 0  # which of the session's connections, counted from 0


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
    """The answer to `hello`, after what the page has missed.

    `repetitions` and `attempts` are those so far, over all connections.
    """

    type: Literal["welcome"] = "welcome"
    seq: int
    session_id: str
    exercise_name: str
    reference_duration_s: Rounded
    window_s: Rounded
    hop_s: Rounded
    repetitions: int
    attempts: int


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


class Draining(_FromServer):
    """The server is about to stop: the session ends in `left_s` seconds at the latest."""

    type: Literal["draining"] = "draining"
    seq: int
    left_s: Rounded


class Idle(_FromServer):
    """Nobody has trained for long: the session ends in `left_s` seconds if that stays so."""

    type: Literal["idle"] = "idle"
    seq: int
    left_s: Rounded


class Ended(_FromServer):
    """The last message. `summary` is null when nothing was compared."""

    type: Literal["ended"] = "ended"
    seq: int
    reason: EndReason
    summary: SummaryValues | None


ServerMessage = (
    Score
    | Pose
    | Welcome
    | Pong
    | Renewed
    | StateChanged
    | Gap
    | Rep
    | Cue
    | Draining
    | Idle
    | Ended
)
