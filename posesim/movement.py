"""What a reference's movement is: the way that its body goes to and fro, how far, how often.

All of it is computed from the reference alone, so that it works for an exercise that nobody has
seen before. The way is one direction in the space of postures, found by a principal component
analysis that looks at local movement (a one-off change of place counts little) and gives every
moment the same say. Along it, repetitions are the turns of a zigzag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from posesim.posture import Floats, Postures
from posesim.reps import HEIGHT, Repetition, count
from posesim.turns import find_turns

Kind = Literal["repetitions", "hold", "routine"]

LOCAL_S = 4.0  # a movement is what differs from the mean of so long a time
LEAST_AMPLITUDE = 0.5  # in weighed posture: below it, landmarks' jitter looks like movement
UNSEEN = 0.02  # what a limb that is never seen still counts
HELD_SPEED = 0.5  # weighed posture per second; a body that moves less, most of the time, holds
LEAST_DEPTH = 0.5  # of the amplitude; a smaller cycle is jitter
NEAR = 0.25  # of the amplitude: so near an end it rests there
STROKE_S = 1.0  # over which speed is taken
SAME_WAY = 0.7  # cosine from which on two ways are one


@dataclass(frozen=True)
class Movement:
    """A reference's movement.

    Attributes:
        kind: Whether it repeats something, holds a posture, or does one thing after the other.
        weights: (17,), how well each number of its postures was seen.
        axis: (17,), unit length: the way, for postures times `weights`.
        amplitude: How far it goes along the way, from turn to turn.
        near, far: The levels between which it goes, `near` where it rests and begins.
        cycles: Its repetitions, whole ones.
        held: (17,), the posture that it holds; its middle, where it moves.
    """

    kind: Kind
    weights: Floats
    axis: Floats
    amplitude: float
    near: float
    far: float
    cycles: tuple[Repetition, ...]
    held: Floats

    def along(self, seen: Postures) -> Floats:
        """How far postures are along the way, 0 where it begins and 1 where it turns, (n,)."""
        levels = (seen.values * self.weights) @ self.axis
        return np.asarray((levels - self.near) / (self.far - self.near))

    @property
    def cycle_s(self) -> float | None:
        """How long a repetition takes, from leaving to being back; None without one."""
        lengths = [cycle.end_s - cycle.start_s for cycle in self.cycles]
        return float(np.median(lengths)) if lengths else None


def movement(
    poses_s: np.ndarray, seen: Postures, *, quiet: bool, before: Movement | None = None
) -> Movement:
    """Find the movement in a reference's postures.

    Args:
        poses_s: When each posture was, (n,).
        seen: The postures, n of them, at least one.
        quiet: Whether the picture hardly changes either: a hand that taps a shoulder moves no
            landmark much, but is seen by the network.
        before: What was known of the same body a moment ago. If it goes the same way still, the
            same end is the one at which it begins.
    """
    smooth = smoothed(seen.values)
    weights = seen.seen.mean(axis=0) + UNSEEN
    axis = _axis(poses_s, smooth, weights)
    levels = (smooth * weights) @ axis
    low, high = (float(level) for level in np.percentile(levels, (3, 97)))
    amplitude = max(_local_range(poses_s, levels), LEAST_AMPLITUDE)
    turns = find_turns(poses_s, levels, HEIGHT * amplitude)
    for _ in range(3):
        ways = np.abs(np.diff([turn.level for turn in turns]))
        if len(ways) < 2:
            break
        amplitude = max(float(np.median(ways)), LEAST_AMPLITUDE)
        turns = find_turns(poses_s, levels, HEIGHT * amplitude)
    lows = [turn.level for turn in turns if turn.side < 0]
    highs = [turn.level for turn in turns if turn.side > 0]
    low = float(np.median(lows)) if lows else low
    high = max(float(np.median(highs)) if highs else high, low + LEAST_AMPLITUDE)
    rests_low = np.mean(levels <= low + NEAR * amplitude)
    rests_high = np.mean(levels >= high - NEAR * amplitude)
    near, far = (low, high) if rests_low >= rests_high else (high, low)
    if before is not None and _turns_round(before, axis * weights * (far - near)):
        near, far = far, near
    along = (levels - near) / (far - near)
    cycles = tuple(c for c in count(list(poses_s), list(along)) if c.depth >= LEAST_DEPTH)
    held = quiet and _is_held(poses_s, smooth, weights)
    # One that is cut off on its way back repeats something, too: three turns, its ends included.
    ways = np.abs(np.diff([turn.level for turn in turns]))
    returns = len(ways) >= 2 and ways.max() >= LEAST_DEPTH * abs(far - near)
    kind: Kind = "hold" if held else "repetitions" if cycles or returns else "routine"
    middle = np.median(smooth, axis=0)
    return Movement(kind, weights, axis, abs(far - near), near, far, cycles, middle)


def _turns_round(before: Movement, way: Floats) -> bool:
    """Whether a way, times its weights, leads back where the one before it led."""
    led = before.axis * before.weights * (before.far - before.near)
    lengths = float(np.linalg.norm(led) * np.linalg.norm(way))
    return float(led @ way) < -SAME_WAY * lengths


def smoothed(values: Floats) -> Floats:
    """The median of each row (n, 17) and its two neighbours."""
    if len(values) < 3:
        return values
    inner = np.median([values[:-2], values[1:-1], values[2:]], axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])


def _axis(poses_s: np.ndarray, values: Floats, weights: Floats) -> Floats:
    """The direction of the most local movement, each moment counting alike."""
    around = np.abs(poses_s[:, None] - poses_s[None]) <= LOCAL_S / 2
    whole = poses_s[-1] - poses_s[0] <= 1.5 * LOCAL_S if len(poses_s) else True
    means = values.mean(axis=0) if whole else around @ values / around.sum(axis=1, keepdims=True)
    moved = (values - means) * weights
    sizes = np.linalg.norm(moved, axis=1, keepdims=True)
    capped = moved * np.minimum(1, np.median(sizes) / np.maximum(sizes, 1e-9))
    axis = np.linalg.svd(capped, full_matrices=False)[2][0]
    return np.asarray(axis)


def _local_range(poses_s: np.ndarray, levels: Floats) -> float:
    """How far a signal usually goes within `LOCAL_S`; a one-off change of place counts little."""
    stretches = [levels[np.abs(poses_s - t) <= LOCAL_S / 2] for t in poses_s]
    return float(np.median([np.ptp(np.percentile(each, (3, 97))) for each in stretches]))


def _is_held(poses_s: np.ndarray, values: Floats, weights: Floats) -> bool:
    """Whether the body hardly moves, most of the time."""
    later = np.searchsorted(poses_s, poses_s + STROKE_S)
    there = later < len(poses_s)
    moved = (values[later[there]] - values[there]) * np.sqrt(weights)
    return bool(there.any() and np.median(np.linalg.norm(moved, axis=1)) < HELD_SPEED)
