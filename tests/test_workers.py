"""Workers that do their work, that fail, and that die."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bodies import pose
from fake_engine import (
    CALIBRATION,
    SETTINGS,
    SQUATS,
    FakeEngine,
    FakeNetwork,
    open_fake_network,
)
from live_fakes import FakeComparator, FollowingComparator, frame_at, plant
from videos import stick_figure
from worker_streams import batch, plainly, without_speed
from worker_thread import ThreadBody

from posesim import Comparison, Embedder, Reference, compare
from posesim.embedding import Features, Part, TimedPose
from posesim.errors import BrokenReference
from posesim.network import Network
from posesim.timebase import Gap
from posesim.updates import GapUpdate, ReferenceClock, RepUpdate, ScoreUpdate, Update
from posesim_server.compute.asked_worker import Worker
from posesim_server.compute.errors import (
    CannotStart,
    ClipKillsWorkers,
    WorkBroken,
    WorkerLost,
    WorkersClosed,
    WorkersKeepDying,
    WorkFailed,
)
from posesim_server.compute.frames import SLOTS
from posesim_server.compute.network import compare_with, demonstrate
from posesim_server.compute.process_link import Body
from posesim_server.compute.workers import MOST_TRIES, Workers
from posesim_server.live.demonstration import Demonstration, Showing, end_s
from posesim_server.live.intake import Arrival, Batch, StreamClock
from posesim_server.live.live_comparison import LiveComparison, Total
from posesim_server.live.live_demonstration import LiveDemonstration
from server import WAIT_S
from server import FakeEngine as GatedEngine


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4.0)


@pytest.fixture(scope="module")
def reference(clip: Path) -> Path:
    path = clip.with_name("reference.npz")
    open_fake_network().embed(clip, "squats").save(path)
    return path


def threads(open_network=open_fake_network) -> Workers:  # type: ignore[no-untyped-def]
    return Workers(open_network, launch=ThreadBody)


def anything(_: float) -> bool:
    return True


class Killing:
    """Goes on, and kills so many workers that make progress, one after the other."""

    def __init__(self, workers: Workers, count: int) -> None:
        self._workers = workers
        self._count = count
        self.killed: list[Worker] = []

    def __call__(self, _: float) -> bool:
        for worker in self._workers._workers:
            if worker not in self.killed and len(self.killed) < self._count:
                self.killed.append(worker)
                worker.link.kill()
        return True


# In a process


async def test_a_process_gives_what_the_library_gives_and_leaves_nothing(reference: Path) -> None:
    expected: list[Update] = []
    plain = open_fake_network().comparator(Reference.load(reference))
    async with Workers(open_fake_network) as workers:
        assert workers.network.engine == FakeEngine.info
        assert workers.network.settings == SETTINGS
        assert 1 <= workers.capacity <= SLOTS
        comparison = LiveComparison(workers, partial(compare_with, reference))
        await comparison.open()
        updates: list[Update] = []
        for first in range(0, 96, 8):
            updates += await comparison.push(batch(first), 8)
            for arrival in batch(first).frames:
                expected += plain.push(arrival.time_s, arrival.frame)
        updates += await comparison.finish()
        expected += plain.finish()
        assert [plainly(update) for update in updates] == [plainly(each) for each in expected]
        assert comparison.summary() == plain.summary()
        comparison.close()
    assert multiprocessing.active_children() == []


async def test_a_killed_process_is_replaced_and_its_comparison_goes_on_after_a_gap(
    reference: Path,
) -> None:
    async with Workers(open_fake_network) as workers:
        comparison = LiveComparison(workers, partial(compare_with, reference))
        await comparison.open()
        before = await comparison.push(batch(0, 16), 8)
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        assert await comparison.push(batch(16), 8) == []  # lost with it
        gap, *after = await comparison.push(batch(50, 16), 8)
        assert isinstance(before[-1], ScoreUpdate)
        assert gap == GapUpdate(before[-1].t_s, 2.0, "restart")
        assert isinstance(after[-1], ScoreUpdate)
        assert after[-1].t_s > 2.0
        assert comparison.summary().gaps == 1
        (another,) = multiprocessing.active_children()
        assert another.pid != process.pid
    assert multiprocessing.active_children() == []


# Starting


async def test_a_network_that_can_not_be_opened_says_why() -> None:
    def broken() -> Network:
        raise BrokenReference(Path("x"), "a planted failure")

    with pytest.raises(CannotStart, match="a planted failure"):
        async with threads(broken):
            pass


async def test_a_failure_that_nobody_foresaw_refers_to_the_log() -> None:
    def broken() -> Network:
        raise RuntimeError("a planted failure")

    with pytest.raises(CannotStart, match="The log above says more"):
        async with threads(broken):
            pass


class Stillborn:
    """A worker that is killed before it says anything."""

    born = 0

    def __init__(self, open_network: object, link: socket.socket, *_: object) -> None:
        Stillborn.born += 1
        link.close()

    def kill(self) -> None:
        pass

    def join(self, timeout_s: float) -> int:
        return -9


async def test_workers_that_die_again_and_again_at_start_end_the_server() -> None:
    Stillborn.born = 0
    with pytest.raises(WorkersKeepDying, match=r"ended 3 times at its start.*exit code -9.*memory"):
        async with Workers(open_fake_network, launch=Stillborn):
            pass
    assert Stillborn.born == 3


async def test_whoever_waits_for_workers_hears_when_none_will_come() -> None:
    launches = iter([ThreadBody, Stillborn, Stillborn, Stillborn])

    def launch(*arguments: Any) -> Body:
        return next(launches)(*arguments)

    async with Workers(open_fake_network, launch=launch) as workers:
        workers._workers[0].link.kill()
        with pytest.raises(WorkersKeepDying):
            await workers.failed
        with pytest.raises(WorkersClosed):
            await workers.watch(plant(FakeComparator))


# Comparing


async def test_a_slow_session_does_not_hold_up_another(reference: Path) -> None:
    """One floods with batches of many chunks; the other's one chunk is not behind them."""
    order: list[str] = []
    async with threads() as workers:
        flood, other = [LiveComparison(workers, partial(compare_with, reference)) for _ in "ab"]
        await flood.open()
        await other.open()
        holes = Batch(tuple(Arrival(n * 0.48, 0.0, frame_at(n * 0.48)) for n in range(8)), 0)

        async def push(name: str, comparison: LiveComparison, frames: Batch) -> None:
            await comparison.push(frames, 8)
            order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(push("flood", flood, holes))  # eleven chunks
            group.create_task(push("other", other, batch(0)))
    assert order == ["other", "flood"]


