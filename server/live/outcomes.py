"""How a session goes and what it came to, as messages, record and reports say it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat
from pydantic.functional_serializers import PlainSerializer

from posesim.updates import State

StateName = State
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
    "call_ended",
    "coach_stopped",
    "taken_over",
    "idle",
]

# Four decimals are a tenth of a millisecond: more digits only cost bytes.
Rounded = Annotated[FiniteFloat, PlainSerializer(lambda value: round(value, 4), return_type=float)]


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
