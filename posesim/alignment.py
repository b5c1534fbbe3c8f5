"""Where in the reference is the user now: alignment of two tap sequences, online.

Each side is centred on its own mean first, so that what remains is the movement and not the person
or the room. The path through the reference is then followed by dynamic programming one
position at a time, as in online subsequence dynamic time warping (M. Müller, Information Retrieval
for Music and Motion, 2007, chapter 4), with one more step: a jump to anywhere at a fixed price,
by which loops, restarts and mistakes are survived.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

STEP_PENALTY = 0.05  # for staying at a reference position, or passing over one
JUMP_PENALTY = 0.5  # for going anywhere else
MEMORY_S = 30.0  # how far back the user's mean reaches
RECENT_S = 4.0  # what tempo and coherence are taken from


@dataclass(frozen=True)
class Place:
    """Where the user is in the reference.

    Attributes:
        index: The reference position, 0 to M - 1.
        tempo: The user's speed over the reference's, in the last 4 s; 0 to 2. None before 1 s.
        coherence: Share of the last steps that went on along the reference, at any speed that can
            be followed, without a jump; 0 to 1. None before 1 s.
    """

    index: int
    tempo: float | None
    coherence: float | None


class Follower:
    """Follow a reference with a user's taps.

    Args:
        reference: Taps of the reference, (M, D), M at least 1.
        position_s: Seconds from one tap to the next, on both sides.

    Raises:
        ValueError: If `reference` is not a non-empty matrix.
    """

    def __init__(self, reference: np.ndarray, position_s: float) -> None:
        if reference.ndim != 2 or len(reference) == 0:
            raise ValueError(f"reference must be (M, D) with M >= 1, got {reference.shape}")
        self._reference = unit(reference - reference.mean(axis=0))  # (M, D)
        self._mean = np.zeros(reference.shape[1], np.float64)
        self._count = 0
        self._cost = np.zeros(len(reference))  # of the best path that ends at each position
        self._index: int | None = None
        self._memory = round(MEMORY_S / position_s)  # positions, as below
        self._recent = round(RECENT_S / position_s)
        self._steps: deque[int | None] = deque(maxlen=self._recent)  # None: a jump

    def push(self, tap: np.ndarray) -> Place:
        """Take the user's next tap, (D,); return where it is."""
        self._count = min(self._count + 1, self._memory)
        self._mean += (tap - self._mean) / self._count
        distance = 1 - self._reference @ unit((tap - self._mean)[None])[0]  # (M,), 0 to 2
        self._cost = distance + cheapest_step(self._cost)
        self._cost -= self._cost.min()
        index = int(self._cost.argmin())
        if self._index is not None:
            step = index - self._index
            self._steps.append(step if 0 <= step <= 2 else None)
        self._index = index
        return Place(index, *self._pace())

    def _pace(self) -> tuple[float | None, float | None]:
        if len(self._steps) < self._recent // 4:
            return None, None
        kept = [step for step in self._steps if step is not None]
        forward = sum(step > 0 for step in kept)
        return (sum(kept) / len(kept) if kept else None), forward / len(self._steps)


def cheapest_step(cost: np.ndarray) -> np.ndarray:
    """For each reference position, the cheapest way to come to it.

    From the position before it; for a penalty, from itself or from two before; for a larger one,
    from anywhere.
    """
    one = np.concatenate([[np.inf], cost[:-1]])
    two = np.concatenate([[np.inf, np.inf], cost[:-2]])[: len(cost)]
    penalised = np.minimum(cost, two) + STEP_PENALTY
    return np.asarray(np.minimum(np.minimum(one, penalised), cost.min() + JUMP_PENALTY))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9))
