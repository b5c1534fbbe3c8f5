"""What is said of a user who follows a demonstration, both planted."""

from collections.abc import Iterable

import numpy as np
import pytest
from bodies import View, held, jumping_jack, repeated, squat, standing
from demonstrations import told
from streams import parts

from posesim.timebase import Gap
from posesim.updates import ReferenceUpdate, RepUpdate, ScoreUpdate, Update

CYCLE_S = 2.0
SQUATS = repeated(squat, CYCLE_S)
JACKS = repeated(jumping_jack, CYCLE_S)
SECONDS = 16.0
OTHER_SIDE = View(seed=5)


def scores(updates: Iterable[Update]) -> list[ScoreUpdate]:
    return [each for each in updates if isinstance(each, ScoreUpdate)]


def numbers(updates: Iterable[Update]) -> list[float]:
    return [each.score for each in scores(updates) if each.score is not None]


def references(updates: Iterable[Update]) -> list[ReferenceUpdate]:
    return [each for each in updates if isinstance(each, ReferenceUpdate)]


def late(lag_s: float):
    """Squats that begin so much later."""
    return lambda time_s: SQUATS(max(time_s - lag_s, 0.0))


def rests_after(end_s: float):
    """Squats, then standing."""
    return lambda time_s: SQUATS(min(time_s, end_s))


def test_who_does_what_is_shown_scores_high_and_is_counted():
    said = told(parts(SQUATS, SECONDS), parts(SQUATS, SECONDS, OTHER_SIDE))
    assert np.mean(numbers(said)) > 90
    counted = sum(each.valid for each in said if isinstance(each, RepUpdate))
    assert counted == pytest.approx(SECONDS / CYCLE_S, abs=1)


def test_who_does_something_else_scores_low_and_is_lost():
    jacks = parts(JACKS, SECONDS, OTHER_SIDE, kinetics_class=7)
    said = told(parts(SQUATS, SECONDS), jacks)
    assert max(numbers(said)) < 10
    assert scores(said)[-1].state == "lost"


def test_who_stands_while_something_is_shown_is_still():
    said = told(parts(SQUATS, SECONDS), parts(held(standing()), SECONDS))
    assert numbers(said) == []
    assert scores(said)[-1].state == "still"


@pytest.mark.parametrize("lag_s", [0.0, 0.5, 1.0])
def test_a_planted_lag_is_found(lag_s):
    said = told(parts(SQUATS, SECONDS), parts(late(lag_s), SECONDS, OTHER_SIDE))
    found = [each.lag_s for each in scores(said) if each.lag_s is not None]
    assert np.median(found[len(found) // 2 :]) == pytest.approx(lag_s, abs=0.2)


def test_without_a_common_clock_there_are_scores_and_no_lag():
    user = parts(SQUATS, SECONDS, OTHER_SIDE)
    said = told(parts(SQUATS, SECONDS), user, with_clock=False)
    assert np.mean(numbers(said)) > 90
    assert {each.lag_s for each in scores(said)} == {None}


@pytest.mark.parametrize("shown", [[], list(parts(held(standing()), SECONDS))])
def test_nobody_is_judged_while_no_movement_is_shown(shown):
    said = told(shown, parts(SQUATS, SECONDS))
    assert {each.state for each in scores(said)} == {"warming_up"}
    assert references(said) == []


def test_what_is_shown_is_told_once_it_is_known():
    (reference,) = references(told(parts(SQUATS, SECONDS), parts(SQUATS, SECONDS)))
    assert reference.kind == "repetitions"
    assert 0.5 * CYCLE_S < reference.cycle_s <= CYCLE_S  # the rest between two is none of it
    assert reference.t_s < 6.0


def test_after_a_gap_in_what_is_shown_it_is_learnt_anew():
    shown = [
        *parts(SQUATS, 10.0),
        Gap(10.0, 12.0, "no_frames"),
        *parts(JACKS, 12.0, start_s=12.0, kinetics_class=7),
    ]
    user = [*parts(SQUATS, 10.0), *parts(JACKS, 14.0, start_s=10.0, kinetics_class=7)]
    said = told(shown, user)
    assert len(references(said)) == 2
    learnt_s = references(said)[1].t_s
    between = [each for each in scores(said) if 12.5 < each.t_s < learnt_s]
    assert {each.state for each in between} == {"warming_up"}


def test_a_picture_that_stands_shows_no_hold():
    shown = parts(held(squat(1.0)), SECONDS, hint="frozen")
    said = told(shown, parts(held(squat(1.0)), SECONDS, OTHER_SIDE))
    assert references(said) == []
    assert {each.state for each in scores(said)} == {"warming_up"}


def test_a_posture_that_is_shown_is_held():
    shown = parts(held(squat(1.0)), SECONDS)
    said = told(shown, parts(held(squat(1.0)), SECONDS, OTHER_SIDE))
    assert [each.kind for each in references(said)] == ["hold"]
    assert np.mean(numbers(said)) > 90
    assert scores(said)[-1].lag_s is None


def test_while_the_demonstrator_rests_the_user_goes_on_and_nothing_is_late():
    shown = parts(rests_after(10.0), SECONDS)
    said = told(shown, parts(SQUATS, SECONDS, OTHER_SIDE))
    resting = [each for each in scores(said) if each.t_s > 13.5]
    assert {each.lag_s for each in resting} == {None}
    assert np.mean([each.score for each in resting]) > 90


def test_a_lag_is_found_though_what_is_shown_comes_half_a_second_late():
    user = parts(late(1.0), SECONDS, OTHER_SIDE)
    said = told(parts(SQUATS, SECONDS), user, late_s=0.5)
    found = [each.lag_s for each in scores(said) if each.lag_s is not None]
    assert np.median(found[len(found) // 2 :]) == pytest.approx(1.0, abs=0.2)


def test_another_exercise_without_a_rest_is_expected_of_users_after_a_while():
    def both(view: View):
        yield from parts(SQUATS, 12.0, view)
        yield from parts(JACKS, 16.0, view, start_s=12.0, kinetics_class=7)

    said = told(both(View(seed=9)), both(OTHER_SIDE))
    assert np.mean([e.score for e in scores(said)[-5:]]) > 90
    assert np.mean([e.score for e in scores(said) if 8.0 < e.t_s < 11.0]) > 90
