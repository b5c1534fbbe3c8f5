"""What somebody does who shows a movement: moves, holds a posture, or rests and watches.

Only the last seconds count. Who stands or sits at ease shows nothing, however long; any other
posture that is kept may be the exercise. A posture is held where neither landmarks nor the
network's taps move: a hand that taps a shoulder is seen by the network alone.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np

from posesim.body import STILL_S, STIRRING, stirred
from posesim.embedding import Features, TimedPose
from posesim.likeness import energy
from posesim.posture import TRUNK, WEIGHTS, Floats, Postures, of_poses

Doing = Literal["moves", "holds", "rests"]

LEAST_SEEN_S = 1.0  # before that nothing is said
# Elevations, as sines: 1 points up, -1 down.
UPRIGHT = 0.8  # of the trunk
HANGING = -0.6  # of upper arms: hands may be folded, or on the hips
STANDING = -0.8  # of thighs
LEVEL = 0.4  # of thighs of one who sits, up or down
SHINS_DOWN = -0.7  # of one who sits
LEGS_SEEN = 0.3  # visibility; legs that are not seen are taken to stand
_UPPER_ARMS, _THIGHS, _SHINS = [0, 4], [2, 6], [3, 7]


class Activity:
    """Follow what one person does.

    Args:
        still_energy: Taps of who is still move less, see `Calibration.hold_energy`.
        window_positions: Positions over which that is counted.
    """

    def __init__(self, still_energy: float, window_positions: int) -> None:
        self._still_energy = still_energy
        self._taps: deque[np.ndarray] = deque(maxlen=window_positions)
        self._times_s: deque[float] = deque()
        self._postures: deque[Postures] = deque()

    def see(self, part: TimedPose) -> None:
        """Take the next pose."""
        self._times_s.append(part.time_s)
        self._postures.append(of_poses([part.pose]))
        while self._times_s[0] < part.time_s - STILL_S:
            self._times_s.popleft()
            self._postures.popleft()

    def take(self, part: Features) -> Doing | None:
        """Take the next chunk; return what has been done of late, None before that is known."""
        self._taps.extend(part.taps)
        if not self._times_s or self._times_s[-1] - self._times_s[0] < LEAST_SEEN_S:
            return None
        lately = self.lately()
        if stirred(lately.values, lately.seen) >= STIRRING:
            return "moves"
        if self._times_s[-1] - self._times_s[0] < STILL_S - LEAST_SEEN_S:
            return None
        if is_at_ease(lately):
            return "rests"
        moves = len(self._taps) > 1 and energy(np.array(self._taps)) >= self._still_energy
        return "moves" if moves else "holds"

    def lately(self) -> Postures:
        """The postures of the last 2.5 s."""
        return Postures(
            np.concatenate([each.values for each in self._postures]),
            np.concatenate([each.seen for each in self._postures]),
        )


def is_at_ease(some: Postures) -> bool:
    """Whether somebody stands, kneels or sits upright with hanging arms, in the middle of some."""
    middle: Floats = np.median(some.values, axis=0) / WEIGHTS
    legs = middle[_THIGHS + _SHINS]
    if middle[TRUNK] < UPRIGHT or (middle[_UPPER_ARMS] > HANGING).any():
        return False
    if np.median(some.seen[:, _THIGHS + _SHINS]) < LEGS_SEEN:
        return True
    stands = bool((legs[:2] <= STANDING).all())
    sits = bool((np.abs(legs[:2]) <= LEVEL).all() and (legs[2:] <= SHINS_DOWN).all())
    return stands or sits
