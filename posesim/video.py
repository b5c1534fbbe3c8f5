"""Video files, and frames of a live stream, to upright RGB pictures with presentation times.

A long video costs no more memory than a short one: frames come one at a time, and whoever reads
may stop. What a file may be is in `posesim.containers`.
"""

import contextlib
import itertools
import math
import os
import struct
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from posesim.containers import (
    LARGEST_SIDE_PX,
    Packet,
    can_seek,
    decoded,
    opened,
    packets,
    packets_from,
)
from posesim.errors import NoSuchPart, NotAVideo, TooLong
from posesim.timebase import LARGEST_TIME_S

UNREADABLE = "none of its pictures can be decoded"

# a, b, c, d of a display matrix: x' = a x + c y, y' = b x + d y, with y downwards. Cameras turn by
# quarters and mirror, so that only the signs matter, and which pair is the larger.
_Turn = tuple[int, int, int, int]
_UPRIGHT: _Turn = (1, 0, 0, 1)
_QUARTER_TURNS = (_UPRIGHT, (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))  # counter-clockwise


@dataclass(frozen=True)
class VideoFrame:
    """One decoded picture.

    Attributes:
        time_s: Presentation time since the first frame. Damaged files can make it run backwards.
        rgb: The picture, upright, (H, W, 3) uint8.
    """

    time_s: float
    rgb: NDArray[np.uint8]


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of its video.

    Attributes:
        width: Of the upright picture, in square pixels.
        height: Of the upright picture.
        duration_s: As the file states it; measured where the file states none.
        frames_per_second: The average; 0 if there is a single frame.
        rotation_deg: The clockwise turn that makes the stored picture upright: 0, 90, 180 or 270.
    """

    width: int
    height: int
    duration_s: float
    frames_per_second: float
    rotation_deg: int


def read_frames(
    path: str | os.PathLike[str],
    *,
    largest_side: int | None = None,
    longest_s: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video file, or of a part of it, in the order in which they are shown.

    What can't be decoded is left out, so that a truncated or damaged file gives its readable part.
    The file is open from the first frame to the last, or until the generator is closed. Of what
    comes before the part, no more is decoded than the part needs, where the container allows.

    Args:
        path: A file; never understood as an address or a pattern.
        largest_side: Larger pictures are scaled down to this many pixels while they are converted,
            so that no full-size RGB picture of a 4K video is ever made. None keeps the size.
        longest_s: Frames later than this are refused. None reads to the end.
        start_s: Leave out the frames before it; times count from it. None reads from the beginning.
        end_s: Stop at the first frame at or after it. None reads to the end.

    Raises:
        NotAVideo: If there is no such file, its container is not accepted, or no frame can be
            decoded.
        NoVideoStream: If the file holds no moving picture.
        NoSuchPart: If the video has no frame in the part.
        TooLarge: If its pictures are larger than 8K.
        TooLong: At the first frame after `longest_s`.
        ValueError: If `largest_side` is below 1, or the part is none.
    """
    check_part(start_s, end_s)
    name = Path(path).name
    inside = readable = False
    with _film(path, start_s or 0.0) as film:
        for at_s, frame in film.frames:
            time_s = at_s - (start_s or 0.0)
            if start_s is not None and time_s < 0:
                continue
            if end_s is not None and at_s >= end_s:
                break
            if longest_s is not None and time_s > longest_s:
                raise TooLong(name, longest_s)
            inside = True
            try:
                rgb = film.upright_rgb(frame, largest_side)
            except av.FFmpegError:  # a pixel format that can't be converted
                continue
            readable = True
            yield VideoFrame(time_s, rgb)
    if not readable:
        if not inside:
            raise NoSuchPart(name, start_s, end_s)
        raise NotAVideo(name, UNREADABLE)


def check_part(start_s: float | None, end_s: float | None) -> None:
    """Refuse what can't be a part of any video.

    Raises:
        ValueError: If `start_s` is negative, or `end_s` not after it.
    """
    start = 0.0 if start_s is None else start_s
    if not 0 <= start <= LARGEST_TIME_S:  # NaN compares false
        raise ValueError(f"start_s must be between 0 and {LARGEST_TIME_S:g}, got {start_s}")
    if end_s is not None and not end_s > start:
        raise ValueError(f"end_s must be after start_s ({start:g}), got {end_s}")


