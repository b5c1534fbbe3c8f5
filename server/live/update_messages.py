"""What a comparison says: the library's updates in the form of `server_messages.py`."""

import numpy as np

from posesim.updates import (
    Components,
    CueUpdate,
    GapUpdate,
    PoseUpdate,
    RepUpdate,
    ScoreUpdate,
    Summary,
)

from .outcomes import ComponentValues, SummaryValues
from .server_messages import (
    LEAST_THOUSANDTHS,
    MOST_THOUSANDTHS,
    Cue,
    DifferenceValues,
    Gap,
    Pose,
    Rep,
    Score,
)

LEAST_VISIBILITY = 0.5  # of a landmark; below it, where it lies is a guess


def score_message(update: ScoreUpdate, *, seq: int, age_s: float) -> Score:
    """The message for a score; `age_s` from the arrival of its newest frame until now."""
    return Score(
        seq=seq,
        t_s=update.t_s,
        state=update.state,
        score=update.score,
        components=component_values(update.components),
        reference_s=update.reference_s,
        tempo=update.tempo,
        lag_s=update.lag_s,
        mirrored=update.mirrored,
        repetitions=update.repetitions,
        held_s=update.held_s,
        age_s=age_s,
    )


def pose_message(update: PoseUpdate, *, seq: int) -> Pose:
    """The message for a pose."""
    places, visibility = update.landmarks[:, :2], update.landmarks[:, 2]
    known = (visibility >= LEAST_VISIBILITY) & np.isfinite(places).all(axis=1)
    places = np.clip(
        np.where(known[:, None], places, 0), LEAST_THOUSANDTHS / 1000, MOST_THOUSANDTHS / 1000
    )
    thousandths = np.rint(1000 * places).astype(int).tolist()
    points: list[int | None] = []
    for is_known, (x, y) in zip(known, thousandths, strict=True):
        points += (x, y) if is_known else (None, None)
    return Pose(seq=seq, t_s=update.t_s, points=tuple(points), parts=update.parts)


def gap_message(update: GapUpdate, *, seq: int) -> Gap:
    """The message for a gap."""
    return Gap(seq=seq, start_s=update.start_s, end_s=update.end_s, reason=update.reason)


def rep_message(update: RepUpdate, *, seq: int) -> Rep:
    """The message for a repetition."""
    return Rep(
        seq=seq,
        number=update.number,
        start_s=update.start_s,
        end_s=update.end_s,
        valid=update.valid,
        score=update.score,
        range=update.range,
        tempo=update.tempo,
        differences=tuple(
            DifferenceValues(part=difference.part, degrees=difference.degrees)
            for difference in update.differences
        ),
    )


def cue_message(update: CueUpdate, *, seq: int) -> Cue:
    """The message for a cue."""
    return Cue(seq=seq, t_s=update.t_s, cue=update.cue, part=update.part, praise=update.praise)


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
        repetitions=summary.repetitions,
        attempts=summary.attempts,
        held_s=summary.held_s,
    )


def component_values(components: Components | None) -> ComponentValues | None:
    """Components as they are sent."""
    if components is None:
        return None
    return ComponentValues(
        movement=components.movement, timing=components.timing, range=components.range
    )
