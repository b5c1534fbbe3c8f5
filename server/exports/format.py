"""The format of an exported history: JSON, versioned, complete (docs/api.md, "Exports")."""

import itertools
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from posesim.timebase import GapReason
from posesim.updates import CueName, Part

from ..live.outcomes import EndReason, StateName, SummaryValues
from ..store.exercises import LONGEST_NAME, Kind
from ..store.sessions import SessionSource

FORMAT: Final = "posesim.history"
VERSION: Final = 1

# What a row of `scores` holds, in this order: rows are lists, because there are hundreds a session.
ScoreColumn = Literal[
    "t_s", "score", "state", "movement", "timing", "range", "reference_s", "tempo"
]
SCORE_COLUMNS: tuple[ScoreColumn, ...] = get_args(ScoreColumn)

MOST_SCORES = 100_000  # of one session: nine hours
MOST_OTHERS = 20_000  # of its repetitions, gaps or cues
LARGEST = 1e6  # of any number; seconds would be eleven days


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable, in one line")
    return text


def _of_our_time(at: datetime) -> datetime:
    if not 1970 < at.year < 2200:
        raise ValueError("must be a year of our time")
    return at


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_printable),
]
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]  # which leaves out NaN
Seconds = Annotated[float, Field(ge=0, le=LARGEST)]
Percent = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=int(LARGEST))]

ScoreValues = tuple[
    Seconds,
    Percent | None,
    StateName,
    Share | None,
    Share | None,
    Share | None,
    Number | None,
    Number | None,
]


class _Part(BaseModel):
    """Numbers are numbers and texts are texts; what is not known is refused, and not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ExportedComponents(_Part):
    """What a score was made of."""

    movement: Share
    timing: Share
    range: Share


class ExportedSummary(_Part):
    """What a session came to; as `SummaryValues`, within bounds."""

    score: Percent | None
    state: StateName
    components: ExportedComponents | None
    tempo: Number | None
    scored_s: Seconds
    duration_s: Seconds
    best_score: Percent | None
    best_s: Seconds | None
    gaps: Count
    repetitions: Count
    attempts: Count
    held_s: Seconds | None


class ExportedDifference(_Part):
    """By how many degrees a part differed."""

    part: Part
    degrees: Annotated[int, Field(ge=-360, le=360)]


class ExportedRepetition(_Part):
    """A repetition or an attempt."""

    number: Annotated[int, Field(ge=1, le=int(LARGEST))]
    start_s: Seconds
    end_s: Seconds
    valid: bool
    score: Percent | None
    range: Number
    tempo: Number | None
    differences: Annotated[list[ExportedDifference], Field(max_length=len(get_args(Part)))]


class ExportedGap(_Part):
    """A time in which nothing was seen."""

    start_s: Seconds
    end_s: Seconds
    reason: GapReason


class ExportedCue(_Part):
    """What a user was told."""

    t_s: Seconds
    cue: CueName
    part: Part | None
    praise: bool

    @model_validator(mode="after")
    def _check_names_its_part(self) -> Self:
        if (self.cue == "check") != (self.part is not None):
            raise ValueError("part is named with the cue check, and with no other")
        return self


class ExportedSession(_Part):
    """A session that has ended, with all that was said in it."""

    id: Id
    exercise_id: Id | None
    exercise_name: Name
    source: SessionSource
    kind: Kind
    target: Count | None
    reference_start_s: Seconds
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment
    end_reason: EndReason | None
    summary: ExportedSummary | None
    in_call: bool = False
    corrected_repetitions: Count | None = None
    scores: Annotated[list[ScoreValues], Field(max_length=MOST_SCORES)]
    repetitions: Annotated[list[ExportedRepetition], Field(max_length=MOST_OTHERS)]
    gaps: Annotated[list[ExportedGap], Field(max_length=MOST_OTHERS)]
    cues: Annotated[list[ExportedCue], Field(max_length=MOST_OTHERS)]

    @model_validator(mode="after")
    def _counted_upwards(self) -> Self:
        numbers = [each.number for each in self.repetitions]
        if any(after <= before for before, after in itertools.pairwise(numbers)):
            raise ValueError("the numbers of repetitions must rise")
        return self


class ExportHeader(_Part):
    """All of an export but its sessions."""

    format: Literal["posesim.history"]
    version: Literal[1]
    exported_at: AwareDatetime
    score_columns: tuple[ScoreColumn, ...]
    sessions: Annotated[list[Any], Field(max_length=0)]  # they are read one by one

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        if self.score_columns != SCORE_COLUMNS:
            raise ValueError(f"score_columns must be {', '.join(SCORE_COLUMNS)}, in this order")
        return self


class HistoryFile(BaseModel):
    """An export, for its documentation."""

    format: Literal["posesim.history"] = FORMAT
    version: Literal[1] = VERSION
    exported_at: AwareDatetime
    score_columns: tuple[ScoreColumn, ...] = SCORE_COLUMNS
    sessions: list[ExportedSession]


def moment_text(at: datetime) -> str:
    """A moment as exports write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def summary_of(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """A stored summary with every field, also those that it was too old to have."""
    if stored is None:
        return None
    return SummaryValues.model_validate(stored).model_dump(mode="json")