def frame_at(
    path: str | os.PathLike[str], at_s: float, *, largest_side: int | None = None
) -> VideoFrame:
    """Return the frame that is shown at a time; the last one if the video ends before.

    Args:
        path: As `read_frames`.
        at_s: Seconds from the first frame.
        largest_side: As `read_frames`.

    Raises:
        NotAVideo: As `read_frames`; also if that frame can't be decoded.
        NoVideoStream: If the file holds no moving picture.
        TooLarge: If its pictures are larger than 8K.
        ValueError: If `at_s` is negative or no number, or `largest_side` is below 1.
    """
    if not 0 <= at_s <= LARGEST_TIME_S:
        raise ValueError(f"at_s must be between 0 and {LARGEST_TIME_S:g}, got {at_s}")
    with _film(path, at_s) as film:
        shown: tuple[float, av.VideoFrame] | None = None
        for time_s, frame in film.frames:
            if shown is not None and time_s > at_s:
                break
            shown = time_s, frame
        if shown is None:
            raise NotAVideo(Path(path).name, UNREADABLE)
        try:
            return VideoFrame(shown[0], film.upright_rgb(shown[1], largest_side))
        except av.FFmpegError as error:
            reason = f"its picture at {shown[0]:.2f} s can't be decoded"
            raise NotAVideo(Path(path).name, reason) from error


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Read a file's size, duration and rate; decodes the first frame only.

    Raises:
        NotAVideo: As `read_frames`.
        NoVideoStream: If the file holds no moving picture.
        TooLarge: If its pictures are larger than 8K.
    """
    with opened(path) as (container, stream):
        frame = next(decoded(stream, packets(container, stream)), None)
        if frame is None:
            raise NotAVideo(Path(path).name, UNREADABLE)
        width, height = _scaled(frame.width, frame.height, None, _pixel_aspect(stream))
        a, b, _, _ = _turn(frame)
        duration_s = _stated_duration(container, stream)
        rate = float(stream.average_rate or stream.guessed_rate or 0)
    if duration_s is None:
        duration_s, rate = _measured(path)
    quarter_turns = round(math.atan2(b, a) / (math.pi / 2)) % 4
    if quarter_turns % 2:
        width, height = height, width
    return VideoInfo(width, height, duration_s, rate, quarter_turns * 90)


def to_rgb(frame: av.VideoFrame, largest_side: int | None = None) -> NDArray[np.uint8]:
    """Convert a decoded frame to an upright RGB picture, (H, W, 3) uint8, contiguous.

    Files and live tracks go through this one conversion, so that equal frames give equal pictures.

    Args:
        frame: Of any pixel format. Limited range becomes full range; unmarked colours count as
            BT.601. largest_side: Pictures with a longer side are scaled down to it. None keeps the
            size.

    Raises:
        ValueError: If `largest_side` is below 1.
    """
    # A frame's rotation, unlike its side data, can be read without PyAV tying frame and side data
    # into a cycle, which would keep each frame in memory until the garbage collector runs.
    turn = _QUARTER_TURNS[round(frame.rotation / 90) % 4]
    return _upright_rgb(frame, largest_side, Fraction(1), turn)


@dataclass(frozen=True)
class _Film:
    """An open file, read from some frame on.

    Attributes:
        frames: What can be decoded, each with its time in seconds since the file's first frame.
        aspect: A pixel's width / height.
        turn: What makes a frame upright.
    """

    frames: Iterator[tuple[float, av.VideoFrame]]
    aspect: Fraction
    turn: _Turn

    def upright_rgb(self, frame: av.VideoFrame, largest_side: int | None) -> NDArray[np.uint8]:
        """Convert one of its frames."""
        return _upright_rgb(frame, largest_side, self.aspect, self.turn)


@contextlib.contextmanager
def _film(path: str | os.PathLike[str], from_s: float) -> Iterator[_Film]:
    """Open a file to read it from the frame on that is shown at `from_s`, or from one before.

    Raises:
        NotAVideo: If there is no frame at all; else as `opened`.
    """
    with contextlib.ExitStack() as files:
        container, stream = files.enter_context(opened(path))
        stamped = _stamped(stream, packets(container, stream))
        first = next(stamped, None)
        if first is None:
            raise NotAVideo(Path(path).name, UNREADABLE)
        begin, frame = first
        aspect, turn = _pixel_aspect(stream), _turn(frame)
        frames = _timed(itertools.chain([first], stamped), begin)
        if from_s > 0 and can_seek(container):
            sought = packets_from(container, stream, begin + Fraction(from_s))
            frames = _timed(_stamped(stream, sought), begin)
            early = next(frames, None)
            if early is not None and early[0] <= from_s:
                frames = itertools.chain([early], frames)
            else:
                container, stream = files.enter_context(opened(path))
                frames = _timed(_stamped(stream, packets(container, stream)), begin)
        yield _Film(frames, aspect, turn)


def _stamped(
    stream: VideoStream, coded: Iterable[Packet]
) -> Iterator[tuple[Fraction, av.VideoFrame]]:
    """Yield frames, each with the second at which it is shown, as the file counts."""
    # Not the frame's own, which is missing on those that leave the decoder at the end.
    time_base = stream.time_base or Fraction(1, av.time_base)
    for frame in decoded(stream, coded):
        # Old containers store decoding times only, of which FFmpeg derives most of the others.
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is not None:
            yield stamp * time_base, frame


def _timed(
    stamped: Iterable[tuple[Fraction, av.VideoFrame]], begin: Fraction
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield frames with their times since `begin`, but for those whose time is damage."""
    for shown_at, frame in stamped:
        time_s = float(shown_at - begin)
        if abs(time_s) <= LARGEST_TIME_S:
            yield time_s, frame


