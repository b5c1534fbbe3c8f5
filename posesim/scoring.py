"""From what the network saw to components, one score and a state.

Never one cosine. Three components, each 0 to 1 and each something that can be said to a person:

- movement: is this the reference's exercise? The class posteriors of the two (Bhattacharyya
  coefficient) and the embeddings (cosine) go through a logistic model, because a raw cosine of two
  different exercises is 0.6, not 0;
- timing: share of the last seconds in which the user went along the reference;
- range: how much the user's features move, over how much the reference's do.

Movement gates, the others grade: `score = 100 * movement * (floor + timing part + range part)`. The
numbers of the model and of the grading are data, in `data/calibration-*.json`, one file a backbone,
with their origin.
"""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from posesim.alignment import Place
from posesim.engines.base import Window
from posesim.presence import Hint
from posesim.references import Reference

State = Literal["no_person", "partial", "several", "still", "warming_up", "lost", "gap", "scoring"]
NOT_CALIBRATED = "not calibrated"  # where the origin of numbers says what made them
SHOWN_TOO = 0.2  # share of a reference from which on a hint is part of the exercise
SMOOTHING_S = 1.5  # time constant of the class posterior and embedding that are compared


@dataclass(frozen=True)
class Components:
    """What the score is made of, each 0 to 1."""

    movement: float
    timing: float
    range: float


@dataclass(frozen=True)
class Calibration:
    """The numbers that turn similarities into components, and components into a score.

    Attributes:
        movement: Weights of the Bhattacharyya coefficient and the cosine, and the intercept.
        timing: Coherence that counts as 0, and as 1.
        range: Ratio of movement that counts as 0, and as 1.
        parts: What of the grade is given for the movement alone, for timing, and for range; sum 1.
        still_ratio: Below this ratio of movement the user stands still.
        hold_energy: A reference that moves less than this is a hold: standing still is right.
        fitted: Whether the numbers were fitted to clips seen by this backbone. Otherwise they are
            a guess, and scores can be compared with each other at most.
    """

    movement: tuple[float, float, float]
    timing: tuple[float, float]
    range: tuple[float, float]
    parts: tuple[float, float, float]
    still_ratio: float
    hold_energy: float
    fitted: bool = True

    @classmethod
    def load(cls, backbone: str = "i3d") -> Calibration:
        """The calibration of a backbone that comes with the package."""
        file = files("posesim") / "data" / f"calibration-{backbone}.json"
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        values: dict[str, Any] = about["calibration"]
        tuples: dict[str, Any] = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        return cls(**(values | tuples), fitted=about["provenance"]["made_by"] != NOT_CALIBRATED)


def posterior(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def bhattacharyya(p: np.ndarray, q: np.ndarray) -> float:
    """The Bhattacharyya coefficient of two distributions: 1 if equal, 0 if disjoint."""
    return float(np.sqrt(p * q).sum())


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of the angle between two vectors."""
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def energy(taps: np.ndarray) -> float:
    """How much (T, D) taps move: root of the mean squared distance from their mean."""
    return float(np.sqrt(((taps - taps.mean(axis=0)) ** 2).sum(axis=1).mean()))


def typical_energy(taps: np.ndarray, window_positions: int) -> float:
    """The median energy of stretches of (T, D) taps that are as long as a window."""
    starts = range(0, max(len(taps) - window_positions, 0) + 1, window_positions // 4)
    return float(np.median([energy(taps[i : i + window_positions]) for i in starts]))


class Scorer:
    """Score one user against one reference."""

    def __init__(self, reference: Reference, calibration: Calibration) -> None:
        features = reference.features
        self._calibration = calibration
        self._posterior = posterior(features.logits).mean(axis=0)
        self._embedding = features.embeddings.mean(axis=0)
        self._shown_too = {
            hint for hint, share in reference.hint_shares.items() if share > SHOWN_TOO
        }
        taps = features.taps
        self._window = reference.settings.layout.window_positions
        self._energy = typical_energy(taps, self._window)
        self.reset()

    def reset(self) -> None:
        """Begin anew, after a gap."""
        self._taps: deque[np.ndarray] = deque(maxlen=self._window)
        self._seen: tuple[float, np.ndarray, np.ndarray] | None = None

    def see(self, time_s: float, taps: np.ndarray, window: Window | None) -> None:
        """Take what the network saw up to `time_s`: taps (n, D), and a window if there is one."""
        self._taps.extend(taps)
        if window is None:
            return
        probabilities, embedding = posterior(window.logits), window.embedding
        if self._seen is not None:
            before_s, smoothed, mean = self._seen
            keep = math.exp(-(time_s - before_s) / SMOOTHING_S)
            probabilities = keep * smoothed + (1 - keep) * probabilities
            embedding = keep * mean + (1 - keep) * embedding
        self._seen = time_s, probabilities, embedding

    def judge(
        self, place: Place | None, hint: Hint | None = None
    ) -> tuple[State, Components | None, float | None]:
        """The state now and, while it is "scoring", the components and the score 0 to 100.

        Args:
            place: Where in the reference the user is, if that is known.
            hint: What keeps the user from being judged, if anything.
        """
        if hint is not None and hint not in self._shown_too:
            return hint, None, None
        if self._seen is None or place is None or place.coherence is None:
            return "warming_up", None, None
        c = self._calibration
        ratio = energy(np.array(self._taps)) / max(self._energy, c.hold_energy)
        holds = self._energy < c.hold_energy
        if not holds and ratio < c.still_ratio:
            return "still", None, None
        _, probabilities, embedding = self._seen
        alike = (
            c.movement[0] * bhattacharyya(probabilities, self._posterior)
            + c.movement[1] * cosine(embedding, self._embedding)
            + c.movement[2]
        )
        components = Components(
            movement=1 / (1 + math.exp(-alike)),
            timing=1.0 if holds else between(place.coherence, *c.timing),
            range=1.0 if holds else between(ratio, *c.range),
        )
        grade = c.parts[0] + c.parts[1] * components.timing + c.parts[2] * components.range
        return "scoring", components, 100 * components.movement * grade


def between(value: float, low: float, high: float) -> float:
    """0 at `low` and below, 1 at `high` and above, straight in between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
