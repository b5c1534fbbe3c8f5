"""Judge kept streams against references, again and again, without any network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from streams import Stream, load
from tqdm import tqdm

from posesim.embedding import Features, join
from posesim.expectation import Expectation
from posesim.history import History
from posesim.judge import Judge
from posesim.likeness import Likeness
from posesim.presence import HINTS
from posesim.references import Reference, Settings
from posesim.scoring import Calibration
from posesim.timebase import Gap
from posesim.updates import RepUpdate, ScoreUpdate, Summary, Update


@dataclass(frozen=True)
class Judged:
    """One user against one reference.

    Attributes:
        updates: All that was said.
        summary: The whole.
        likeness: The mean comparison behind the movement component; None if there was none.
        extents: How far the user moved, at each moment at which that was known.
        moves: The same of the last seconds, from which standing still is known.
    """

    updates: list[Update]
    summary: Summary
    likeness: Likeness | None
    extents: list[float]
    moves: list[float]

    @property
    def scores(self) -> list[ScoreUpdate]:
        """The updates about a score or a state."""
        return [update for update in self.updates if isinstance(update, ScoreUpdate)]

    @property
    def repetitions(self) -> list[RepUpdate]:
        """The updates about repetitions."""
        return [update for update in self.updates if isinstance(update, RepUpdate)]

    @property
    def score(self) -> float:
        """The mean of the numbers; 0 where there were none."""
        return self.summary.score or 0.0


def judge(stream: Stream, expected: Expectation, calibration: Calibration) -> Judged:
    """Judge one stream."""
    judge_, history = Judge(expected, calibration), History()
    updates: list[Update] = []
    alike, extents, moves = [], [], []
    for part in stream:
        updates += judge_.take(part)
        if isinstance(part, Features) and judge_.likeness is not None:
            likeness, extent = judge_.likeness, judge_.extent
            if extent is not None:
                numbers = (likeness.classes, likeness.embedding, likeness.posture, likeness.misfit)
                alike.append(numbers)
                extents.append(extent)
                moves.append(judge_.moves)
    updates += judge_.finish()
    for update in updates:
        history.add(update)
    mean = Likeness(*np.mean(alike, axis=0).tolist()) if alike else None
    return Judged(updates, history.summary(), mean, extents, moves)


def expectation(name: str, stream: Stream, hold_energy: float) -> Expectation:
    """What the longest stretch of a stream lets expect, as a reference made of it would."""
    stretches: list[Stream] = [[]]
    for part in stream:
        if isinstance(part, Gap):
            stretches.append([])
        else:
            stretches[-1].append(part)
    longest = max(stretches, key=lambda parts: sum(isinstance(p, Features) for p in parts))
    parts = [part for part in longest if not isinstance(part, Gap)]
    hints = [part.hint for part in parts if isinstance(part, Features)]
    shares = {hint: hints.count(hint) / len(hints) for hint in HINTS}
    features = join(parts)
    duration_s = float(features.times_s[-1])
    reference = Reference(name, duration_s, Settings(weights="kept"), features, shares)
    return Expectation.of(reference, hold_energy)


@dataclass(frozen=True)
class Job:
    """A user's stream and a reference's, by file, and how to judge."""

    user: Path
    reference: Path
    calibration: Calibration


@lru_cache(maxsize=80)
def _expected(reference: Path, hold_energy: float) -> Expectation:
    return expectation(reference.name, load(reference), hold_energy)


@lru_cache(maxsize=2)
def _stream(path: Path) -> Stream:
    return load(path)


def _run(job: Job) -> Judged:
    expected = _expected(job.reference, job.calibration.hold_energy)
    return judge(_stream(job.user), expected, job.calibration)


def run(jobs: Sequence[Job], what: str) -> list[Judged]:
    """Judge many, on all cores; those of one user should come together."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # in the processes: they share the cores
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        results = pool.map(_run, jobs, chunksize=16)
        return list(tqdm(results, desc=what, total=len(jobs), unit="pair"))
