import numpy as np
import pytest

from posesim.pose import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    Pose,
)
from posesim.presence import Presence, is_whole


def a_pose(persons: int = 1) -> Pose:
    landmarks = np.full((33, 4), 0.5, np.float32)
    landmarks[:, 3] = 1
    return Pose(landmarks, np.zeros((33, 3), np.float32), 1.0, persons, (0.5, 0.5, 0.4))


def hidden(*joints: int) -> Pose:
    pose = a_pose()
    pose.landmarks[list(joints), 3] = 0.1
    return pose


def below(y: float, *joints: int) -> Pose:
    pose = a_pose()
    pose.landmarks[list(joints), 1] = y
    return pose


@pytest.mark.parametrize(
    "pose",
    [
        a_pose(),
        hidden(RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_HIP, RIGHT_KNEE),  # from the side
        hidden(LEFT_ELBOW, RIGHT_ELBOW),
        below(1.5, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE),
        below(1.05, LEFT_HIP, RIGHT_HIP),
    ],
)
def test_enough_of_a_body_is_whole(pose):
    assert is_whole(pose)


@pytest.mark.parametrize(
    "pose",
    [
        hidden(LEFT_SHOULDER, RIGHT_SHOULDER),
        hidden(LEFT_HIP, RIGHT_HIP),
        hidden(LEFT_ELBOW, RIGHT_ELBOW, LEFT_KNEE, RIGHT_KNEE),
        below(1.4, LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE),  # at a desk
        below(-0.01, LEFT_SHOULDER, RIGHT_SHOULDER),
    ],
)
def test_too_little_of_a_body_is_not(pose):
    assert not is_whole(pose)


@pytest.mark.parametrize(
    ("pose", "hint"),
    [(None, "no_person"), (a_pose(persons=2), "several"), (hidden(LEFT_HIP, RIGHT_HIP), "partial")],
)
def test_what_is_so_for_half_a_second_is_said_and_unsaid(pose, hint):
    presence = Presence()
    times_s = np.arange(20) * 0.1
    said = [presence.update(t, pose if 0.5 <= t < 1.25 else a_pose()) for t in times_s]
    expected = [hint if 0.95 < t < 1.75 else None for t in times_s]
    assert said == expected


def test_what_flickers_is_not_said():
    presence = Presence()
    said = {presence.update(n * 0.1, None if n % 4 else a_pose()) for n in range(40)}
    assert said == {None}


def test_a_reset_forgets():
    presence = Presence()
    for n in range(10):
        presence.update(n * 0.1, None)
    presence.reset()
    assert presence.update(1.0, None) is None
