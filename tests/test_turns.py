"""Turning points are found where they are planted, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim.turns import Turn, Zigzag, find_turns

SIGNALS = st.lists(st.floats(-10, 10), min_size=1, max_size=60)
HEIGHTS = st.floats(0.1, 5)


def straight(corners: list[tuple[float, float]], step_s: float = 0.1) -> tuple[list, list]:
    """Samples of the straight lines between (time, level) corners."""
    times, levels = zip(*corners, strict=True)
    samples_s = np.arange(times[0], times[-1] + step_s / 2, step_s)
    return list(samples_s), list(np.interp(samples_s, times, levels))


@given(SIGNALS, HEIGHTS)
def test_turns_alternate_between_high_and_low(levels, height):
    turns = find_turns(range(len(levels)), levels, height)
    assert all(a.side == -b.side for a, b in pairwise(turns))


@given(SIGNALS, HEIGHTS)
def test_neighbouring_turns_are_at_least_the_height_apart(levels, height):
    turns = find_turns(range(len(levels)), levels, height)
    assert all((a.level - b.level) * a.side >= height for a, b in pairwise(turns))


@given(SIGNALS, HEIGHTS)
def test_a_turn_is_a_sample_and_nothing_between_two_turns_lies_beyond_them(levels, height):
    turns = find_turns(range(len(levels)), levels, height)
    assert all(levels[int(turn.time_s)] == turn.level for turn in turns)
    for a, b in pairwise(turns):
        between = levels[int(a.time_s) : int(b.time_s) + 1]
        assert {min(between), max(between)} == {a.level, b.level}


@given(SIGNALS, HEIGHTS)
def test_upside_down_the_turns_are_the_same(levels, height):
    turns = find_turns(range(len(levels)), levels, height)
    turned = find_turns(range(len(levels)), [-level for level in levels], height)
    assert turned == [Turn(turn.time_s, -turn.level, -turn.side) for turn in turns]


def test_planted_turns_are_found_with_the_beginning_and_the_end():
    corners = [(0, 0.0), (1, 1.0), (2, 0.2), (4, 1.5), (5, -0.5)]
    turns = find_turns(*straight(corners), height=0.5)
    assert [(round(t.time_s, 6), round(t.level, 6)) for t in turns] == corners
    assert [turn.side for turn in turns] == [-1, 1, -1, 1, -1]


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_jitter_below_the_height_makes_no_turn(noise):
    times_s, levels = straight([(0, 0), (2, 1), (4, 0), (6, 1)])
    jittering = levels + np.random.default_rng(1).uniform(-noise, noise, len(levels))
    turns = find_turns(times_s, jittering, height=0.4)
    assert [turn.side for turn in turns] == [-1, 1, -1, 1]
    assert [turn.time_s for turn in turns] == pytest.approx([0, 2, 4, 6], abs=0.35)


def test_a_hesitation_on_the_way_makes_no_turn():
    corners = [(0, 0.0), (1, 0.6), (1.5, 0.4), (3, 1.0), (4, 0.0)]
    assert [turn.time_s for turn in find_turns(*straight(corners), 0.3)] == pytest.approx([0, 3, 4])


def test_a_signal_that_stands_still_has_no_turns():
    assert find_turns(range(5), [0.3] * 5, 0.1) == []
    assert find_turns([], [], 0.1) == []


def test_the_first_turn_is_where_the_movement_began():
    zigzag = Zigzag()
    found = [zigzag.push(t, level, 0.5) for t, level in enumerate([0.2, 0.1, 0.3, 0.7])]
    assert found == [None, None, None, Turn(1, 0.1, -1)]


def test_a_turn_is_known_as_soon_as_the_signal_has_come_back_by_the_height():
    zigzag = Zigzag()
    found = [zigzag.push(t, level, 0.5) for t, level in enumerate([0, 1, 0.8, 0.5, 0.2])]
    assert found[3] == Turn(1, 1, 1)
    assert found[4] is None


def test_what_may_become_the_next_turn_is_the_farthest_sample_since_the_last():
    zigzag = Zigzag()
    assert zigzag.heading is None
    for t, level in enumerate([0, 1, 0.8]):
        zigzag.push(t, level, 0.5)
    assert zigzag.heading == Turn(1, 1, 1)
