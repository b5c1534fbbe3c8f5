"""Parts that differ from the reference are named, with their side, and others are not."""

from dataclasses import replace

import numpy as np
import pytest
from bodies import FRONT, Joints, View, postures, repeated, squat, standing
from fake_engine import CALIBRATION

from posesim.differences import Differences
from posesim.followed import At
from posesim.posture import Postures, degrees
from posesim.updates import Difference, Part

STANDING = Joints()
LEFT_KNEE_BENT = Joints(knees=(60, 0))
POSE_S = 0.12
TOLERATED_DEG = CALIBRATION.tolerated_deg  # elbows, shoulders, hips, knees, trunk


def one(joints: Joints, view: View = FRONT) -> Postures:
    return postures(lambda _: joints, [0.0], view)


class Compared:
    """What differs from a reference, one posture for each of its positions."""

    def __init__(self, reference: Postures, tolerated_deg=TOLERATED_DEG) -> None:
        self._positions = [
            At(i * POSE_S, parts, seen)
            for i, (parts, seen) in enumerate(
                zip(degrees(reference.values), reference.seen, strict=True)
            )
        ]
        self._differences = Differences(tolerated_deg)

    def see(self, time_s: float, user: Postures, index: int, mirrored: bool) -> None:
        self._differences.see(time_s, user, self._positions[index], mirrored)

    def now(self) -> tuple[Part, ...]:
        return self._differences.now()

    def between(self, start_s: float, end_s: float) -> tuple[Difference, ...]:
        return self._differences.between(start_s, end_s)


def against(*reference: Joints, tolerated_deg=TOLERATED_DEG) -> Compared:
    seen = [one(joints) for joints in reference]
    values = np.concatenate([each.values for each in seen])
    together = Postures(values, np.concatenate([each.seen for each in seen]))
    return Compared(together, tolerated_deg)


def watch(
    differences: Compared,
    joints: Joints,
    *,
    seconds: float = 2.0,
    start_s: float = 0.0,
    index: int = 0,
    view: View = FRONT,
    mirrored: bool = False,
) -> None:
    for time_s in np.arange(start_s, start_s + seconds, POSE_S):
        differences.see(float(time_s), one(joints, view), index, mirrored)


def test_whoever_does_the_same_differs_in_nothing():
    differences = against(squat(0.8))
    watch(differences, squat(0.8), view=View(turned_deg=60, size=0.8, noise_m=0.005))
    assert differences.now() == ()
    assert differences.between(0, 10) == ()


def test_a_knee_bent_by_60_degrees_is_named_with_its_side():
    differences = against(STANDING)
    watch(differences, LEFT_KNEE_BENT)
    assert differences.between(0, 10)[0] == Difference("left_knee", -60)
    assert differences.now()[0] == "left_knee"


def test_a_knee_that_should_be_bent_is_more_open():
    differences = against(LEFT_KNEE_BENT)
    watch(differences, STANDING)
    assert differences.between(0, 10)[0] == Difference("left_knee", 60)


def test_of_a_mirror_image_the_users_own_side_is_named():
    differences = against(Joints(knees=(0, 60)))  # which the user does on the other side
    watch(differences, Joints(knees=(120, 0)), mirrored=True)
    assert differences.between(0, 10) == (Difference("left_knee", -60),)


@pytest.mark.parametrize("angle", [34, 38, 43, 57])
def test_degrees_are_rounded_to_tens(angle):
    differences = against(STANDING)
    watch(differences, Joints(elbows=(0, angle)))
    (only,) = differences.between(0, 10)
    assert only == Difference("right_elbow", -10 * round(angle / 10))


def test_a_small_difference_is_none():
    differences = against(STANDING)
    watch(differences, Joints(knees=(12, 0), elbows=(0, 12)))
    assert differences.between(0, 10) == ()


def test_a_leaning_trunk_is_named():
    differences = against(STANDING)
    watch(differences, Joints(lean=50))
    assert Difference("trunk", -50) in differences.between(0, 10)


