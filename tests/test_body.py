"""What a user did lately, measured by the reference's own movement."""

import numpy as np
import pytest
from bodies import (
    FRONT,
    Joints,
    Motion,
    View,
    held,
    left_raise,
    one_after_the_other,
    plank,
    postures,
    push_up,
    repeated,
    squat,
    standing,
)
from hypothesis import given
from hypothesis import strategies as st

from posesim.body import Body, extent
from posesim.movement import movement
from posesim.posture import Postures
from posesim.reps import Repetition

POSE_S = 0.12
SQUATS = repeated(squat, 2.0)


def body(reference: Motion = SQUATS, *, quiet: bool = False) -> Body:
    times_s = np.arange(0, 12, POSE_S)
    return Body(movement(times_s, postures(reference, times_s), quiet=quiet))


def see(
    watched: Body,
    motion: Motion,
    seconds: float = 10.0,
    view: View = FRONT,
    *,
    mirrored: bool = False,
    start_s: float = 0.0,
) -> list[Repetition]:
    """Show it a motion; return the repetitions that were told."""
    times_s = np.arange(0, seconds, POSE_S)
    seen = postures(motion, times_s, view)
    told = [
        watched.see(start_s + float(time_s), one(seen, i), mirrored)
        for i, time_s in enumerate(times_s)
    ]
    return [each for each in told if each is not None]


def one(seen: Postures, i: int) -> Postures:
    return Postures(seen.values[i : i + 1], seen.seen[i : i + 1])


# How far


@pytest.mark.parametrize(
    "view",
    [FRONT, View(turned_deg=80, hidden="left"), View(noise_m=0.005), View(size=0.8)],
    ids=["front", "side", "noise", "smaller"],
)
def test_whoever_does_the_same_goes_as_far_from_whichever_side(view):
    watched = body()
    see(watched, SQUATS, view=view)
    assert watched.extent() == pytest.approx(1, abs=0.1)


def test_the_farther_the_movement_the_larger_the_extent():
    extents = []
    for depth in (0.25, 0.5, 0.75, 1.0):
        watched = body()
        see(watched, repeated(squat, 2.0, depth=depth))
        extents.append(watched.extent())
    assert extents == sorted(extents)
    assert extents[1] < 0.6


@pytest.mark.parametrize("cycle_s", [1.5, 4.0])
def test_tempo_does_not_change_the_extent(cycle_s):
    watched = body()
    see(watched, repeated(squat, cycle_s))
    assert watched.extent() == pytest.approx(1, abs=0.1)


def test_nothing_is_said_of_the_extent_at_first():
    watched = body()
    assert watched.extent() is None
    see(watched, SQUATS, 1.5)
    assert watched.extent() is None
    see(watched, SQUATS, 4.0, start_s=1.5)
    assert watched.extent() is not None


def test_one_wrong_pose_does_nothing():
    watched, plain = body(), body()
    see(plain, SQUATS, 8.0)
    see(watched, SQUATS, 4.0)
    watched.see(4.0, postures(held(plank()), [0.0]), False)
    see(watched, SQUATS, 4.0, start_s=4.0 + POSE_S)
    assert watched.extent() == pytest.approx(plain.extent(), abs=0.05)


def test_what_was_long_ago_does_not_count():
    watched = body()
    see(watched, SQUATS, 10.0)
    see(watched, repeated(squat, depth=0.4), 15.0, start_s=10.0)
    assert watched.extent() < 0.6


def test_the_extent_of_the_references_own_way_is_1():
    assert extent(0, 1) == pytest.approx(1)


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_longer_way_has_a_larger_extent(near, length, more):
    assert extent(near, near + length) <= extent(near, near + length + more)
    assert extent(near, near + length) <= extent(near - more, near + length)


def test_of_two_ways_of_one_length_the_one_at_the_references_place_goes_farther():
    assert extent(0.0, 0.6) > extent(-0.6, 0.0)
    assert extent(0.4, 1.0) > extent(1.0, 1.6)


# Standing still


def test_whoever_stands_is_still_and_whoever_squats_is_not():
    standing_still, squatting = body(), body()
    see(standing_still, held(standing()), 5.0, View(noise_m=0.003))
    see(squatting, SQUATS, 5.0)
    assert standing_still.moves() < 0.1
    assert squatting.moves() > 0.8


