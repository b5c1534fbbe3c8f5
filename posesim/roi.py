"""Rotated squares of a picture: where a person is, which way is up, and back again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posesim.framing import Picture

Points = NDArray[np.float64]  # (n, 2): x to the right, y down


@dataclass(frozen=True)
class Roi:
    """A square of a picture, in pixels from its top left corner; it may reach out of it.

    Attributes:
        x, y: Its centre.
        side: Its side.
        angle: How far it is turned clockwise, in radians: at a quarter turn its upper side is on
            the right.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, circle: Points, margin: float) -> Roi:
        """The square around a circle, turned so that a certain point of the circle is on top.

        Args:
            circle: (2, 2): its centre, and that point, in pixels.
            margin: The square's side, in diameters of the circle.
        """
        x, y = (float(v) for v in circle[0])
        dx, dy = (float(v) for v in circle[1] - circle[0])
        # Not turned where the point is above the centre; y points down.
        return cls(x, y, 2 * margin * math.hypot(dx, dy), math.atan2(dx, -dy))

    def to_picture(self, points: Points) -> Points:
        """Points of the square, (0, 0) its top left and (1, 1) its bottom right, to pixels."""
        return np.asarray(self.turn((points - 0.5) * self.side) + np.array([self.x, self.y]))

    def turn(self, vectors: Points) -> Points:
        """Vectors, (n, 2), as the square is turned."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.asarray(vectors @ np.array([[cos, sin], [-sin, cos]]))

    def crop(self, rgb: Picture, size: int, border: int = cv2.BORDER_REPLICATE) -> Picture:
        """The square's content as (size, size, 3), upright.

        Args:
            rgb: The picture.
            size: Of the result, in pixels.
            border: OpenCV's name of what lies outside of the picture.
        """
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        matrix = cv2.getAffineTransform(
            (size * corners).astype(np.float32), self.to_picture(corners).astype(np.float32)
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cropped = cv2.warpAffine(
            np.ascontiguousarray(rgb), matrix, (size, size), flags=flags, borderMode=border
        )
        return np.asarray(cropped, dtype=np.uint8)
