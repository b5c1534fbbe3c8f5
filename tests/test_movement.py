"""What a reference repeats, or holds, is found in its postures alone."""

import numpy as np
import pytest
from bodies import (
    FRONT,
    Joints,
    Motion,
    View,
    held,
    jumping_jack,
    left_raise,
    one_after_the_other,
    plank,
    postures,
    push_up,
    repeated,
    squat,
    standing,
    wandering,
)

from posesim.movement import Movement, movement, smoothed
from posesim.posture import SIZE

EXERCISES = (squat, push_up, jumping_jack, left_raise)
POSE_S = 0.12


def found(
    motion: Motion, seconds: float = 12.0, view: View = FRONT, *, quiet: bool = False
) -> Movement:
    times_s = np.arange(0, seconds, POSE_S)
    return movement(times_s, postures(motion, times_s, view), quiet=quiet)


@pytest.mark.parametrize(
    "view",
    [FRONT, View(turned_deg=90, hidden="right"), View(noise_m=0.01), View(mirrored=True)],
    ids=["front", "side", "noise", "mirrored"],
)
@pytest.mark.parametrize("cycle_s", [1.5, 3.0])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_planted_repetitions_are_counted(exercise, cycle_s, view):
    if exercise is left_raise and view.hidden:
        view = View(turned_deg=90)  # the arm that moves must be seen
    moves = found(repeated(exercise, cycle_s, times=4, start_s=1.0), 14.0, view)
    assert moves.kind == "repetitions"
    assert len(moves.cycles) == 4


@pytest.mark.parametrize("times", [0.75, 1.5, 2.0])
def test_the_length_of_a_repetition_goes_with_its_tempo(times):
    planted_s = found(repeated(squat, 2.0), 14.0).cycle_s
    slower_s = found(repeated(squat, 2.0 * times), 14.0).cycle_s
    assert slower_s == pytest.approx(planted_s * times, rel=0.06)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_way_is_0_where_it_rests_and_1_where_it_turns(exercise):
    moves = found(repeated(exercise, 2.0, rest_s=1.0))
    ends = postures(exercise, [0.0, 0.5, 1.0])
    start, middle, turn = moves.along(ends)
    assert (start, turn) == pytest.approx((0, 1), abs=0.1)
    assert 0.2 < middle < 0.8


def test_the_way_begins_where_it_rests_even_if_that_is_low():
    moves = found(repeated(lambda depth: squat(1 - depth), 2.0, rest_s=1.5))
    crouched, upright = moves.along(postures(squat, [1.0, 0.0]))
    assert (crouched, upright) == pytest.approx((0, 1), abs=0.1)


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("turned_deg", [60, 180])
def test_along_the_way_a_user_is_as_far_from_whichever_side(exercise, turned_deg):
    moves = found(repeated(exercise))
    times_s = np.arange(0, 4, POSE_S)
    turned = postures(repeated(exercise), times_s, View(turned_deg=turned_deg, size=0.8))
    plain = postures(repeated(exercise), times_s)
    np.testing.assert_allclose(moves.along(turned), moves.along(plain), atol=0.01)


@pytest.mark.parametrize("depth", [0.3, 0.6])
def test_along_the_way_less_movement_goes_less_far(depth):
    moves = found(repeated(squat))
    along = moves.along(postures(repeated(squat, depth=depth), np.arange(0, 4, POSE_S)))
    assert np.ptp(along) == pytest.approx(depth, abs=0.12)


def test_lying_down_first_does_not_hide_the_repetitions():
    lying_down = one_after_the_other(
        (2.0, held(standing())), (10.0, repeated(push_up, 2.0)), (0.0, held(standing()))
    )
    moves = found(lying_down, 13.0)
    assert moves.kind == "repetitions"
    assert len(moves.cycles) == pytest.approx(5, abs=1)
    start, turn = moves.along(postures(push_up, [0.0, 1.0]))
    assert abs(turn - start) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("posture", [plank(), squat(0.9), Joints(shoulders=(90, 90))])
def test_a_body_that_hardly_moves_in_a_picture_that_hardly_changes_holds(posture):
    moves = found(held(posture), view=View(noise_m=0.003), quiet=True)
    assert moves.kind == "hold"
    wanted = postures(held(posture), [0.0]).values[0]
    np.testing.assert_allclose(moves.held, wanted, atol=0.2)


def test_a_body_that_hardly_moves_in_a_picture_that_changes_holds_nothing():
    assert found(held(plank()), view=View(noise_m=0.003), quiet=False).kind != "hold"


def test_a_body_that_moves_holds_nothing_in_however_quiet_a_picture():
    assert found(repeated(squat), quiet=True).kind == "repetitions"


def test_going_one_way_once_is_a_routine():
    moves = found(lambda time_s: squat(min(time_s / 8, 1.0)))
    assert (moves.kind, moves.cycles, moves.cycle_s) == ("routine", (), None)


def test_landmarks_that_jitter_are_no_repetitions():
    assert found(held(standing()), view=View(noise_m=0.005)).cycles == ()


@pytest.mark.parametrize("seconds", [0.1, 0.3, 20.0])
def test_any_movement_has_a_way_of_some_length(seconds):
    moves = found(wandering(), seconds)
    assert moves.amplitude > 0
    assert np.linalg.norm(moves.axis) == pytest.approx(1)
    assert np.isfinite(moves.along(postures(wandering(), [0.0]))).all()


def test_one_posture_alone_is_a_routine_that_repeats_nothing():
    moves = movement(np.zeros(1), postures(held(standing()), [0.0]), quiet=True)
    assert (moves.kind, moves.cycles) == ("routine", ())


def test_a_single_strange_row_is_smoothed_away():
    rows = np.zeros((7, SIZE))
    rows[3] = 9
    assert (smoothed(rows) == 0).all()


def test_smoothing_leaves_what_rises_steadily():
    rows = np.arange(6.0)[:, None] * np.ones(SIZE)
    np.testing.assert_array_equal(smoothed(rows), rows)
