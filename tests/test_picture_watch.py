"""Pictures that are black, or that stand, and those that only look so."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.codecs import depayload
from aiortc.codecs.h264 import H264Decoder, H264Encoder
from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from videos import draw_person

from posesim.picture_watch import BLACK_S, FROZEN_S, PictureWatch
from posesim.video import read_frames, to_rgb

FPS = 25
BITRATE = 500_000
RANDOM = np.random.default_rng(0)
ROOM = draw_person(0.0)


def said(pictures: list[np.ndarray], watch: PictureWatch | None = None) -> list[str | None]:
    watch = watch or PictureWatch()
    return [watch.see(n / FPS, rgb) for n, rgb in enumerate(pictures)]


def first_s(what: str, of: list[str | None]) -> float:
    return of.index(what) / FPS


def noisy(rgb: np.ndarray, sigma: float, pictures: int) -> list[np.ndarray]:
    return [
        np.clip(rgb + RANDOM.normal(0, sigma, rgb.shape), 0, 255).astype(np.uint8)
        for _ in range(pictures)
    ]


def test_a_covered_camera_is_black_however_noisy_it_is():
    for sigma in (0, 3, 8):
        watched = said(noisy(np.zeros((480, 640, 3), np.uint8), sigma, 30))
        assert first_s("black", watched) == pytest.approx(BLACK_S, abs=1 / FPS)
        assert set(watched) == {None, "black"}


def test_a_fade_is_not_black():
    assert set(said([ROOM, *[np.zeros_like(ROOM)] * 12, ROOM])) == {None}


def test_a_dark_room_with_a_lamp_in_it_is_not_black():
    room = np.full((480, 640, 3), 12, np.uint8)
    room[:100, :100] = 90
    assert "black" not in said(noisy(room, 3, 50))


def test_an_opened_cover_is_noticed_at_once():
    assert said([*[np.zeros_like(ROOM)] * 50, ROOM])[-2:] == ["black", None]


def test_the_same_picture_again_and_again_is_frozen():
    watched = said([ROOM.copy() for _ in range(100)])
    assert first_s("frozen", watched) == pytest.approx(FROZEN_S)
    assert set(watched) == {None, "frozen"}


def test_a_picture_that_moves_again_is_no_longer_frozen():
    moved = draw_person(0.2)
    assert said([*[ROOM] * 100, moved])[-2:] == ["frozen", None]


def test_another_size_is_another_picture():
    watched = said([*[ROOM] * 60, *[ROOM[::2, ::2]] * 60])
    assert set(watched) == {None}


def test_after_a_gap_it_begins_anew():
    watch = PictureWatch()
    said([ROOM] * 100, watch)
    watch.reset()
    assert watch.see(4.0, ROOM) is None


def test_a_slow_movement_adds_up_and_is_not_frozen():
    pictures = [draw_person(n / 100) for n in range(100)]  # a hundredth of a second in each
    assert "frozen" not in said(pictures)


# As they come over the network

CODERS = {"vp8": (Vp8Encoder, Vp8Decoder), "h264": (H264Encoder, H264Decoder)}


def coded(pictures: list[np.ndarray], name: str, bitrate: int) -> list[np.ndarray]:
    """Pictures after a live coder, which leaves out and smooths what hardly changes."""
    encoder, decoder = (make() for make in CODERS[name])
    codec = RTCRtpCodecParameters(mimeType=f"video/{name.upper()}", clockRate=90000, payloadType=96)
    shown: list[np.ndarray] = []
    for n, rgb in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = n * 90000 // FPS, Fraction(1, 90000)
        encoder.target_bitrate = bitrate
        packets, timestamp = encoder.encode(frame, force_keyframe=n == 0)
        data = b"".join(depayload(codec, packet) for packet in packets)
        decoded = decoder.decode(JitterFrame(data=data, timestamp=timestamp))
        shown += [to_rgb(each, 640) for each in decoded]
    return shown


@pytest.mark.parametrize("name", ["vp8", "h264"])
def test_a_coder_does_not_hide_that_a_picture_stands(name):
    small = ROOM[::2, ::2]
    assert "frozen" in said(coded([small] * 250, name, BITRATE))


@pytest.mark.parametrize("name", ["vp8", "h264"])
@pytest.mark.parametrize("sigma", [0.5, 2.0])  # of the camera's noise; 0.5 is very little
def test_a_coder_does_not_make_an_empty_room_stand(name, sigma):
    small = ROOM[::2, ::2]
    assert set(said(coded(noisy(small, sigma, 150), name, 250_000))) == {None}


def of_clip(clip: Path) -> list[np.ndarray]:
    """Its first seconds."""
    return [frame.rgb for frame in read_frames(clip, largest_side=640, end_s=5.0)]


@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.shares
def test_in_no_real_clip_a_picture_is_black_or_stands(clips: Path):
    for clip in sorted(clips.glob("*.mp4")):
        assert set(said(of_clip(clip))) == {None}, clip.name


@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.parametrize("hold", ["childs_pose", "deep_squat_hold", "plank", "wall_squat"])
def test_who_keeps_still_does_not_stand_in_a_poor_connection(clips: Path, hold: str):
    (clip,) = clips.glob(f"{hold}*.mp4")
    assert set(said(coded(of_clip(clip), "vp8", 250_000))) == {None}
