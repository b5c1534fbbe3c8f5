import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim.timebase import Gap, Grid, Tick

TOLERANCE_S = 1e-6


def run(times, *, finish=False, **settings):
    """Push each time as its own item; return everything that came out."""
    grid = Grid(**settings)
    out = [result for time_s in times for result in grid.push(time_s, time_s)]
    return out + grid.finish() if finish else out


def ticks(results):
    return [result for result in results if isinstance(result, Tick)]


def gaps(results):
    return [result for result in results if isinstance(result, Gap)]


def at_rate(rate, seconds=4.0):
    return [n / rate for n in range(round(seconds * rate))]


def test_a_25_fps_source_gives_every_frame_exactly_once():
    grid = Grid()
    results = [r for n in range(1000) for r in grid.push(n * 0.04, n)]
    assert results == [Tick(n, n / 25, n) for n in range(1000)]


def test_25_fps_with_jitter_below_half_a_period_gives_every_frame_exactly_once():
    jitter = [0.0, 0.015, -0.012, 0.008, -0.018, 0.001, 0.01]
    times = [n / 25 + jitter[n % 7] for n in range(700)]
    assert [tick.item for tick in ticks(run(times, finish=True))] == times


@pytest.mark.parametrize("rate", [12.5, 15, 23.976, 24, 29.97, 30, 50, 60, 120])
def test_any_rate_fills_the_grid_with_the_nearest_frames(rate):
    times = at_rate(rate)
    results = run(times)
    assert [tick.index for tick in results] == list(range(math.floor(times[-1] * 25 + 1e-6) + 1))
    for tick in results:
        nearest = min(abs(time_s - tick.time_s) for time_s in times)
        assert abs(tick.item - tick.time_s) == pytest.approx(nearest, abs=TOLERANCE_S)


def test_a_slow_source_repeats_frames_and_a_fast_one_is_thinned_out():
    assert [tick.item for tick in run([0.0, 0.08, 0.16])] == [0.0, 0.0, 0.08, 0.08, 0.16]
    fast = [n / 50 for n in range(9)]
    assert [tick.item for tick in run(fast)] == [0.0, 0.04, 0.08, 0.12, 0.16]


def test_of_two_equally_near_frames_the_earlier_is_taken():
    assert [tick.item for tick in run([0.0, 0.02, 0.06])] == [0.0, 0.02]


def test_a_variable_rate_is_followed():
    times = [0.0, 0.01, 0.05, 0.2, 0.21, 0.24]
    assert [(tick.index, tick.item) for tick in run(times)] == [
        (0, 0.0),
        (1, 0.05),
        (2, 0.05),
        (3, 0.05),  # 0.12 is nearer to 0.05 than to 0.2
        (4, 0.2),
        (5, 0.2),
        (6, 0.24),
    ]


def test_a_tick_comes_with_the_first_frame_at_or_after_its_time():
    grid: Grid[str] = Grid()
    assert grid.push(0.0, "a") == [Tick(0, 0.0, "a")]
    assert grid.push(0.035, "b") == []
    assert grid.push(0.055, "c") == [Tick(1, 0.04, "b")]


def test_the_last_tick_of_a_file_needs_no_later_frame():
    assert run([0.0, 0.035], finish=True) == [Tick(0, 0.0, 0.0), Tick(1, 0.04, 0.035)]
    assert run([0.0, 0.015], finish=True) == [Tick(0, 0.0, 0.0)]
    assert run(at_rate(50, 2.56), finish=True)[-1].index == 63
    assert run([], finish=True) == []


def test_finishing_twice_gives_the_tick_once():
    grid: Grid[str] = Grid()
    grid.push(0.035, "a")
    assert grid.finish() == [Tick(1, 0.04, "a")]
    assert grid.finish() == []


def test_a_hole_is_a_gap_and_the_grid_goes_on():
    assert run([0.0, 0.04, 1.01, 1.05]) == [
        Tick(0, 0.0, 0.0),
        Tick(1, 0.04, 0.04),
        Gap(0.04, 1.01, "no_frames"),
        Tick(26, 1.04, 1.05),
    ]


@pytest.mark.parametrize(("hole_s", "number"), [(0.5, 0), (0.4999, 0), (0.5001, 1), (3600.0, 1)])
def test_only_a_hole_longer_than_the_limit_is_a_gap(hole_s, number):
    assert len(gaps(run([0.0, 0.04, 0.04 + hole_s]))) == number


def test_a_source_may_begin_late():
    assert run([3.01, 3.05]) == [Tick(76, 3.04, 3.05)]


@pytest.mark.parametrize("again", [0.08, 0.07, 0.0401])
def test_a_frame_that_comes_again_or_a_little_late_is_left_out(again):
    assert run([0.0, 0.04, 0.08, again, 0.12]) == run([0.0, 0.04, 0.08, 0.12])


def test_a_clock_that_is_set_back_is_a_gap_after_which_time_goes_on():
    results = run([0.0, 0.04, 0.08, 0.0, 0.04, 0.08])
    assert [type(result) for result in results] == [Tick, Tick, Tick, Gap, Tick, Tick, Tick]
    gap = gaps(results)[0]
    assert (gap.start_s, gap.reason) == (0.08, "clock")
    assert gap.end_s == pytest.approx(0.12)
    assert [(tick.index, tick.item) for tick in ticks(results)][3:] == [
        (3, 0.0),
        (4, 0.04),
        (5, 0.08),
    ]


