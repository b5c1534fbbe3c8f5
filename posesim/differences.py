"""How a user's joints differ from the reference's along the alignment: estimates, by part and side.

Angles come from one camera, which knows a knee far better than a shoulder. So what is said is
rounded to tens, only of parts that both show well, and only where the difference is larger than
what nine of ten strangers show who do the same: that much is data, by joint.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np

from posesim.followed import At
from posesim.posture import MIRRORED, PART_INDEX, Floats, Postures, degrees
from posesim.updates import Difference, Part

Joint = Literal["elbow", "shoulder", "hip", "knee", "trunk"]
JOINTS: tuple[Joint, ...] = get_args(Joint)

SEEN = 0.6  # visibility from which on a part is compared
LASTING_S = 1.0  # over which the middle is taken of what is drawn
KEPT_S = 30.0  # the longest repetition that is looked back upon


@dataclass(frozen=True)
class _Moment:
    time_s: float
    apart_deg: Floats  # (parts,), above 0: more open than the reference; NaN where not comparable


class Differences:
    """Compare a user's parts with the reference's, moment by moment.

    Args:
        tolerated_deg: How far elbows, shoulders, hips, knees and the trunk may differ.
    """

    def __init__(self, tolerated_deg: tuple[float, float, float, float, float]) -> None:
        self._tolerated = np.array([tolerated_deg[JOINTS.index(joint(p))] for p in PART_INDEX])
        self._moments: deque[_Moment] = deque()

    def see(self, time_s: float, posture: Postures, reference: At, mirrored: bool) -> None:
        """Take one posture of the user, and the reference where the user then was."""
        theirs, shown = reference.degrees, reference.seen
        if mirrored:
            theirs, shown = theirs[MIRRORED], shown[MIRRORED]
        apart = degrees(posture.values[0]) - theirs
        both = np.minimum(posture.seen[0], shown) >= SEEN
        apart = np.where(both, apart, np.nan)
        self._moments.append(_Moment(time_s, apart[list(PART_INDEX.values())]))
        while self._moments[0].time_s < time_s - KEPT_S:
            self._moments.popleft()

    def now(self) -> tuple[Part, ...]:
        """The parts that differ now, the farthest first."""
        if not self._moments:
            return ()
        from_s = self._moments[-1].time_s - LASTING_S
        return tuple(each.part for each in self.between(from_s, np.inf))

    def between(self, start_s: float, end_s: float) -> tuple[Difference, ...]:
        """The parts that differed in a stretch of time, the farthest first."""
        within = [m.apart_deg for m in self._moments if start_s <= m.time_s <= end_s]
        if not within:
            return ()
        apart = np.array(within)
        known = np.isfinite(apart).mean(axis=0) >= 0.5
        middle = np.zeros(apart.shape[1])
        middle[known] = np.nanmedian(apart[:, known], axis=0)
        parts = list(PART_INDEX)
        return tuple(
            Difference(parts[i], 10 * round(float(middle[i]) / 10))
            for i in np.argsort(-np.abs(middle), kind="stable")
            if known[i] and abs(middle[i]) >= self._tolerated[i]
        )


def joint(part: Part) -> Joint:
    """A part without its side."""
    return cast(Joint, part.rsplit("_", 1)[-1])
