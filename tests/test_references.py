"""References come back as they were written, and only what fits is compared."""

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from fake_engine import SETTINGS, FakeEngine, PlantedFramer
from videos import draw_person, stick_figure, write_video

from posesim.errors import (
    BrokenReference,
    NobodyToFollow,
    NoSuchPart,
    NotAVideo,
    ReferenceNotFound,
    SettingsMismatch,
    TooLong,
    TooShort,
)
from posesim.framers import Framed
from posesim.framing import Picture
from posesim.person_frame import RULE as PERSON
from posesim.references import FORMAT, Reference, Settings
from posesim.video import probe
from posesim.video_reference import embed

DURATION_ID = b"\x44\x89\x88"  # of Matroska: a duration follows, 8 bytes
PERSON_SETTINGS = replace(SETTINGS, framing=PERSON)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4)


@pytest.fixture(scope="module")
def reference(clip) -> Reference:
    return embed(clip, FakeEngine(), SETTINGS, name="squat")


def test_a_reference_comes_back_as_it_was_saved(reference, tmp_path):
    path = tmp_path / "squat.npz"
    reference.save(path)
    loaded = Reference.load(path)
    assert replace(loaded, features=reference.features) == reference
    for name, array in asdict(reference.features).items():
        np.testing.assert_array_equal(getattr(loaded.features, name), array)
    assert [p.name for p in tmp_path.iterdir()] == ["squat.npz"]


def test_a_reference_holds_a_tap_every_80_ms_and_a_window_every_320_ms(reference):
    features = reference.features
    np.testing.assert_allclose(np.diff(features.times_s), 0.08)
    assert features.times_s[0] == pytest.approx(0.36)  # the middle of position 4: frame 9
    assert len(features.taps) == len(features.times_s)
    np.testing.assert_allclose(np.diff(features.window_ends_s)[:-1], 0.32)
    assert len(features.embeddings) == len(features.logits) == len(features.window_ends_s)