@pytest.mark.parametrize("reason", ["overload", "no_frames", "clock"])
def test_an_interruption_is_a_gap_at_the_next_frame(reason):
    grid: Grid[int] = Grid()
    grid.push(0.0, 0)
    grid.interrupt(reason)
    assert grid.push(0.2, 1) == [Gap(0.0, 0.2, reason), Tick(5, 0.2, 1)]
    assert grid.push(0.24, 2) == [Tick(6, 0.24, 2)]


def test_an_interruption_before_the_first_frame_is_told():
    grid: Grid[int] = Grid()
    grid.interrupt("overload")
    assert grid.push(0.2, 1) == [Gap(0.0, 0.2, "overload"), Tick(5, 0.2, 1)]


def test_an_interruption_waits_for_a_frame_that_counts():
    grid: Grid[int] = Grid()
    grid.push(0.2, 0)
    grid.interrupt("overload")
    grid.interrupt("no_frames")
    assert grid.push(0.2, 1) == []
    assert grid.finish() == []
    assert grid.push(0.28, 2) == [Gap(0.2, 0.28, "overload"), Tick(7, 0.28, 2)]


@pytest.mark.parametrize("time_s", [math.nan, math.inf, -math.inf, 1e10, -1e10])
def test_a_time_that_is_none_is_refused_and_changes_nothing(time_s):
    grid: Grid[int] = Grid()
    grid.push(0.0, 0)
    with pytest.raises(ValueError, match="time_s must be a finite number"):
        grid.push(time_s, 1)
    assert grid.push(0.04, 2) == [Tick(1, 0.04, 2)]


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_settings_that_make_no_grid_are_refused(value):
    with pytest.raises(ValueError, match="must be positive and finite"):
        Grid(frames_per_second=value)
    with pytest.raises(ValueError, match="must be positive and finite"):
        Grid(longest_hole_s=value)


jittered = st.lists(st.floats(0.0005, 0.9), min_size=1, max_size=120).map(
    lambda steps: [sum(steps[:n]) for n in range(len(steps))]
)
hostile = st.lists(st.floats(-1e9, 1e9) | st.floats(-2, 2), min_size=1, max_size=60)


@given(jittered)
def test_each_tick_takes_the_nearest_of_all_frames_of_its_stretch(times):
    results = run(times)
    bounds = [0.0, *(gap.end_s for gap in gaps(results)), math.inf]
    for tick in ticks(results):
        begin = max(bound for bound in bounds if bound <= tick.time_s)
        end = min(bound for bound in bounds if bound > tick.time_s)
        stretch = [t for t in times if begin - TOLERANCE_S <= t < end - TOLERANCE_S]
        nearest = min(abs(time_s - tick.time_s) for time_s in stretch)
        assert abs(tick.item - tick.time_s) <= nearest + TOLERANCE_S


@given(jittered)
def test_every_grid_position_is_a_tick_or_lies_in_a_gap(times):
    results = run(times)
    there = {tick.index for tick in ticks(results)}
    ends = [end_s for gap in gaps(results) for end_s in (gap.start_s, gap.end_s)]
    for index in range(math.floor(times[-1] * 25 + 1e-6) + 1):
        time_s = index / 25
        if any(abs(time_s - end_s) <= TOLERANCE_S for end_s in ends):
            continue  # at the very edge of a gap it may be either
        in_gap = any(gap.start_s < time_s < gap.end_s for gap in gaps(results))
        assert (index in there) != in_gap


@given(jittered)
def test_a_gap_is_a_hole_between_two_frames(times):
    found = [(gap.start_s, gap.end_s) for gap in gaps(run(times))]
    holes = [(a, b) for a, b in pairwise(times) if b - a > 0.5 + TOLERANCE_S]
    assert [end for pair in found for end in pair] == pytest.approx(
        [end for pair in holes for end in pair], abs=TOLERANCE_S
    )


@given(hostile)
def test_whatever_the_clock_does_ticks_go_forward_and_outside_gaps(times):
    results = run(times, finish=True)
    indices = [tick.index for tick in ticks(results)]
    assert indices == sorted(set(indices))
    assert all(tick.time_s == tick.index / 25 for tick in ticks(results))
    last_s = -math.inf
    for result in results:
        if isinstance(result, Gap):
            assert result.start_s <= result.end_s
            last_s = result.end_s
        else:
            assert result.time_s >= last_s
            last_s = result.time_s


@given(hostile)
def test_one_frame_never_makes_more_ticks_than_the_longest_hole_holds(times):
    grid: Grid[float] = Grid()
    for time_s in times:
        assert len(ticks(grid.push(time_s, time_s))) <= 0.5 * 25 + 1


@given(jittered)
def test_no_tick_is_later_than_the_frame_after_it(times):
    grid: Grid[float] = Grid()
    last_s = -math.inf
    for time_s in times:
        for tick in ticks(grid.push(time_s, time_s)):
            assert last_s - TOLERANCE_S <= tick.time_s <= time_s + TOLERANCE_S
        last_s = time_s
