"""Is this the reference's exercise? Four comparisons, each fooled by something else.

- the class posteriors of the two (Bhattacharyya coefficient): good where Kinetics knows the
  exercise, blind where it does not;
- the embeddings (cosine): sees any movement, but also the person and the room;
- the postures, their middle and their spread: blind to rooms, but many exercises look alike;
- the misfit of the alignment: does the user move like any part of the reference?
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from posesim.engines.base import Window
from posesim.posture import MIRRORED, WEIGHTS, Floats, Postures, shared_weights

SMOOTHING_S = 1.5  # time constant of what the windows showed


@dataclass(frozen=True)
class Likeness:
    """How alike a user and a reference are.

    Attributes:
        classes: Bhattacharyya coefficient of the class posteriors, 0 to 1.
        embedding: Cosine of the embeddings, -1 to 1.
        posture: Distance of the postures, 0 and more; 1 is as far as from stretched to folded.
        misfit: Mean distance along the alignment, 0 to 4.
    """

    classes: float
    embedding: float
    posture: float
    misfit: float


@dataclass(frozen=True)
class Habit:
    """The postures somebody takes: their middle and spread, how well they are seen; (17,) each."""

    middle: Floats
    spread: Floats
    seen: Floats

    @classmethod
    def of(cls, some: Postures) -> Habit:
        """The habit in some postures, at least one."""
        values = some.values
        return cls(np.median(values, axis=0), values.std(axis=0), some.seen.mean(axis=0))

    @property
    def mirrored(self) -> Habit:
        """With left and right exchanged."""
        return Habit(self.middle[MIRRORED], self.spread[MIRRORED], self.seen[MIRRORED])

    def distance(self, other: Habit) -> float:
        """How differently two move."""
        weights = shared_weights(self.seen, other.seen) / WEIGHTS
        apart = np.abs(self.middle - other.middle) + np.abs(self.spread - other.spread)
        return float((weights * apart).sum() / (weights * WEIGHTS).sum())


class Impression:
    """What the network's last windows showed, smoothed: one strange window does little."""

    def __init__(self) -> None:
        self._time_s = 0.0
        self.classes: np.ndarray | None = None  # posterior, (C,)
        self.embedding: np.ndarray | None = None  # (E,)

    def see(self, time_s: float, window: Window) -> None:
        """Take what the network saw up to `time_s`."""
        classes, embedding = posterior(window.logits), window.embedding
        if self.classes is not None and self.embedding is not None:
            keep = math.exp(-(time_s - self._time_s) / SMOOTHING_S)
            classes = keep * self.classes + (1 - keep) * classes
            embedding = keep * self.embedding + (1 - keep) * embedding
        self._time_s, self.classes, self.embedding = time_s, classes, embedding


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
