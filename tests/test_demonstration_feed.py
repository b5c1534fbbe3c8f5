"""The way of a demonstration from the session that shows it to those that follow."""

import numpy as np
import pytest
from bodies import pose, repeated, squat

from posesim.embedding import Features, Part, TimedPose
from posesim.timebase import Gap
from posesim.updates import ReferenceClock
from posesim_server.live.demonstration import BETWEEN_S, KEPT_S, Demonstration, Showing, end_s
from posesim_server.live.intake import StreamClock

SQUATS = repeated(squat, 2.0)


def seen(time_s: float) -> TimedPose:
    return TimedPose(time_s, pose(SQUATS(time_s)))


def chunk(end: float) -> Features:
    times_s = end - np.array([0.24, 0.16, 0.08, 0.0])
    return Features(end, times_s, np.zeros((4, 3), np.float32), None)


def stream(start_s: float) -> StreamClock:
    """A stream whose first frame came at `start_s`."""
    clock = StreamClock(drift=0.0)
    clock.saw(0.0, start_s)
    return clock


def times_s(parts: tuple[Part, ...]) -> list[float]:
    return [end_s(part) for part in parts]


def test_a_follower_hears_each_part_once_in_order() -> None:
    demonstration = Demonstration()
    follower = Showing(demonstration)
    demonstration.begin(stream(0.0))
    assert follower.take() == ()
    demonstration.show([seen(0.0), chunk(0.32)])
    demonstration.show([seen(0.48)])
    assert times_s(follower.take()) == [0.0, 0.32, 0.48]
    assert follower.take() == ()
    demonstration.show([chunk(0.64)])
    assert times_s(follower.take()) == [0.64]


def test_two_followers_do_not_take_from_each_other() -> None:
    demonstration = Demonstration()
    one, other = Showing(demonstration), Showing(demonstration)
    demonstration.begin(stream(0.0))
    demonstration.show([seen(0.0)])
    assert one.take() == other.take() == (demonstration.since(0)[1][0],)


def test_who_comes_late_or_begins_again_hears_the_last_minute() -> None:
    demonstration = Demonstration()
    demonstration.begin(stream(0.0))
    for n in range(100):
        demonstration.show([seen(float(n))])
    late = Showing(demonstration)
    minute = [float(n) for n in range(99 - int(KEPT_S), 100)]
    assert times_s(late.take()) == minute
    late.again()
    assert times_s(late.take()) == minute
    assert late.take() == ()


def test_the_clock_tells_where_the_demonstrator_is_at_the_same_moment() -> None:
    demonstration = Demonstration()
    demonstration.begin(stream(100.0))
    # The member's first frame came 7 s after the demonstrator's.
    assert Showing(demonstration).clock(stream(107.0), now_s=110.5) == ReferenceClock(3.5, 10.5)


def test_there_is_no_clock_before_both_have_a_frame_and_none_after_the_end() -> None:
    demonstration = Demonstration()
    assert demonstration.clock(stream(0.0), 1.0) is None
    demonstration.begin(StreamClock())
    assert demonstration.clock(stream(0.0), 1.0) is None
    demonstration.end()
    demonstration.begin(stream(0.0))
    assert demonstration.clock(StreamClock(), 1.0) is None
    assert demonstration.clock(stream(0.0), 1.0) is not None
    demonstration.end()
    assert demonstration.clock(stream(0.0), 1.0) is None


def test_the_end_is_a_gap_for_those_that_follow() -> None:
    demonstration = Demonstration()
    follower = Showing(demonstration)
    demonstration.begin(stream(0.0))
    demonstration.show([seen(4.0)])
    demonstration.end()
    demonstration.end()
    *_, last = follower.take()
    assert last == Gap(4.0, 4.0 + BETWEEN_S, "no_frames")


def test_the_next_stream_goes_on_after_the_first_on_one_time() -> None:
    demonstration = Demonstration()
    follower = Showing(demonstration)
    for begun_s in (100.0, 200.0):
        demonstration.begin(stream(begun_s))
        demonstration.show([seen(0.0), chunk(0.32), Gap(0.32, 1.0, "paused")])
        if begun_s == 100.0:
            demonstration.end()
    parts = follower.take()
    assert times_s(parts) == pytest.approx([0.0, 0.32, 1.0, 2.0, 2.0, 2.32, 3.0])
    second = parts[5]
    assert isinstance(second, Features)
    np.testing.assert_allclose(second.times_s, [2.08, 2.16, 2.24, 2.32])
    # 0.5 s into the second stream.
    assert demonstration.clock(stream(200.0), 200.5) == ReferenceClock(0.5, 2.5)


def test_it_tells_when_something_is_shown_and_when_no_more() -> None:
    told: list[str] = []
    demonstration = Demonstration(
        on_first=lambda: told.append("first"), on_over=lambda: told.append("over")
    )
    demonstration.begin(stream(0.0))
    demonstration.show([])
    assert (demonstration.ready.is_set(), demonstration.over.is_set(), told) == (False, False, [])
    demonstration.show([seen(0.0)])
    demonstration.show([seen(0.12)])
    assert (demonstration.ready.is_set(), demonstration.over.is_set()) == (True, False)
    demonstration.end()
    assert (demonstration.ready.is_set(), demonstration.over.is_set()) == (False, True)
    demonstration.begin(stream(9.0))
    assert (demonstration.ready.is_set(), demonstration.over.is_set()) == (False, False)
    demonstration.show([seen(0.0)])
    assert told == ["first", "over", "first"]


def test_a_stream_that_showed_nothing_leaves_nothing() -> None:
    told: list[str] = []
    demonstration = Demonstration(on_over=lambda: told.append("over"))
    demonstration.begin(stream(0.0))
    demonstration.end()
    assert demonstration.over.is_set()
    assert (Showing(demonstration).take(), told) == ((), [])


def test_there_is_one_stream_at_a_time() -> None:
    demonstration = Demonstration()
    demonstration.begin(stream(0.0))
    with pytest.raises(ValueError, match="one stream at a time"):
        demonstration.begin(stream(1.0))
