"""Video files, and frames of a live stream, to upright RGB pictures with presentation times.

A file comes from anybody, so nothing in it is trusted: only containers that store a picture's time
are opened, none of them can make FFmpeg open a second file or a host, pictures have a largest size,
and damaged parts are left out. A long video costs no more memory than a short one: frames come
one at a time, and whoever reads may stop.
"""

import contextlib
import math
import os
import struct
from collections.abc import Generator, Iterator
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

from posesim.errors import NotAVideo, NoVideoStream, TooLarge, TooLong
from posesim.timebase import LARGEST_TIME_S

# FFmpeg's names of the demuxers that may run. Left out on purpose: playlists (hls, concat, dash),
# which name further files and hosts; formats without times of their own (raw h264, mjpeg, single
# images); and MPEG, Ogg and FLV, in which a hostile file can begin a stream in its middle: PyAV 18
# then reads past the end of its list of streams.
CONTAINERS = ("mov", "matroska", "avi", "yuv4mpegpipe")
LARGEST_SIDE_PX = 8192
LARGEST_AREA_PX = 8192 * 4352  # 8K, rounded up to whole coding blocks
DECODER_THREADS = 2  # each holds pictures of its own: with 8K video, 50 MB a piece
# As many in a row, and nothing after them is worth waiting for: 20 s at 25 frames per second.
MOST_BROKEN_PACKETS = 500

_INPUT_OPTIONS = {
    "format_whitelist": ",".join(CONTAINERS),
    "protocol_whitelist": "file",
    "max_pixels": str(LARGEST_AREA_PX),
}


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
) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video file in the order in which they are shown.

    What can't be decoded is left out, so that a truncated or damaged file gives its readable part.
    The file is open from the first frame to the last, or until the generator is closed.

    Args:
        path: A file; never understood as an address or a pattern.
        largest_side: Larger pictures are scaled down to this many pixels while they are converted,
            so that no full-size RGB picture of a 4K video is ever made. None keeps the size.
        longest_s: Frames later than this are refused. None reads to the end.

    Raises:
        NotAVideo: If there is no such file, its container is not accepted, or no frame can be
            decoded.
        NoVideoStream: If the file holds no moving picture.
        TooLarge: If its pictures are larger than 8K.
        TooLong: At the first frame after `longest_s`.
        ValueError: If `largest_side` is below 1.
    """
    name = Path(path).name
    start: Fraction | None = None
    turn = _UPRIGHT
    readable = False
    with _opened(path) as (container, stream):
        aspect = _pixel_aspect(stream)
        # Not the frame's own, which is missing on those that leave the decoder at the end.
        time_base = stream.time_base or Fraction(1, av.time_base)
        for frame in _decoded(container, stream):
            # Old containers store decoding times only, of which FFmpeg derives most of the others.
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is None:
                continue
            shown_at = stamp * time_base
            if start is None:
                start, turn = shown_at, _turn(frame)
            time_s = float(shown_at - start)
            if abs(time_s) > LARGEST_TIME_S:
                continue
            if longest_s is not None and time_s > longest_s:
                raise TooLong(name, longest_s)
            try:
                rgb = _upright_rgb(frame, largest_side, aspect, turn)
            except av.FFmpegError:  # a pixel format that can't be converted
                continue
            readable = True
            yield VideoFrame(time_s, rgb)
    if not readable:
        raise NotAVideo(name, "none of its pictures can be decoded")


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Read a file's size, duration and rate; decodes the first frame only.

    Raises:
        NotAVideo: As `read_frames`.
        NoVideoStream: If the file holds no moving picture.
        TooLarge: If its pictures are larger than 8K.
    """
    with _opened(path) as (container, stream):
        frame = next(_decoded(container, stream), None)
        if frame is None:
            raise NotAVideo(Path(path).name, "none of its pictures can be decoded")
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


def _upright_rgb(
    frame: av.VideoFrame, largest_side: int | None, pixel_aspect: Fraction, turn: _Turn
) -> NDArray[np.uint8]:
    width, height = _scaled(frame.width, frame.height, largest_side, pixel_aspect)
    rgb = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA).to_ndarray()
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


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file and its best video stream, ready to be decoded."""
    file = Path(path)
    if not file.is_file():  # nor a device or a pipe, which might never end
        raise NotAVideo(file.name, "there is no such file; check the path")
    if file.stat().st_size == 0:
        raise NotAVideo(file.name, "the file is empty")
    try:
        # "file:" keeps a name such as "http://host/a" or "concat:a|b" a name.
        container = av.open(f"file:{file}", "r", options=_INPUT_OPTIONS, metadata_errors="replace")
    except PermissionError as error:
        raise NotAVideo(file.name, "it may not be opened; check its permissions") from error
    except av.FFmpegError as error:
        raise NotAVideo(file.name, "its format is not known or not accepted") from error
    with container:
        yield container, _video_stream(container, file.name)


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    # Sound files carry their cover as a "video" of one picture.
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if not s.disposition & covers]
    if not streams:
        raise NoVideoStream(name)
    best = container.streams.best("video")
    stream = next((s for s in streams if s is best), streams[0])
    codec = stream.codec_context
    if codec is None:
        raise NotAVideo(name, "its pictures are coded in a way that is not known here")
    if max(codec.width, codec.height) > LARGEST_SIDE_PX or (
        codec.width * codec.height > LARGEST_AREA_PX
    ):
        raise TooLarge(name, codec.width, codec.height)
    codec.options = {"max_pixels": str(LARGEST_AREA_PX)}  # the size can change in mid-stream
    codec.thread_type = "AUTO"
    codec.thread_count = DECODER_THREADS
    return stream


def _packets(container: InputContainer, stream: VideoStream) -> Iterator["av.Packet[VideoStream]"]:
    """Yield the stream's packets up to the end, or to where the file is cut off."""
    # IndexError is PyAV's answer to a stream that begins after the header (damaged DV in AVI).
    with contextlib.suppress(av.FFmpegError, IndexError):
        # Empty packets are PyAV's mark of the end; to a decoder they would be the end as well.
        yield from (packet for packet in container.demux(stream) if packet.size)


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield the frames that can be decoded, leaving out the others."""
    broken = 0  # packets in a row
    for packet in _packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            broken += 1
            if broken == MOST_BROKEN_PACKETS:
                break
            continue
        broken = 0
        yield from frames
    with contextlib.suppress(av.FFmpegError):
        yield from stream.decode(None)  # what the decoder still holds


def _stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def _measured(path: str | os.PathLike[str]) -> tuple[float, float]:
    """Return duration in seconds and frames per second by the packets' times, without decoding."""
    with _opened(path) as (container, stream):
        times = (
            packet.pts * packet.time_base
            for packet in _packets(container, stream)
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
