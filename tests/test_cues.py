"""What is told, when, and what is not told again."""

from itertools import pairwise

import pytest

from posesim.cues import AGAIN_S, PAUSE_S, Coach, Fault
from posesim.updates import CueUpdate, Difference, RepUpdate

REP_S = 3.0
KNEE = (Difference("left_knee", -40),)
CHECK_KNEE = Fault("check", "left_knee")
STILL = Fault("keep_still")


def rep(
    number: int, range_: float = 1.0, tempo: float = 1.0, differences=(), every_s: float = REP_S
) -> RepUpdate:
    end_s = number * every_s
    return RepUpdate(
        number, end_s - 2, end_s, True, 80.0, range=range_, tempo=tempo, differences=differences
    )


GOOD, SHALLOW, FAST, SLOW = {}, {"range_": 0.4}, {"tempo": 2.5}, {"tempo": 0.4}
BENT = {"differences": KNEE}


def told(*reps: dict, farther="lower", every_s: float = REP_S) -> list[tuple[int, str, bool]]:
    """The numbers of the repetitions after which something was told, what, and whether praise."""
    coach = Coach()
    cues = [
        (number, coach.after(rep(number, **each, every_s=every_s), farther))
        for number, each in enumerate(reps, 1)
    ]
    return [(number, cue.cue, cue.praise) for number, cue in cues if cue is not None]


@pytest.mark.parametrize(
    ("reps", "after"),
    [
        ([SHALLOW], []),
        ([GOOD, SHALLOW, GOOD], []),
        ([SHALLOW, SHALLOW], [2]),
        ([SHALLOW, GOOD, SHALLOW], [3]),
        ([SHALLOW, GOOD, GOOD, SHALLOW], []),
        ([GOOD, SHALLOW, SHALLOW], [3]),
    ],
)
def test_a_fault_is_told_when_it_came_in_two_of_three_repetitions(reps, after):
    assert [number for number, _, _ in told(*reps)] == after


@pytest.mark.parametrize(
    ("fault", "cue"), [(SHALLOW, "lower"), (FAST, "slow_down"), (SLOW, "speed_up"), (BENT, "check")]
)
def test_each_fault_has_its_cue(fault, cue):
    assert told(fault, fault) == [(2, cue, False)]


@pytest.mark.parametrize("farther", ["lower", "higher", "further"])
def test_whoever_does_not_go_far_enough_is_told_where_to(farther):
    assert told(SHALLOW, SHALLOW, farther=farther) == [(2, farther, False)]


def test_a_part_to_check_is_named():
    coach = Coach()
    coach.after(rep(1, **BENT), "lower")
    assert coach.after(rep(2, **BENT), "lower") == CueUpdate(2 * REP_S, "check", "left_knee")


def test_good_repetitions_need_no_words():
    assert told(*[GOOD] * 6) == []


def test_how_far_comes_before_how_fast_and_that_before_a_part():
    assert told(*[SHALLOW | FAST | BENT] * 2)[0][1] == "lower"
    assert told(*[FAST | BENT] * 2)[0][1] == "slow_down"


def test_between_two_cues_there_is_a_pause():
    at = [number for number, _, _ in told(*[SHALLOW | FAST] * 20, every_s=1.0)]
    assert len(at) > 1
    assert all(b - a >= PAUSE_S for a, b in pairwise(at))


def test_the_same_is_not_told_again_soon():
    at = [number for number, _, _ in told(*[SHALLOW] * 40, every_s=1.0)]
    assert len(at) > 1
    assert all(b - a >= AGAIN_S for a, b in pairwise(at))


def test_while_one_fault_may_not_be_told_again_the_next_is():
    cues = [cue for _, cue, _ in told(*[SHALLOW | FAST] * 20, every_s=2.0)]
    assert cues[:2] == ["lower", "slow_down"]


def test_a_fault_that_has_just_been_mended_is_not_told():
    assert told(SHALLOW, SHALLOW, GOOD)[1:] == []


def test_a_fault_that_was_told_and_mended_is_praised_once():
    assert told(SHALLOW, SHALLOW, GOOD, GOOD, GOOD, GOOD) == [
        (2, "lower", False),
        (4, "lower", True),
    ]


def test_one_good_repetition_is_not_praised_yet():
    assert told(SHALLOW, SHALLOW, GOOD, SHALLOW) == [(2, "lower", False)]


def test_nothing_is_praised_that_was_not_told():
    assert told(SHALLOW, GOOD, GOOD, GOOD) == []


def test_praise_names_the_part_that_was_mended():
    coach = Coach()
    cues = [
        coach.after(rep(n, **each), "lower") for n, each in enumerate([BENT, BENT, GOOD, GOOD], 1)
    ]
    assert cues[-1] == CueUpdate(4 * REP_S, "check", "left_knee", praise=True)


# In a hold


def during(coach: Coach, faults: list[Fault], start_s: float, seconds: float) -> list[CueUpdate]:
    moments = [start_s + 0.32 * n for n in range(round(seconds / 0.32))]
    cues = [coach.during(time_s, faults) for time_s in moments]
    return [cue for cue in cues if cue is not None]


def test_a_fault_that_lasts_in_a_hold_is_told():
    (only,) = during(Coach(), [STILL], 10.0, 5.0)
    assert (only.cue, only.part, only.praise) == ("keep_still", None, False)
    assert only.t_s > 11


def test_a_fault_for_a_moment_in_a_hold_is_not_told():
    coach = Coach()
    assert during(coach, [CHECK_KNEE], 10.0, 1.0) == []
    assert during(coach, [], 11.0, 1.0) == []
    assert during(coach, [CHECK_KNEE], 12.0, 1.0) == []


def test_a_fault_that_was_mended_in_a_hold_is_praised_once():
    coach = Coach()
    during(coach, [CHECK_KNEE], 10.0, 5.0)
    (only,) = during(coach, [], 15.0, 10.0)
    assert (only.cue, only.part, only.praise) == ("check", "left_knee", True)


def test_of_a_lasting_fault_one_is_reminded_only_after_a_while():
    at_s = [cue.t_s for cue in during(Coach(), [STILL], 0.0, 60.0)]
    assert len(at_s) > 1
    assert all(b - a >= AGAIN_S for a, b in pairwise(at_s))


def test_a_good_hold_needs_no_words():
    assert during(Coach(), [], 0.0, 30.0) == []
