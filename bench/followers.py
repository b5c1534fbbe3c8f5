"""Judge kept streams of users against kept streams of demonstrators, without any network."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import replay
from footage import Clip
from streams import Stream, load
from tqdm import tqdm

from posesim.demonstration_comparison import DemonstrationJudge
from posesim.demonstrator import TAIL_HOP
from posesim.embedding import Features, Part, TimedPose
from posesim.engines.base import CHUNK_FRAMES
from posesim.expectation import Expectation
from posesim.history import History
from posesim.references import Settings
from posesim.scoring import Calibration
from posesim.timebase import Gap
from posesim.updates import ReferenceClock, ReferenceUpdate, ScoreUpdate, Summary, Update

BEGINS_S = 1.0  # on the demonstrator's time, when the user's camera starts
TAP_WAITS_S = 0.36  # for frames after it


@dataclass(frozen=True)
class Pair:
    """A user who follows a demonstrator: their clips, what was seen of them, how to judge."""

    demonstrator: Clip
    user: Clip
    shown: Path
    followed: Path
    settings: Settings
    calibration: Calibration


@dataclass(frozen=True)
class Result:
    """One user who follows one demonstrator.

    Attributes:
        demonstrator, user: Names of their clips.
        exercise: The demonstrator's.
        same: Whether both do the same exercise.
        room: Whether both are one person, who does another exercise.
        score: The mean of the numbers; 0 where there were none.
        unclocked: The same where nobody knows when the two were at the same moment.
        recorded: The same where the demonstrator's clip is a recorded reference.
        state: The most frequent one, "scoring" where there was a number.
        lag_s: Its median; None where it was never told.
        kind: What the demonstration was taken for last; None if it never was known.
        known_s: When that was first known, since the demonstrator's camera started.
        first_s: When the first number was there, since then; None without a number.
    """

    demonstrator: str
    user: str
    exercise: str
    same: bool
    room: bool
    score: float
    unclocked: float
    recorded: float
    state: str
    lag_s: float | None
    kind: str | None
    known_s: float | None
    first_s: float | None


def as_shown(stream: Iterable[Part]) -> Stream:
    """A kept stream as a `Demonstrator` gives it out, who runs the tail less often."""
    parts: Stream = []
    chunks = 0
    for part in stream:
        if isinstance(part, Gap):
            chunks = 0
        if isinstance(part, Features):
            chunks += 1
            due = chunks * CHUNK_FRAMES % TAIL_HOP == 0
            parts.append(part if due else replace(part, window=None))
        else:
            parts.append(part)
    return parts


def follow(
    demonstrator: Stream,
    user: Stream,
    begins_s: float,
    settings: Settings,
    calibration: Calibration,
    *,
    with_clock: bool = True,
) -> list[tuple[float, Update]]:
    """Let both streams come as they would; return what was said of the user, and when."""
    judge = DemonstrationJudge(settings, calibration)
    judge.follow(ReferenceClock(0.0, begins_s) if with_clock else None)
    said: list[tuple[float, Update]] = []
    given = 0
    for part in user:
        now_s = _came_s(part) + begins_s
        before = given
        while given < len(demonstrator) and _came_s(demonstrator[given]) <= now_s:
            given += 1
        judge.show(demonstrator[before:given])
        said += [(now_s, update) for update in judge.take(part)]
    return said + [(now_s, update) for update in judge.finish()]


def _came_s(part: Part) -> float:
    """When a part was known, on the time of its stream."""
    match part:
        case TimedPose():
            return part.time_s
        case Gap():
            return part.end_s
        case Features():
            return part.end_s + TAP_WAITS_S


def judge(pair: Pair) -> Result:
    """Judge one pair in three ways."""
    demonstrator, user = pair.demonstrator, pair.user
    shown_live, stream = as_shown(_stream(pair.shown)), _stream(pair.followed)
    by = (BEGINS_S, pair.settings, pair.calibration)
    said = follow(shown_live, stream, *by)
    unclocked = follow(shown_live, stream, *by, with_clock=False)
    recorded = replay.judge(stream, _recorded(pair.shown, pair.calibration), pair.calibration)
    references = [(now_s, each) for now_s, each in said if isinstance(each, ReferenceUpdate)]
    scored = [
        now_s for now_s, each in said if isinstance(each, ScoreUpdate) and each.score is not None
    ]
    same = demonstrator.exercise == user.exercise
    return Result(
        demonstrator.name,
        user.name,
        demonstrator.exercise,
        same,
        not same and demonstrator.person == user.person,
        _summary(said).score or 0.0,
        _summary(unclocked).score or 0.0,
        recorded.score,
        _summary(said).state,
        lag_s(said),
        references[-1][1].kind if references else None,
        references[0][0] if references else None,
        scored[0] if scored else None,
    )


def _summary(said: Iterable[tuple[float, Update]]) -> Summary:
    history = History()
    for _, update in said:
        history.add(update)
    return history.summary()


def lag_s(said: Iterable[tuple[float, Update]]) -> float | None:
    """The median lag that was told; None where none was."""
    lags = [e.lag_s for _, e in said if isinstance(e, ScoreUpdate) and e.lag_s is not None]
    return float(np.median(lags)) if lags else None


@lru_cache(maxsize=80)
def _stream(path: Path) -> Stream:
    return load(path)


@lru_cache(maxsize=4)
def _recorded(path: Path, calibration: Calibration) -> Expectation:
    return replay.expectation(path.name, _stream(path), calibration.hold_energy)


def judged(pairs: Sequence[Pair]) -> list[Result]:
    """Judge many, on all cores."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # in the processes: they share the cores
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        results = pool.map(judge, pairs, chunksize=8)
        return list(tqdm(results, desc="pairs", total=len(pairs), unit="pair"))
