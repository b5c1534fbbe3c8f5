"""Planted demonstrations: two streams of parts, as they come, and what is said of the user."""

from __future__ import annotations

from collections.abc import Iterable

from fake_engine import CALIBRATION, SETTINGS

from posesim.demonstration_comparison import DemonstrationJudge
from posesim.embedding import Part, TimedPose
from posesim.scoring import Calibration
from posesim.timebase import Gap
from posesim.updates import ReferenceClock, Update

LOOKS_AHEAD_S = 0.36  # frames that came before the newest tap could be known


def came_s(part: Part) -> float:
    """When a part was given out, on the time of its stream."""
    match part:
        case TimedPose():
            return part.time_s
        case Gap():
            return part.end_s
        case _:
            return part.end_s + LOOKS_AHEAD_S


def told(
    shown: Iterable[Part],
    user: Iterable[Part],
    *,
    begins_s: float = 0.0,
    late_s: float = 0.0,
    calibration: Calibration = CALIBRATION,
    with_clock: bool = True,
) -> list[Update]:
    """All that is said of a user who is shown something.

    Args:
        shown: What the demonstrator does.
        user: What the user does.
        begins_s: On the demonstrator's time, when the user's stream begins.
        late_s: How much later than the user's the demonstrator's parts come.
        calibration: Turns comparisons into components.
        with_clock: Whether it is known when both were at the same moment.
    """
    judge = DemonstrationJudge(SETTINGS, calibration)
    judge.follow(ReferenceClock(0.0, begins_s) if with_clock else None)
    waiting = list(shown)
    updates: list[Update] = []
    for part in user:
        now_s = came_s(part) + begins_s - late_s
        count = next((i for i, each in enumerate(waiting) if came_s(each) > now_s), len(waiting))
        judge.show(waiting[:count])
        del waiting[:count]
        updates += judge.take(part)
    return updates + judge.finish()
