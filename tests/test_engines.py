"""Every engine gives what the plain one gives."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from make_golden import golden_clip

from posesim.comparison import Comparator
from posesim.embedding import LARGEST_SIDE, Features, FeatureStream, TimedPose, join
from posesim.engines import ENGINES, open_engine
from posesim.engines.base import CHUNK_FRAMES, I3D, Engine, Window
from posesim.engines.calls import run, run_together
from posesim.engines.openvino import OpenVinoEngine, computes_in_bf16
from posesim.engines.torch import TorchEngine
from posesim.framers import open_framer
from posesim.framing import square
from posesim.likeness import cosine
from posesim.network import Network
from posesim.references import Reference, Settings
from posesim.scoring import Calibration
from posesim.streaming import StreamingStem, inside
from posesim.video import read_frames
from posesim.weights import Weights

needs_weights = pytest.mark.weights
PRECISIONS = ["f32", "bf16"] if computes_in_bf16() else ["f32"]


@pytest.fixture(scope="module")
def pattern() -> np.ndarray:
    """A moving pattern of 100 frames: windows after 80, 88 and 96, and one at its end."""
    return ((golden_clip(100) + 1) * 127.5).astype(np.uint8)


def look(engine: Engine, frames: np.ndarray, hop: int = 1) -> tuple[np.ndarray, list[Window]]:
    """The taps of a clip, and its windows: every `hop` chunks, and the last."""
    stem = StreamingStem(engine)
    parts, windows = [], []
    for chunk in range(0, len(frames), CHUNK_FRAMES):
        parts += run(engine, stem.push(frames[chunk : chunk + CHUNK_FRAMES]))
        if chunk // CHUNK_FRAMES % hop == 0:
            windows.append(run(engine, stem.window()))
    parts += run(engine, stem.finish())
    windows.append(run(engine, stem.window()))
    taps = np.concatenate([part.taps for part in parts])
    return taps, [window for window in windows if window is not None]


@pytest.fixture(scope="module")
def torch_engine(weights: Weights) -> TorchEngine:
    return TorchEngine(weights.tensors)


@pytest.fixture(scope="module")
def plain(torch_engine: TorchEngine, pattern: np.ndarray) -> tuple[np.ndarray, list[Window]]:
    return look(torch_engine, pattern)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `openvino` keeps its graphs, and no other engine any."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def openvino(weights: Weights, compiled: Path) -> OpenVinoEngine:
    """In float32. Compiling it takes longer than most of what it computes here."""
    return OpenVinoEngine(weights.tensors, cache=compiled)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, openvino: OpenVinoEngine, compiled: Path):
    """What `openvino` compiled, for any engine to use and add to."""
    return shutil.copytree(compiled, tmp_path_factory.mktemp("cache") / "graphs")


def assert_equal(windows: list[Window], expected: list[Window]) -> None:
    assert len(windows) == len(expected)
    for window, other in zip(windows, expected, strict=True):
        np.testing.assert_allclose(window.embedding, other.embedding, atol=1e-4)
        np.testing.assert_allclose(window.logits, other.logits, atol=1e-4)


@needs_weights
def test_openvino_in_float32_equals_torch(openvino, pattern, plain):
    taps, windows = look(openvino, pattern)
    np.testing.assert_allclose(taps, plain[0], atol=1e-4)
    assert len(windows) == 5  # the first one whole, two from what was kept, that again, the end
    assert_equal(windows, plain[1])


@needs_weights
def test_windows_are_the_same_when_some_are_left_out(openvino, pattern, plain):
    _, windows = look(openvino, pattern, hop=2)
    assert_equal(windows, [plain[1][i] for i in (1, 3, 4)])


@needs_weights
def test_a_window_can_be_looked_at_twice(openvino, pattern, plain):
    stem = StreamingStem(openvino)
    run(openvino, stem.push(pattern[:80]))
    once, again = run(openvino, stem.window()), run(openvino, stem.window())
    run(openvino, stem.push(pattern[80:88]))
    after = run(openvino, stem.window())
    assert_equal([once, again, after], [plain[1][i] for i in (0, 0, 1)])


@needs_weights
def test_streams_do_not_mix(openvino, pattern):
    clips = [pattern[:32], pattern[::-1][:32]]
    alone = [look(openvino, clip)[0] for clip in clips]
    stems = [StreamingStem(openvino) for _ in clips]
    together = run_together(openvino, [s.push(c) for s, c in zip(stems, clips, strict=True)])
    for parts, taps in zip(together, alone, strict=True):
        pushed = np.concatenate([part.taps for part in parts])
        np.testing.assert_array_equal(pushed, taps[: len(pushed)])


@pytest.mark.slow
@pytest.mark.shares
@needs_weights
def test_torch_computes_several_streams_as_one_batch(torch_engine, pattern):
    engine = torch_engine
    clips = [pattern[:16], pattern[::-1][:16]]
    behind = [0, 3]
    alone, streams = [engine.open() for _ in clips], [engine.open() for _ in clips]
    for chunk in range(2):
        chunks = [np.array(clip[8 * chunk : 8 * chunk + 8]) for clip in clips]
        masks = [inside(chunk, None), inside(chunk, 12)]
        taps = engine.stem(streams, chunks, masks)
        for stream, *one, expected in zip(alone, chunks, masks, taps, strict=True):
            [own] = engine.stem([stream], *([argument] for argument in one))
            np.testing.assert_allclose(own, expected, atol=1e-5)
    windows = engine.tail(streams, behind)
    assert_equal(windows, [engine.tail([s], [b])[0] for s, b in zip(alone, behind, strict=True)])
    assert np.abs(windows[0].logits - windows[1].logits).max() > 0.1


@pytest.fixture(scope="module")
def real_frames(clips) -> np.ndarray:
    frames = read_frames(clips / "push_up__kg_puA__side.mp4")
    return np.stack([square(frame.rgb) for frame, _ in zip(frames, range(88), strict=False)])


@pytest.fixture(scope="module")
def real_windows(torch_engine, real_frames) -> list[Window]:
    return look(torch_engine, real_frames)[1]


@needs_weights
@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.parametrize("precision", PRECISIONS)
def test_windows_of_a_real_clip_agree_with_torch(
    weights, real_frames, real_windows, cache, precision
):
    engine = OpenVinoEngine(weights.tensors, cache=cache, precision=precision)
    _, windows = look(engine, real_frames)
    for window, other in zip(windows, real_windows, strict=True):
        assert cosine(window.embedding, other.embedding) >= 0.9995


@needs_weights
@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.shares
def test_the_score_of_real_clips_is_that_of_float32(weights, pose_networks, clips, cache):
    # float32 stands for PyTorch, whose taps and windows it has: that would take minutes
    settings = Settings.of(I3D, weights.sha256, pose="the ones here")
    users = ("push_up__kg_puE__side.mp4", "pull_up__kg_plA__front.mp4")
    scores: dict[str, list[float]] = {}
    for choice in ("openvino-f32", "auto"):
        engine = open_engine(choice, weights.tensors, cache=cache)
        network = Network(engine, settings, Calibration.load(), pose_networks)
        stream = FeatureStream(engine, open_framer(settings.framing, pose_networks))
        parts = [
            part
            for time_s, rgb in beginning(clips / "push_up__kg_puB__side.mp4")
            for part in run(engine, stream.push(time_s, rgb))
            if isinstance(part, TimedPose | Features)
        ]
        reference = Reference("push-up", LONGEST_S, settings, join(parts))
        scores[choice] = [score(network.comparator(reference), clips / user) for user in users]
    assert scores["auto"] == pytest.approx(scores["openvino-f32"], abs=1.0)
    assert scores["auto"][0] > scores["auto"][1]


LONGEST_S = 4.5  # of each clip


def beginning(clip: Path) -> Iterator[tuple[float, np.ndarray]]:
    for frame in read_frames(clip, largest_side=LARGEST_SIDE):
        if frame.time_s > LONGEST_S:
            return
        yield frame.time_s, frame.rgb


def score(comparator: Comparator, user: Path) -> float:
    for time_s, rgb in beginning(user):
        comparator.push(time_s, rgb)
    found = comparator.summary().score
    assert found is not None
    return found


@needs_weights
def test_a_compiled_graph_is_kept_and_used_again(weights, openvino, compiled, pattern):
    first = look(openvino, pattern[:24])
    kept = {path: path.stat().st_mtime_ns for path in compiled.iterdir()}
    again = look(OpenVinoEngine(weights.tensors, cache=compiled), pattern[:24])
    assert len(kept) == 4
    assert {path: path.stat().st_mtime_ns for path in compiled.iterdir()} == kept
    np.testing.assert_array_equal(first[0], again[0])


@needs_weights
def test_a_damaged_compiled_graph_is_made_anew(
    weights, openvino, compiled, pattern, plain, tmp_path
):
    shutil.copytree(compiled, tmp_path, dirs_exist_ok=True)
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, damage in zip(whole, (b"", b"nothing", bytes(99), None), strict=True):
        path.write_bytes(whole[path][:1000] if damage is None else damage)
    taps, _ = look(OpenVinoEngine(weights.tensors, cache=tmp_path), pattern[:24])
    np.testing.assert_allclose(taps[:6], plain[0][:6], atol=1e-4)
    assert {path.stat().st_size > 10**5 for path in whole} == {True}


@needs_weights
def test_a_cache_that_cannot_be_written_is_a_warning(weights, pattern, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.warns(RuntimeWarning, match="Every start will take longer"):
        engine = OpenVinoEngine(weights.tensors, cache=file)
    assert len(look(engine, pattern[:16])[0]) == 8


@needs_weights
@pytest.mark.parametrize("choice", ENGINES)
def test_every_choice_can_be_opened_and_says_why(weights, cache, choice):
    info = open_engine(choice, weights.tensors, cache=cache).info
    assert info.reason
    if choice == "openvino-f32":
        assert (info.name, info.precision) == ("openvino", "f32")
    if choice == "auto" and info.device == "cpu":
        assert info.name == "openvino"
        assert info.precision == PRECISIONS[-1]


def test_loading_openvino_starts_no_telemetry():
    code = (
        "import json, sys, threading, posesim.engines.openvino;"
        "print(json.dumps([threading.active_count(), sys.modules['openvino_telemetry']]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout) == [1, None]
