"""As many repetitions are counted as were planted, however they are done."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posesim.reps import RepCounter, Repetition, count

STEP_S = 0.12


def swings(
    cycles_s: list[float],
    *,
    depth: float = 1.0,
    begin: float = 0.0,
    rest_s: float = 1.0,
    noise: float = 0.0,
    phase_s: float = 0.0,
) -> tuple[list[float], list[float]]:
    """Cycles of the given lengths between two rests, sampled as poses are."""
    length_s = sum(cycles_s) + 2 * rest_s
    times_s = np.arange(phase_s, length_s, STEP_S)
    levels = np.full(len(times_s), begin)
    start_s = rest_s
    for cycle_s in cycles_s:
        within = (times_s >= start_s) & (times_s < start_s + cycle_s)
        phases = 2 * np.pi * (times_s[within] - start_s) / cycle_s
        levels[within] += depth * (1 - np.cos(phases)) / 2
        start_s += cycle_s
    levels += np.random.default_rng(7).normal(scale=noise, size=len(levels))
    return list(times_s), list(levels)


@pytest.mark.parametrize("noise", [0.0, 0.04])
@pytest.mark.parametrize("begin", [0.0, 0.3, -0.3])
@pytest.mark.parametrize("cycle_s", [0.8, 2.0, 5.0])
@pytest.mark.parametrize("number", [0, 1, 5])
def test_so_many_are_counted_at_any_tempo_offset_and_noise(number, cycle_s, begin, noise):
    counted = count(*swings([cycle_s] * number, begin=begin, noise=noise))
    assert len(counted) == number


@settings(deadline=None)
@given(st.lists(st.floats(1.0, 4.0), max_size=6), st.floats(0, STEP_S))
def test_changing_tempo_changes_no_count(cycles_s, phase_s):
    assert len(count(*swings(cycles_s, phase_s=phase_s))) == len(cycles_s)


@settings(deadline=None)
@given(st.lists(st.floats(1.0, 4.0), max_size=6), st.floats(0, STEP_S))
def test_repetitions_follow_each_other_and_turn_in_between(cycles_s, phase_s):
    counted = count(*swings(cycles_s, phase_s=phase_s))
    assert all(each.start_s < each.turn_s < each.end_s for each in counted)
    assert all(a.end_s <= b.start_s for a, b in pairwise(counted))


@pytest.mark.parametrize("depth", [0.5, 0.8, 1.0, 1.3])
def test_depth_is_how_far_it_went(depth):
    for each in count(*swings([2.0] * 3, depth=depth, begin=0.1)):
        assert each.depth == pytest.approx(depth, abs=0.05)
        assert (each.near, each.far) == pytest.approx((0.1, 0.1 + depth), abs=0.05)


def test_a_start_a_turn_and_an_end_are_where_they_are_planted():
    (only,) = count(*swings([4.0], rest_s=1.0))
    assert 1.0 < only.start_s < 2.0  # it has left
    assert only.turn_s == pytest.approx(3.0, abs=STEP_S)
    assert 4.0 < only.end_s < 5.0  # it is nearly back


def test_at_half_the_tempo_a_repetition_takes_twice_as_long():
    fast, slow = (count(*swings([cycle_s] * 4)) for cycle_s in (1.5, 3.0))
    for a, b in zip(fast, slow, strict=True):
        assert b.end_s - b.start_s == pytest.approx(2 * (a.end_s - a.start_s), rel=0.1)


def test_fidgeting_is_no_repetition():
    assert count(*swings([1.5] * 4, depth=0.1)) == []


def test_fidgeting_among_repetitions_is_none():
    before, after = swings([2.0] * 2), swings([2.0] * 2)
    fidgets = swings([1.0] * 3, depth=0.15)
    times_s = np.arange(sum(len(levels) for _, levels in (before, fidgets, after))) * STEP_S
    assert len(count(list(times_s), [*before[1], *fidgets[1], *after[1]])) == 4


def test_a_hesitation_on_the_way_is_no_repetition():
    levels = [0, 0, 0.3, 0.6, 0.5, 0.5, 0.8, 1, 1, 0.7, 0.5, 0.6, 0.4, 0.1, 0, 0]
    times_s = [n * STEP_S for n in range(len(levels))]
    assert len(count(times_s, levels)) == 1


def test_resting_at_the_turn_makes_one_longer_repetition():
    levels = [0.0] * 5 + [0.5] + [1.0] * 40 + [0.5] + [0.0] * 5
    (only,) = count([n * STEP_S for n in range(len(levels))], levels)
    assert only.end_s - only.start_s == pytest.approx(41 * STEP_S, abs=2 * STEP_S)


def test_one_whose_beginning_was_not_seen_is_not_counted():
    times_s, levels = swings([2.0] * 3, rest_s=0.0)
    turn = 8  # samples
    assert len(count(times_s[turn:], levels[turn:])) == 2


def test_a_repetition_is_told_when_the_way_back_is_nearly_done():
    counter = RepCounter()
    told = [
        (time_s, each)
        for time_s, level in zip(*swings([2.0]), strict=True)
        if (each := counter.push(time_s, level))
    ]
    ((told_s, each),) = told
    assert each.end_s <= told_s <= each.end_s + STEP_S
    assert told_s < 3.0  # the cycle's end


def test_one_on_its_way_back_at_the_end_is_counted_by_finishing():
    counter = RepCounter()
    levels = [0, 0, 0.5, 1, 0.5]
    assert [counter.push(n * STEP_S, level) for n, level in enumerate(levels)] == [None] * 5
    last = counter.finish()
    assert isinstance(last, Repetition)
    assert (last.turn_s, last.end_s) == pytest.approx((3 * STEP_S, 4 * STEP_S))
    assert counter.finish() is None


def test_without_samples_there_is_nothing_to_finish():
    assert RepCounter().finish() is None
