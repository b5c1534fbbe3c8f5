"""What a network with planted features would see of a planted body, as the parts of a stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from bodies import FRONT, Motion, View, pose
from fake_engine import CALIBRATION, SETTINGS

from posesim.embedding import Features, Part, TimedPose, join
from posesim.engines.base import CHUNK_FRAMES, FRAMES_PER_SECOND, I3D, Window
from posesim.expectation import Expectation
from posesim.pose import Pose
from posesim.presence import Hint
from posesim.references import Reference

POSE_FRAMES = 3
# A tap: how near landmarks are to the cells of the picture, left ones and right ones alike.
_CELLS = np.array([(x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)])
_PAIRS = np.array([(left, left + 1) for left in (11, 13, 15, 23, 25, 27)])
_WIDTHS = np.array([0.12, 0.25])
TAP_SIZE = len(_CELLS) * len(_PAIRS) * len(_WIDTHS)


def tap(seen: Pose) -> np.ndarray:
    """A tap on a grid of 2x2 cells, channels last."""
    points = seen.landmarks[_PAIRS, :2]  # (6, 2, 2)
    apart = np.linalg.norm(points[None] - _CELLS[:, None, None], axis=-1)  # (4, 6, 2)
    near = np.exp(-((apart[..., None] / _WIDTHS) ** 2)).sum(axis=2)  # (4, 6, 2)
    return np.asarray(near.reshape(-1), np.float32)


def window(kinetics_class: int) -> Window:
    """What the tail would say of a movement of that class."""
    logits = np.zeros(400, np.float32)
    logits[kinetics_class] = 12
    embedding = np.zeros(1024, np.float32)
    embedding[kinetics_class] = 1
    return Window(embedding, logits)


def parts(
    motion: Motion,
    seconds: float,
    view: View = FRONT,
    *,
    kinetics_class: int = 0,
    start_s: float = 0.0,
    hint: Hint | None = None,
) -> Iterator[Part]:
    """The parts of a stretch of a stream that begins at `start_s`; the motion begins with it.

    With the hint "no_person" there are no poses.
    """
    rng = np.random.default_rng(view.seed)
    first = round(start_s * FRAMES_PER_SECOND)

    def seen_at(frame: int, errors: np.random.Generator | None = None) -> Pose:
        return pose(motion(frame / FRAMES_PER_SECOND), view, errors)

    given = I3D.first_whole  # positions
    for frame in range(round(seconds * FRAMES_PER_SECOND)):
        if frame % POSE_FRAMES == 0 and hint != "no_person":
            yield TimedPose((first + frame) / FRAMES_PER_SECOND, seen_at(frame, rng))
        count = (frame + 1) // I3D.position_frames - I3D.taps_behind
        if (frame + 1) % CHUNK_FRAMES == 0 and count > 0:
            middles = [_middle(position) for position in range(given, count)]
            given = max(count, given)
            taps = [tap(seen_at(middle)) for middle in middles]
            yield Features(
                end_s=(first + _middle(count - 1)) / FRAMES_PER_SECOND,
                times_s=(first + np.array(middles, np.float64)) / FRAMES_PER_SECOND,
                taps=np.array(taps, np.float32).reshape(len(taps), TAP_SIZE),
                window=window(kinetics_class) if count >= I3D.window_positions else None,
                hint=hint,
            )


def _middle(position: int) -> int:
    """The frame on which a position is centred."""
    return position * I3D.position_frames + I3D.middle_frame


def reference(
    motion: Motion, seconds: float, view: View = FRONT, *, kinetics_class: int = 0
) -> Reference:
    """A reference of a clip with the motion."""
    seen = [
        part
        for part in parts(motion, seconds, view, kinetics_class=kinetics_class)
        if isinstance(part, TimedPose | Features)
    ]
    return Reference("planted", seconds, SETTINGS, join(seen))


def expectation(
    motion: Motion, seconds: float, view: View = FRONT, *, kinetics_class: int = 0
) -> Expectation:
    """What that reference lets one expect."""
    made = reference(motion, seconds, view, kinetics_class=kinetics_class)
    return Expectation.of(made, CALIBRATION.hold_energy)
