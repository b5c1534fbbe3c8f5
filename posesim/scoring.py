"""From what was compared to components and one score.

Never one cosine. Three components, each 0 to 1 and each something that can be said to a person:

- movement: is this the reference's exercise? A logistic model of the four comparisons in
  `posesim.likeness`;
- timing: does the user go along the reference, without jumps, at a speed that is like it, or in
  step with it where it is being played?
- range: how far does the user move, against the reference?

`score = 100 * movement * timing ** a * range ** b`: a weighted geometric mean, in which a component
near 0 can't be made up for by another. Only timing has a floor there. The numbers are data, in
`data/calibration-*.json`, one file a backbone, with their origin; `bench/calibrate.py` makes them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from posesim.likeness import Likeness
from posesim.updates import Components

LEAST_TIMING = 0.1  # who is out of time altogether, but does the exercise, keeps half the score
NOT_CALIBRATED = "not calibrated"  # where the origin of numbers says what made them


@dataclass(frozen=True)
class Calibration:
    """The numbers that turn comparisons into components, and components into a score.

    Attributes:
        movement: Weights of the four numbers of `Likeness`, in its order, and the intercept.
        coherence: Of the alignment, counted 0 and 1 by timing.
        octaves: How far from the reference's tempo, in octaves, timing counts 0 and 1.
        lag_s: How far from the played reference timing counts 0 and 1.
        range: Slope and intercept of the logistic model of range.
        valid_range: A repetition that goes less far is an attempt.
        still_extent: Who moves less, over the reference's amplitude, stands still.
        hold_energy: A reference whose taps move less, see `typical_energy`, may be a hold.
        held: Distance from a held posture, see `Body.apart`, counted 0 and 1.
        unsteady: How far one who holds moves along the way, counted 0 by timing; 0 counts 1.
        tolerated_deg: How far parts of the body may differ before it is said: elbows, shoulders,
            hips, knees, the trunk.
        powers: Of timing and range in the score.
        fitted: Whether the numbers were fitted to clips seen by this backbone. Otherwise they are
            a guess, and scores can be compared with each other at most.
    """

    movement: tuple[float, float, float, float, float]
    coherence: tuple[float, float]
    octaves: tuple[float, float]
    lag_s: tuple[float, float]
    range: tuple[float, float]
    valid_range: float
    still_extent: float
    hold_energy: float
    held: tuple[float, float]
    unsteady: float
    tolerated_deg: tuple[float, float, float, float, float]
    powers: tuple[float, float]
    fitted: bool = True

    @classmethod
    def load(cls, backbone: str = "i3d") -> Calibration:
        """The calibration of a backbone that comes with the package."""
        file = files("posesim") / "data" / f"calibration-{backbone}.json"
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        values: dict[str, Any] = about["calibration"]
        tuples: dict[str, Any] = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        return cls(**(values | tuples), fitted=about["provenance"]["made_by"] != NOT_CALIBRATED)

    def movement_of(self, alike: Likeness) -> float:
        """Whether it is the reference's exercise, 0 to 1."""
        classes, embedding, posture, misfit, intercept = self.movement
        return _logistic(
            classes * alike.classes
            + embedding * alike.embedding
            + posture * alike.posture
            + misfit * alike.misfit
            + intercept
        )

    def timing_of(self, coherence: float, tempo: float | None, lag_s: float | None) -> float:
        """Whether the user goes along, 0 to 1; `lag_s` where the reference is played."""
        along = between(coherence, *self.coherence)
        if lag_s is not None:
            return along * between(abs(lag_s), *self.lag_s)
        if tempo is None:
            return along
        return along * between(abs(math.log2(max(tempo, 0.01))), *self.octaves)

    def range_of(self, extent: float) -> float:
        """How far the user moves, 0 to 1."""
        slope, intercept = self.range
        return _logistic(slope * extent + intercept)

    def hold_of(self, moves: float, apart: float) -> tuple[float, float]:
        """Timing and range of one who holds: how still, and how near the posture; 0 to 1."""
        return between(moves, self.unsteady, 0.0), between(apart, *self.held)

    def score(self, components: Components) -> float:
        """The score, 0 to 100."""
        timing, range_ = self.powers
        in_time = max(components.timing, LEAST_TIMING)
        grade = math.pow(in_time, timing) * math.pow(components.range, range_)
        return 100 * components.movement * grade


def between(value: float, low: float, high: float) -> float:
    """0 at `low` and 1 at `high`, straight in between, no more beyond; `low` may be the larger."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-min(max(value, -60.0), 60.0)))