def _upright_rgb(
    frame: av.VideoFrame, largest_side: int | None, pixel_aspect: Fraction, turn: _Turn
) -> NDArray[np.uint8]:
    width, height = _scaled(frame.width, frame.height, largest_side, pixel_aspect)
    # By itself FFmpeg begins threads for each frame, which takes longer than the frame does.
    scaled = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA, threads=1)
    rgb = scaled.to_ndarray()
    a, b, c, d = turn
    x_sign, y_sign = a, d
    if abs(b) > abs(a):  # the stored columns become rows
        rgb = rgb.transpose(1, 0, 2)  # (H, W, 3) -> (W, H, 3)
        x_sign, y_sign = c, b
    upright = rgb[:: -1 if y_sign < 0 else 1, :: -1 if x_sign < 0 else 1]
    return np.ascontiguousarray(upright, dtype=np.uint8)


def _scaled(
    width: int, height: int, largest_side: int | None, pixel_aspect: Fraction
) -> tuple[int, int]:
    """Return the size in square pixels with no side above `largest_side`, nor below 1."""
    if largest_side is not None and largest_side < 1:
        raise ValueError(f"largest_side must be at least 1 or None, got {largest_side}")
    true_width = width * pixel_aspect
    limit = min(largest_side or LARGEST_SIDE_PX, LARGEST_SIDE_PX)
    scale = min(Fraction(1), limit / max(true_width, Fraction(height)))
    return max(1, round(true_width * scale)), max(1, round(height * scale))


def _turn(frame: av.VideoFrame) -> _Turn:
    """Return the turn of a file, of which one frame is enough: see `to_rgb` for why not of each.

    Source: FFmpeg, libavutil/display.h.
    """
    matrix = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    if matrix is None:
        return _UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    return a, b, c, d


def _pixel_aspect(stream: VideoStream) -> Fraction:
    """Return a pixel's width / height; 1 where the file states none or none that a camera has."""
    stated = stream.sample_aspect_ratio
    return stated if stated and Fraction(1, 4) <= stated <= 4 else Fraction(1)


def _stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def _measured(path: str | os.PathLike[str]) -> tuple[float, float]:
    """Return duration in seconds and frames per second by the packets' times, without decoding."""
    with opened(path) as (container, stream):
        times = (
            packet.pts * packet.time_base
            for packet in packets(container, stream)
            if packet.pts is not None and packet.time_base
        )
        first = last = next(times, Fraction(0))
        intervals = 0
        for time in times:
            first, last = min(first, time), max(last, time)
            intervals += 1
    if last == first:
        return 0.0, 0.0
    rate = intervals / float(last - first)
    return float(last - first) + 1 / rate, rate  # the last frame is shown as long as the others
