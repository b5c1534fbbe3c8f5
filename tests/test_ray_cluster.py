"""What is said where no Ray cluster can be joined, and what workers there need. No Ray runs."""

import asyncio
import pickle
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import SETTINGS, open_fake_network

from posesim import cli as library_cli
from posesim_server.compute.network import elsewhere
from posesim_server.compute.on_ray import cluster
from posesim_server.compute.on_ray.actor import RayWorker
from posesim_server.compute.on_ray.build import difference, this_build
from posesim_server.compute.on_ray.cluster import (
    NoCluster,
    RayNotInstalled,
    places_on,
    ray_workers,
    shares,
)
from posesim_server.compute.on_ray.files import HeldFiles, pack, unpack
from posesim_server.compute.protocol import Cancel, NotReady, Ready
from posesim_server.config import ServerConfig
from posesim_server.metrics import Metrics


async def join(address: str) -> None:
    async with ray_workers(
        open_fake_network,
        address=address,
        cpus=None,
        gpus=None,
        count=1,
        most=None,
        metrics=Metrics(),
    ):
        raise AssertionError("joined what is not there")


async def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "posesim_server.compute.on_ray.link", raising=False)
    with pytest.raises(RayNotInstalled, match=r"pip install 'posesim\[ray\]'"):
        await join("auto")


async def test_where_nobody_listens_the_option_and_a_cure_are_named() -> None:
    pytest.importorskip("ray")
    with pytest.raises(NoCluster, match=r"127.0.0.1:9: .*Check --ray-address.*ray start --head"):
        await join("127.0.0.1:9")


async def test_what_listens_and_is_no_ray_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself would try for minutes."""
    ray = pytest.importorskip("ray")
    ended = threading.Event()

    def try_for_long(**_: Any) -> None:
        ended.wait()
        raise ConnectionError

    monkeypatch.setattr(ray, "init", try_for_long)
    monkeypatch.setattr(cluster, "JOIN_S", 0.05)
    async with await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(NoCluster, match="does not answer as Ray does"):
            await join(f"127.0.0.1:{port}")
    (left_behind,) = [each for each in threading.enumerate() if each.name == "join Ray"]
    ended.set()
    await asyncio.to_thread(left_behind.join)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (
            RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.9\n"),
            r"other versions than this server.*same Python.*Ray: 2.9",
        ),
        (ConnectionError("Could not find any running Ray instance."), "in no Ray cluster"),
    ],
)
async def test_why_a_cluster_can_not_be_joined(
    failure: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")

    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(NoCluster, match=sentence):
        await join("auto")


def test_a_worker_takes_a_gpu_where_there_are_any_else_all_of_the_smallest_node() -> None:
    server = {"CPU": 0.0}
    large, small = {"CPU": 16.0}, {"CPU": 4.0}
    gpu = {"CPU": 8.0, "GPU": 2.0}
    assert shares([server, large, small], None, None) == (4.0, 0.0)
    assert shares([server, gpu], None, None) == (1.0, 1.0)
    assert shares([server, gpu], 2.0, 0.25) == (2.0, 0.25)
    assert places_on([server, large, small], 4.0, 0.0) == 5
    assert places_on([server, gpu, large], 1.0, 0.25) == 8
    assert places_on([server], 4.0, 0.0) == 1  # Ray may bring nodes later


def test_a_worker_elsewhere_is_told_no_secret_and_finds_the_weights_by_itself() -> None:
    config = ServerConfig(
        data=Path("data"),
        engine="ray",
        weights=library_cli.weights_path(),
        turn_urls=("turn:relay.example:3478",),
        turn_secret="s" * 32,
    )
    assert elsewhere(config) == ServerConfig(data=Path("data"))
    named = replace(config, weights=Path("/named.safetensors"))
    assert elsewhere(named).weights == Path("/named.safetensors")


def test_builds_that_differ_are_told_apart_by_name() -> None:
    mine = this_build()
    assert difference(mine, this_build()) is None
    sentence = difference(mine, mine | {"posesim": "9.9"})
    assert sentence is not None
    assert f"posesim is 9.9 there and {mine['posesim']} at the server" in sentence
    assert "Python is" not in sentence


def test_a_file_travels_by_content_under_its_name_and_leaves_nothing(tmp_path: Path) -> None:
    there, gone = tmp_path / "squat.mp4", tmp_path / "gone.mp4"
    there.write_bytes(b"pictures")
    packed, files = pack({"clip": there, "other": gone})
    assert files == [there]
    held = HeldFiles()
    paths = held.hold(7, ["squat.mp4"], [np.fromfile(there, np.uint8)])
    there.unlink()
    message = unpack(packed, paths)
    clip: Path = message["clip"]
    assert clip.name == "squat.mp4"
    assert clip.read_bytes() == b"pictures"
    assert message["other"] == gone  # so that the worker says that there is none
    if sys.platform == "linux":
        assert clip.is_symlink()  # to memory
    held.release(7)
    assert not clip.parent.exists()


def test_a_worker_of_another_build_opens_nothing() -> None:
    worker = RayWorker(this_build() | {"posesim": "9.9"}, b"not a pickle", False)
    ((packed, _),) = next(worker.reports())
    report = pickle.loads(packed)
    assert isinstance(report, NotReady)
    assert report.sentence is not None
    assert "posesim is" in report.sentence


def test_a_request_that_can_not_be_read_there_fails_alone() -> None:
    worker = RayWorker(this_build(), pickle.dumps(open_fake_network), False)
    reports = worker.reports()
    ((packed, _),) = next(reports)
    ready = pickle.loads(packed)
    assert isinstance(ready, Ready)
    assert ready.settings == SETTINGS
    worker.take(3, b"not a pickle", None, [])
    ((packed, _),) = next(reports)
    assert pickle.loads(packed).call == 3
    worker.take(4, pack(Cancel(4))[0], None, [])
    worker._inbox.put(None)
    assert list(reports) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ray_address": "ray://host:10001"}, "--ray-address must be auto or look like host:6379"),
        ({"ray_gpus": -1.0}, "--ray-gpus must be at least 0"),
        ({"engine": "ray", "workers": 3, "max_workers": 2}, "--max-workers must be at least"),
        ({"max_workers": 2}, "--max-workers needs --engine ray"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ServerConfig(data=Path("data"), **options)
