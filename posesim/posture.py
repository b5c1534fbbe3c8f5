"""A body's posture as numbers that do not depend on who it is, how large, or from which side.

Two kinds of numbers, both from landmarks in metres: how far a limb points up or down (the sine of
its elevation), which turning the body about the vertical does not change; and the angles of joints,
which turning it in any way does not change. Both are scaled to -1 to 1 and then weighed: legs and
trunk carry the body and count double, an angle counts for the two limbs that it is between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posesim.pose import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    Pose,
)
from posesim.updates import Part

Floats = NDArray[np.float64]

_LIMBS = (
    (LEFT_SHOULDER, LEFT_ELBOW),
    (LEFT_ELBOW, LEFT_WRIST),
    (LEFT_HIP, LEFT_KNEE),
    (LEFT_KNEE, LEFT_ANKLE),
)
_JOINTS = (
    (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
    (LEFT_ELBOW, LEFT_SHOULDER, LEFT_HIP),
    (LEFT_SHOULDER, LEFT_HIP, LEFT_KNEE),
    (LEFT_HIP, LEFT_KNEE, LEFT_ANKLE),
)
_ENDS = np.array([*_LIMBS, *(tuple(end + 1 for end in limb) for limb in _LIMBS)])  # left, right
_CORNERS = np.array([*_JOINTS, *(tuple(end + 1 for end in joint) for joint in _JOINTS)])

# A posture: 8 elevations (left upper arm, forearm, thigh, shin; the same of the right), 8 angles
# (left elbow, shoulder, hip, knee; the same of the right), the trunk's elevation.
SIZE = 17
ANGLES = slice(8, 16)
TRUNK = 16
MIRRORED = np.array([4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11, TRUNK])
WEIGHTS = np.array([1.0, 1, 2, 2, 1, 1, 2, 2, 2, 2, 4, 4, 2, 2, 4, 4, 2])
# Which number of a posture tells of which part.
PART_INDEX: dict[Part, int] = {
    "left_elbow": 8,
    "left_shoulder": 9,
    "left_hip": 10,
    "left_knee": 11,
    "right_elbow": 12,
    "right_shoulder": 13,
    "right_hip": 14,
    "right_knee": 15,
    "trunk": TRUNK,
}
_UNSEEN = 0.05  # what a limb that is never seen still counts
_SURE = 0.8  # visibility from which on a side is taken as it is


@dataclass(frozen=True)
class Postures:
    """What a body looked like at several moments.

    Attributes:
        values: (n, 17), weighed.
        seen: (n, 17), how well the landmarks behind each number were seen, 0 to 1.
    """

    values: Floats
    seen: Floats

    def __len__(self) -> int:
        return len(self.values)

    @property
    def mirrored(self) -> Postures:
        """With left and right exchanged."""
        return Postures(self.values[:, MIRRORED], self.seen[:, MIRRORED])


def of_poses(poses: Sequence[Pose]) -> Postures:
    """The postures of some poses."""
    landmarks = np.array([pose.landmarks for pose in poses]).reshape(-1, 33, 4)
    return postures(landmarks[..., 3], np.array([p.world for p in poses]).reshape(-1, 33, 3))


def postures(visibility: NDArray[np.floating], world: NDArray[np.floating]) -> Postures:
    """The postures of landmarks.

    Of a body seen from the side, the network guesses the limbs behind it. What is hardly seen is
    taken to do what the other side does.

    Args:
        visibility: (n, 33), 0 to 1.
        world: (n, 33, 3), metres; x right, y down, z away.
    """
    points = np.asarray(world, np.float64)
    shoulders = points[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=1)
    hips = points[:, [LEFT_HIP, RIGHT_HIP]].mean(axis=1)
    limbs = points[:, _ENDS[:, 1]] - points[:, _ENDS[:, 0]]  # (n, 8, 3)
    upper = points[:, _CORNERS[:, 0]] - points[:, _CORNERS[:, 1]]
    lower = points[:, _CORNERS[:, 2]] - points[:, _CORNERS[:, 1]]
    cosines = (upper * lower).sum(axis=2) / np.maximum(_length(upper) * _length(lower), 1e-9)
    angles = np.arccos(np.clip(cosines, -1, 1)) * (2 / np.pi) - 1
    trunk = _elevation((shoulders - hips)[:, None])
    values = np.concatenate([_elevation(limbs), angles, trunk], axis=1)
    torso = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
    seen = np.concatenate(
        [
            visibility[:, _ENDS].min(axis=2),
            visibility[:, _CORNERS].min(axis=2),
            visibility[:, torso].min(axis=1, keepdims=True),
        ],
        axis=1,
    ).astype(np.float64)
    other = seen[:, MIRRORED]
    own = np.clip(seen / _SURE, 0, 1)
    from_other = (1 - own) * np.minimum(other / np.maximum(seen, 1e-3), 1)
    share = own / np.maximum(own + from_other, 1e-9)
    filled = share * values + (1 - share) * values[:, MIRRORED]
    return Postures(filled * WEIGHTS, np.maximum(seen, other))


def shared_weights(seen: Floats, also_seen: Floats) -> Floats:
    """What each number counts where two bodies are compared, (17,): what both show, most."""
    return np.asarray(np.sqrt(seen * also_seen) + _UNSEEN)


def degrees(values: Floats) -> Floats:
    """The numbers of `PART_INDEX` of weighed postures (..., 17) in degrees, (..., 17).

    Angles of joints are 0 to 180, stretched is 180; elevations are -90 to 90.
    """
    plain = values / WEIGHTS
    result = np.degrees(np.arcsin(np.clip(plain, -1, 1)))
    result[..., ANGLES] = (plain[..., ANGLES] + 1) * 90
    return np.asarray(result)


def _elevation(limbs: Floats) -> Floats:
    """The sine of the elevation of vectors (n, m, 3): 1 points up, y points down."""
    return np.asarray(-limbs[..., 1] / np.maximum(_length(limbs), 1e-9))


def _length(vectors: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vectors, axis=-1))
