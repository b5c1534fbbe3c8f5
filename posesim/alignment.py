"""Where in the reference is the user now: alignment of two tap sequences, online.

Each side is compressed and centred on its own mean first, so that what remains is the movement and
not the person or the room. The path through the reference is then followed by dynamic programming
one position at a time, as in online subsequence dynamic time warping (M. Müller, Information
Retrieval for Music and Motion, 2007, chapter 4), with one more step: a jump to anywhere at a fixed
price, by which loops, restarts and mistakes are survived.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

STEP_PENALTY = 0.05  # for staying at a reference position, or passing over one
JUMP_PENALTY = 0.5  # for going anywhere else
MEMORY_S = 30.0  # how far back the user's mean reaches
BELIEF_S = 8.0  # how far back it counts whether the user fits better as seen or mirrored
CLEARLY = 0.97  # a mirror image must fit better by so much, or the two would take turns
RECENT_S = 4.0  # what tempo and coherence are taken from


@dataclass(frozen=True)
class Place:
    """Where the user is in the reference.

    Attributes:
        index: The reference position, 0 to M - 1.
        tempo: The user's speed over the reference's, in the last 4 s; 0 to 2. None before 1 s.
        coherence: Share of the last steps that went on along the reference, at any speed that can
            be followed, without a jump; 0 to 1. None before 1 s.
        mirrored: Whether the user moves as the reference's mirror image.
    """

    index: int
    tempo: float | None
    coherence: float | None
    mirrored: bool = False


class Follower:
    """Follow a reference with a user's taps, who may be its mirror image.

    Who faces the trainer moves the other arm, and who was filmed from the other side faces the
    other way. So two paths are followed, for the user as seen and mirrored, and the one that has
    lately fitted better is believed.

    Args:
        reference: Taps of the reference, (M, D), M at least 1.
        position_s: Seconds from one tap to the next, on both sides.
        tap_grid: A tap is channels on a grid of so many cells each way; 1 has no mirror image.

    Raises:
        ValueError: If `reference` is not a non-empty matrix.
    """

    def __init__(self, reference: np.ndarray, position_s: float, tap_grid: int = 1) -> None:
        if reference.ndim != 2 or len(reference) == 0:
            raise ValueError(f"reference must be (M, D) with M >= 1, got {reference.shape}")
        compressed = root(reference)
        self._reference = unit(compressed - compressed.mean(axis=0))  # (M, D)
        self._mean = np.zeros(reference.shape[1], np.float64)
        self._count = 0
        self._grid = tap_grid
        self._paths = (_Path(len(reference)), _Path(len(reference)))  # as seen, mirrored
        self._keep = math.exp(-position_s / BELIEF_S)
        self._index: int | None = None
        self._memory = round(MEMORY_S / position_s)  # positions, as below
        self._recent = round(RECENT_S / position_s)
        self._steps: deque[int | None] = deque(maxlen=self._recent)  # None: a jump

    def push(self, tap: np.ndarray) -> Place:
        """Take the user's next tap, (D,); return where it is."""
        self._count = min(self._count + 1, self._memory)
        tap = root(tap)
        self._mean += (tap - self._mean) / self._count
        moved = unit((tap - self._mean)[None])[0]
        for path, seen in zip(self._paths, (moved, mirrored(moved, self._grid)), strict=True):
            path.go_on(1 - self._reference @ seen, self._keep)
        seen_as_is, turned = self._paths
        best = turned if turned.misfit < CLEARLY * seen_as_is.misfit else seen_as_is
        if self._index is not None:
            step = best.index - self._index
            self._steps.append(step if 0 <= step <= 2 else None)
        self._index = best.index
        return Place(best.index, *self._pace(), mirrored=best is turned)

    def _pace(self) -> tuple[float | None, float | None]:
        if len(self._steps) < self._recent // 4:
            return None, None
        kept = [step for step in self._steps if step is not None]
        forward = sum(step > 0 for step in kept)
        return (sum(kept) / len(kept) if kept else None), forward / len(self._steps)


class _Path:
    """The cheapest path to each position of a reference, and how badly the best one fits."""

    def __init__(self, positions: int) -> None:
        self._cost = np.zeros(positions)  # of the best path that ends at each position
        self.index = 0  # where the cheapest of them ends
        self.misfit = 0.0  # the distances along it, the older the less

    def go_on(self, distances: np.ndarray, keep: float) -> None:
        """Take the next position's distances to the reference, (M,), each 0 to 2."""
        self._cost = distances + cheapest_step(self._cost)
        self._cost -= self._cost.min()
        self.index = int(self._cost.argmin())
        self.misfit = keep * self.misfit + float(distances[self.index])


def cheapest_step(cost: np.ndarray) -> np.ndarray:
    """For each reference position, the cheapest way to come to it.

    From the position before it; for a penalty, from itself or from two before; for a larger one,
    from anywhere.
    """
    one = np.concatenate([[np.inf], cost[:-1]])
    two = np.concatenate([[np.inf, np.inf], cost[:-2]])[: len(cost)]
    penalised = np.minimum(cost, two) + STEP_PENALTY
    return np.asarray(np.minimum(np.minimum(one, penalised), cost.min() + JUMP_PENALTY))


def mirrored(tap: np.ndarray, grid: int) -> np.ndarray:
    """A tap (D,) of a grid of cells, channels last, with left and right exchanged."""
    return tap.reshape(grid, grid, -1)[:, ::-1].reshape(-1)


def root(taps: np.ndarray) -> np.ndarray:
    """The root of each value, its sign kept: a few large values otherwise outweigh all others.

    Source: F. Perronnin et al., Improving the Fisher Kernel for Large-Scale Image Classification
    (ECCV 2010), "power normalization".
    """
    return np.asarray(np.sign(taps) * np.sqrt(np.abs(taps)))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9))
