"""Whatever stands around the network works with any layout, and no two backbones mix."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import CALIBRATION, SETTINGS, FakeEngine, PlantedFramer, embed_planted
from videos import stick_figure

from posesim import cli
from posesim.alignment import Follower
from posesim.backbones import BACKBONES, I3D_R50, LAYOUTS
from posesim.comparison import Comparator
from posesim.engines.base import CHUNK_FRAMES, I3D, EngineInfo, Inside, Window
from posesim.engines.calls import run
from posesim.engines.r50 import network
from posesim.errors import (
    BackboneNotInstalled,
    BrokenReference,
    EngineNotAvailable,
    SettingsMismatch,
)
from posesim.network import Network
from posesim.posture import SIZE, Postures
from posesim.references import Reference, Settings
from posesim.scoring import Calibration
from posesim.streaming import StreamingStem
from posesim.updates import ScoreUpdate
from posesim.video import read_frames
from posesim.video_reference import embed
from posesim.weights import Weights

R50_SETTINGS = Settings.of(I3D_R50, "fake")


class SparseEngine:
    """In the layout of i3d_r50: a tap is a kept picture in cells, two chunks late."""

    layout = I3D_R50
    info = EngineInfo("fake", "none", "float32", "a test asked for it")

    def open(self) -> list[np.ndarray]:
        return []

    def stem(
        self, streams: Sequence[Any], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        taps = []
        for stream, chunk in zip(streams, chunks, strict=True):
            cells = chunk[I3D_R50.middle_frame].reshape(8, 28, 8, 28, 3).mean(axis=(1, 3)) / 255
            stream.append(np.resize(cells, (1, I3D_R50.tap_size)).astype(np.float32))
            late = len(stream) - 1 - I3D_R50.taps_behind
            taps.append(stream[late] if late >= 0 else np.zeros_like(stream[0]))
        return taps

    def tail(self, streams: Sequence[Any], behind: Sequence[int]) -> list[Window]:
        assert list(behind) == [0] * len(streams)
        means = [np.mean(stream[-I3D_R50.window_positions :]) for stream in streams]
        return [
            Window(np.full(2048, mean, np.float32), np.eye(400, dtype=np.float32)[int(mean * 10)])
            for mean in means
        ]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=8)


@pytest.fixture(scope="module")
def reference(clip) -> Reference:
    return embed_planted(clip, SparseEngine(), R50_SETTINGS)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.backbone)
def test_positions_fill_chunks_and_windows(layout):
    assert layout.chunk_positions * layout.position_frames == CHUNK_FRAMES
    assert layout.window_positions * layout.position_frames == 64
    assert 0 <= layout.middle_frame < layout.position_frames
    assert layout.position_s == pytest.approx(layout.position_frames / 25)


@pytest.mark.parametrize(
    ("frames", "i3d", "i3d_r50"), [(0, 0, 0), (1, 1, 0), (63, 32, 7), (64, 32, 8), (71, 36, 8)]
)
def test_a_clips_end_counts_as_its_backbone_counts(frames, i3d, i3d_r50):
    assert (I3D.position_count(frames), I3D_R50.position_count(frames)) == (i3d, i3d_r50)


@pytest.mark.parametrize("frames", [64, 71])
def test_64_frames_have_one_window_which_is_there_with_the_last_of_them(frames):
    engine = SparseEngine()
    stem = StreamingStem(engine)
    pictures = np.zeros((frames, 224, 224, 3), np.uint8)
    run(engine, stem.push(pictures[:63]))
    assert run(engine, stem.window()) is None
    run(engine, stem.push(pictures[63:]))
    assert run(engine, stem.window()) is not None
    assert run(engine, stem.finish()) == []  # nothing waits for frames that won't come


def test_a_clip_of_exactly_64_frames_is_a_reference_with_one_window(tmp_path):
    clip = stick_figure(tmp_path / "short.mp4", seconds=64 / 25)
    features = embed(clip, SparseEngine(), R50_SETTINGS, name="short").features
    assert len(features.embeddings) == 1
    # The kept frames 2 to 5, each the last of its chunk: they have two neighbours on either side.
    np.testing.assert_allclose(features.times_s, (8 * np.arange(2, 6) + 7) / 25)


def test_taps_and_windows_come_every_320_ms(reference):
    features = reference.features
    np.testing.assert_allclose(np.diff(features.times_s), 0.32)
    np.testing.assert_allclose(np.diff(features.window_ends_s), 0.32)
    assert features.taps.shape == (len(features.times_s), I3D_R50.tap_size)
    assert features.embeddings.shape[1] == I3D_R50.embedding_size


def test_a_reference_of_another_backbone_comes_back_as_it_was_saved(reference, tmp_path):
    reference.save(tmp_path / "squat.npz")
    loaded = Reference.load(tmp_path / "squat.npz")
    assert loaded.settings == R50_SETTINGS
    np.testing.assert_array_equal(loaded.features.taps, reference.features.taps)


def test_the_reference_against_itself_is_followed_and_scored(reference, clip):
    comparator = Comparator(SparseEngine(), reference, R50_SETTINGS, CALIBRATION, PlantedFramer())
    updates = [u for f in read_frames(clip) for u in comparator.push(f.time_s, f.rgb)]
    scored = [u for u in updates if isinstance(u, ScoreUpdate) and u.score is not None]
    assert scored
    assert comparator.summary().score > 85
    off = [(u.t_s - u.reference_s + 1) % 2 - 1 for u in scored]
    assert np.median(np.abs(off)) < 0.33  # of one of the squats, which are alike


def test_a_reference_is_refused_by_the_other_backbone_by_name(reference, clip):
    with pytest.raises(SettingsMismatch, match="backbone is 'i3d_r50', not 'i3d'"):
        Comparator(FakeEngine(), reference, SETTINGS, CALIBRATION, PlantedFramer())
    other = embed_planted(clip, FakeEngine(), SETTINGS)
    with pytest.raises(SettingsMismatch, match="backbone is 'i3d', not 'i3d_r50'"):
        Comparator(SparseEngine(), other, R50_SETTINGS, CALIBRATION, PlantedFramer())


@pytest.mark.parametrize("backbone", ["of the future", ["i3d"], None])
def test_a_file_of_an_unknown_backbone_is_refused(reference, tmp_path, backbone):
    path = tmp_path / "squat.npz"
    reference.save(path)
    with np.load(path) as archive:
        about = json.loads(str(archive["about"]))
        about["settings"]["backbone"] = backbone
        np.savez(path, **(dict(archive) | {"about": np.array(json.dumps(about))}))
    with pytest.raises(BrokenReference):
        Reference.load(path)


def test_features_of_the_other_backbones_size_are_refused(reference, tmp_path):
    path = tmp_path / "squat.npz"
    Reference("squat", 8.0, SETTINGS, reference.features).save(path)
    with pytest.raises(BrokenReference, match="its arrays do not fit together"):
        Reference.load(path)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.backbone)
def test_tempo_is_known_after_a_second_whatever_the_rate_of_taps(layout):
    taps = np.random.default_rng(0).normal(size=(40, 16))
    unknown = Postures(np.full((40, SIZE), np.nan), np.zeros((40, SIZE)))
    follower = Follower(taps, unknown, layout.position_s)
    nothing = Postures(unknown.values[:1], unknown.seen[:1])
    places = [follower.push(tap, nothing) for tap in taps]
    first = next(i for i, place in enumerate(places) if place.tempo is not None)
    assert first * layout.position_s == pytest.approx(1, abs=layout.position_s + 0.1)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_there_is_a_calibration_for_each_backbone(backbone):
    assert Calibration.load(backbone).fitted == (backbone == "i3d")


def test_scores_that_are_not_calibrated_are_announced():
    def warning(settings: Settings, backbone: str) -> str | None:
        return Network(SparseEngine(), settings, Calibration.load(backbone)).warning

    assert warning(SETTINGS, "i3d") is None
    assert "The scores of the backbone i3d_r50 are not calibrated" in warning(
        R50_SETTINGS, "i3d_r50"
    )


@pytest.mark.parametrize("missing", ["torchvision", "pytorchvideo"])
def test_a_missing_package_is_named_with_what_installs_it(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", sys)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(BackboneNotInstalled) as caught:
        network()
    assert f"The backbone i3d_r50 can't be used: the package {missing}" in str(caught.value)
    assert str(caught.value).endswith("with: pip install 'posesim[pytorchvideo]'")


@pytest.mark.parametrize("arguments", [("weights", "fetch"), ("compare", "a.npz", "b.mp4")])
def test_without_weights_or_package_a_command_is_one_sentence(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("POSESIM_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pytorchvideo", None)
    assert cli.main([*arguments, "--backbone", "i3d_r50"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "posesim[pytorchvideo]" in said or "posesim weights fetch --backbone i3d_r50" in said


def test_an_engine_that_cant_run_a_backbone_says_which_one_can(tmp_path):
    with pytest.raises(EngineNotAvailable, match="Leave out --engine, or choose --engine torch"):
        BACKBONES["i3d_r50"].open_engine("openvino", Weights({}, ""), tmp_path)


def test_each_backbone_keeps_its_weights_in_a_file_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POSESIM_CACHE", str(tmp_path))
    for backbone in BACKBONES:
        assert cli.main(["weights", "path", "--backbone", backbone]) == 0
    paths = capsys.readouterr().out.split()
    assert len(set(paths)) == len(BACKBONES)
