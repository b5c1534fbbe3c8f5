"""Where a keyframe begins, in what aiortc's encoders make and as the standards write it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.live.prompt_video.keyframes import Start, keyframe_start

FRAMES, FORCED = 8, 5  # the first is a keyframe, and the one that was asked for

ENCODERS = {"VP8": Vp8Encoder, "H264": H264Encoder}


def encoded(codec: str, size: tuple[int, int]) -> list[list[bytes]]:
    """The payloads of frames of noise, which needs several packets."""
    rng = np.random.default_rng(3)
    encoder = ENCODERS[codec]()
    frames = []
    for index in range(FRAMES):
        picture = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index * 3600, Fraction(1, 90_000)
        payloads, _ = encoder.encode(frame, force_keyframe=index == FORCED)
        frames.append(payloads)
    return frames


@pytest.mark.parametrize("size", [(64, 48), (320, 240)])
@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_the_encoders_keyframes_begin_with_their_first_packets(
    codec: str, size: tuple[int, int]
) -> None:
    frames = encoded(codec, size)
    surely = [
        (index, place)
        for index, payloads in enumerate(frames)
        for place, payload in enumerate(payloads)
        if keyframe_start(codec, payload) is Start.YES
    ]
    assert surely == [(0, 0), (FORCED, 0)]
    if size == (320, 240):
        assert len(frames[0]) > 1


def test_a_vp8_keyframe_begins_where_its_first_partition_does() -> None:
    key, later = b"\x10\x02\x00\x9d\x01\x2a", b"\x11\x02\x00"
    first = bytes(VpxPayloadDescriptor(partition_start=1, partition_id=0, picture_id=7))
    inside = bytes(VpxPayloadDescriptor(partition_start=0, partition_id=0, picture_id=7))
    second = bytes(VpxPayloadDescriptor(partition_start=1, partition_id=1, picture_id=7))
    assert keyframe_start("VP8", first + key) is Start.YES
    for payload in (first + later, inside + key, second + key, first):
        assert keyframe_start("VP8", payload) is Start.NO


SPS, PPS, DELIMITER = b"\x67\x42\xe0\x1f", b"\x68\xce\x3c\x80", b"\x09\x10"
FIRST_SLICE, OTHER_SLICE, INTER_SLICE = b"\x65\x88\x84", b"\x65\x42\x84", b"\x41\x9a\x24"


def together(*units: bytes) -> bytes:
    """One packet of several NAL units, STAP-A."""
    return b"\x78" + b"".join(len(unit).to_bytes(2) + unit for unit in units)


def fragments(unit: bytes) -> tuple[bytes, bytes]:
    """A NAL unit in two packets, FU-A."""
    kind, head = unit[0] & 0x1F, bytes([unit[0] & 0xE0 | 28])
    return head + bytes([0x80 | kind]) + unit[1:2], head + bytes([0x40 | kind]) + unit[2:]


@pytest.mark.parametrize(
    ("payload", "start"),
    [
        (SPS, Start.YES),
        (together(SPS, PPS), Start.YES),
        (together(DELIMITER, SPS, PPS, FIRST_SLICE), Start.YES),
        (fragments(SPS)[0], Start.YES),
        (fragments(SPS)[1], Start.NO),
        (FIRST_SLICE, Start.IF_FRAME),
        (together(PPS, FIRST_SLICE), Start.IF_FRAME),
        (fragments(FIRST_SLICE)[0], Start.IF_FRAME),
        (fragments(FIRST_SLICE)[1], Start.NO),
        (OTHER_SLICE, Start.NO),
        (fragments(OTHER_SLICE)[0], Start.NO),
        (INTER_SLICE, Start.NO),
        (PPS, Start.NO),
        (DELIMITER, Start.NO),
    ],
)
def test_an_h264_keyframe_begins_with_its_parameters_or_its_first_slice(
    payload: bytes, start: Start
) -> None:
    assert keyframe_start("H264", payload) is start


@given(st.sampled_from(["VP8", "H264", "AV1"]), st.binary(max_size=40))
def test_no_payload_is_an_error(codec: str, payload: bytes) -> None:
    assert isinstance(keyframe_start(codec, payload), Start)
