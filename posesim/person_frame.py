"""A square around one person's whole movement, which stays where it is.

To the video network a moving or growing crop is a moving camera, and a jump of it is a cut in the
film. So the square is chosen once, large enough for what the body can reach on the spot, and is
changed only where the person stays outside of it or has become much smaller. It depends on
nothing that comes later, so that a live user and a reference are framed alike.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posesim.framing import GREY, Picture
from posesim.pose import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, Pose

RULE = "person"  # the name of this rule in a reference's settings
SEEN = 0.3  # landmarks of a lower visibility may be anywhere
MARGIN = 0.1  # of the movement's extent, on each side: hands, hair, feet
OUTSIDE = 0.03  # of the square's side: what sticks out less far is within MARGIN
PATIENCE_S = 0.4  # a landmark that is wrong for a moment moves nothing
REMEMBERED_S = 8.0  # a slow repetition
TOO_LARGE = 0.55  # the movement's extent, in sides of the square, below which it is made smaller


@dataclass(frozen=True)
class Box:
    """An upright square of a picture in pixels; it may reach out of the picture."""

    left: int
    top: int
    side: int


class PersonFrame:
    """Choose the square for one stream of pictures."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the person: the next pose chooses anew."""
        self._box: Box | None = None
        self._shape: tuple[int, int] | None = None
        self._extents: deque[tuple[float, NDArray[np.float64]]] = deque()
        self._since_s = -math.inf  # time of the last change
        self._inside_s = -math.inf  # when the person was last inside

    def update(self, time_s: float, pose: Pose | None, shape: tuple[int, ...]) -> Box:
        """Take the newest pose; return the square for this picture and those until the next call.

        Args:
            time_s: The picture's presentation time.
            pose: Of this picture; None keeps the square.
            shape: The picture's: (H, W, ...). In a larger or smaller one of the same form, as a
                camera sends it over a poor connection, the square stays around the same content;
                another form begins anew.

        Returns:
            The square: before the first pose, the one around the whole picture.
        """
        height, width = shape[:2]
        if (height, width) != self._shape:
            self._resize(height, width)
        if pose is None or (extent := _extent(pose, height, width)) is None:
            return self._box or _square(np.array([0.0, 0.0, width, height]), max(width, height))
        self._extents.append((time_s, extent))
        while self._extents[0][0] < time_s - REMEMBERED_S:
            self._extents.popleft()
        if self._box is None:
            self._change(time_s, _union([extent, _reach(pose, height, width)]))
        elif self._sticks_out(extent) <= OUTSIDE * self._box.side:
            self._inside_s = time_s
            self._shrink(time_s)
        elif time_s - self._inside_s >= PATIENCE_S:
            movement = _union([extent for _, extent in self._extents])
            if _side(movement) > self._box.side:
                movement = _union([movement, _reach(pose, height, width)])
            self._change(time_s, movement)
        assert self._box is not None
        return self._box

    def _resize(self, height: int, width: int) -> None:
        before, self._shape = self._shape, (height, width)
        if before is None or abs(width * before[0] - height * before[1]) > max(width, before[1]):
            self.reset()  # more than a row's rounding apart: another form
            self._shape = height, width
            return
        scale = width / before[1]
        self._extents = deque((time_s, scale * extent) for time_s, extent in self._extents)
        if (box := self._box) is not None:
            side = max(1, round(scale * box.side))
            self._box = Box(round(scale * box.left), round(scale * box.top), side)

    def _shrink(self, time_s: float) -> None:
        """Make the square smaller where the movement has long been far smaller."""
        assert self._box is not None
        if time_s - self._since_s < REMEMBERED_S:
            return
        movement = _union([extent for _, extent in self._extents])
        if _side(movement) < TOO_LARGE * self._box.side:
            self._change(time_s, movement)

    def _change(self, time_s: float, movement: NDArray[np.float64]) -> None:
        side = _side(movement)
        if self._box is not None and TOO_LARGE * self._box.side <= side <= self._box.side:
            # A shift alone changes less of what the network sees.
            side = self._box.side
        self._box = _square(movement, side)
        self._since_s = self._inside_s = time_s

    def _sticks_out(self, extent: NDArray[np.float64]) -> float:
        """How far the person reaches out of the square, in pixels."""
        assert self._box is not None
        low = np.array([self._box.left, self._box.top])
        return float(max((low - extent[:2]).max(), (extent[2:] - low - self._box.side).max()))


def crop(rgb: Picture, box: Box, size: int = 224) -> Picture:
    """The square's content as (size, size, 3), grey where it reaches out of the picture."""
    scale = size / box.side
    # Pixel centres are at halves: without them the crop would be shifted by up to a pixel.
    matrix = np.array(
        [
            [scale, 0, (0.5 - box.left) * scale - 0.5],
            [0, scale, (0.5 - box.top) * scale - 0.5],
        ]
    )
    if scale < 1:  # averaging keeps thin limbs
        return _shrunk(rgb, box, size)
    enlarged = cv2.warpAffine(
        np.ascontiguousarray(rgb),
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(GREY, GREY, GREY),
    )
    return np.asarray(enlarged, np.uint8)


def _shrunk(rgb: Picture, box: Box, size: int) -> Picture:
    height, width = rgb.shape[:2]
    framed = np.full((box.side, box.side, 3), GREY, np.uint8)
    left, top = max(box.left, 0), max(box.top, 0)
    right, bottom = min(box.left + box.side, width), min(box.top + box.side, height)
    if left < right and top < bottom:
        framed[top - box.top : bottom - box.top, left - box.left : right - box.left] = rgb[
            top:bottom, left:right
        ]
    return np.asarray(cv2.resize(framed, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _extent(pose: Pose, height: int, width: int) -> NDArray[np.float64] | None:
    """Left, top, right, bottom in pixels of what is seen of the person, within the picture."""
    seen = pose.landmarks[pose.landmarks[:, 3] >= SEEN, :2].astype(np.float64)
    if len(seen) < 2:
        return None
    points = np.clip(seen, 0, 1) * (width, height)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _reach(pose: Pose, height: int, width: int) -> NDArray[np.float64]:
    """What the body can reach on the spot: left, top, right, bottom in pixels.

    That is the circle around it. Where the picture cuts it off above or below, it is narrowed for
    an upright body: who is seen from the waist up moves within what is seen. A lying body has all
    of its length to the sides.
    """
    x, y, radius = np.array(pose.circle) * (width, height, width)
    top, bottom = max(y - radius, 0.0), min(y + radius, float(height))
    points = pose.landmarks[:, :2] * (width, height)
    torso = points[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(0) - points[[LEFT_HIP, RIGHT_HIP]].mean(0)
    lying = abs(float(torso[0])) / max(math.hypot(*torso), 1e-6)  # 0 upright, 1 level
    half = max((bottom - top) / 2, radius * lying, 0.0)
    left, right = max(x - half, 0.0), min(x + half, float(width))
    return np.array([left, top, right, bottom])


def _union(extents: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    every = np.stack(extents)
    return np.concatenate([every[:, :2].min(axis=0), every[:, 2:].max(axis=0)])


def _side(movement: NDArray[np.float64]) -> float:
    """Of the square around a movement."""
    return float((movement[2:] - movement[:2]).max() * (1 + 2 * MARGIN))


def _square(movement: NDArray[np.float64], side: float) -> Box:
    x, y = (movement[:2] + movement[2:]) / 2
    whole = max(1, round(side))
    return Box(round(x - whole / 2), round(y - whole / 2), whole)
