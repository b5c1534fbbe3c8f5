"""Progress over weeks: what a person's sessions came to, by the weeks where that person lives."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import fmean

from .store.progress import Trained

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """A week from Monday to Sunday.

    Attributes:
        monday: Its first day.
        sessions: Those in which something was scored.
        mean_score: The mean of their scores, each session counted once; None without any.
        best_score: The highest score of them all.
        repetitions: Those that counted.
        scored_s: For how long there was a score.
        days: On how many days there was a session.
    """

    monday: date
    sessions: int
    mean_score: float | None
    best_score: float | None
    repetitions: int
    scored_s: float
    days: int


@dataclass(frozen=True)
class ExerciseProgress:
    """What was trained with one exercise; a deleted one has no id, and counts by its name."""

    exercise_id: str | None
    name: str
    sessions: int
    mean_score: float | None
    last_at: datetime


def first_monday(now: datetime, weeks: int, utc_offset_min: int) -> date:
    """The Monday on which the first of `weeks` weeks began, of which the last is this one."""
    return _monday(_local_day(now, utc_offset_min)) - (weeks - 1) * WEEK


def begin(monday: date, utc_offset_min: int) -> datetime:
    """The moment at which that Monday begins where the clock is so far from UTC."""
    return datetime.combine(monday, time(), UTC) - timedelta(minutes=utc_offset_min)


def by_week(trained: Iterable[Trained], first: date, weeks: int, utc_offset_min: int) -> list[Week]:
    """What was done in each of `weeks` weeks from the Monday `first` on, also in empty ones."""
    found: dict[date, list[tuple[date, Trained]]] = defaultdict(list)
    for each in trained:
        day = _local_day(each.at, utc_offset_min)
        found[_monday(day)].append((day, each))
    return [_week(monday, found[monday]) for monday in (first + n * WEEK for n in range(weeks))]


def by_exercise(trained: Iterable[Trained]) -> list[ExerciseProgress]:
    """What was done with each exercise, the one that was trained last first.

    Args:
        trained: Oldest first.
    """
    found: dict[str, list[Trained]] = defaultdict(list)
    for each in trained:
        found[each.exercise_id or f"name {each.exercise_name}"].append(each)
    exercises = [
        ExerciseProgress(
            exercise_id=of_it[-1].exercise_id,
            name=of_it[-1].exercise_name,
            sessions=len(of_it),
            mean_score=_mean(of_it),
            last_at=of_it[-1].at,
        )
        for of_it in found.values()
    ]
    return sorted(exercises, key=lambda exercise: exercise.last_at, reverse=True)


def _week(monday: date, of_it: Sequence[tuple[date, Trained]]) -> Week:
    trained = [each for _, each in of_it]
    return Week(
        monday=monday,
        sessions=len(trained),
        mean_score=_mean(trained),
        best_score=max((t.best_score for t in trained if t.best_score is not None), default=None),
        repetitions=sum(each.repetitions for each in trained),
        scored_s=round(sum(each.scored_s for each in trained), 4),
        days=len({day for day, _ in of_it}),
    )


def _mean(trained: Iterable[Trained]) -> float | None:
    scores = [each.score for each in trained if each.score is not None]
    return round(fmean(scores), 4) if scores else None


def _local_day(at: datetime, utc_offset_min: int) -> date:
    return (at.astimezone(UTC) + timedelta(minutes=utc_offset_min)).date()


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