async def test_a_comparator_that_fails_fails_its_calls_alone() -> None:
    broken, sound = FakeComparator(), FakeComparator()
    broken.error = RuntimeError("a planted failure")
    async with threads() as workers:
        lanes = [await workers.watch(plant(lambda c=c: c)) for c in (broken, sound)]
        frames = [(0.0, frame_at(0.0))]
        with pytest.raises(WorkBroken, match="a planted failure"):
            await lanes[0].push(frames, tail_hop=8)
        assert await lanes[1].push(frames, tail_hop=8) == []


async def test_a_reference_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    async with threads() as workers:
        with pytest.raises(WorkFailed, match="npz"):
            await workers.watch(partial(compare_with, tmp_path / "none.npz"))
        assert workers._workers[0].lanes == 0


async def test_every_slot_comes_back(reference: Path) -> None:
    async with threads() as workers:
        for _ in range(2 * SLOTS):
            lane = await workers.watch(plant(FakeComparator))
            await lane.push([(0.0, frame_at(0.0))], tail_hop=8)
            lane.close()
            with pytest.raises(WorkBroken):  # answered after the closing
                await lane.finish()


async def test_sessions_go_to_the_worker_with_the_fewest() -> None:
    async with Workers(open_fake_network, count=2, launch=ThreadBody) as workers:
        lanes = [await workers.watch(plant(FakeComparator)) for _ in range(4)]
        assert [worker.lanes for worker in workers._workers] == [2, 2]
        lanes[0].close()
        await workers.watch(plant(FakeComparator))
        assert [worker.lanes for worker in workers._workers] == [2, 2]


