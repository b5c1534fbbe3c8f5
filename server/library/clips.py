"""What a clip's file is, which part of it can be used, and pictures of it."""

from pathlib import Path

import cv2

from posesim.errors import PosesimError, TooLong, TooShort
from posesim.video import frame_at, probe

SHORTEST_CLIP_S = 2.55  # a window is 2.56 s; embedding counts the frames, this looks at the header
SHORTEST_PART_MS = 2560
LATE_MS = 100  # how far after the end a part may end: players and files differ by some frames
PICTURE_SIDE = 480  # pixels, the longer one
THUMBNAIL_AT_S = 4.0  # at most, from a part's beginning: where a clip can't be searched, it is read


class BadTrim(PosesimError):
    """Trim points that leave nothing to train with."""


def check_clip(path: Path, max_clip_s: float) -> float:
    """Return how long the clip says it is, in seconds.

    Raises:
        VideoError: If it is no video, too short or too long.
    """
    duration_s = probe(path).duration_s
    if duration_s < SHORTEST_CLIP_S:
        raise TooShort(path.name, duration_s)
    if duration_s > max_clip_s:
        raise TooLong(path.name, max_clip_s)
    return duration_s


def check_trim(
    start_s: float | None, end_s: float | None, clip_s: float
) -> tuple[float | None, float | None]:
    """Return trim points in whole milliseconds, None where they cut nothing off.

    Args:
        start_s: In the clip's time.
        end_s: In the clip's time.
        clip_s: How long the whole clip is.

    Raises:
        BadTrim: If the part is too short or not inside the clip.
    """
    clip_ms = round(clip_s * 1000)
    start_ms = round((start_s or 0.0) * 1000)
    end_ms = clip_ms if end_s is None else round(end_s * 1000)
    if start_ms < 0 or end_ms > clip_ms + LATE_MS:
        raise BadTrim(f"The part must lie between 0 and {clip_s:.2f} s, where the clip ends.")
    if start_ms == 0 and end_ms >= clip_ms:
        return None, None
    if min(end_ms, clip_ms) - start_ms < SHORTEST_PART_MS:
        raise BadTrim(
            f"The part is too short: choose a start and an end at least "
            f"{SHORTEST_PART_MS / 1000:.2f} s apart, inside the clip's {clip_s:.2f} s."
        )
    return start_ms / 1000 or None, None if end_ms >= clip_ms else end_ms / 1000


def media_type(path: Path) -> str:
    """Return the container's media type, by its first bytes; never one that a browser runs."""
    with path.open("rb") as file:
        start = file.read(64)
    if start[4:8] == b"ftyp":
        return "video/quicktime" if start[8:12] == b"qt  " else "video/mp4"
    if start[:4] == b"\x1a\x45\xdf\xa3":  # EBML, whose DocType comes soon after
        return "video/webm" if b"webm" in start else "video/x-matroska"
    if start[:4] == b"RIFF":
        return "video/x-msvideo"
    return "application/octet-stream"


def draw_thumbnail(clip: Path, into: Path, start_s: float, end_s: float) -> None:
    """Write a JPEG of a frame from the middle of a part, or from early in a long one.

    Raises:
        VideoError: If that frame can't be decoded.
    """
    into.write_bytes(picture_at(clip, start_s + min((end_s - start_s) / 2, THUMBNAIL_AT_S)))


def picture_at(clip: Path, at_s: float) -> bytes:
    """Return a JPEG of the frame that is shown at a time; the last one if the clip ends before.

    Raises:
        VideoError: If that frame can't be decoded.
    """
    frame = frame_at(clip, at_s, largest_side=PICTURE_SIDE)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR))
    return jpeg.tobytes()
