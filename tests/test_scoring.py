"""From comparisons to components, and from components to one score."""

from dataclasses import replace
from itertools import pairwise

import pytest
from fake_engine import CALIBRATION
from hypothesis import given
from hypothesis import strategies as st

from posesim.backbones import LAYOUTS
from posesim.likeness import Likeness
from posesim.scoring import Calibration, between
from posesim.updates import Components

SHARES = st.floats(0, 1)
EXTENTS = st.floats(-1, 3)
SAME = Likeness(classes=1.0, embedding=1.0, posture=0.0, misfit=0.1)
OTHER = Likeness(classes=0.05, embedding=0.4, posture=0.7, misfit=1.9)
LIKENESSES = st.builds(Likeness, SHARES, st.floats(-1, 1), st.floats(0, 5), st.floats(0, 4))
BACKBONES = list(LAYOUTS)


def rising(values: list[float]) -> bool:
    return all(a <= b + 1e-12 for a, b in pairwise(values))


# Components


@given(LIKENESSES)
def test_movement_is_from_0_to_1(alike):
    assert 0 <= CALIBRATION.movement_of(alike) <= 1


def test_the_same_exercise_is_near_1_and_another_near_0():
    assert CALIBRATION.movement_of(SAME) > 0.9
    assert CALIBRATION.movement_of(OTHER) < 0.1


@pytest.mark.parametrize(
    ("compared", "values"),
    [
        ("classes", [0, 0.5, 1]),
        ("embedding", [-1, 0, 1]),
        ("posture", [2, 0.5, 0]),
        ("misfit", [4, 1, 0]),
    ],
)
def test_whatever_is_more_alike_is_no_less_the_same_movement(compared, values):
    calibration = replace(CALIBRATION, movement=(1.0, 1.0, -1.0, -1.0, 0.0))
    likely = [calibration.movement_of(replace(OTHER, **{compared: value})) for value in values]
    assert rising(likely)
    assert likely[0] < likely[-1]


@given(SHARES, st.none() | st.floats(0, 5), st.none() | st.floats(-10, 10))
def test_timing_is_from_0_to_1(coherence, tempo, lag_s):
    assert 0 <= CALIBRATION.timing_of(coherence, tempo, lag_s) <= 1


@given(st.lists(SHARES, min_size=2).map(sorted))
def test_timing_rises_with_coherence(coherences):
    assert rising([CALIBRATION.timing_of(each, 1.0, None) for each in coherences])


@pytest.mark.parametrize("factor", [1.5, 2.5, 4.0])
def test_timing_falls_alike_with_a_tempo_that_is_higher_or_lower(factor):
    at_tempo = CALIBRATION.timing_of(1.0, 1.0, None)
    faster, slower = (CALIBRATION.timing_of(1.0, tempo, None) for tempo in (factor, 1 / factor))
    assert faster == pytest.approx(slower)
    assert faster <= at_tempo == 1


def test_a_tempo_of_a_fourth_is_out_of_time():
    assert CALIBRATION.timing_of(1.0, 0.25, None) == 0
    assert CALIBRATION.timing_of(1.0, 0.0, None) == 0


@pytest.mark.parametrize("lag_s", [0.0, 1.2, 3.0])
def test_where_the_reference_is_played_timing_is_lag_ahead_or_behind_and_not_tempo(lag_s):
    behind, ahead = (CALIBRATION.timing_of(1.0, 4.0, lag) for lag in (lag_s, -lag_s))
    assert behind == ahead
    assert behind == between(lag_s, *CALIBRATION.lag_s)


def test_while_nothing_is_known_of_tempo_coherence_alone_counts():
    assert CALIBRATION.timing_of(1.0, None, None) == 1


@given(EXTENTS)
def test_range_is_from_0_to_1(extent):
    assert 0 <= CALIBRATION.range_of(extent) <= 1


@given(st.lists(EXTENTS, min_size=2).map(sorted))
def test_range_rises_with_how_far_the_user_goes(extents):
    assert rising([CALIBRATION.range_of(each) for each in extents])


def test_half_the_movement_is_worth_less_than_the_whole():
    assert CALIBRATION.range_of(0.5) < CALIBRATION.range_of(1.0) - 0.2


def test_whoever_holds_still_in_the_posture_gets_all_and_whoever_does_neither_nothing():
    assert CALIBRATION.hold_of(0.0, 0.0) == (1, 1)
    assert CALIBRATION.hold_of(5.0, 5.0) == (0, 0)


# The score


@given(SHARES, SHARES, SHARES)
def test_the_score_is_from_0_to_100(movement, timing, range_):
    assert 0 <= CALIBRATION.score(Components(movement, timing, range_)) <= 100 + 1e-9


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", ["movement", "range"])
def test_the_score_rises_with_each_component_from_0(name, backbone):
    calibration = Calibration.load(backbone)
    whole = Components(1.0, 1.0, 1.0)
    scores = [calibration.score(replace(whole, **{name: n / 10})) for n in range(11)]
    assert rising(scores)
    assert (scores[0], scores[-1]) == pytest.approx((0, 100))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_who_is_out_of_time_but_does_the_exercise_keeps_half_the_score(backbone):
    score = Calibration.load(backbone).score(Components(1.0, 0.0, 1.0))
    assert score == pytest.approx(50, abs=10)


# The numbers that come with the package


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_packaged_numbers_tell_the_same_exercise_from_another(backbone):
    calibration = Calibration.load(backbone)
    assert calibration.movement_of(SAME) > 0.8
    assert calibration.movement_of(OTHER) < 0.2


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_packaged_numbers_give_the_reference_itself_a_high_score(backbone):
    calibration = Calibration.load(backbone)
    components = Components(
        calibration.movement_of(SAME),
        calibration.timing_of(1.0, 1.0, None),
        calibration.range_of(1.0),
    )
    assert calibration.score(components) > 85


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_packaged_numbers_give_half_a_movement_less(backbone):
    calibration = Calibration.load(backbone)
    assert calibration.range_of(0.4) < calibration.range_of(1.0) - 0.2


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_packaged_numbers_go_the_right_way(backbone):
    calibration = Calibration.load(backbone)
    classes, embedding, posture, misfit, _ = calibration.movement
    assert min(classes, embedding, -posture, -misfit) >= 0
    assert calibration.coherence[0] < calibration.coherence[1]
    assert calibration.octaves[0] > calibration.octaves[1]
    assert calibration.lag_s[0] > calibration.lag_s[1]
    assert calibration.held[0] > calibration.held[1]
    assert min(calibration.powers) > 0
    assert 0 < calibration.still_extent < calibration.valid_range < 1


def test_only_what_was_fitted_says_so():
    assert Calibration.load("i3d").fitted
    assert not Calibration.load("i3d_r50").fitted


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0.5, 0.5), (1, 1), (9, 1), (-9, 0)])
def test_between_is_straight_and_capped(value, expected):
    assert between(value, 0, 1) == expected


@pytest.mark.parametrize(("value", "expected"), [(2, 1), (3, 0.5), (4, 0), (9, 0)])
def test_between_may_count_down(value, expected):
    assert between(value, 4, 2) == expected