async def test_a_comparison_whose_worker_died_between_two_batches_goes_on() -> None:
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(FakeComparator))
        await comparison.open()
        first = workers._workers[0]
        first.link.kill()
        async with asyncio.timeout(WAIT_S):
            while first in workers._workers or not workers._workers:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await comparison.push(batch(0), 8) == []
        gap, *_ = await comparison.push(batch(8), 8)
        assert gap == GapUpdate(0.0, 0.32, "restart")


async def test_repetitions_are_counted_on_in_the_next_worker() -> None:
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(FakeComparator))
        await comparison.open()
        updates = [u for n in range(0, 48, 8) for u in await comparison.push(batch(n), 8)]
        workers._workers[0].link.kill()
        await asyncio.sleep(0)
        assert await comparison.push(batch(48), 8) == []
        updates += [u for n in range(56, 104, 8) for u in await comparison.push(batch(n), 8)]

    reps = [update for update in updates if isinstance(update, RepUpdate)]
    assert [rep.number for rep in reps] == [1, 2, 3, 4, 5, 6]
    assert [rep.valid for rep in reps] == [True, True, False] * 2
    counted = [update.repetitions for update in updates if isinstance(update, ScoreUpdate)]
    assert counted == [0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4]
    summary = comparison.summary()
    assert (summary.repetitions, summary.attempts, summary.gaps) == (4, 2, 1)


def test_a_total_goes_on_where_counting_begins_again() -> None:
    total = Total()
    assert [total.of(count) for count in (0, 1, 2, 0, 0, 1, 0)] == [0, 1, 2, 2, 2, 3, 3]


async def test_a_comparison_is_told_where_the_reference_is_played() -> None:
    comparator = FakeComparator()
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(lambda: comparator))
        await comparison.open()
        clock = ReferenceClock(at_s=0.1, reference_s=2.4)
        await comparison.push(batch(0), 8, clock)
        assert comparator.clock == clock
        await comparison.push(batch(8), 8)
        assert comparator.clock is None


async def test_the_next_worker_is_told_the_times_and_the_clock_that_go_on() -> None:
    comparators: list[FakeComparator] = []

    def opened() -> FakeComparator:
        comparators.append(FakeComparator())
        return comparators[-1]

    async with threads() as workers:
        comparison = LiveComparison(workers, plant(opened))
        await comparison.open()
        await comparison.push(batch(50), 8)
        workers._workers[0].link.kill()
        await asyncio.sleep(0)
        assert await comparison.push(batch(58), 8) == []
        clock = ReferenceClock(at_s=2.7, reference_s=2.4)
        await comparison.push(batch(66), 8, clock)
    assert len(comparators) == 2
    assert comparators[1].times_s[0] == pytest.approx(2.64)
    assert comparators[1].clock == clock


async def test_a_comparator_is_told_why_frames_are_missing() -> None:
    comparator = FakeComparator()
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(lambda: comparator))
        await comparison.open()
        await comparison.push(batch(0), 8)
        updates = await comparison.push(batch(50, gap="paused"), 8)
        await comparison.push(batch(58, gap="overload"), 8)
    assert comparator.interrupts == ["paused", "overload"]
    assert isinstance(updates[0], GapUpdate)


async def test_a_pause_that_was_lost_with_a_worker_is_one_gap_for_that_reason() -> None:
    comparator = FakeComparator()
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(lambda: comparator))
        await comparison.open()
        await comparison.push(batch(0), 8)
        workers._workers[0].link.kill()
        await asyncio.sleep(0)
        assert await comparison.push(batch(50, gap="paused"), 8) == []
        gap, *_ = await comparison.push(batch(58), 8)
    assert gap == GapUpdate(0.28, 2.32, "paused")
    assert comparison.summary().gaps == 1
    assert comparator.interrupts == []