def test_the_farthest_is_first():
    differences = against(STANDING)
    watch(differences, Joints(knees=(40, 70), elbows=(90, 50)))
    named = differences.between(0, 10)
    assert [each.part for each in named] == ["left_elbow", "right_knee", "right_elbow", "left_knee"]
    assert differences.now() == tuple(each.part for each in named)


@pytest.mark.parametrize("number", range(5))
def test_each_joint_has_its_own_tolerance(number):
    joints = ("elbow", "shoulder", "hip", "knee", "trunk")
    tolerated_deg = [90.0] * 5
    tolerated_deg[number] = 10.0
    differences = against(STANDING, tolerated_deg=tuple(tolerated_deg))
    watch(differences, Joints(30, (40, 40), (40, 40), (40, 40), (40, 40)))
    assert {each.part.split("_")[-1] for each in differences.between(0, 10)} == {joints[number]}


@pytest.mark.parametrize("hidden", ["reference", "user"])
def test_a_part_that_one_of_them_does_not_show_is_not_named(hidden):
    unseen = one(STANDING)
    nowhere = replace(unseen, seen=np.where(np.arange(17) == 11, 0.2, unseen.seen))  # left knee
    reference = nowhere if hidden == "reference" else unseen
    differences = Compared(reference)
    bent = one(LEFT_KNEE_BENT)
    user = replace(bent, seen=nowhere.seen) if hidden == "user" else bent
    for n in range(10):
        differences.see(n * POSE_S, user, 0, False)
    assert "left_knee" not in [each.part for each in differences.between(0, 10)]


def test_where_the_references_posture_is_not_known_nothing_differs():
    unknown = Compared(Postures(np.full((1, 17), np.nan), np.zeros((1, 17))))
    watch(unknown, LEFT_KNEE_BENT)
    assert unknown.between(0, 10) == ()
    assert unknown.now() == ()


def test_the_user_is_compared_with_the_position_where_they_are():
    differences = against(STANDING, squat(1.0))
    watch(differences, squat(1.0), index=1)
    assert differences.between(0, 10) == ()
    watch(differences, squat(1.0), index=0, start_s=20.0)
    assert differences.between(20, 30) != ()


def test_only_the_stretch_that_is_asked_for_counts():
    differences = against(STANDING)
    watch(differences, STANDING, start_s=0.0)
    watch(differences, LEFT_KNEE_BENT, start_s=2.0)
    assert differences.between(0.0, 1.9) == ()
    assert differences.between(2.0, 4.0)[0].part == "left_knee"
    assert differences.between(10.0, 12.0) == ()


def test_a_difference_for_a_moment_is_none():
    differences = against(STANDING)
    watch(differences, STANDING, seconds=1.5)
    watch(differences, LEFT_KNEE_BENT, seconds=0.3, start_s=1.5)
    assert differences.now() == ()
    assert differences.between(0, 10) == ()


def test_a_difference_that_is_over_is_no_longer_shown():
    differences = against(STANDING)
    watch(differences, LEFT_KNEE_BENT)
    assert differences.now() != ()
    watch(differences, STANDING, start_s=2.0)
    assert differences.now() == ()


def test_before_anything_was_seen_nothing_differs():
    assert against(STANDING).now() == ()
    assert against(STANDING).between(0, 10) == ()


def test_a_whole_movement_done_alike_differs_in_nothing():
    reference = postures(repeated(squat), np.arange(0, 2, POSE_S))
    differences = Compared(reference)
    for i, time_s in enumerate(np.arange(0, 2, POSE_S)):
        user = one(repeated(squat)(float(time_s)), View(turned_deg=45))
        differences.see(float(time_s), user, i, False)
    assert differences.between(0, 2) == ()


def test_whoever_bends_nothing_in_a_squat_is_told_of_hips_and_knees():
    reference = postures(repeated(squat), np.arange(0.5, 1.5, POSE_S))
    differences = Compared(reference)
    for i in range(len(reference)):
        differences.see(i * POSE_S, one(standing()), i, False)
    named = {each.part for each in differences.between(0, 2) if each.degrees > 0}
    assert {"left_hip", "right_hip", "left_knee", "right_knee"} <= named
