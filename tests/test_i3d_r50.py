"""The backbone i3d_r50 with the real pytorchvideo; what holds must hold for any weights."""

import asyncio
import os
import pickle
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import pytest
import torch
from aiortc import VideoStreamTrack
from fake_engine import CALIBRATION, SETTINGS, FakeEngine, PlantedFramer
from live_fakes import Client
from live_server import needs_address
from torch.nn import functional
from videos import draw_person, stick_figure

from posesim import cli, pose_models
from posesim.backbones import BACKBONES, I3D_R50
from posesim.comparison import Comparator
from posesim.engines.calls import run, run_together
from posesim.engines.r50 import R50Engine, network
from posesim.errors import (
    BrokenCheckpoint,
    CheckpointNotDownloaded,
    CheckpointNotReadable,
    HostileCheckpoint,
    SettingsMismatch,
)
from posesim.network import Network
from posesim.references import Reference
from posesim.streaming import StreamingStem
from posesim.video_reference import embed
from posesim.weights_r50 import URL, fetch, load

pytestmark = pytest.mark.pytorchvideo

FRAMES = 80
START_S, READY_S, SCORES_S = 120, 120, 120  # a slow machine may take so long; none hangs for ever


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A checkpoint of random weights, in the form of the real one."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "I3D_8x8_R50.pyth"
    torch.save({"model_state": network().state_dict(), "epoch": 196}, path)
    return path


@pytest.fixture(scope="module")
def net(checkpoint) -> Any:
    """The plain network with these weights."""
    made = network()
    made.load_state_dict(torch.load(checkpoint, weights_only=True)["model_state"])
    return made


@pytest.fixture(scope="module")
def cache(checkpoint, tmp_path_factory) -> Path:
    """A cache folder with these weights, fetched."""
    folder = tmp_path_factory.mktemp("cache")
    path = folder / "weights" / BACKBONES["i3d_r50"].weights_file
    assert fetch(path, from_file=checkpoint)
    pose = pose_models.MEDIAPIPE_POSE
    for member in (pose.detector, pose.landmarks):  # fetched before, from the package index
        shutil.copy(cli.weights_path().parent / member.name, path.parent)
    return folder


@pytest.fixture(scope="module")
def opened(cache) -> Network:
    weights = cache / "weights" / BACKBONES["i3d_r50"].weights_file
    return Network.open(weights, backbone="i3d_r50")


@pytest.fixture
def here(cache, monkeypatch) -> None:
    monkeypatch.setenv("POSESIM_CACHE", str(cache))


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (FRAMES, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=3.5)


@pytest.fixture(scope="module")
def reference(opened, video, tmp_path_factory) -> Path:
    """What the drawn person does in `video`, as this backbone sees it."""
    path = tmp_path_factory.mktemp("references") / "squat.npz"
    opened.embed(video, "squat").save(path)
    return path