async def test_workers_that_die_of_a_session_again_and_again_end_it() -> None:
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(FakeComparator))
        await comparison.open()
        for first in range(5):
            workers._workers[0].link.kill()
            await asyncio.sleep(0)
            assert await comparison.push(batch(first), 8) == []
        workers._workers[0].link.kill()
        with pytest.raises(WorkerLost):
            await comparison.push(batch(9), 8)


async def test_a_long_session_outlives_more_workers_than_a_short_one_may() -> None:
    """Each dies a minute of it after the last: of something else than its pictures."""
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(FakeComparator))
        await comparison.open()
        for minute in range(12):
            workers._workers[0].link.kill()
            await asyncio.sleep(0)
            assert await comparison.push(batch(minute * 60 * 25 + minute), 8) == []


# Following a demonstration


def shown(*seconds: float) -> list[Part]:
    return [TimedPose(time_s, pose(SQUATS(time_s))) for time_s in seconds]


def at_once() -> StreamClock:
    clock = StreamClock()
    clock.saw(0.0, 0.0)
    return clock


async def test_a_comparator_that_follows_is_shown_each_part_once() -> None:
    comparator, demonstration = FollowingComparator(), Demonstration()
    demonstration.begin(at_once())
    async with threads() as workers:
        comparison = LiveComparison(
            workers, plant(lambda: comparator), showing=Showing(demonstration)
        )
        await comparison.open()
        await comparison.push(batch(0), 8)
        demonstration.show(shown(0.0, 0.12))
        await comparison.push(batch(8), 8)
        await comparison.push(batch(16), 8)
        demonstration.show(shown(0.24))
        await comparison.push(batch(24), 8)
    assert [[end_s(part) for part in parts] for parts in comparator.shown] == [
        [],
        [0.0, 0.12],
        [],
        [0.24],
    ]


async def test_the_next_worker_is_shown_the_last_minute_again() -> None:
    comparators: list[FollowingComparator] = []

    def opened() -> FollowingComparator:
        comparators.append(FollowingComparator())
        return comparators[-1]

    demonstration = Demonstration()
    demonstration.begin(at_once())
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(opened), showing=Showing(demonstration))
        await comparison.open()
        demonstration.show(shown(*map(float, range(100))))
        await comparison.push(batch(0), 8)
        workers._workers[0].link.kill()
        await asyncio.sleep(0)
        demonstration.show(shown(100.0))
        assert await comparison.push(batch(8), 8) == []
        await comparison.push(batch(16), 8)
        await comparison.push(batch(24), 8)
    (again, nothing) = comparators[1].shown
    assert [end_s(part) for part in again] == [float(n) for n in range(40, 101)]
    assert nothing == []


async def test_a_process_demonstrates_as_the_library_does_and_goes_on_after_its_death() -> None:
    demonstration, plain = Demonstration(), open_fake_network().demonstrator()
    expected: list[Part] = []
    async with Workers(open_fake_network) as workers:
        showing = LiveDemonstration(workers, demonstrate, demonstration, at_once())
        await showing.open()
        for first in range(0, 160, 8):
            assert await showing.push(batch(first), 8) == []
            for arrival in batch(first).frames:
                expected += plain.push(arrival.time_s, arrival.frame)
        _, parts = demonstration.since(0)
        assert [type(part) for part in parts] == [type(part) for part in expected]
        for part, other in zip(parts, expected, strict=True):
            assert end_s(part) == end_s(other)
            if isinstance(part, Features) and isinstance(other, Features):
                np.testing.assert_array_equal(part.taps, other.taps)
                assert (part.window is None) == (other.window is None)
        windows = [part for part in parts if isinstance(part, Features) and part.window]
        assert 0 < len(windows) <= 160 / 32  # whatever the session's hop
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await showing.push(batch(160), 8)
        await showing.push(batch(200), 8)
        gap, *_ = demonstration.since(len(parts))[1]
        assert gap == Gap(max(map(end_s, parts)), 8.0, "restart")
        await showing.finish()
        assert demonstration.over.is_set()
        showing.close()


