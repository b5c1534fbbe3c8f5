"""Workers on a real Ray cluster: they give what others give, and outlast what happens to them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from fake_engine import SETTINGS, FakeEngine, open_fake_network

pytest.importorskip("ray")

from ray_cluster import actor_pids, open_knowing_no_secret, ray_cluster
from videos import stick_figure
from worker_streams import batch, plainly, without_speed

from posesim import Embedder, Reference, compare
from posesim.updates import GapUpdate, ScoreUpdate, Update
from posesim_server.app import create_app
from posesim_server.auth import Passwords
from posesim_server.compute.errors import CannotStart
from posesim_server.compute.network import compare_with, open_network
from posesim_server.compute.on_ray import link
from posesim_server.compute.on_ray.build import this_build
from posesim_server.compute.on_ray.cluster import ray_workers
from posesim_server.compute.protocol import OpenNetwork
from posesim_server.compute.workers import Workers
from posesim_server.config import ServerConfig
from posesim_server.live.live_comparison import LiveComparison
from posesim_server.metrics import Metrics
from server import QUICK, Listening, Server, add_user
from server import FakeEngine as GatedEngine

pytestmark = pytest.mark.slow

WAIT_S = 60.0


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ray_cluster() as address:
        yield address


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4.0)


@pytest.fixture(scope="module")
def reference(clip: Path) -> Path:
    path = clip.with_name("reference.npz")
    open_fake_network().embed(clip, "squats").save(path)
    return path


@contextlib.asynccontextmanager
async def workers_on(
    address: str, open_network: OpenNetwork = open_fake_network
) -> AsyncIterator[Workers]:
    """One worker, and a further one when it is needed: as many as the cluster has processors."""
    async with ray_workers(
        open_network, address=address, cpus=1.0, gpus=None, count=1, most=None, metrics=Metrics()
    ) as workers:
        yield workers


async def until(holds) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def kill_actor() -> int:
    (pid,) = actor_pids()
    os.kill(pid, signal.SIGKILL)
    return pid


async def test_a_session_is_the_same_as_in_the_library_and_goes_on_after_a_killed_actor(
    address: str, reference: Path
) -> None:
    expected: list[Update] = []
    plain = open_fake_network().comparator(Reference.load(reference))
    async with workers_on(address) as workers:
        assert workers.network.engine == FakeEngine.info
        assert workers.network.settings == SETTINGS
        assert workers.most == 2  # processors of the cluster
        assert 1 <= workers.places <= workers.capacity
        comparison = LiveComparison(workers, partial(compare_with, reference))
        await comparison.open()
        updates: list[Update] = []
        for first in range(0, 96, 8):
            updates += await comparison.push(batch(first), 8)
            for arrival in batch(first).frames:
                expected += plain.push(arrival.time_s, arrival.frame)
        assert [plainly(update) for update in updates] == [plainly(each) for each in expected]

        killed = kill_actor()
        assert await comparison.push(batch(96), 8) == []  # lost with it
        gap, *after = await comparison.push(batch(150, 16), 8)
        assert gap == GapUpdate(updates[-1].t_s, 6.0, "restart")
        assert isinstance(after[-1], ScoreUpdate)
        assert comparison.summary().gaps == 1
        assert killed not in actor_pids()
        comparison.close()
    await until(lambda: not actor_pids())


class KillingOnce:
    """Goes on, and kills the actor at its first progress."""

    def __init__(self) -> None:
        self.killed: int | None = None

    def __call__(self, _: float) -> bool:
        self.killed = self.killed or kill_actor()
        return True


async def test_files_travel_there_and_back_and_a_killed_job_is_done_again(
    address: str, clip: Path, reference: Path, tmp_path: Path
) -> None:
    """Nothing there can see the files by their paths: they are handed over by content."""
    embed_once, compare_once = KillingOnce(), KillingOnce()
    into = tmp_path / "made.npz"
    async with workers_on(address) as workers:
        duration_s = await workers.embed(clip, "a", into, longest_s=60, on_progress=embed_once)
        comparison = await workers.compare_file(
            clip,
            partial(compare_with, reference),
            reference="squats",
            longest_s=60,
            on_progress=compare_once,
        )
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == [into]
    assert embed_once.killed
    assert compare_once.killed
    assert duration_s == pytest.approx(4.0, abs=0.1)
    plain = open_fake_network().embed(clip, "a")
    made = Reference.load(into)
    assert made.features.taps.tobytes() == plain.features.taps.tobytes()
    expected = compare(clip, Reference.load(reference), Embedder(open_fake_network()))
    assert without_speed(comparison) == without_speed(expected)


async def test_a_further_actor_comes_when_the_first_has_no_room(
    address: str, reference: Path
) -> None:
    """And a session that finds no place is refused meanwhile, as everywhere."""
    async with workers_on(address) as workers:
        room = workers.places
        for _ in range(room):
            await workers.watch(partial(compare_with, reference))
        await until(lambda: workers.up == 2)
        assert workers.places > room
        workers.grow()
        await asyncio.sleep(0)
        assert len(actor_pids()) == 2  # all that there may be
    await until(lambda: not actor_pids())


DRIVER = """
import asyncio, sys
from fake_engine import open_fake_network
from posesim_server.compute.on_ray.cluster import ray_workers
from posesim_server.metrics import Metrics

async def serve():
    async with ray_workers(
        open_fake_network, address=sys.argv[1], cpus=1.0, gpus=None, count=1, most=None,
        metrics=Metrics(),
    ):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(serve())
"""


async def test_the_actors_of_a_killed_server_end_with_it(address: str) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DRIVER,
        address,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert server.stdout is not None
    async with asyncio.timeout(WAIT_S):
        while b"ready" not in await server.stdout.readline():
            pass
    assert len(actor_pids()) == 1
    server.kill()
    await server.wait()
    await until(lambda: not actor_pids())


async def test_a_server_embeds_on_ray_and_keeps_its_secrets(
    address: str, clip: Path, tmp_path: Path
) -> None:
    config = ServerConfig(
        data=tmp_path,
        engine="ray",
        ray_address=address,
        ray_cpus=1.0,
        turn_urls=("turn:relay.example:3478",),
        turn_secret="s" * 32,
    )
    app = create_app(config, open_knowing_no_secret, passwords=Passwords(QUICK))
    listening = Listening(app, host="127.0.0.1")
    await listening.start_server()
    async with TestClient(listening) as client:
        health = await (await client.get("/healthcheck")).json()
        assert health["engine"]["name"] == "fake"
        server = Server(client, app, GatedEngine(), config, await add_user(app, "anna"))
        await server.sign_in(server.user)
        exercise = await server.ready_exercise(clip)
        assert exercise["duration_s"] == pytest.approx(4.0, abs=0.1)
    await until(lambda: not actor_pids())


async def test_a_network_that_can_not_be_opened_there_says_why_and_where(address: str) -> None:
    config = ServerConfig(data=Path("data"), weights=Path("/none/x.safetensors"))
    opening = partial(open_network, config)
    with pytest.raises(CannotStart, match=r"On the Ray node .*posesim weights fetch"):
        async with workers_on(address, open_network=opening):
            pass


async def test_a_build_that_differs_is_refused_by_name(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = this_build() | {"posesim": "9.9", "calibration": "another"}
    monkeypatch.setattr(link, "this_build", lambda: other)
    with pytest.raises(CannotStart, match=r"calibration is .*another.*posesim is .* 9.9"):
        async with workers_on(address):
            pass
