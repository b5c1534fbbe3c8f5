import asyncio
from fractions import Fraction

import av
import pytest
from live_fakes import FakeTrack, frame_at

from posesim_server.live.intake import Arrival, Backlog, FrameTooLarge, Intake, StreamClock


def arrival(time_s: float, arrived_s: float | None = None) -> Arrival:
    return Arrival(time_s, time_s if arrived_s is None else arrived_s, frame_at(time_s))


async def intake_of(track: FakeTrack, backlog: Backlog) -> Intake:
    ticks = iter(range(1000))
    intake = Intake(backlog, lambda: float(next(ticks)), lambda: None)
    await intake.run(track)
    backlog.close()
    return intake


async def test_times_count_from_the_first_frame() -> None:
    backlog = Backlog(longest_wait_s=100)
    intake = await intake_of(FakeTrack([2.0, 2.04, 2.5]), backlog)
    batch = await backlog.take(8)
    assert batch is not None
    assert [frame.time_s for frame in batch.frames] == pytest.approx([0.0, 0.04, 0.5])
    assert intake.frames == 3
    assert intake.last_arrival_s == 2.0


async def test_a_backlog_that_is_closed_ends_after_its_last_frame() -> None:
    backlog = Backlog()
    await intake_of(FakeTrack([0.0]), backlog)
    assert await backlog.take(8) is not None
    assert await backlog.take(8) is None
    assert await backlog.take(8) is None


async def test_a_frame_without_a_time_is_left_out() -> None:
    track = FakeTrack([0.0, 0.04])
    track.frames[0].pts = None
    backlog = Backlog()
    assert (await intake_of(track, backlog)).frames == 1


async def test_a_frame_above_the_limit_ends_the_intake() -> None:
    backlog = Backlog()
    track = FakeTrack([])
    track.frames.append(av.VideoFrame(4096, 2160, "yuv420p"))
    track.frames[0].pts, track.frames[0].time_base = 0, Fraction(1, 90000)
    with pytest.raises(FrameTooLarge, match="4096x2160 pixels; 2560x1440 is the most"):
        await intake_of(track, backlog)
    assert len(backlog) == 0


async def test_a_batch_is_the_oldest_frames_in_order() -> None:
    backlog = Backlog()
    for n in range(5):
        backlog.put(arrival(n / 25))
    first, second = await backlog.take(3), await backlog.take(3)
    assert first is not None
    assert second is not None
    assert [frame.time_s * 25 for frame in first.frames] == pytest.approx([0, 1, 2])
    assert [frame.time_s * 25 for frame in second.frames] == pytest.approx([3, 4])
    assert first.dropped == second.dropped == 0


async def test_taking_waits_for_a_frame() -> None:
    backlog = Backlog()
    taking = asyncio.create_task(backlog.take(8))
    await asyncio.sleep(0)
    assert not taking.done()
    backlog.put(arrival(0.0))
    batch = await taking
    assert batch is not None
    assert len(batch.frames) == 1


async def test_frames_that_waited_too_long_are_dropped_together() -> None:
    backlog = Backlog(longest_wait_s=2.0)
    for n in range(52):  # the last one comes 2.04 s after the first
        backlog.put(arrival(n / 25))
    batch = await backlog.take(8)
    assert batch is not None
    assert [frame.time_s for frame in batch.frames] == pytest.approx([51 / 25])
    assert batch.dropped == backlog.dropped == 51


async def test_a_drop_is_reported_once() -> None:
    backlog = Backlog(most_frames=2)
    for n in range(3):
        backlog.put(arrival(n / 25))
    first = await backlog.take(8)
    backlog.put(arrival(3 / 25))
    second = await backlog.take(8)
    assert first is not None
    assert second is not None
    assert (first.dropped, second.dropped) == (2, 0)


async def test_a_long_hole_between_two_frames_is_no_overload() -> None:
    backlog = Backlog(longest_wait_s=2.0)
    backlog.put(arrival(0.0, arrived_s=10.0))
    backlog.put(arrival(60.0, arrived_s=10.1))  # timestamps may jump; nothing has waited
    batch = await backlog.take(8)
    assert batch is not None
    assert batch.dropped == 0


async def test_memory_is_bounded_whatever_comes() -> None:
    size = 64 * 48 * 3 // 2
    backlog = Backlog(longest_wait_s=1e9, most_bytes=10 * size)
    for n in range(1000):
        backlog.put(arrival(n / 25))
        assert len(backlog) <= 10
    many = Backlog(longest_wait_s=1e9, most_frames=7)
    for n in range(1000):
        many.put(arrival(n / 25))
        assert len(many) <= 7


async def test_a_closed_backlog_takes_no_more() -> None:
    backlog = Backlog()
    backlog.close()
    backlog.put(arrival(0.0))
    assert await backlog.take(8) is None


async def test_what_comes_while_it_is_paused_is_dropped_and_leaves_one_gap() -> None:
    backlog = Backlog()
    backlog.put(arrival(0.0))
    before = await backlog.take(8)
    backlog.pause()
    backlog.pause()
    for n in range(1, 300):  # 12 s, in which nothing waits too long
        backlog.put(arrival(n / 25))
    backlog.resume()
    backlog.put(arrival(12.0))
    backlog.put(arrival(12.04))
    after = await backlog.take(8)
    assert before is not None
    assert after is not None
    assert before.gap is None
    assert [frame.time_s for frame in after.frames] == pytest.approx([12.0, 12.04])
    assert [frame.gap for frame in after.frames] == ["paused", None]
    assert (after.gap, after.dropped, backlog.dropped) == ("paused", 0, 0)