async def test_a_demonstration_that_could_not_begin_does_not_end_another() -> None:
    demonstration = Demonstration()
    async with threads() as workers:
        first, second = [
            LiveDemonstration(workers, demonstrate, demonstration, at_once()) for _ in "ab"
        ]
        await first.open()
        await first.push(batch(0), 8)
        with pytest.raises(ValueError, match="one stream at a time"):
            await second.open()
        second.close()
        assert not demonstration.over.is_set()
        first.close()
        assert demonstration.over.is_set()
        assert workers._workers[0].lanes == 0


# Embedding


async def test_a_clip_is_embedded_again_when_its_worker_dies(clip: Path, tmp_path: Path) -> None:
    into = tmp_path / "reference.npz"
    async with threads() as workers:
        kill_once = Killing(workers, 1)
        duration_s = await workers.embed(clip, "a", into, longest_s=60, on_progress=kill_once)
    assert len(kill_once.killed) == 1
    assert duration_s == pytest.approx(4.0, abs=0.1)
    assert Reference.load(into).name == "a"


async def test_a_clip_that_workers_die_of_is_given_up(clip: Path, tmp_path: Path) -> None:
    async with threads() as workers:
        kill = Killing(workers, MOST_TRIES)
        with pytest.raises(ClipKillsWorkers, match="Save it in another format"):
            await workers.embed(clip, "a", tmp_path / "r.npz", longest_s=60, on_progress=kill)


async def test_an_embedding_that_nobody_wants_stops(clip: Path, tmp_path: Path) -> None:
    into = tmp_path / "reference.npz"
    async with threads() as workers:
        nothing = await workers.embed(
            clip, "a", into, longest_s=60, on_progress=lambda progress: False
        )
        assert nothing is None
        assert not into.exists()
        assert await workers.embed(clip, "b", into, longest_s=60, on_progress=anything)


async def test_a_part_of_a_clip_is_embedded_with_times_from_its_begin(
    clip: Path, tmp_path: Path
) -> None:
    into = tmp_path / "reference.npz"
    async with threads() as workers:
        duration_s = await workers.embed(
            clip, "a", into, longest_s=3, start_s=0.48, end_s=3.2, on_progress=anything
        )
    assert duration_s == pytest.approx(2.68)
    plain = open_fake_network().embed(clip, "a", start_s=0.48, end_s=3.2)
    np.testing.assert_array_equal(Reference.load(into).features.taps, plain.features.taps)


async def test_a_part_that_the_clip_does_not_have_is_a_sentence(clip: Path, tmp_path: Path) -> None:
    async with threads() as workers:
        with pytest.raises(WorkFailed, match=r"no picture between 9.00 s and its end"):
            await workers.embed(
                clip, "a", tmp_path / "r.npz", longest_s=60, start_s=9, on_progress=anything
            )


async def test_a_session_is_served_while_a_clip_is_embedded(clip: Path, tmp_path: Path) -> None:
    engine = GatedEngine()
    engine.gate.clear()
    network = Network(engine, SETTINGS, CALIBRATION)
    async with contextlib.AsyncExitStack() as stack:
        workers = await stack.enter_async_context(threads(lambda: network))
        stack.callback(engine.gate.set)
        embedding = asyncio.create_task(
            workers.embed(clip, "a", tmp_path / "r.npz", longest_s=60, on_progress=anything)
        )
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
        comparator = FakeComparator()
        opening = asyncio.create_task(workers.watch(plant(lambda: comparator)))
        engine.gate.set()
        lane = await opening
        await lane.push([(0.0, frame_at(0.0))], tail_hop=8)
        assert not embedding.done()
        await embedding


# Comparing files


async def compare_file(
    workers: Workers,
    video: Path,
    reference: Path,
    on_progress: Callable[[float], bool] = anything,
    longest_s: float = 60,
) -> Comparison | None:
    opened = partial(compare_with, reference)
    return await workers.compare_file(
        video, opened, reference="squats", longest_s=longest_s, on_progress=on_progress
    )


def noting(seen: list[float]) -> Callable[[float], bool]:
    """Go on, and note the progress."""

    def note(share: float) -> bool:
        seen.append(share)
        return True

    return note


