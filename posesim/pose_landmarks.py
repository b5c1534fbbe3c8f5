"""Where the joints of one person are: the landmark network's numbers to points of the picture.

The network sees an upright square around one body. It gives 39 points twice: directly, and as heat
maps, which are more precise where they are clear. 33 are joints and the face, two describe the
circle around the body, from which the next picture's square is made, so that no detector has to
run; the rest is not used.

Sources: V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", CVPR workshops
2020; the options are those that MediaPipe publishes with the model
(tensors_to_pose_landmarks_and_segmentation.pbtxt).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posesim.framing import Picture
from posesim.roi import Points, Roi

LANDMARKS = 33
CENTRE, RIM = 33, 34  # of the circle around the body
CROP_SIZE = 256  # pixels; what the landmark network takes
HEAT_SIZE = 64  # cells
HEAT_REACH = 3  # cells to each side of a point in which its heat map is read
CLEAR = 0.5  # a heat map whose maximum is lower is not read

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Body:
    """One person, in pixels of the picture.

    Attributes:
        points: (33, 2).
        depth: (33,), pixels, smaller is nearer to the camera; 0 is the hips' depth.
        visibility: (33,), 0 to 1.
        world: (33, 3), metres from the middle of the hips; x right, y down, z away.
        presence: 0 to 1, that there is a person in the square at all.
        circle: (2, 2): middle of the hips, point of the circle above the head.
    """

    points: Points
    depth: NDArray[np.float64]
    visibility: NDArray[np.float64]
    world: NDArray[np.float64]
    presence: float
    circle: Points


def crop_input(rgb: Picture, roi: Roi) -> Floats:
    """The square's content as (1, 256, 256, 3) in [0, 1], edges of the picture drawn out."""
    return roi.crop(rgb, CROP_SIZE)[None].astype(np.float32) / np.float32(255)


def body(values: Floats, presence: float, heat: Floats, world: Floats, roi: Roi) -> Body:
    """Read the landmark network's output.

    Args:
        values: (39, 5): x, y, z in pixels of the square, visibility and presence as logits.
        presence: That there is a person.
        heat: (64, 64, 39), logits.
        world: (39, 3), metres, as seen in the square.
        roi: The square.
    """
    needed = np.asarray(values[: RIM + 1], np.float64)
    points = roi.to_picture(refined(needed[:, :2] / CROP_SIZE, heat))
    joints = np.asarray(world[:LANDMARKS], np.float64)
    return Body(
        points=points[:LANDMARKS],
        depth=needed[:LANDMARKS, 2] * (roi.side / CROP_SIZE),
        visibility=_sigmoid(needed[:LANDMARKS, 3]),
        world=np.column_stack([roi.turn(joints[:, :2]), joints[:, 2]]),
        presence=presence,
        circle=points[[CENTRE, RIM]],
    )


def refined(points: Points, heat: Floats) -> Points:
    """Move each point to the centre of its heat map nearby, where that is clear.

    Args:
        points: (n, 2), x and y in 0 to 1 of the square.
        heat: (64, 64, N) logits, rows first, N at least n.
    """
    cells = np.floor(points * HEAT_SIZE).astype(int)
    inside = ((cells >= 0) & (cells < HEAT_SIZE)).all(axis=1)
    reach = np.arange(-HEAT_REACH, HEAT_REACH + 1)
    columns = cells[:, 0, None, None] + reach[None, None, :]  # (n, 1, 7)
    rows = cells[:, 1, None, None] + reach[None, :, None]  # (n, 7, 1)
    exists = (columns >= 0) & (columns < HEAT_SIZE) & (rows >= 0) & (rows < HEAT_SIZE)
    which = np.arange(len(points))[:, None, None]
    limit = HEAT_SIZE - 1
    near = heat[np.clip(rows, 0, limit), np.clip(columns, 0, limit), which]
    sure = np.where(exists, _sigmoid(near.astype(np.float64)), 0.0)  # (n, 7, 7)
    clear = inside & (sure.max(axis=(1, 2)) >= CLEAR)
    total = np.maximum(sure.sum(axis=(1, 2)), 1e-12)
    centres = np.stack([(sure * grid).sum(axis=(1, 2)) / total for grid in (columns, rows)], axis=1)
    return np.where(clear[:, None], centres / HEAT_SIZE, points)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -100, 100))))