class Person(VideoStreamTrack):
    """A drawn person who does squats before the camera."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(draw_person(float(pts * time_base)), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


def kept(clip: np.ndarray) -> torch.Tensor:
    """The last frame of every 8, as the network takes them: (1, 3, T, 224, 224)."""
    frames = torch.from_numpy(clip[7::8]).permute(3, 0, 1, 2)[None].float()
    return (frames / 255 - 0.45) / 0.225


def test_a_window_is_the_plain_network_on_8_frames_of_64(opened, net, clip):
    stem = StreamingStem(opened.engine)
    run(opened.engine, stem.push(clip))
    window = run(opened.engine, stem.window())
    pooled: list[torch.Tensor] = []
    hook = net.blocks[-1].pool.register_forward_hook(lambda *seen: pooled.append(seen[-1]))
    with torch.inference_mode():
        logits = net(kept(clip[-64:]))
    hook.remove()
    assert window is not None
    np.testing.assert_allclose(window.logits, logits[0].numpy(), rtol=1e-3, atol=1e-4)
    expected = pooled[0].flatten().numpy()
    assert window.embedding.shape == expected.shape == (I3D_R50.embedding_size,)
    np.testing.assert_allclose(window.embedding, expected, rtol=1e-3, atol=1e-4)
    assert np.ptp(expected) > 1e-3


def test_streamed_taps_equal_the_first_block_over_the_whole_clip(opened, net, clip):
    with torch.inference_mode():
        block = net.blocks[0](kept(clip))  # (1, 64, 10, 56, 56)
        expected = functional.avg_pool3d(block, (1, 14, 14))[0].permute(1, 2, 3, 0).flatten(1)
    parts = run(opened.engine, StreamingStem(opened.engine).push(clip))
    assert [part.first for part in parts] == list(range(8))  # of 10: two wait for their neighbours
    taps = np.concatenate([part.taps for part in parts])
    np.testing.assert_allclose(taps, expected[:8].numpy(), rtol=1e-3, atol=1e-4)
    assert np.ptp(taps, axis=0).max() > 1e-2


def test_streams_that_share_a_call_do_not_mix(opened, clip):
    engine = opened.engine
    stems = [StreamingStem(engine), StreamingStem(engine)]
    run_together(engine, [stems[0].push(clip[:64]), stems[1].push(clip[:64][::-1])])
    together = run_together(engine, [stem.window() for stem in stems])
    alone = StreamingStem(engine)
    run(engine, alone.push(clip[:64]))
    window = run(engine, alone.window())
    np.testing.assert_allclose(together[0].logits, window.logits, rtol=1e-3, atol=1e-4)
    assert not np.allclose(together[1].logits, window.logits, rtol=1e-3, atol=1e-4)


def test_a_window_that_is_gone_is_refused(opened):
    with pytest.raises(ValueError, match=r"only the newest window can be seen, got behind=\[1\]"):
        opened.engine.tail([opened.engine.open()], [1])


def test_embed_makes_the_same_reference_as_the_library(reference, here, video, tmp_path):
    out = tmp_path / "squat.npz"
    assert cli.main(["embed", str(video), "--out", str(out), "--backbone", "i3d_r50"]) == 0
    made, expected = Reference.load(out), Reference.load(reference)
    assert made.settings == expected.settings
    assert (made.settings.backbone, made.settings.tap) == ("i3d_r50", "blocks.0")
    np.testing.assert_allclose(made.features.taps, expected.features.taps, atol=1e-4)


def test_compare_scores_a_clip_and_says_that_scores_are_not_calibrated(
    reference, here, video, capsys
):
    assert cli.main(["compare", str(reference), str(video), "--backbone", "i3d_r50"]) == 0
    told = capsys.readouterr()
    score = re.search(r"^score +(\d+) of 100$", told.out, re.MULTILINE)
    assert score is not None
    assert int(score[1]) > 80  # the clip against itself
    assert "The scores of the backbone i3d_r50 are not calibrated" in told.err


def test_a_reference_is_refused_by_the_other_backbone(reference, here, video, tmp_path, capsys):
    other = tmp_path / "other.npz"
    embed(video, FakeEngine(), SETTINGS, name="other").save(other)
    assert cli.main(["compare", str(other), str(video), "--backbone", "i3d_r50"]) == 2
    assert "backbone is 'i3d', not 'i3d_r50'" in capsys.readouterr().err
    with pytest.raises(SettingsMismatch, match="backbone is 'i3d_r50', not 'i3d'"):
        Comparator(FakeEngine(), Reference.load(reference), SETTINGS, CALIBRATION, PlantedFramer())


@needs_address
async def test_a_live_session_is_scored_from_upload_to_summary(cache, video, tmp_path):
    async with serving(cache, tmp_path) as (http, user):
        for purpose in ("recording", "scoring"):
            consent = {"purpose": purpose, "language": "en"}
            async with http.post("/v1/consents", json=consent, headers=user) as answer:
                assert answer.status == 201, await answer.text()
        form = aiohttp.FormData({"name": "Squats"})
        form.add_field("clip", video.read_bytes(), filename="squat.mp4")
        async with http.post("/v1/exercises", data=form, headers=user) as answer:
            assert answer.status == 202, await answer.text()
            exercise = await answer.json()
        async with asyncio.timeout(READY_S):
            while exercise["state"] == "embedding":
                await asyncio.sleep(0.5)
                async with http.get(f"/v1/exercises/{exercise['id']}", headers=user) as answer:
                    exercise = await answer.json()
        assert exercise["state"] == "ready", exercise["error"]

        wanted = {"exercise_id": exercise["id"]}
        async with http.post("/v1/sessions", json=wanted, headers=user) as answer:
            assert answer.status == 201, await answer.text()
            session = await answer.json()
        mine = {"Authorization": f"Bearer {session['token']}"}
        client = Client(Person())
        try:
            async with http.post(
                session["whip_url"],
                data=await client.offer(),
                headers={**mine, "Content-Type": "application/sdp"},
            ) as answer:
                assert answer.status == 201, await answer.text()
                await client.accept(await answer.text())
                place = answer.headers["Location"]
            async with asyncio.timeout(SCORES_S):
                while '"state":"scoring"' not in await client.score_messages.get():
                    pass
            async with http.delete(place, headers=mine) as answer:
                assert answer.status == 200
        finally:
            await client.peer.close()
        async with http.get(f"/v1/sessions/{session['id']}", headers=user) as answer:
            summary = (await answer.json())["summary"]
        assert summary["state"] == "scoring"
        assert 0 <= summary["score"] <= 100


@asynccontextmanager
async def serving(
    cache: Path, folder: Path
) -> AsyncIterator[tuple[aiohttp.ClientSession, dict[str, str]]]:
    """`posesim serve` with this backbone, and the headers of its user; it must end cleanly."""
    options = ("serve", "--demo", "--port", "0", "--data", str(folder), "--backbone", "i3d_r50")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "posesim_server", *options),
        env={**os.environ, "POSESIM_CACHE": str(cache), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(START_S):
            while b"password" not in said:
                line = await process.stdout.readline()
                assert line, said.decode()
                said += line
        assert b"are not calibrated" in said
        port = re.search(rb"localhost:(\d+)", said)
        password = re.search(rb"with the password (\S+)", said)
        assert port is not None
        assert password is not None
        reading = asyncio.create_task(process.stdout.read())
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port[1].decode()}") as http:
            sign_in = {"username": "demo", "password": password[1].decode()}
            async with http.post("/token", data=sign_in) as answer:
                token = (await answer.json())["access_token"]
            yield http, {"Authorization": f"Bearer {token}"}
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            assert await process.wait() == 0
            await reading
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


# Weights


def test_weights_are_fetched_once_and_their_hash_is_told(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POSESIM_CACHE", str(tmp_path))
    options = ["weights", "fetch", "--backbone", "i3d_r50", "--from-file", str(checkpoint)]
    assert cli.main(options) == 0
    told = re.search(r"this one has the sha256 ([0-9a-f]{64})", capsys.readouterr().out)
    assert told is not None
    assert cli.main(options) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert cli.main(["weights", "verify", "--backbone", "i3d_r50"]) == 0
    assert f"are whole: {told[1]}.1" in capsys.readouterr().out


def test_the_address_is_the_one_that_the_package_itself_loads_from():
    from pytorchvideo.models.hub.resnet import checkpoint_paths

    assert checkpoint_paths["i3d_r50"] == URL


async def test_weights_come_from_their_address(checkpoint, tmp_path):
    from aiohttp import web
    from aiohttp.test_utils import TestServer

    app = web.Application()
    app.router.add_static("/", checkpoint.parent)
    async with TestServer(app) as server:
        path = tmp_path / "weights" / "r50.safetensors"
        url = str(server.make_url(f"/{checkpoint.name}"))
        assert await asyncio.to_thread(fetch, path, url=url)
        with pytest.raises(CheckpointNotDownloaded, match="Not Found"):
            await asyncio.to_thread(fetch, tmp_path / "other.safetensors", url=url + "x")
    assert load(path).tensors.keys()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_without_a_network_the_sentence_says_how_to_bring_the_file(tmp_path):
    with pytest.raises(CheckpointNotDownloaded) as caught:
        fetch(tmp_path / "r50.safetensors", url="http://127.0.0.1:9/I3D_8x8_R50.pyth")
    assert "could not be downloaded: [Errno 111] Connection refused. Check the" in str(caught.value)
    assert "posesim weights fetch --backbone i3d_r50 --from-file FILE" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class Harmful:
    """A pickle that would run a program."""

    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize(
    "save",
    [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))],
    ids=["torch", "pickle"],
)
def test_a_checkpoint_that_asks_for_more_than_tensors_is_refused(save, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "harmful.pyth"
    save({"model_state": Harmful()}, path)
    with pytest.raises((HostileCheckpoint, BrokenCheckpoint)):
        fetch(tmp_path / "r50.safetensors", from_file=path)
    assert [file.name for file in tmp_path.iterdir()] == ["harmful.pyth"]


@pytest.mark.parametrize("keep", [0, 1000, -1000])
def test_a_checkpoint_that_is_cut_short_is_refused(checkpoint, tmp_path, keep):
    path = tmp_path / "cut.pyth"
    path.write_bytes(checkpoint.read_bytes()[:keep])
    with pytest.raises(BrokenCheckpoint, match="it is cut short or not a checkpoint"):
        fetch(tmp_path / "r50.safetensors", from_file=path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"model_state": {}}, "tensors are missing"),
        ({"model_state": {"w": torch.zeros(3)}}, "tensors are missing"),
        ([1, 2], "not a checkpoint"),
        ({"model_state": 7}, "not a checkpoint"),
    ],
    ids=["empty", "other", "list", "number"],
)
def test_another_networks_checkpoint_is_refused(content, sentence, tmp_path):
    path = tmp_path / "other.pyth"
    torch.save(content, path)
    with pytest.raises(BrokenCheckpoint, match=sentence):
        fetch(tmp_path / "r50.safetensors", from_file=path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CheckpointNotReadable):
        fetch(tmp_path / "r50.safetensors", from_file=tmp_path / "none.pyth")


def test_weights_of_another_network_are_refused_by_the_engine(opened):
    with pytest.raises(BrokenCheckpoint, match="posesim weights fetch --backbone i3d_r50"):
        R50Engine({"w": np.zeros(3, np.float32)})
