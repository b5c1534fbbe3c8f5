"""Workers that come and go with the sessions, on threads of this process."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fake_engine import CALIBRATION, SETTINGS, FakeEngine, FakeNetwork, open_fake_network
from live_fakes import FakeComparator, MemoryStore, frame_at, plant
from worker_thread import ThreadBody

from posesim.network import Network
from posesim.references import Settings
from posesim_server.compute import asked_worker
from posesim_server.compute.admission import Cost
from posesim_server.compute.errors import OtherNetwork
from posesim_server.compute.growth import Growth, require_same
from posesim_server.compute.process_link import Body
from posesim_server.compute.workers import Workers
from posesim_server.live.plan import Limits
from posesim_server.live.sessions import Sessions, SessionsFull

WAIT_S = 20.0
COST = Cost(0.1, 0.1)  # so there is room for two sessions


@pytest.fixture(autouse=True)
def two_sessions_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posesim_server.compute.program.measure", lambda network: COST)


class MeasuringBody(ThreadBody):
    measures = True


class BrokenBody:
    """A worker that is gone before it says anything."""

    def __init__(self, open_network: object, link: Any, *_: object) -> None:
        link.close()

    def kill(self) -> None:
        pass

    def join(self, timeout_s: float) -> int:
        return -9


def growing(
    most: int, open_network: Callable[[], Network] = open_fake_network, idle_s: float = 60.0
) -> Workers:
    plan = Growth(most, idle_s=idle_s, again_s=0.05)
    return Workers(open_network, launch=MeasuringBody, growth=plan)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_further_worker_comes_with_the_last_place_and_no_more_than_there_may_be() -> None:
    async with growing(2) as workers:
        assert (workers.up, workers.places, workers.capacity) == (1, 2, 4)
        await workers.watch(plant(FakeComparator))
        await asyncio.sleep(0.05)
        assert workers.up == 1
        await workers.watch(plant(FakeComparator))
        await until(lambda: workers.up == 2)
        assert workers.places == 4
        for _ in range(3):
            await workers.watch(plant(FakeComparator))
        await asyncio.sleep(0.05)
        assert workers.up == 2


async def test_streams_go_to_further_workers_last_and_those_are_given_back() -> None:
    async with growing(2, idle_s=0.05) as workers:
        lanes = [await workers.watch(plant(FakeComparator)) for _ in range(2)]
        await until(lambda: workers.up == 2)
        lanes.append(await workers.watch(plant(FakeComparator)))
        always, further = workers._workers
        assert (always.lanes, further.lanes) == (2, 1)
        await asyncio.sleep(0.2)
        assert workers.up == 2  # it is used
        lanes[0].close()
        lanes[2].close()
        await until(lambda: workers.up == 1)
        assert workers._workers == [always]
        await lanes[1].push([(0.0, frame_at(0.0))], tail_hop=8)


async def test_a_session_without_a_place_is_refused_and_makes_another_worker_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Sessions, "placed", 2)
    async with growing(2) as workers:
        sessions = Sessions(workers, MemoryStore(), Limits(most_sessions=3))
        with pytest.raises(SessionsFull, match="at most 2 sessions at once"):
            sessions.require_place()
        await until(lambda: workers.up == 2)
        sessions.require_place()
        monkeypatch.setattr(Sessions, "placed", 3)
        with pytest.raises(SessionsFull, match="at most 3 sessions at once"):
            sessions.require_place()


async def test_a_worker_that_is_late_takes_no_more_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked_worker, "LATE_S", 0.05)
    monkeypatch.setattr(asked_worker, "LATEST_SHARE", 0.0)  # at first, what is under way counts
    slow = FakeComparator()
    slow.may_run.clear()
    async with growing(1) as workers:
        lane = await workers.watch(plant(lambda: slow))
        assert workers.places == 2
        pushing = asyncio.create_task(lane.push([(0.0, frame_at(0.0))], tail_hop=8))
        await until(lambda: workers.places == 1)
        slow.may_run.set()
        await pushing
        await until(lambda: workers.places == 2)
        monkeypatch.setattr(asked_worker, "LATEST_SHARE", 1.0)
        slow.may_run.clear()
        pushing = asyncio.create_task(lane.push([(0.04, frame_at(0.04))], tail_hop=8))
        await until(lambda: workers.places == 1)
        await asyncio.sleep(0.1)
        slow.may_run.set()
        await pushing
        assert workers.places == 1  # what batches take counts, too
        async with asyncio.timeout(WAIT_S):
            while workers.places == 1:
                await lane.push([(0.08, frame_at(0.08))], tail_hop=8)


async def test_a_worker_that_was_late_and_has_nobody_left_takes_sessions_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked_worker, "LATE_S", 0.0)
    async with growing(1) as workers:
        lane = await workers.watch(plant(FakeComparator))
        await lane.push([(0.0, frame_at(0.0))], tail_hop=8)
        assert workers.places == 1
        lane.close()
        assert workers.places == 2


async def test_a_worker_with_another_network_is_not_used() -> None:
    settings = iter([SETTINGS, *[Settings(weights="others")] * 99])
    opened = 0

    def open_one() -> Network:
        nonlocal opened
        opened += 1
        return FakeNetwork(FakeEngine(), next(settings), CALIBRATION)

    async with growing(2, open_one) as workers:
        workers.grow()
        await until(lambda: opened == 2 and not workers._growing)
        assert workers.up == 1
    with pytest.raises(OtherNetwork, match="weights is 'others', not 'fake'"):
        require_same(SETTINGS, Settings(weights="others"))


async def test_a_worker_that_can_not_be_replaced_now_is_tried_for_again() -> None:
    """On one machine that ends the server; elsewhere it may be put right."""
    launches = iter([MeasuringBody, *[BrokenBody] * 4, MeasuringBody])

    def launch(*arguments: Any) -> Body:
        return next(launches)(*arguments)

    plan = Growth(1, again_s=0.01)
    async with Workers(open_fake_network, launch=launch, growth=plan) as workers:
        first = workers._workers[0]
        first.link.kill()
        await until(lambda: workers.up == 1 and workers._workers[0] is not first)
        assert not workers.failed.done()
        assert next(launches, None) is None
