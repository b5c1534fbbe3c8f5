"""When the server should get more work; its liveness and figures are in test_app.py."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from posesim_server.database import Database, StoreError
from posesim_server.keys import METRICS, STORE, WORKERS
from posesim_server.metrics import Metrics
from posesim_server.readiness import AGAIN_S, DATABASE_S, NotReady, Readiness
from server import problem, running


@dataclass
class Up:
    """Workers as far as readiness looks at them."""

    up: int = 2
    wanted: int = 2


class Writes:
    """A database that counts writes and may refuse them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.count = 0

    async def try_writing(self) -> None:
        self.count += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error


def readiness(metrics=None, workers=None, database=None, draining=False, clock=lambda: 0.0):
    return Readiness(
        metrics or Metrics(), workers or Up(), database or Writes(), lambda: draining, clock
    )


async def sentence(looked: Readiness) -> str:
    with pytest.raises(NotReady) as refusal:
        await looked.check()
    return str(refusal.value)


@pytest.fixture
def calm(monkeypatch):
    """How late the loop of a busy machine is, is no part of what is claimed."""

    async def watch_nothing(_: Metrics) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Metrics, "watch_loop", watch_nothing)


async def test_a_server_with_all_that_it_needs_is_ready(tmp_path, calm):
    async with running(tmp_path) as server:
        response = await server.client.get("/readyz")
        assert response.status == 200
        assert await response.json() == {"status": "ready", "degraded": None}


async def test_a_refusal_says_why_and_when_to_ask_again_and_the_server_lives(tmp_path, calm):
    async with running(tmp_path) as server:
        server.app[METRICS].loop_lag_s = 0.3
        response = await server.client.get("/readyz")
        assert "300 ms late" in await problem(response, 503)
        assert response.headers["Retry-After"]
        assert (await server.client.get("/healthcheck")).status == 200


async def test_a_loop_above_100_ms_is_too_late_and_one_at_100_ms_is_not():
    metrics = Metrics()
    metrics.loop_lag_s = 0.1
    await readiness(metrics).check()
    metrics.loop_lag_s = 0.101
    assert "101 ms late; 100 ms is the most" in await sentence(readiness(metrics))


async def test_what_the_loop_watch_measures_is_what_counts():
    """A callback that blocks the loop is seen by the watch, in the figure that readiness reads."""
    import time

    metrics = Metrics()
    watch = asyncio.create_task(metrics.watch_loop())
    async with asyncio.timeout(20):
        while metrics.loop_lag_s <= 0.1:
            await asyncio.sleep(0.01)
            time.sleep(0.6)  # noqa: ASYNC251 - the fault that is planted
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
    assert "late" in await sentence(readiness(metrics))


async def test_a_server_that_drains_is_not_ready():
    assert "about to stop" in await sentence(readiness(draining=True))


async def test_a_worker_that_is_not_up_is_counted():
    assert "1 of 2 workers are up" in await sentence(readiness(workers=Up(up=1)))


async def test_a_worker_that_was_killed_is_missed_until_the_next_is_up(tmp_path, calm):
    async with running(tmp_path) as server:
        workers = server.app[WORKERS]
        assert (workers.up, workers.wanted) == (1, 1)
        workers._workers[0].lost = True
        assert "0 of 1 workers" in await problem(await server.client.get("/readyz"), 503)


async def test_a_database_that_refuses_a_write_is_said_so():
    looked = readiness(database=Writes(StoreError("no")))
    assert "database can't be written" in await sentence(looked)


async def test_a_database_that_is_only_read_is_not_ready(tmp_path, calm):
    async with running(tmp_path) as server:
        engine = server.app[STORE].database._engine.sync_engine

        @sa.event.listens_for(engine, "begin")
        def reads_alone(connection: sa.Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only = ON")

        assert "it can only be read" in await problem(await server.client.get("/readyz"), 503)
        metrics = await (await server.client.get("/metrics")).text()
        assert 'posesim_dependency_up{dependency="database"} 0.0' in metrics
        assert '"objects"' not in metrics  # there are none


async def test_who_asks_for_figures_does_not_wait_for_a_database_that_hangs(monkeypatch):
    monkeypatch.setattr("posesim_server.readiness.LOOK_S", 0.01)
    now_s, metrics, hangs = 0.0, Metrics(), asyncio.Event()
    database = Writes()
    database.try_writing = hangs.wait
    looked = readiness(metrics, database=database, clock=lambda: now_s)

    async def up() -> bool:
        await looked.look()
        text = metrics.text(live=0, contacts={}).decode()
        return 'posesim_dependency_up{dependency="database"} 1.0' in text

    assert await up()  # it is not known yet
    now_s = DATABASE_S
    assert not await up()
    hangs.set()
    await asyncio.sleep(0)
    assert await up()


async def test_the_write_reaches_the_disk(tmp_path):
    """A transaction that changes nothing would be no proof: it works on a full disk as well."""
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'db'}")
    log = Path(f"{tmp_path / 'db'}-wal")
    try:
        await database.forget_traces()
        before = await asyncio.to_thread(log.stat)
        await database.try_writing()
        assert (await asyncio.to_thread(log.stat)).st_size > before.st_size
    finally:
        await database.close()


async def test_who_asks_often_does_not_make_it_write_often():
    now_s = 0.0
    database = Writes()
    looked = readiness(database=database, clock=lambda: now_s)
    await asyncio.gather(*(looked.check() for _ in range(20)))
    await looked.check()
    assert database.count == 1
    now_s = AGAIN_S
    await looked.check()
    assert database.count == 2
    await looked.close()
