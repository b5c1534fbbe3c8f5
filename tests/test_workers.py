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

import av
import numpy as np
import pytest
from fake_engine import CALIBRATION, SETTINGS, FakeEngine, FakeNetwork, open_fake_network
from live_fakes import FakeComparator, frame_at, plant
from videos import draw_person, stick_figure
from worker_thread import ThreadBody

from posesim import Comparison, Embedder, Reference, compare
from posesim.errors import BrokenReference
from posesim.network import Network
from posesim.updates import GapUpdate, PoseUpdate, ReferenceClock, RepUpdate, ScoreUpdate, Update
from posesim_server.compute.frames import SLOTS
from posesim_server.compute.network import compare_with
from posesim_server.compute.workers import (
    Body,
    CannotStart,
    ClipKillsWorkers,
    WorkBroken,
    WorkerLost,
    Workers,
    WorkersClosed,
    WorkersKeepDying,
    WorkFailed,
)
from posesim_server.live.intake import Arrival, Batch
from posesim_server.live.live_comparison import LiveComparison, Total
from server import WAIT_S
from server import FakeEngine as GatedEngine


def batch(first: int, count: int = 8, dropped: int = 0) -> Batch:
    return Batch(
        tuple(Arrival(n / 25, n / 25, picture(n)) for n in range(first, first + count)),
        dropped,
    )


def picture(n: int) -> av.VideoFrame:
    """A person who squats."""
    return av.VideoFrame.from_ndarray(draw_person(n / 25), format="rgb24").reformat(
        format="yuv420p"
    )


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


def plainly(update: Update) -> tuple[type, dict[str, Any]]:
    """An update as what can be compared: a pose holds an array."""
    values = vars(update)
    if isinstance(update, PoseUpdate):
        values = values | {"landmarks": update.landmarks.tolist()}
    return type(update), values


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
        workers._workers[0].body.kill()
        with pytest.raises(WorkersKeepDying):
            await workers.failed
        with pytest.raises(WorkersClosed):
            await workers.compare(plant(FakeComparator))


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
        lanes = [await workers.compare(plant(lambda c=c: c)) for c in (broken, sound)]
        frames = [(0.0, frame_at(0.0))]
        with pytest.raises(WorkBroken, match="a planted failure"):
            await lanes[0].push(frames, dropped=False, tail_hop=8)
        assert await lanes[1].push(frames, dropped=False, tail_hop=8) == []


async def test_a_reference_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    async with threads() as workers:
        with pytest.raises(WorkFailed, match="npz"):
            await workers.compare(partial(compare_with, tmp_path / "none.npz"))
        assert workers._workers[0].lanes == 0


async def test_every_slot_comes_back(reference: Path) -> None:
    async with threads() as workers:
        for _ in range(2 * SLOTS):
            lane = await workers.compare(plant(FakeComparator))
            await lane.push([(0.0, frame_at(0.0))], dropped=False, tail_hop=8)
            lane.close()
            with pytest.raises(WorkBroken):  # answered after the closing
                await lane.finish()


async def test_sessions_go_to_the_worker_with_the_fewest() -> None:
    async with Workers(open_fake_network, count=2, launch=ThreadBody) as workers:
        lanes = [await workers.compare(plant(FakeComparator)) for _ in range(4)]
        assert [worker.lanes for worker in workers._workers] == [2, 2]
        lanes[0].close()
        await workers.compare(plant(FakeComparator))
        assert [worker.lanes for worker in workers._workers] == [2, 2]


async def test_a_comparison_whose_worker_died_between_two_batches_goes_on() -> None:
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(FakeComparator))
        await comparison.open()
        first = workers._workers[0]
        first.body.kill()
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
        workers._workers[0].body.kill()
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


async def test_the_next_worker_is_told_the_clock_on_the_time_that_goes_on() -> None:
    comparators: list[FakeComparator] = []

    def opened() -> FakeComparator:
        comparators.append(FakeComparator())
        return comparators[-1]

    async with threads() as workers:
        comparison = LiveComparison(workers, plant(opened))
        await comparison.open()
        await comparison.push(batch(50), 8)
        workers._workers[0].body.kill()
        await asyncio.sleep(0)
        assert await comparison.push(batch(58), 8) == []
        # The camera's times begin at 0 again; the comparison's go on at 2.28.
        await comparison.push(batch(0), 8, ReferenceClock(at_s=0.1, reference_s=2.4))
    assert len(comparators) == 2
    assert comparators[1].times_s[0] == pytest.approx(2.28)
    assert comparators[1].clock is not None
    assert comparators[1].clock.at_s == pytest.approx(2.38)


async def test_workers_that_die_of_a_session_again_and_again_end_it() -> None:
    async with threads() as workers:
        comparison = LiveComparison(workers, plant(FakeComparator))
        await comparison.open()
        for first in range(5):
            workers._workers[0].body.kill()
            await asyncio.sleep(0)
            assert await comparison.push(batch(first), 8) == []
        workers._workers[0].body.kill()
        with pytest.raises(WorkerLost):
            await comparison.push(batch(9), 8)


# Embedding


async def test_a_clip_is_embedded_again_when_its_worker_dies(clip: Path, tmp_path: Path) -> None:
    into = tmp_path / "reference.npz"
    async with threads() as workers:
        killed = False

        def kill_once(_: float) -> bool:
            nonlocal killed
            if not killed:
                killed = True
                workers._workers[0].body.kill()
            return True

        duration_s = await workers.embed(clip, "a", into, longest_s=60, on_progress=kill_once)
    assert killed
    assert duration_s == pytest.approx(4.0, abs=0.1)
    assert Reference.load(into).name == "a"


async def test_a_clip_that_workers_die_of_is_given_up(clip: Path, tmp_path: Path) -> None:
    async with threads() as workers:

        def kill(_: float) -> bool:
            for worker in workers._workers:
                worker.body.kill()
            return True

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
        opening = asyncio.create_task(workers.compare(plant(lambda: comparator)))
        engine.gate.set()
        lane = await opening
        await lane.push([(0.0, frame_at(0.0))], dropped=False, tail_hop=8)
        assert not embedding.done()
        await embedding


# Comparing files


def without_speed(comparison: Comparison | None) -> dict[str, Any]:
    """What of a comparison is the same at each run."""
    assert comparison is not None
    updates = [plainly(update) for update in comparison.updates]
    return comparison.as_json() | {"frames_per_second": None, "updates": updates}


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
        killed = False

        def kill_once(_: float) -> bool:
            nonlocal killed
            if not killed:
                killed = True
                workers._workers[0].body.kill()
            return True

        comparison = await compare_file(workers, clip, reference, kill_once)
    assert killed
    expected = compare(clip, Reference.load(reference), Embedder(open_fake_network()))
    assert without_speed(comparison) == without_speed(expected)


async def test_a_file_that_workers_die_of_is_given_up(clip: Path, reference: Path) -> None:
    async with threads() as workers:

        def kill(_: float) -> bool:
            for worker in workers._workers:
                worker.body.kill()
            return True

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
        opening = asyncio.create_task(workers.compare(plant(lambda: comparator)))
        engine.gate.set()
        lane = await opening
        await lane.push([(0.0, frame_at(0.0))], dropped=False, tail_hop=8)
        assert not comparing.done()
        await comparing
