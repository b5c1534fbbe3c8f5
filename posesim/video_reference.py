"""A video, or a part of it, to a reference."""

from __future__ import annotations

import contextlib
from pathlib import Path

from posesim.clip_frames import OnProgress, frames_of
from posesim.embedding import WINDOW_S, Features, FeatureStream, Part, TimedPose, join
from posesim.engines.base import Engine
from posesim.engines.calls import run
from posesim.errors import NobodyToFollow, TooShort
from posesim.framers import POSE_EVERY_S, Framer, open_framer
from posesim.person_frame import RULE as PERSON
from posesim.presence import HINTS
from posesim.references import Reference, Settings
from posesim.timebase import Gap

LEAST_SEEN = 0.4  # of a clip: somebody must be seen for as much of it

_Stretch = list[TimedPose | Features]  # what was seen without a gap


def embed(
    clip: Path,
    engine: Engine,
    settings: Settings,
    *,
    name: str,
    framer: Framer | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    longest_s: float | None = None,
    on_progress: OnProgress | None = None,
) -> Reference:
    """Make a reference of a video file.

    A clip with holes gives its longest stretch without one: a movement that is cut can't be
    followed.

    Args:
        clip: A video file.
        engine: Runs the network.
        settings: What the reference will say made it.
        name: The reference's name.
        framer: Frames the example, by the rule that the settings name; None where that is the
            whole picture.
        start_s: Where the part begins of which it is made, and its time 0; None for the beginning.
        end_s: Where that part ends; None for the end.
        longest_s: A longer part is refused; None takes any.
        on_progress: Told the share that is done, 0 to 1. What it raises ends the work.

    Raises:
        VideoError: If the clip can't be read, has no such part, is too long or too short, or there
            is hardly anybody to be seen in it.
    """
    stream = FeatureStream(engine, framer or open_framer(settings.framing, None))
    stretches: list[_Stretch] = [[]]
    last_s = 0.0
    reading = frames_of(
        clip, start_s=start_s, end_s=end_s, longest_s=longest_s, on_progress=on_progress
    )
    with contextlib.closing(reading) as frames:
        for frame in frames:
            last_s = frame.time_s
            _add(stretches, run(engine, stream.push(frame.time_s, frame.rgb)))
    _add(stretches, run(engine, stream.finish()))

    stretch = max(stretches, key=_positions)
    features = join(stretch)
    if not len(features.embeddings):
        raise TooShort(clip.name, last_s, WINDOW_S)
    seen_s = len(features.poses_s) * POSE_EVERY_S
    length_s = features.times_s[-1] - features.times_s[0]
    if settings.framing == PERSON and seen_s < LEAST_SEEN * length_s:
        raise NobodyToFollow(clip.name)
    hints = [part.hint for part in stretch if isinstance(part, Features)]
    shares = {hint: hints.count(hint) / len(hints) for hint in HINTS}
    return Reference(name, last_s, settings, features, shares)


def _add(stretches: list[_Stretch], parts: list[Part]) -> None:
    for part in parts:
        if isinstance(part, Gap):
            stretches.append([])
        else:
            stretches[-1].append(part)


def _positions(parts: _Stretch) -> int:
    return sum(len(part.times_s) for part in parts if isinstance(part, Features))