def test_progress_goes_from_0_to_1(clip):
    seen: list[float] = []
    embed(clip, FakeEngine(), SETTINGS, name="squat", on_progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(seen) > 10


def test_a_clip_of_exactly_64_frames_is_enough(tmp_path):
    clip = stick_figure(tmp_path / "short.mp4", seconds=64 / 25)
    assert len(embed(clip, FakeEngine(), SETTINGS, name="short").features.embeddings) == 1


def test_a_shorter_clip_is_refused(tmp_path):
    clip = stick_figure(tmp_path / "short.mp4", seconds=2.4)
    with pytest.raises(TooShort, match=r"'short.mp4' is too short: .* at least 2.56 s"):
        embed(clip, FakeEngine(), SETTINGS, name="short")


def test_a_longer_clip_than_allowed_is_refused_before_any_work(clip):
    engine = FakeEngine()
    with pytest.raises(TooLong):
        embed(clip, engine, SETTINGS, name="squat", longest_s=3)
    assert engine.stems == 0


def test_a_clip_with_a_hole_gives_its_longest_stretch(tmp_path):
    def frames():
        for n in range(200):
            if not 50 <= n < 80:
                yield n / 25, np.full((48, 64, 3), n, np.uint8)

    clip = write_video(tmp_path / "hole.mp4", frames())
    features = embed(clip, FakeEngine(), SETTINGS, name="hole").features
    assert features.times_s[0] > 80 / 25
    np.testing.assert_allclose(np.diff(features.times_s), 0.08)


def person(seconds: float, from_s: float = 0.0) -> Iterator[tuple[float, Picture]]:
    """A person who squats, from some moment on."""
    for n in range(round(seconds * 25)):
        yield n / 25, draw_person(from_s + n / 25)


def test_a_reference_of_a_part_is_that_of_a_file_with_this_part_alone(tmp_path):
    # y4m keeps pictures as they are, so that both files hold the same.
    whole = write_video(tmp_path / "whole.y4m", person(8))
    alone = write_video(tmp_path / "alone.y4m", person(4, from_s=2.6))
    of_part = embed(whole, FakeEngine(), SETTINGS, name="squat", start_s=2.6, end_s=6.6)
    of_file = embed(alone, FakeEngine(), SETTINGS, name="squat")
    assert of_part.duration_s == pytest.approx(of_file.duration_s)
    assert of_part.hint_shares == of_file.hint_shares
    for name, array in asdict(of_file.features).items():
        np.testing.assert_array_equal(getattr(of_part.features, name), array)


def test_a_part_of_a_long_clip_may_be_embedded_where_the_whole_may_not(clip):
    made = embed(clip, FakeEngine(), SETTINGS, name="squat", start_s=0.5, end_s=3.5, longest_s=3)
    assert made.duration_s == pytest.approx(3, abs=0.05)


def test_a_part_beyond_the_end_is_refused_before_any_work(clip):
    engine = FakeEngine()
    with pytest.raises(NoSuchPart, match=r"no picture between 4\.50 s and 9\.00 s"):
        embed(clip, engine, SETTINGS, name="squat", start_s=4.5, end_s=9)
    assert engine.stems == 0


def test_a_part_shorter_than_a_window_is_refused(clip):
    with pytest.raises(TooShort):
        embed(clip, FakeEngine(), SETTINGS, name="squat", start_s=2)


def test_who_is_told_of_progress_may_end_the_work(clip):
    engine = FakeEngine()

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(clip, engine, SETTINGS, name="squat", on_progress=stop)
    assert 0 < engine.stems < 9


def test_who_is_told_of_progress_may_end_what_lasts_longer_than_the_file_states(tmp_path):
    path = stick_figure(tmp_path / "clip.mkv", seconds=5)
    written = path.read_bytes()
    at = written.index(DURATION_ID) + len(DURATION_ID)
    path.write_bytes(written[:at] + struct.pack(">d", 1.0) + written[at + 8 :])
    assert probe(path).duration_s < 0.5
    engine = FakeEngine()
    told: list[float] = []

    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(path, engine, SETTINGS, name="squat", start_s=0.5, on_progress=stop)
    assert 0 < engine.stems < 9


class SeesSome:
    """A framer that sees a person in the first seconds alone."""

    def __init__(self, until_s: float) -> None:
        self._planted, self._until_s = PlantedFramer(), until_s

    def frame(self, time_s: float, rgb: Picture) -> Framed:
        framed = self._planted.frame(time_s, rgb)
        return framed if time_s < self._until_s else replace(framed, pose=None)

    def reset(self) -> None:
        pass


def test_a_reference_holds_a_pose_about_8_times_a_second(clip, tmp_path):
    made = embed(clip, FakeEngine(), PERSON_SETTINGS, name="squat", framer=PlantedFramer())
    made.save(tmp_path / "squat.npz")
    features = Reference.load(tmp_path / "squat.npz").features
    np.testing.assert_allclose(np.diff(features.poses_s), 0.12)
    np.testing.assert_array_equal(features.world, made.features.world)


def test_a_clip_in_which_hardly_anybody_is_seen_is_refused(clip):
    with pytest.raises(NobodyToFollow) as caught:
        embed(clip, FakeEngine(), PERSON_SETTINGS, name="squat", framer=SeesSome(1.0))
    assert str(caught.value) == (
        "In 'squat.mp4' there is hardly anybody to be seen. Film one person, in good light, "
        "from head to feet, and keep the camera still."
    )


def test_a_clip_in_which_a_person_is_seen_for_half_is_enough(clip):
    made = embed(clip, FakeEngine(), PERSON_SETTINGS, name="squat", framer=SeesSome(2.4))
    assert len(made.features.poses_s) > 0


def test_a_file_that_is_no_video_is_refused(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("no video")
    with pytest.raises(NotAVideo, match=r"'notes.mp4' can't be read as video"):
        embed(path, FakeEngine(), SETTINGS, name="notes")


def test_a_missing_reference_says_how_to_make_one(tmp_path):
    with pytest.raises(ReferenceNotFound, match="posesim embed VIDEO --out squat"):
        Reference.load(tmp_path / "squat.npz")


@pytest.mark.parametrize("keep", [0, 10, 1000, -10])
def test_a_damaged_file_is_refused(reference, tmp_path, keep):
    path = tmp_path / "squat.npz"
    reference.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BrokenReference, match="Make it anew"):
        Reference.load(path)


def altered(reference: Reference, path: Path, **arrays: np.ndarray) -> Path:
    reference.save(path)
    with np.load(path) as archive:
        np.savez(path, **(dict(archive) | arrays))
    return path


def about(reference: Reference, path: Path, **values: object) -> np.ndarray:
    reference.save(path)
    with np.load(path) as archive:
        return np.array(json.dumps(json.loads(str(archive["about"])) | values))


@pytest.mark.parametrize(
    "arrays",
    [
        {"taps": np.zeros((3, 7), np.float32)},
        {"taps": np.array([object()], dtype=object)},
        {"times_s": np.array(["x"])},
        {"embeddings": np.full((1, 1024), np.nan)},
        {"poses_s": np.zeros(3)},
        {"world": np.zeros((0, 33, 4), np.float32)},
        {"about": np.array("no json")},
        {"about": np.array("[]")},
    ],
    ids=["shape", "pickle", "text", "nan", "poses", "world", "no json", "no object"],
)
def test_a_file_whose_arrays_are_wrong_is_refused(reference, tmp_path, arrays):
    path = altered(reference, tmp_path / "squat.npz", **arrays)
    with pytest.raises(BrokenReference):
        Reference.load(path)


@pytest.mark.parametrize("number", [FORMAT - 1, FORMAT + 1])
def test_another_format_is_refused_by_its_number(reference, tmp_path, number):
    path = tmp_path / "squat.npz"
    altered(reference, path, about=about(reference, path, format=number))
    with pytest.raises(BrokenReference, match=f"its format is {number}, not {FORMAT}"):
        Reference.load(path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("weights", "others"), ("framing", "center"), ("frames_per_second", 30.0), ("backbone", "x")],
)
def test_other_settings_are_refused_by_their_name(setting, value):
    made = replace(Settings(weights="mine"), **{setting: value})
    with pytest.raises(SettingsMismatch, match=f"'squat' was made in another way: {setting} is"):
        Settings(weights="mine").require(made, "squat")


def test_the_same_settings_are_accepted():
    Settings(weights="mine").require(Settings(weights="mine"), "squat")