async def test_a_process_compares_a_file_as_the_library_does(clip: Path, reference: Path) -> None:
    embedder = Embedder(open_fake_network())
    expected = compare(clip, Reference.load(reference), embedder)
    seen: list[float] = []
    async with Workers(open_fake_network) as workers:
        comparison = await compare_file(workers, clip, reference, noting(seen))
    assert without_speed(comparison) == without_speed(expected)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.weights
async def test_real_networks_in_a_worker_give_what_the_library_gives(
    clip: Path, tmp_path: Path
) -> None:
    embedder = Embedder.open()
    path = tmp_path / "reference.npz"
    Reference.from_video(clip, embedder, name="squats").save(path)
    expected = compare(clip, Reference.load(path), embedder)
    async with threads(lambda: embedder.network) as workers:
        comparison = await compare_file(workers, clip, path)
    assert expected.summary.score is not None
    assert without_speed(comparison) == without_speed(expected)


async def test_a_file_is_compared_again_when_its_worker_dies(clip: Path, reference: Path) -> None:
    async with threads() as workers:
        kill_once = Killing(workers, 1)
        comparison = await compare_file(workers, clip, reference, kill_once)
    assert len(kill_once.killed) == 1
    expected = compare(clip, Reference.load(reference), Embedder(open_fake_network()))
    assert without_speed(comparison) == without_speed(expected)


async def test_a_file_that_workers_die_of_is_given_up(clip: Path, reference: Path) -> None:
    async with threads() as workers:
        kill = Killing(workers, MOST_TRIES)
        with pytest.raises(ClipKillsWorkers, match="Save it in another format"):
            await compare_file(workers, clip, reference, kill)


async def test_a_comparison_of_a_file_that_nobody_wants_stops(clip: Path, reference: Path) -> None:
    async with threads() as workers:
        assert await compare_file(workers, clip, reference, lambda _: False) is None
        assert await compare_file(workers, clip, reference) is not None


async def test_a_comparison_of_a_file_ends_with_its_task(clip: Path, reference: Path) -> None:
    engine = GatedEngine()
    engine.gate.clear()
    network = FakeNetwork(engine, SETTINGS, CALIBRATION)
    async with contextlib.AsyncExitStack() as stack:
        workers = await stack.enter_async_context(threads(lambda: network))
        stack.callback(engine.gate.set)
        told: list[float] = []
        comparing = asyncio.create_task(compare_file(workers, clip, reference, noting(told)))
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
        comparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await comparing
        engine.gate.set()
        assert await compare_file(workers, clip, reference) is not None
        assert 1.0 not in told


async def test_a_longer_video_than_allowed_is_a_sentence(clip: Path, reference: Path) -> None:
    async with threads() as workers:
        with pytest.raises(WorkFailed, match="at most 3 s are allowed"):
            await compare_file(workers, clip, reference, longest_s=3)


async def test_what_is_no_video_is_a_sentence(reference: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video")
    async with threads() as workers:
        with pytest.raises(WorkFailed, match=r"'notes.mp4' can't be read as video"):
            await compare_file(workers, path, reference)


async def test_a_file_is_not_compared_with_a_reference_that_is_gone(
    clip: Path, tmp_path: Path
) -> None:
    async with threads() as workers:
        with pytest.raises(WorkFailed, match="There is no reference"):
            await compare_file(workers, clip, tmp_path / "none.npz")


async def test_a_session_is_served_while_a_file_is_compared(clip: Path, reference: Path) -> None:
    engine = GatedEngine()
    engine.gate.clear()
    network = FakeNetwork(engine, SETTINGS, CALIBRATION)
    async with contextlib.AsyncExitStack() as stack:
        workers = await stack.enter_async_context(threads(lambda: network))
        stack.callback(engine.gate.set)
        comparing = asyncio.create_task(compare_file(workers, clip, reference))
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
        comparator = FakeComparator()
        opening = asyncio.create_task(workers.watch(plant(lambda: comparator)))
        engine.gate.set()
        lane = await opening
        await lane.push([(0.0, frame_at(0.0))], tail_hop=8)
        assert not comparing.done()
        await comparing
