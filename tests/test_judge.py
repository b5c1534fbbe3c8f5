"""What is said of a user whose movement, and its reference, are planted."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bodies import (
    FRONT,
    Joints,
    Motion,
    View,
    changed,
    held,
    jumping_jack,
    left_raise,
    one_after_the_other,
    plank,
    push_up,
    repeated,
    squat,
    standing,
    wandering,
)
from fake_engine import CALIBRATION
from streams import expectation, parts

from posesim.embedding import WINDOW_S, Features, Part, TimedPose
from posesim.expectation import Expectation
from posesim.judge import Judge
from posesim.scoring import Calibration
from posesim.timebase import Gap
from posesim.updates import (
    CueUpdate,
    GapUpdate,
    PoseUpdate,
    ReferenceClock,
    RepUpdate,
    ScoreUpdate,
    Update,
)

SQUATS = repeated(squat, 2.0)
JACKS = repeated(jumping_jack, 2.0)
STEADY = View(noise_m=0.001)
WARMED_UP_S = WINDOW_S + 1.5  # more than it takes until the first number
QUICK = replace(CALIBRATION, lag_s=(0.5, 0.2))  # of those who must keep in step


@cache
def squats() -> Expectation:
    return expectation(SQUATS, 12.0)


@cache
def slow_squats() -> Expectation:
    return expectation(repeated(squat, 4.0), 16.0)


@cache
def planks() -> Expectation:
    return expectation(held(plank()), 8.0, STEADY)


@cache
def raises() -> Expectation:
    return expectation(repeated(left_raise, 2.0), 12.0)


@cache
def routine() -> Expectation:
    """Down once, slowly."""
    return expectation(lambda time_s: squat(min(time_s / 10, 1.0)), 10.0)


def told(
    expected: Expectation,
    *streams: Iterable[Part],
    calibration: Calibration = CALIBRATION,
    clock: ReferenceClock | None = None,
) -> list[Update]:
    """All that is said of some streams, one after the other."""
    judge = Judge(expected, calibration)
    judge.follow(clock)
    updates = [update for stream in streams for part in stream for update in judge.take(part)]
    return updates + judge.finish()


def leaving(stream: Iterable[Part], leaves_s: float) -> Iterator[Part]:
    """A stream whose user goes away, which is said half a second later."""
    for part in stream:
        if isinstance(part, TimedPose) and part.time_s < leaves_s:
            yield part
        if isinstance(part, Features):
            yield replace(part, hint="no_person") if part.end_s > leaves_s + 0.2 else part


def scores(updates: list[Update]) -> list[ScoreUpdate]:
    return [update for update in updates if isinstance(update, ScoreUpdate)]


def numbers(updates: list[Update]) -> list[float]:
    return [update.score for update in scores(updates) if update.score is not None]


def reps(updates: list[Update]) -> list[RepUpdate]:
    return [update for update in updates if isinstance(update, RepUpdate)]


def cues(updates: list[Update]) -> list[CueUpdate]:
    return [update for update in updates if isinstance(update, CueUpdate)]


def states(updates: list[Update]) -> list[str]:
    """The states, in order, each once as long as it lasts."""
    each = [update.state for update in scores(updates)]
    return [state for i, state in enumerate(each) if i == 0 or state != each[i - 1]]


def mean_score(updates: list[Update]) -> float:
    return float(np.mean(numbers(updates)))


# Numbers


@pytest.mark.parametrize(
    "view",
    [FRONT, View(turned_deg=70, hidden="left"), View(noise_m=0.005), View(size=0.8)],
    ids=["same", "side", "noise", "smaller"],
)
def test_whoever_does_the_same_is_warmed_up_and_scored_high(view):
    updates = told(squats(), parts(SQUATS, 10.0, view))
    assert states(updates) == ["warming_up", "scoring"]
    assert mean_score(updates) > 85


@pytest.mark.parametrize("user", [SQUATS, JACKS, held(standing()), wandering(), repeated(push_up)])
def test_there_is_a_number_in_the_state_scoring_and_in_no_other(user):
    for update in scores(told(squats(), parts(user, 9.0))):
        scoring = update.state == "scoring"
        assert scoring == (update.score is not None) == (update.components is not None)


def test_the_first_number_comes_with_the_first_windows():
    updates = scores(told(squats(), parts(SQUATS, 10.0)))
    first = next(update for update in updates if update.score is not None)
    assert WINDOW_S <= first.t_s < WARMED_UP_S


def test_the_less_far_the_lower_the_score():
    depths = (1.0, 0.8, 0.6, 0.4)
    means = [mean_score(told(squats(), parts(repeated(squat, depth=d), 9.0))) for d in depths]
    assert means == sorted(means, reverse=True)
    assert means[-1] < means[0] - 30


def test_another_exercise_scores_low():
    calibration = replace(CALIBRATION, still_extent=0.0)
    updates = told(squats(), parts(JACKS, 6.0, kinetics_class=1), calibration=calibration)
    assert mean_score(updates) < 10


@pytest.mark.parametrize("cycle_s", [1.5, 3.0])
def test_tempo_is_the_users_over_the_references(cycle_s):
    updates = told(squats(), parts(repeated(squat, cycle_s), 14.0))
    assert scores(updates)[-1].tempo == pytest.approx(2.0 / cycle_s, rel=0.1)


def test_a_tempo_far_off_costs_timing():
    slow = told(squats(), parts(repeated(squat, 6.0), 15.0))
    timing = [update.components.timing for update in scores(slow) if update.components]
    assert np.mean(timing[-5:]) < 0.5


def test_a_user_is_found_where_they_are_in_the_reference():
    expected = expectation(wandering(), 16.0)
    for update in scores(told(expected, parts(wandering(), 14.0)))[5:]:
        assert update.reference_s == pytest.approx(update.t_s, abs=0.35)


@pytest.mark.parametrize("turned", [False, True])
def test_a_mirror_image_is_known_and_counted_as_well(turned):
    updates = told(raises(), parts(repeated(left_raise), 12.0, View(mirrored=turned)))
    assert scores(updates)[-1].mirrored is turned
    assert scores(updates)[-1].repetitions >= 4


@pytest.mark.parametrize("leaves_s", [6.0, 6.08, 6.2])
def test_times_never_go_back(leaves_s):
    updates = told(squats(), leaving(parts(SQUATS, 9.0), leaves_s))
    times_s = [update.t_s for update in scores(updates)]
    assert times_s == sorted(times_s)


# States


@pytest.mark.parametrize("hint", ["no_person", "partial", "several"])
def test_what_keeps_a_user_from_being_judged_is_said_in_place_of_a_number(hint):
    updates = told(squats(), parts(SQUATS, 6.0, hint=hint))
    assert states(updates) == [hint]
    assert numbers(updates) == []
    assert {update.reference_s for update in scores(updates)} == {None}


@pytest.mark.parametrize("hint", ["no_person", "partial", "several"])
def test_whoever_comes_back_is_warmed_up_anew(hint):
    updates = told(
        squats(),
        parts(SQUATS, 8.0),
        parts(SQUATS, 4.0, hint=hint, start_s=8.0),
        parts(SQUATS, 8.0, start_s=12.0),
    )
    assert states(updates) == ["warming_up", "scoring", hint, "warming_up", "scoring"]
    again = [u.t_s for u in scores(updates) if u.t_s > 12 and u.state == "scoring"]
    assert again[0] > 12 + WINDOW_S


def test_what_the_reference_shows_too_is_not_held_against_the_user():
    expected = replace(squats(), shown_too=frozenset({"partial"}))
    assert "scoring" in states(told(expected, parts(SQUATS, 8.0, hint="partial")))
    assert states(told(expected, parts(SQUATS, 8.0, hint="several"))) == ["several"]


def test_whoever_stands_still_gets_no_number():
    updates = told(squats(), parts(held(standing()), 8.0, View(noise_m=0.003)))
    assert states(updates) == ["warming_up", "still"]


def test_whoever_stops_is_still_after_a_while():
    user = one_after_the_other((8.0, SQUATS), (0.0, held(standing())))
    assert states(told(squats(), parts(user, 14.0))) == ["warming_up", "scoring", "still"]


def test_whoever_does_something_else_for_long_is_lost():
    calibration = replace(CALIBRATION, still_extent=0.0)
    updates = told(squats(), parts(JACKS, 14.0, kinetics_class=1), calibration=calibration)
    assert states(updates) == ["warming_up", "scoring", "lost"]


def test_whoever_moves_otherwise_than_the_reference_does_not_stand_still():
    assert "still" not in states(told(squats(), parts(JACKS, 10.0, kinetics_class=1)))


def test_whoever_begins_the_exercise_is_no_longer_lost():
    calibration = replace(CALIBRATION, still_extent=0.0)
    updates = told(
        squats(),
        parts(JACKS, 10.0, kinetics_class=1),
        parts(SQUATS, 10.0, start_s=10.0),
        calibration=calibration,
    )
    assert states(updates)[-2:] == ["lost", "scoring"]
    assert numbers(updates)[-1] > 80


# Repetitions


@pytest.mark.parametrize("cycle_s", [1.5, 2.5])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_planted_repetitions_are_counted(number, cycle_s):
    user = repeated(squat, cycle_s, times=number, start_s=1.0)
    updates = told(squats(), parts(user, number * cycle_s + 3.0))
    assert [rep.number for rep in reps(updates)] == list(range(1, number + 1))
    assert all(rep.valid for rep in reps(updates))


def test_a_repetition_is_told_with_its_numbers():
    third = reps(told(squats(), parts(SQUATS, 8.0)))[2]
    assert 4.0 < third.start_s < 5.0 < third.end_s < 6.0
    assert (third.range, third.tempo) == pytest.approx((1, 1), abs=0.1)
    assert third.score > 90


def test_before_the_first_number_repetitions_wait_for_it():
    updates = told(squats(), parts(repeated(squat, 1.2), 8.0))
    first_rep = next(i for i, u in enumerate(updates) if isinstance(u, RepUpdate))
    first_number = next(
        i for i, u in enumerate(updates) if isinstance(u, ScoreUpdate) and u.score is not None
    )
    assert updates[first_rep].end_s < WINDOW_S
    assert sum(isinstance(u, RepUpdate) for u in updates[first_rep:first_number]) >= 2
    assert first_rep < first_number


def test_half_repetitions_are_attempts_and_do_not_count():
    updates = told(squats(), parts(repeated(squat, depth=0.5), 8.0))
    assert len(reps(updates)) >= 3
    assert not any(rep.valid for rep in reps(updates))
    assert {update.repetitions for update in scores(updates)} == {0}
    assert all(rep.score < 60 for rep in reps(updates))


def test_the_count_of_valid_ones_goes_with_every_score():
    counts = [update.repetitions for update in scores(told(squats(), parts(SQUATS, 9.0)))]
    assert counts == sorted(counts)
    assert counts[-1] == 4


@pytest.mark.parametrize("still_extent", [0.0, CALIBRATION.still_extent])
def test_repetitions_of_another_exercise_are_not_counted(still_extent):
    calibration = replace(CALIBRATION, still_extent=still_extent)
    updates = told(squats(), parts(JACKS, 12.0, kinetics_class=1), calibration=calibration)
    assert reps(updates) == []
    assert cues(updates) == []


def test_one_on_its_way_back_is_told_at_the_end():
    updates = told(squats(), parts(SQUATS, 7.7))
    last_score = updates.index(scores(updates)[-1])
    assert len(reps(updates)) == 4
    assert len(reps(updates[last_score:])) == 1


def test_a_reference_that_repeats_nothing_counts_nothing():
    updates = told(routine(), parts(repeated(squat, 4.0), 12.0))
    assert reps(updates) == []
    assert {update.repetitions for update in scores(updates)} == {0}


def test_whoever_does_the_same_differs_in_no_part():
    updates = told(squats(), parts(SQUATS, 12.0))
    assert {rep.differences for rep in reps(updates)} == {()}
    assert cues(updates) == []


@pytest.mark.parametrize("turned", [False, True])
def test_an_arm_that_is_held_otherwise_is_named_with_the_users_side(turned):
    bent = changed(SQUATS, lambda joints: replace(joints, elbows=(80, 0)))
    updates = told(squats(), parts(bent, 12.0, View(mirrored=turned)))
    side = "right_elbow" if turned else "left_elbow"
    for rep in reps(updates)[2:]:
        assert rep.differences[0].part == side
        assert rep.differences[0].degrees == pytest.approx(-80, abs=10)


# Cues


def test_whoever_does_not_go_down_is_told_to_and_praised_when_they_do():
    user = one_after_the_other((6.0, repeated(squat, depth=0.55)), (12.0, SQUATS))
    said = [(cue.cue, cue.praise) for cue in cues(told(squats(), parts(user, 16.0)))]
    assert said == [("lower", False), ("lower", True)]


def test_whoever_does_not_come_up_is_told_to():
    user = repeated(lambda depth: squat(0.45 + 0.55 * depth))
    said = {cue.cue for cue in cues(told(squats(), parts(user, 12.0)))}
    assert "higher" in said
    assert "lower" not in said


def test_whoever_goes_too_fast_is_told_to_slow_down():
    said = [cue.cue for cue in cues(told(squats(), parts(repeated(squat, 1.0), 10.0)))]
    assert said[:1] == ["slow_down"]


# Poses


def test_every_pose_is_told_for_drawing():
    stream = list(parts(SQUATS, 4.0))
    seen = [part for part in stream if isinstance(part, TimedPose)]
    drawn = [update for update in told(squats(), stream) if isinstance(update, PoseUpdate)]
    assert [update.t_s for update in drawn] == [part.time_s for part in seen]
    for update, part in zip(drawn, seen, strict=True):
        np.testing.assert_array_equal(update.landmarks, part.pose.landmarks[:, [0, 1, 3]])


def test_a_part_that_differs_is_drawn_once_there_is_a_number():
    bent = changed(SQUATS, lambda joints: replace(joints, elbows=(0, 100)))
    updates = told(squats(), parts(bent, 10.0))
    drawn = [update for update in updates if isinstance(update, PoseUpdate)]
    assert drawn[-1].parts[0] == "right_elbow"
    assert {update.parts for update in drawn if update.t_s < WINDOW_S} == {()}


def test_of_another_exercise_no_part_is_drawn():
    updates = told(squats(), parts(JACKS, 10.0, kinetics_class=1))
    assert {update.parts for update in updates if isinstance(update, PoseUpdate)} == {()}


# A hold


def test_a_hold_is_timed_and_scored():
    updates = told(planks(), parts(held(plank()), 10.0, STEADY))
    held_s = [update.held_s for update in scores(updates)]
    assert states(updates) == ["warming_up", "scoring"]
    assert held_s[0] == 0
    assert held_s == sorted(held_s)
    assert held_s[-1] == pytest.approx(10 - WARMED_UP_S, abs=1.2)
    assert mean_score(updates) > 80


def test_a_hold_repeats_nothing():
    updates = told(planks(), parts(repeated(push_up), 10.0))
    assert reps(updates) == []


def test_whoever_leaves_the_posture_begins_to_hold_anew():
    up_and_down = one_after_the_other(
        (8.0, held(plank())), (3.0, held(standing())), (9.0, held(plank()))
    )
    held_s = [update.held_s for update in scores(told(planks(), parts(up_and_down, 20.0, STEADY)))]
    assert 0.0 in held_s[20:40]
    assert max(held_s[:25]) > 3
    assert 3 < held_s[-1] < 9.5


def test_no_time_is_held_where_the_reference_holds_nothing():
    assert {update.held_s for update in scores(told(squats(), parts(SQUATS, 5.0)))} == {None}


def test_whoever_holds_another_posture_is_not_said_to_hold():
    sagging = Joints(60, (60, 60), (85, 85), (50, 50))
    updates = scores(told(planks(), parts(held(sagging), 10.0, STEADY)))
    assert {update.held_s for update in updates} == {0.0}


def test_a_part_that_is_wrong_in_a_hold_is_told():
    knee = replace(plank(), knees=(60, 0))
    said = cues(told(planks(), parts(held(knee), 10.0, STEADY)))
    assert [(cue.cue, cue.part, cue.praise) for cue in said] == [("check", "left_knee", False)]


def test_whoever_moves_in_a_hold_is_told_to_keep_still():
    def shaking(time_s: float) -> Joints:
        swing = 20 * np.sin(2 * np.pi * time_s / 1.5)
        return Joints(84 + swing, (84 + swing,) * 2, (85, 85), (swing, swing))

    said = cues(told(planks(), parts(shaking, 10.0)))
    assert [cue.cue for cue in said][:1] == ["keep_still"]


# A gap


def test_after_a_gap_all_begins_anew_and_what_was_counted_stays():
    gap = Gap(8.0, 12.0, "no_frames")
    updates = told(squats(), parts(SQUATS, 8.0), [gap], parts(SQUATS, 8.0, start_s=12.0))
    at = updates.index(GapUpdate(8.0, 12.0, "no_frames"))
    before, after = scores(updates[:at])[-1], scores(updates[at:])[0]
    assert (after.state, after.reference_s, after.tempo) == ("warming_up", None, None)
    assert after.repetitions == before.repetitions > 0
    numbered = [rep.number for rep in reps(updates)]
    assert numbered == list(range(1, len(numbered) + 1))
    assert len(numbered) > before.repetitions


# The reference is played


PLAYED = ReferenceClock(0.0, 0.0)


def behind(lag_s: float) -> Motion:
    return repeated(squat, 4.0, start_s=lag_s)


def timing(updates: list[Update]) -> float:
    """The mean of the component."""
    return float(np.mean([u.components.timing for u in scores(updates) if u.components]))


def lag_s(updates: list[Update]) -> float:
    """The median, while there is a number."""
    return float(np.median([u.lag_s for u in scores(updates) if u.score is not None]))


def test_while_nothing_is_played_nothing_is_said_of_lag():
    assert {update.lag_s for update in scores(told(squats(), parts(SQUATS, 8.0)))} == {None}


@pytest.mark.parametrize("planted_s", [0.0, 0.6, 1.2])
def test_lag_is_how_far_the_user_is_behind_the_player(planted_s):
    updates = told(slow_squats(), parts(behind(planted_s), 12.0), clock=PLAYED)
    assert lag_s(updates) == pytest.approx(planted_s, abs=0.2)


@pytest.mark.parametrize("planted_s", [0.5, 0.7])
def test_of_repetitions_that_are_alike_the_one_nearest_to_the_player_is_meant(planted_s):
    late = repeated(squat, 2.0, start_s=planted_s)
    assert lag_s(told(squats(), parts(late, 10.0), clock=PLAYED)) == pytest.approx(
        planted_s, abs=0.2
    )


def test_a_user_may_be_ahead_of_the_player():
    late = ReferenceClock(0.6, 0.0)
    updates = told(slow_squats(), parts(behind(0.0), 12.0), clock=late)
    assert lag_s(updates) == pytest.approx(-0.6, abs=0.2)


def test_whoever_is_in_step_with_the_player_has_perfect_timing():
    updates = told(slow_squats(), parts(behind(0.0), 12.0), calibration=QUICK, clock=PLAYED)
    assert timing(updates) > 0.9


def test_whoever_is_out_of_step_with_the_player_loses_timing():
    updates = told(slow_squats(), parts(behind(1.0), 12.0), calibration=QUICK, clock=PLAYED)
    assert timing(updates) < 0.2


def test_while_the_player_is_paused_the_users_own_tempo_counts():
    paused = replace(PLAYED, rate=0.0)
    updates = told(squats(), parts(SQUATS, 8.0), calibration=QUICK, clock=paused)
    assert {update.lag_s for update in scores(updates)} == {None}
    assert mean_score(updates) > 85


# For calibration


def test_what_was_compared_can_be_read():
    judge = Judge(squats(), CALIBRATION)
    assert (judge.likeness, judge.extent) == (None, None)
    for part in parts(SQUATS, 8.0):
        judge.take(part)
    assert judge.likeness is not None
    assert judge.likeness.classes == pytest.approx(1)
    assert judge.extent == pytest.approx(1, abs=0.1)


def test_a_judge_of_nothing_has_nothing_to_finish():
    assert Judge(squats(), CALIBRATION).finish() == []
