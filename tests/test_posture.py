"""A posture is the same whoever takes it, and from wherever it is seen."""

from dataclasses import replace

import numpy as np
import pytest
from bodies import (
    FRONT,
    Joints,
    View,
    jumping_jack,
    left_raise,
    pose,
    push_up,
    squat,
    standing,
)
from hypothesis import given
from hypothesis import strategies as st

from posesim.posture import PART_INDEX, SIZE, WEIGHTS, Postures, degrees, of_poses

ANGLES = st.floats(0, 150)
PAIRS = st.tuples(ANGLES, ANGLES)
ANY_JOINTS = st.builds(
    Joints, st.floats(0, 90), PAIRS, PAIRS, PAIRS, PAIRS, st.floats(0, 90), st.floats(0, 90)
)


def posture(joints: Joints, view: View = FRONT) -> Postures:
    return of_poses([pose(joints, view)])


def part_degrees(joints: Joints, view: View = FRONT) -> dict[str, float]:
    values = degrees(posture(joints, view).values)[0]
    return {part: float(values[index]) for part, index in PART_INDEX.items()}


@given(ANY_JOINTS, st.floats(-180, 180), st.floats(0.5, 1.5))
def test_turning_about_the_vertical_and_growing_change_nothing(joints, turned_deg, size):
    seen = posture(joints, View(turned_deg=turned_deg, size=size))
    np.testing.assert_allclose(seen.values, posture(joints).values, atol=0.02)


@given(ANY_JOINTS)
def test_a_mirror_image_is_the_posture_with_left_and_right_exchanged(joints):
    seen = posture(joints, View(mirrored=True))
    np.testing.assert_allclose(seen.values, posture(joints).mirrored.values, atol=0.02)


@given(ANY_JOINTS)
def test_no_number_is_larger_than_its_weight(joints):
    assert (np.abs(posture(joints).values) <= WEIGHTS + 1e-6).all()


def test_mirroring_twice_changes_nothing():
    seen = posture(left_raise(1))
    np.testing.assert_array_equal(seen.mirrored.mirrored.values, seen.values)
    assert not np.allclose(seen.mirrored.values, seen.values)


@pytest.mark.parametrize("turned_deg", [0, 50, -90])
@pytest.mark.parametrize(
    ("joints", "part", "angle_deg"),
    [
        (Joints(knees=(120, 0)), "left_knee", 60),
        (Joints(knees=(120, 0)), "right_knee", 180),
        (Joints(knees=(0, 30)), "right_knee", 150),
        (Joints(elbows=(90, 0)), "left_elbow", 90),
        (Joints(elbows=(0, 45)), "right_elbow", 135),
        (Joints(), "trunk", 90),
        (Joints(lean=90), "trunk", 0),
        (Joints(lean=60), "trunk", 30),
    ],
)
def test_a_planted_angle_is_read(joints, part, angle_deg, turned_deg):
    read_deg = part_degrees(joints, View(turned_deg=turned_deg))[part]
    assert read_deg == pytest.approx(angle_deg, abs=0.5)


@pytest.mark.parametrize("part", ["left_hip", "right_hip"])
def test_hips_close_as_they_bend(part):
    bent = [part_degrees(Joints(hips=(angle, angle)))[part] for angle in (0, 30, 60, 90)]
    assert bent == sorted(bent, reverse=True)
    assert bent[0] - bent[-1] == pytest.approx(80, abs=10)


@pytest.mark.parametrize("exercise", [squat, push_up, jumping_jack])
@pytest.mark.parametrize("hidden", ["left", "right"])
def test_a_side_that_is_hardly_seen_is_taken_to_do_what_the_other_does(exercise, hidden):
    seen = posture(exercise(1), View(turned_deg=90, hidden=hidden))
    whole = posture(exercise(1))
    both_sides = slice(0, SIZE - 1)  # the trunk has none
    apart = np.abs(seen.values - whole.values)[0, both_sides] / WEIGHTS[both_sides]
    assert apart.max() < 0.15
    assert seen.seen[0, both_sides].min() > 0.9


def test_sides_that_are_both_seen_well_are_not_mixed():
    angles = part_degrees(left_raise(1))
    assert angles["left_shoulder"] > 150
    assert angles["right_shoulder"] < 20


def test_of_a_body_that_is_not_seen_at_all_nothing_is_infinite():
    seen = pose(standing())
    landmarks = seen.landmarks.copy()
    landmarks[:, 3] = 0
    of_it = of_poses([replace(seen, landmarks=landmarks, world=np.zeros_like(seen.world))])
    assert np.isfinite(of_it.values).all()
    assert (of_it.seen == 0).all()


def test_no_poses_are_no_postures():
    assert len(of_poses([])) == 0
