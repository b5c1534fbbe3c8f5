"""Where a keyframe begins, read from the payload of an RTP packet.

Sources: RFC 7741 (VP8), sections 4.2 and 4.3; RFC 6184 (H264), sections 5.4 to 5.8, and table 7-1
of ITU-T H.264.
"""

from collections.abc import Iterator
from enum import Enum

from aiortc.codecs.vpx import VpxPayloadDescriptor

_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28  # types of NAL units
_FIRST = 0x80  # the first bit of a fragment's header, and of a slice that begins a picture


class Start(Enum):
    """Whether a keyframe begins with a packet."""

    NO = 0
    IF_FRAME = 1  # if a frame does
    YES = 2


def keyframe_start(codec: str, payload: bytes) -> Start:
    """Return whether a keyframe of `codec` ("VP8" or "H264") begins with a packet of `payload`.

    H264 has parameters in front of a keyframe, and all encoders of browsers send them each time.
    Where they are missing, a packet with the keyframe's first slice may follow one that was lost.
    """
    if codec == "VP8":
        return _vp8(payload)
    if codec == "H264":
        return max(map(_unit, _units(payload)), key=lambda start: start.value, default=Start.NO)
    return Start.NO


def _vp8(payload: bytes) -> Start:
    try:
        descriptor, data = VpxPayloadDescriptor.parse(payload)
    except ValueError:
        return Start.NO
    if descriptor.partition_start and descriptor.partition_id == 0 and data and not data[0] & 1:
        return Start.YES
    return Start.NO


def _units(payload: bytes) -> Iterator[bytes]:
    """The NAL units that begin in a payload, each as far as it is there."""
    kind = payload[0] & 0x1F if payload else 0
    if kind == _STAP_A:
        at = 1
        while at + 2 <= len(payload):
            size = int.from_bytes(payload[at : at + 2])
            yield payload[at + 2 : at + 2 + size]
            at += 2 + size
    elif kind == _FU_A:
        if len(payload) > 1 and payload[1] & _FIRST:
            yield payload[1:]  # its header has the unit's type where the unit has it
    else:
        yield payload


def _unit(unit: bytes) -> Start:
    kind = unit[0] & 0x1F if unit else 0
    if kind == _SPS:
        return Start.YES
    # A slice begins with the place of its first macroblock, and 0 is written as a single 1.
    if kind == _IDR and len(unit) > 1 and unit[1] & _FIRST:
        return Start.IF_FRAME
    return Start.NO