def test_whoever_has_just_stopped_is_still():
    watched = body()
    see(watched, one_after_the_other((6.0, SQUATS), (0.0, held(standing()))), 9.5)
    assert watched.moves() < 0.1


def test_before_anything_was_seen_a_body_is_still():
    assert body().moves() == 0


# Repetitions


@pytest.mark.parametrize("noise_m", [0.0, 0.01])
@pytest.mark.parametrize("cycle_s", [1.2, 2.0, 3.5])
def test_planted_repetitions_are_told(cycle_s, noise_m):
    motion = repeated(squat, cycle_s, times=4, start_s=1.0)
    told = see(body(), motion, 4 * cycle_s + 2, View(noise_m=noise_m))
    assert len(told) == 4
    assert [each.depth for each in told] == pytest.approx([1] * 4, abs=0.15)


@pytest.mark.parametrize("turned", [False, True])
def test_a_mirror_image_repeats_as_often(turned):
    raises = repeated(left_raise, times=3, start_s=0.5)
    told = see(body(repeated(left_raise)), raises, 8.0, View(mirrored=turned), mirrored=turned)
    assert len(told) == 3


def test_the_other_arm_repeats_nothing():
    raises = repeated(left_raise, times=3, start_s=0.5)
    assert see(body(repeated(left_raise)), raises, 8.0, View(mirrored=True)) == []


def test_a_repetition_that_was_on_its_way_back_is_told_at_the_end():
    watched = body()
    assert see(watched, SQUATS, 1.75) == []
    last = watched.finish()
    assert last is not None
    assert last.turn_s == pytest.approx(1.0, abs=POSE_S)


def test_the_length_of_repetitions_is_that_of_the_last_ones():
    watched = body()
    assert watched.cycle_s() is None
    see(watched, SQUATS, 8.0)
    before_s = watched.cycle_s()
    see(watched, repeated(squat, 4.0), 16.0, start_s=8.0)
    assert watched.cycle_s() == pytest.approx(2 * before_s, rel=0.1)


def test_repetitions_long_ago_say_nothing_of_tempo():
    watched = body()
    see(watched, one_after_the_other((6.0, SQUATS), (0.0, held(standing()))), 25.0)
    assert watched.cycle_s() is None


# Where and how


def test_a_posture_is_known_where_a_pose_is_near():
    watched = body()
    assert watched.newest_s == -np.inf
    see(watched, SQUATS, 2.0)
    assert watched.newest_s == pytest.approx(1.92)
    known = watched.at(np.array([1.0, 1.92, 5.0]))
    assert np.isfinite(known.values).all(axis=1).tolist() == [True, True, False]
    wanted = postures(SQUATS, [1.0]).values[0]
    np.testing.assert_allclose(known.values[0], wanted, atol=0.3)


def test_before_anything_was_seen_no_posture_is_known():
    assert np.isnan(body().at(np.array([1.0])).values).all()


def test_a_habit_is_of_what_was_seen():
    watched, same = body(), body()
    assert watched.habit() is None
    see(watched, SQUATS)
    see(same, repeated(squat, 2.5))
    other = body()
    see(other, repeated(push_up))
    assert watched.habit().distance(same.habit()) < watched.habit().distance(other.habit())


@pytest.mark.parametrize("view", [FRONT, View(turned_deg=90), View(mirrored=True)])
def test_whoever_holds_the_posture_is_not_apart_from_it(view):
    watched = body(held(plank()), quiet=True)
    assert watched.apart() == np.inf
    see(watched, held(plank()), 1.0, view)
    assert watched.apart() == pytest.approx(0, abs=0.02)


def test_the_farther_from_a_held_posture_the_farther_apart():
    lean = [84.0, 70.0, 50.0, 0.0]
    apart = []
    for degrees in lean:
        watched = body(held(plank()), quiet=True)
        see(watched, held(Joints(degrees, (84, 84), (85, 85))), 1.0)
        apart.append(watched.apart())
    assert apart == sorted(apart)
    assert apart[0] < apart[1]
