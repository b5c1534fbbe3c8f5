"""Video files as FFmpeg opens them: their containers, their packets, and the pictures in these.

A file comes from anybody, so nothing in it is trusted: only containers that store a picture's time
are opened, none of them can make FFmpeg open a second file or a host, pictures have a largest size,
and damaged parts are left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from posesim.errors import NotAVideo, NoVideoStream, TooLarge

# FFmpeg's names of the demuxers that may run. Left out on purpose: playlists (hls, concat, dash),
# which name further files and hosts; formats without times of their own (raw h264, mjpeg, single
# images); and MPEG, Ogg and FLV, in which a hostile file can begin a stream in its middle: PyAV 18
# then reads past the end of its list of streams.
CONTAINERS = ("mov", "matroska", "avi", "yuv4mpegpipe")
# Those that store the time at which each picture is shown. In the others FFmpeg derives it from
# what came before, and reading from another place on would give other times.
SEEKABLE = ("mov", "matroska")
LARGEST_SIDE_PX = 8192
LARGEST_AREA_PX = 8192 * 4352  # 8K, rounded up to whole coding blocks
DECODER_THREADS = 2  # each holds pictures of its own: with 8K video, 50 MB a piece
# As many in a row, and nothing after them is worth waiting for: 20 s at 25 frames per second.
MOST_BROKEN_PACKETS = 500
# How far before a time a key picture is looked for. An MP4 is searched by the times of decoding,
# and so may give a picture that is shown later than what was asked for.
BACK_S = (0, 1, 10)
LARGEST_STAMP = 2**63 - 1  # of FFmpeg's times

_INPUT_OPTIONS = {
    "format_whitelist": ",".join(CONTAINERS),
    "protocol_whitelist": "file",
    "max_pixels": str(LARGEST_AREA_PX),
}

Packet: TypeAlias = "av.Packet[VideoStream]"  # in quotes: a generic for the type checker alone


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file and its best video stream, ready to be decoded.

    Raises:
        NotAVideo: If there is no such file, or its container is not accepted.
        NoVideoStream: If the file holds no moving picture.
        TooLarge: If its pictures are larger than 8K.
    """
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


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Yield the stream's packets up to the end, or to where the file is cut off."""
    # IndexError is PyAV's answer to a stream that begins after the header (damaged DV in AVI).
    with contextlib.suppress(av.FFmpegError, IndexError):
        # Empty packets are PyAV's mark of the end; to a decoder they would be the end as well.
        yield from (packet for packet in container.demux(stream) if packet.size)


def can_seek(container: InputContainer) -> bool:
    """Whether the times of a file's pictures don't depend on where the reading began."""
    return container.format.name.partition(",")[0] in SEEKABLE


def packets_from(
    container: InputContainer, stream: VideoStream, shown_at: Fraction
) -> Iterator[Packet]:
    """Yield packets from a key picture on that is shown at or before a time, by seeking.

    Pictures before the key picture may come out damaged; those after it come as if everything had
    been decoded. Where no such place is found, nothing is given.

    Args:
        container: Whose place in the file is lost.
        stream: Of that container.
        shown_at: In seconds, as the file counts them.
    """
    time_base = stream.time_base or Fraction(1, av.time_base)
    stamp = shown_at / time_base
    for back_s in BACK_S:
        wanted = max(-LARGEST_STAMP, min(int(stamp - back_s / time_base), LARGEST_STAMP))
        try:
            container.seek(wanted, stream=stream, backward=True)
        except av.FFmpegError:
            return
        coded = packets(container, stream)
        first = next(coded, None)
        if first is None:
            return
        if first.is_keyframe and first.pts is not None and first.pts <= stamp:
            yield first
            yield from coded
            return


def decoded(stream: VideoStream, coded: Iterable[Packet]) -> Iterator[av.VideoFrame]:
    """Yield the frames that can be decoded, leaving out the others."""
    broken = 0  # packets in a row
    for packet in coded:
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
