"""The frames of a whole video, or of a part of it, for whoever embeds or compares it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path

from posesim.embedding import LARGEST_SIDE
from posesim.engines.base import CHUNK_FRAMES
from posesim.errors import TooLong
from posesim.video import VideoFrame, check_part, probe, read_frames

OnProgress = Callable[[float], object]  # told the share that is done, 0 to 1


def frames_of(
    clip: Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    longest_s: float | None = None,
    on_progress: OnProgress | None = None,
) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video with times from `start_s` on, no larger than is of use.

    Args:
        clip: A video file.
        start_s: Where the part begins; None for the beginning.
        end_s: Where it ends; None for the end.
        longest_s: A longer part is refused, before anything is read where the file states its
            duration. None takes any.
        on_progress: Told how much has been read. What it raises ends the reading.

    Raises:
        VideoError: If the file can't be read as video, or has no such part.
        ValueError: If `start_s` and `end_s` are no part of any video.
    """
    check_part(start_s, end_s)
    begin_s, length_s = start_s or 0.0, probe(clip).duration_s
    if end_s is not None:
        length_s = min(length_s, end_s)
    length_s -= begin_s
    if longest_s is not None and length_s > longest_s:
        raise TooLong(clip.name, longest_s)
    tell = on_progress or _nobody
    tell(0.0)
    reading = read_frames(
        clip, largest_side=LARGEST_SIDE, longest_s=longest_s, start_s=start_s, end_s=end_s
    )
    with contextlib.closing(reading) as frames:
        for count, frame in enumerate(frames, 1):
            yield frame
            if count % CHUNK_FRAMES == 0:
                # Told also where the file states too short a duration: who is told may end it.
                share = frame.time_s / length_s if length_s > 0 else 0.0
                tell(min(max(share, 0.0), 0.99))
    tell(1.0)


def _nobody(_: float) -> None:
    """Whom progress is told when nobody wants to know."""
