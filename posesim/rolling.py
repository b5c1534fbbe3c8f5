"""Alignment to a reference that goes on: positions come at its end, and old ones are forgotten.

The same filter over position and speed as of a clip, with three differences: the belief moves along
when positions are forgotten; whoever has come to the end waits there for what will be shown next;
and jumps stay in the stretch in which the user is looked for, however much is kept besides.
"""

from __future__ import annotations

import numpy as np

from posesim.alignment import (
    CHANGES,
    JUMP,
    SHARPNESS,
    SPEEDS,
    TREND,
    Band,
    Filter,
    Follower,
    Stretch,
    root,
    stepped,
    unit,
    with_trend,
)
from posesim.posture import SIZE, Floats, Postures

CENTRED_EVERY = 25  # positions; after so many new ones all are centred anew


class RollingFollower(Follower):
    """Follow a reference that goes on.

    Args:
        taps: Of its first positions, (M, D), M at least 1.
        postures: At the same positions, (M, 17); rows of NaN where unknown.
        position_s: Seconds from one position to the next, on both sides.
        tap_grid: See `Follower`.

    Raises:
        ValueError: If `taps` is not a non-empty matrix, or the lengths differ.
    """

    def __init__(
        self, taps: np.ndarray, postures: Postures, position_s: float, tap_grid: int = 1
    ) -> None:
        super().__init__(taps, postures, position_s, tap_grid)
        self._rooted = root(taps)
        self._values, self._visible = postures.values, postures.seen
        self._rolling = tuple(RollingFilter(len(taps), position_s) for _ in range(2))
        self._filters = self._rolling
        self._centre()

    def extend(self, taps: np.ndarray, postures: Postures) -> None:
        """Add positions at the end, at least one; they are centred as those before.

        So that this costs what is new, and no more, all are centred anew only now and then.
        """
        self._rooted = np.concatenate([self._rooted, root(taps)])
        self._values = np.concatenate([self._values, postures.values])
        self._visible = np.concatenate([self._visible, postures.seen])
        for each in self._rolling:
            each.extend(len(taps))
        if len(self._rooted) >= self._centred_at + CENTRED_EVERY:
            self._centre()
        else:
            self._taps = np.concatenate([self._taps, self._moved(len(taps))])
            self._postures = np.concatenate([self._postures, self._posed(len(taps))])

    def drop(self, count: int) -> None:
        """Forget the first `count` positions; at least one must be left."""
        if not 0 <= count < len(self._taps):
            raise ValueError(f"count must be 0 to {len(self._taps) - 1}, got {count}")
        if count == 0:
            return
        # Copied, or what is forgotten would stay in memory.
        self._rooted, self._taps = self._rooted[count:].copy(), self._taps[count:].copy()
        self._values, self._visible = self._values[count:], self._visible[count:]
        self._postures = self._postures[count:]
        for each in self._rolling:
            each.drop(count)
        self._centre()

    def _centre(self) -> None:
        """Centre all positions on the mean of those there are."""
        self._tap_mean = self._rooted.mean(axis=0)
        known = np.isfinite(self._values).all(axis=1)
        self._mean = self._values[known].mean(axis=0) if known.any() else np.zeros(SIZE)
        self._seen = self._visible[known].mean(axis=0) if known.any() else np.zeros(SIZE)
        self._centred_at = len(self._rooted)
        self._taps = self._moved(self._centred_at)
        self._postures = self._posed(self._centred_at)

    def _moved(self, newest: int) -> np.ndarray:
        """The newest positions' taps as they are compared, (newest, 2 D)."""
        some = self._rooted[-(newest + TREND) :] - self._tap_mean
        return unit(with_trend(some)[-newest:]).astype(np.float32)

    def _posed(self, newest: int) -> Floats:
        """The newest positions' postures as they are compared, (newest, 34)."""
        some = self._values[-(newest + TREND) :] - self._mean
        return with_trend(some)[-newest:]


class RollingFilter(Filter):
    """Belief over positions that come and go."""

    def extend(self, count: int) -> None:
        """There are `count` more positions at the end; nobody is there yet."""
        self._belief = np.pad(self._belief, ((0, 0), (0, count)))

    def drop(self, count: int) -> None:
        """The first `count` positions are forgotten."""
        belief = self._belief[:, count:]
        total = float(belief.sum())
        self._belief = belief / total if total > 0 else np.full(belief.shape, 1 / belief.size)
        self.index = max(self.index - count, 0)

    def go_on(self, distances: Floats, band: Band | Stretch | None) -> None:
        """Take the next observation's distances from each position, (M,)."""
        among = band if isinstance(band, Stretch) else Stretch(0, len(distances) - 1)
        before = CHANGES @ self._belief
        went = stepped(before)
        went[:, -1] += before.sum(axis=1) - went.sum(axis=1)  # who passed the end waits there
        went *= (1 - JUMP) / max(float(went.sum()), 1e-300)
        evenly = among.evenly(len(distances))
        likelihood = np.exp(-SHARPNESS * (distances - distances.min()))
        likelihood *= among.likely(len(distances))
        belief = (went + JUMP * evenly / len(SPEEDS)) * likelihood
        self._belief = belief / max(float(belief.sum()), 1e-300)
        self._note(distances, float((went * likelihood).sum()), float(likelihood @ evenly))
