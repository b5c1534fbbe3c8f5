"""A body whose posture is planted: angles of joints in, the 33 landmarks of MediaPipe out.

It stands on the floor in front of a camera without perspective, which sees 2.5 m.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from posesim.pose import LEFT_HIP, NOSE, Pose
from posesim.posture import Postures, of_poses

Side = Literal["left", "right"]
Pair = tuple[float, float]  # left, right

PICTURE_M = 2.5
FLOOR = 0.9  # of the picture's height
TORSO_M, UPPER_ARM_M, FOREARM_M, THIGH_M, SHIN_M = 0.5, 0.3, 0.27, 0.43, 0.43
SHOULDERS_M, HIPS_M = 0.19, 0.11  # half of their width
# Landmarks around others: on the face, at the hands, at the feet; those of the left.
FACE = {1: (0.02, 0.03), 2: (0.03, 0.03), 3: (0.04, 0.03), 7: (0.07, 0.01), 9: (0.02, -0.03)}
LEFT_OF_BODY = np.array([11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31])
SWAPPED = np.arange(33)
for _left, _right in ((1, 4), (2, 5), (3, 6), (7, 8), (9, 10), *((i, i + 1) for i in LEFT_OF_BODY)):
    SWAPPED[_left], SWAPPED[_right] = _right, _left
LEFT = np.array([1, 2, 3, 7, 9, *LEFT_OF_BODY])


@dataclass(frozen=True)
class Joints:
    """A posture, in degrees; 0 everywhere stands upright with hanging arms.

    Attributes:
        lean: Of the trunk, forwards; 90 lies face down.
        shoulders, elbows, hips, knees: How far each is bent.
        arms_sideways, legs_sideways: In which plane they are lifted: 0 forwards, 90 sideways.
    """

    lean: float = 0.0
    shoulders: Pair = (0.0, 0.0)
    elbows: Pair = (0.0, 0.0)
    hips: Pair = (0.0, 0.0)
    knees: Pair = (0.0, 0.0)
    arms_sideways: float = 0.0
    legs_sideways: float = 0.0


@dataclass(frozen=True)
class View:
    """How a body is seen.

    Attributes:
        turned_deg: About the vertical; at 0 it faces the camera, at 90 it looks to the left.
        size: Over an ordinary one's.
        hidden: The side that is hardly seen; what is behind it is guessed wrongly.
        noise_m: Standard deviation of each landmark's error.
        seed: Of the errors.
        mirrored: As its own mirror image.
    """

    turned_deg: float = 0.0
    size: float = 1.0
    hidden: Side | None = None
    noise_m: float = 0.0
    seed: int = 0
    mirrored: bool = False


FRONT = View()
Exercise = Callable[[float], Joints]  # from how far it has gone, 0 to 1
Motion = Callable[[float], Joints]  # from a time in seconds


# Exercises


def standing(depth: float = 0.0) -> Joints:
    """It does nothing."""
    return Joints()


def squat(depth: float) -> Joints:
    """At 1 the thighs are level."""
    return Joints(40 * depth, (90 * depth,) * 2, (0, 0), (130 * depth,) * 2, (120 * depth,) * 2)


def push_up(depth: float) -> Joints:
    """Face down on straight arms, which bend."""
    return Joints(72 + 14 * depth, (76 - 56 * depth,) * 2, (76 * depth,) * 2)


def plank(depth: float = 0.0) -> Joints:
    """Face down on the elbows."""
    return Joints(84, (84, 84), (85, 85))


def jumping_jack(depth: float) -> Joints:
    """At 1 the hands are above the head and the feet apart."""
    return Joints(
        shoulders=(12 + 150 * depth,) * 2,
        hips=(4 + 22 * depth,) * 2,
        arms_sideways=90,
        legs_sideways=90,
    )


def left_raise(depth: float) -> Joints:
    """The left arm goes up forwards, as far as above the head."""
    return Joints(shoulders=(165 * depth, 0))


# Motions


def repeated(
    exercise: Exercise,
    cycle_s: float = 2.0,
    *,
    depth: float = 1.0,
    times: float = math.inf,
    start_s: float = 0.0,
    rest_s: float = 0.0,
) -> Motion:
    """Go to and fro so many times, beginning at `start_s`; rest before, after, and in between."""

    def at(time_s: float) -> Joints:
        number, into_s = divmod(max(time_s - start_s, 0.0), cycle_s + rest_s)
        done = 0.0 if number >= times else min(into_s / cycle_s, 1.0)
        return exercise(depth * (1 - math.cos(2 * math.pi * done)) / 2)

    return at


def held(joints: Joints) -> Motion:
    """Keep one posture."""
    return lambda _: joints


def wandering(seed: int = 0) -> Motion:
    """Smooth movement of all joints that repeats nothing."""
    rng = np.random.default_rng(seed)
    waves_hz, phases = rng.uniform(0.15, 0.5, (2, 9)), rng.uniform(0, 2 * math.pi, (2, 9))

    def at(time_s: float) -> Joints:
        waves = np.sin(2 * math.pi * waves_hz * time_s + phases).sum(axis=0) / 2
        lean, *bent = (float(each) for each in 60 * (1 + waves))
        return Joints(
            lean / 3, (bent[0], bent[1]), (bent[2], bent[3]), (bent[4], bent[5]), (bent[6], bent[7])
        )

    return at


def one_after_the_other(*motions: tuple[float, Motion]) -> Motion:
    """Each motion for so many seconds, its own time beginning at 0; the last one goes on."""

    def at(time_s: float) -> Joints:
        for lasts_s, motion in motions[:-1]:
            if time_s < lasts_s:
                return motion(time_s)
            time_s -= lasts_s
        return motions[-1][1](time_s)

    return at


def changed(motion: Motion, change: Callable[[Joints], Joints]) -> Motion:
    """The same motion done otherwise."""
    return lambda time_s: change(motion(time_s))


# What is seen of them


def pose(joints: Joints, view: View = FRONT, rng: np.random.Generator | None = None) -> Pose:
    """What the landmark network would see."""
    points = view.size * _turned(_points(joints), view.turned_deg)
    visibility = np.full(33, 0.95)
    if view.hidden is not None:
        behind = LEFT if view.hidden == "left" else SWAPPED[LEFT]
        visibility[behind] = 0.1
        points[behind] += np.array([0.1, 0.15, -0.1])  # guessed
    if rng is not None and view.noise_m:
        points += rng.normal(scale=view.noise_m, size=points.shape)
    hips = points[[LEFT_HIP, LEFT_HIP + 1]].mean(axis=0)
    landmarks = np.empty((33, 4), np.float32)
    landmarks[:, 0] = 0.5 + points[:, 0] / PICTURE_M
    landmarks[:, 1] = FLOOR + (points[:, 1] - points[:, 1].max()) / PICTURE_M
    landmarks[:, 2] = points[:, 2] / PICTURE_M
    landmarks[:, 3] = visibility
    world = (points - hips).astype(np.float32)
    middle = landmarks[[LEFT_HIP, LEFT_HIP + 1], :2].mean(axis=0)
    radius = np.linalg.norm(landmarks[:, :2] - middle, axis=1).max()
    whole = Pose(landmarks, world, 0.99, 1, (float(middle[0]), float(middle[1]), float(radius)))
    return mirror_image(whole) if view.mirrored else whole


def mirror_image(seen: Pose) -> Pose:
    """The pose of the picture with left and right exchanged."""
    landmarks, world = seen.landmarks[SWAPPED].copy(), seen.world[SWAPPED].copy()
    landmarks[:, 0] = 1 - landmarks[:, 0]
    world[:, 0] *= -1
    x, y, radius = seen.circle
    return replace(seen, landmarks=landmarks, world=world, circle=(1 - x, y, radius))


def poses(motion: Motion, times_s: Iterable[float], view: View = FRONT) -> list[Pose]:
    """What would be seen of a motion at some times."""
    rng = np.random.default_rng(view.seed)
    return [pose(motion(float(time_s)), view, rng) for time_s in times_s]


def postures(motion: Motion, times_s: Iterable[float], view: View = FRONT) -> Postures:
    """The postures of a motion at some times."""
    return of_poses(poses(motion, times_s, view))


def _points(joints: Joints) -> np.ndarray:
    """The landmarks of an ordinary body that faces the camera, (33, 3), metres; y points down."""
    up, forwards, left = np.array([0, -1.0, 0]), np.array([0, 0, -1.0]), np.array([1.0, 0, 0])
    lean = math.radians(joints.lean)
    trunk = math.cos(lean) * up + math.sin(lean) * forwards
    chest = math.cos(lean) * forwards - math.sin(lean) * up
    points = np.zeros((33, 3))
    head = (TORSO_M + 0.2) * trunk
    points[NOSE] = head + 0.1 * chest
    for i, side in enumerate((left, -left)):
        for landmark, (across, along) in FACE.items():
            points[_of(landmark, i)] = head + across * side + along * trunk + 0.08 * chest
        arms, legs = (
            _plane(chest, side, sideways)
            for sideways in (joints.arms_sideways, joints.legs_sideways)
        )
        shoulder = TORSO_M * trunk + SHOULDERS_M * side
        bent = joints.shoulders[i]
        elbow = shoulder + UPPER_ARM_M * _limb(trunk, arms, bent)
        forearm = _limb(trunk, arms, bent + joints.elbows[i])
        wrist = elbow + FOREARM_M * forearm
        hip = HIPS_M * side
        knee = hip + THIGH_M * _limb(trunk, legs, joints.hips[i])
        shin = _limb(trunk, legs, joints.hips[i] - joints.knees[i])
        ankle = knee + SHIN_M * shin
        arm = (
            shoulder,
            elbow,
            wrist,
            *(wrist + 0.08 * forearm + d * side for d in (0.03, 0, -0.03)),
        )
        toes = np.cross(shin, left)
        leg = (hip, knee, ankle, ankle + 0.05 * shin, ankle + 0.05 * shin - 0.15 * toes)
        for landmark, point in zip(LEFT_OF_BODY, (*arm, *leg), strict=True):
            points[landmark + i] = point
    return points


def _of(left_landmark: int, side: int) -> int:
    return int(SWAPPED[left_landmark]) if side else left_landmark


def _plane(chest: np.ndarray, side: np.ndarray, sideways: float) -> np.ndarray:
    angle = math.radians(sideways)
    return math.cos(angle) * chest + math.sin(angle) * side


def _limb(trunk: np.ndarray, plane: np.ndarray, bent: float) -> np.ndarray:
    angle = math.radians(bent)
    return -math.cos(angle) * trunk + math.sin(angle) * plane


def _turned(points: np.ndarray, turned_deg: float) -> np.ndarray:
    angle = math.radians(turned_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y, z = points.T
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=1)