async def test_a_pause_in_which_nothing_came_is_no_gap() -> None:
    backlog = Backlog()
    backlog.pause()
    backlog.resume()
    backlog.put(arrival(0.0))
    batch = await backlog.take(8)
    assert batch is not None
    assert batch.gap is None


async def test_of_several_reasons_for_one_gap_the_first_counts() -> None:
    first_paused, first_dropped = Backlog(most_frames=2), Backlog(most_frames=2)
    first_paused.pause()
    first_paused.put(arrival(0.0))
    first_paused.resume()
    for n in range(3):
        first_dropped.put(arrival(n / 25))
        first_paused.put(arrival(1 + n / 25))
    first_dropped.pause()
    first_dropped.put(arrival(1.0))
    first_dropped.resume()
    paused, dropped = await first_paused.take(8), await first_dropped.take(8)
    assert paused is not None
    assert dropped is not None
    assert (paused.gap, paused.dropped) == ("paused", 2)
    assert (dropped.gap, dropped.dropped) == ("overload", 2)


async def test_a_paused_intake_still_reads_its_track() -> None:
    backlog = Backlog()
    backlog.pause()
    intake = await intake_of(FakeTrack([0.0, 0.04, 0.08]), backlog)
    assert (intake.frames, intake.last_arrival_s) == (3, 2.0)
    assert intake.stream_clock.time_s(2.0) is not None
    assert await backlog.take(8) is None


async def test_times_go_on_where_a_camera_begins_anew() -> None:
    """Each frame comes a second after the one before, by the clock of arrivals."""
    backlog = Backlog(longest_wait_s=100)
    intake = await intake_of(FakeTrack([5.0, 6.0, 0.0, 1.0]), backlog)
    before, after = await backlog.take(8), await backlog.take(8)
    assert before is not None
    assert after is not None
    assert [frame.time_s for frame in before.frames] == pytest.approx([0.0, 1.0])
    assert [frame.time_s for frame in after.frames] == pytest.approx([2.0, 3.0])
    assert (before.gap, after.gap) == (None, "clock")
    assert intake.stream_clock.lag_s(3.0, 3.0) == pytest.approx(0.0, abs=0.05)


async def test_a_frame_a_little_out_of_order_is_no_gap() -> None:
    backlog = Backlog(longest_wait_s=100)
    await intake_of(FakeTrack([0.0, 0.04, 0.03, 0.08]), backlog)
    batch = await backlog.take(8)
    assert batch is not None
    assert [frame.time_s for frame in batch.frames] == pytest.approx([0.0, 0.04, 0.03, 0.08])
    assert [frame.gap for frame in batch.frames] == [None] * 4


def test_lag_is_counted_from_when_a_frame_could_have_come() -> None:
    clock = StreamClock(drift=0.0)
    assert clock.lag_s(0.0, now_s=5.0) == 0.0
    clock.saw(0.0, arrived_s=100.3)  # late by 0.3
    clock.saw(0.04, arrived_s=100.04)
    clock.saw(0.08, arrived_s=100.5)  # late
    assert clock.lag_s(0.08, now_s=101.08) == pytest.approx(1.0)


def test_lag_notices_frames_that_the_loop_read_late() -> None:
    clock = StreamClock(drift=0.0)
    clock.saw(0.0, arrived_s=100.0)
    clock.saw(0.04, arrived_s=102.04)
    assert clock.lag_s(0.04, now_s=102.04) == pytest.approx(2.0)


def test_lag_forgets_an_early_frame_in_time() -> None:
    clock = StreamClock(drift=0.01)
    clock.saw(0.0, arrived_s=100.0)
    for n in range(1, 2501):  # 100 s on a network that became slower by half a second
        clock.saw(n / 25, arrived_s=100.5 + n / 25)
    assert clock.lag_s(100.0, now_s=200.5) == pytest.approx(0.0, abs=1e-6)


def test_timestamps_that_begin_anew_are_not_late() -> None:
    clock = StreamClock()
    clock.saw(600.0, arrived_s=700.0)
    clock.saw(0.0, arrived_s=700.04)
    assert clock.lag_s(0.0, now_s=700.04) == pytest.approx(0.0)


def test_a_stream_has_no_time_before_its_first_frame() -> None:
    clock = StreamClock()
    assert clock.time_s(now_s=5.0) is None
    clock.saw(0.0, 100.0)
    clock.saw(0.04, 100.24)  # late: one of 0.24 could have come
    assert clock.time_s(now_s=100.24) == pytest.approx(0.24, abs=0.01)


async def test_another_track_comes_after_a_gap_that_is_as_long_as_it_was() -> None:
    backlog = Backlog(longest_wait_s=100)
    now_s = 0.0
    intake = Intake(backlog, lambda: now_s, lambda: None)
    await intake.run(FakeTrack([5.0, 5.04]))
    now_s = 30.0
    await intake.run(FakeTrack([0.0, 0.04]))  # its timestamps begin anew
    before, after = await backlog.take(8), await backlog.take(8)
    assert before is not None
    assert after is not None
    assert [frame.time_s for frame in after.frames] == pytest.approx([30.04, 30.08])
    assert (before.gap, after.gap) == (None, "connection")


async def test_a_later_clock_of_another_track_changes_nothing() -> None:
    backlog = Backlog(longest_wait_s=100)
    now_s = 0.0
    intake = Intake(backlog, lambda: now_s, lambda: None)
    await intake.run(FakeTrack([0.0]))
    now_s = 2.0
    await intake.run(FakeTrack([1000.0]))
    await backlog.take(8)
    after = await backlog.take(8)
    assert after is not None
    assert after.frames[0].time_s == pytest.approx(2.0)
