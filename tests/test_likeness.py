"""How alike two who move are, by each of the four comparisons."""

import numpy as np
import pytest
from bodies import (
    FRONT,
    Motion,
    View,
    jumping_jack,
    left_raise,
    postures,
    push_up,
    repeated,
    squat,
)
from hypothesis import given
from hypothesis import strategies as st

from posesim.engines.base import Window
from posesim.likeness import (
    SMOOTHING_S,
    Habit,
    Impression,
    bhattacharyya,
    cosine,
    energy,
    posterior,
    typical_energy,
)
from posesim.posture import SIZE, Postures

EXERCISES = (squat, push_up, jumping_jack, left_raise)
LOGITS = st.lists(st.floats(-50, 50), min_size=3, max_size=3).map(np.array)


def habit(motion: Motion, view: View = FRONT) -> Habit:
    return Habit.of(postures(motion, np.arange(0, 8, 0.12), view))


def window(kinetics_class: int) -> Window:
    one = np.eye(10, dtype=np.float32)[kinetics_class]
    return Window(one, 10 * one)


# Habits


@pytest.mark.parametrize(
    "view",
    [FRONT, View(turned_deg=90), View(size=0.7), View(noise_m=0.005)],
    ids=["same", "turned", "smaller", "noise"],
)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_whoever_does_the_same_has_the_same_habit(exercise, view):
    assert habit(repeated(exercise), view).distance(habit(repeated(exercise))) < 0.05


@pytest.mark.parametrize("cycle_s", [1.2, 4.0])
def test_a_habit_hardly_depends_on_tempo(cycle_s):
    assert habit(repeated(squat, cycle_s)).distance(habit(repeated(squat))) < 0.2


@pytest.mark.parametrize("user", EXERCISES)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_another_exercise_is_farther_than_the_same_one_seen_from_the_side(exercise, user):
    reference = habit(repeated(exercise))
    same = habit(repeated(exercise, 2.5), View(turned_deg=90, hidden="left", noise_m=0.005))
    other = habit(repeated(user, 2.5))
    if user is not exercise and exercise is not left_raise:
        assert reference.distance(other) > reference.distance(same)


def test_the_farther_from_the_whole_movement_the_farther_the_habit():
    whole = habit(repeated(squat))
    apart = [whole.distance(habit(repeated(squat, depth=d))) for d in (1.0, 0.8, 0.5, 0.2)]
    assert apart == sorted(apart)


@pytest.mark.parametrize("exercise", [jumping_jack, left_raise])
def test_a_distance_is_the_same_both_ways(exercise):
    one, other = habit(repeated(squat)), habit(repeated(exercise))
    assert one.distance(other) == pytest.approx(other.distance(one))


def test_a_mirror_image_has_the_mirrored_habit():
    plain, turned = habit(repeated(left_raise)), habit(repeated(left_raise), View(mirrored=True))
    assert plain.distance(turned) > 0.1
    assert plain.mirrored.distance(turned) < 0.01


def test_what_is_not_seen_hardly_counts():
    values = np.zeros((5, SIZE))
    other = values.copy()
    other[:, 0] = 1
    unseen = np.ones((5, SIZE))
    unseen[:, 0] = 0
    reference = Habit.of(Postures(values, np.ones((5, SIZE))))
    seen_well = Habit.of(Postures(other, np.ones((5, SIZE))))
    seen_badly = Habit.of(Postures(other, unseen))
    assert reference.distance(seen_badly) < 0.2 * reference.distance(seen_well)


# Windows


def test_an_impression_begins_with_what_was_seen_first():
    shown = Impression()
    assert shown.classes is None
    shown.see(3.0, window(2))
    assert shown.classes is not None
    assert shown.classes.argmax() == 2
    assert shown.embedding is not None
    assert shown.embedding[2] == 1


def test_one_strange_window_is_smoothed_away():
    shown = Impression()
    shown.see(3.0, window(2))
    shown.see(3.32, window(7))
    assert shown.classes is not None
    assert shown.classes.argmax() == 2


def test_what_is_shown_for_long_is_believed():
    shown = Impression()
    shown.see(3.0, window(2))
    for n in range(20):
        shown.see(3.32 + 0.32 * n, window(7))
    assert shown.classes is not None
    assert shown.classes[7] > 0.95
    assert shown.classes.sum() == pytest.approx(1)


@pytest.mark.parametrize("between_s", [0.32, 1.28])
def test_how_often_the_tail_runs_does_not_change_how_fast_it_is_believed(between_s):
    shown = Impression()
    shown.see(0.0, window(2))
    for time_s in np.arange(between_s, 1.29, between_s):
        shown.see(float(time_s), window(7))
    assert shown.classes is not None
    assert shown.classes[7] == pytest.approx(1 - np.exp(-1.28 / SMOOTHING_S), abs=0.02)


# Distributions and vectors


@given(LOGITS, LOGITS)
def test_the_bhattacharyya_coefficient_is_from_0_to_1_and_1_for_the_same(first, second):
    p, q = posterior(first), posterior(second)
    assert 0 <= bhattacharyya(p, q) <= 1 + 1e-9
    assert bhattacharyya(p, p) == pytest.approx(1)


def test_the_bhattacharyya_coefficient_of_disjoint_distributions_is_0():
    assert bhattacharyya(np.array([0.5, 0.5, 0]), np.array([0, 0, 1.0])) == 0


def test_a_posterior_of_large_logits_is_finite_and_sums_to_1():
    p = posterior(np.array([[1000.0, 999.0, -1000.0]]))
    assert p.sum() == pytest.approx(1)
    assert p[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [([1, 0], [3, 0], 1), ([1, 0], [0, 2], 0), ([1, 1], [-2, -2], -1), ([0, 0], [1, 1], 0)],
)
def test_the_cosine_is_of_the_angle_and_0_of_nothing(a, b, expected):
    assert cosine(np.array(a, float), np.array(b, float)) == pytest.approx(expected)


def test_energy_is_the_distance_from_the_mean_and_not_from_zero():
    assert energy(np.full((5, 3), 7.0)) == 0
    assert energy(np.array([[1.0], [-1.0]]) + 100) == pytest.approx(1)


def test_the_typical_energy_is_that_of_most_windows():
    still, moving = np.zeros((200, 3)), 5 * np.sin(np.arange(40.0))[:, None] * np.ones(3)
    assert typical_energy(np.concatenate([still, moving]), 32) == 0
    assert typical_energy(np.tile(moving, (4, 1)), 32) == pytest.approx(energy(moving), rel=0.05)


def test_a_clip_shorter_than_a_window_has_an_energy():
    taps = np.array([[1.0], [-1.0]])
    assert typical_energy(taps, 32) == pytest.approx(1)
