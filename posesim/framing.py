"""Pictures of any size to the network's square.

A reference stores the name of the rule that made it: a person who fills the square in one and
stands between bars in the other would be compared by size, not by movement.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Framing = Callable[[Picture, int], Picture]

GREY = 128  # the network sees [-1, 1], where this is 0.004: bars say nothing
DEFAULT = "letterbox"


def square(rgb: Picture, size: int = 224, rule: str = DEFAULT) -> Picture:
    """Return a picture as (size, size, 3) uint8, by one of `FRAMINGS`.

    Raises:
        ValueError: If `rgb` is not (H, W, 3) uint8 with H and W at least 1, `size` is below 1, or
            `rule`
            is not known.
    """
    if rule not in FRAMINGS:
        raise ValueError(f"rule must be one of {', '.join(FRAMINGS)}, got {rule!r}")
    return FRAMINGS[rule](rgb, size)


def letterbox(rgb: Picture, size: int = 224) -> Picture:
    """Fit the whole picture into the square, with grey bars on the two sides that are left.

    Raises:
        ValueError: If `rgb` or `size` is not as `square` wants it.
    """
    _check(rgb, size)
    height, width = rgb.shape[:2]
    longest = max(height, width)
    inner_height = max(1, round(height * size / longest))
    inner_width = max(1, round(width * size / longest))
    framed = np.full((size, size, 3), GREY, np.uint8)
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    framed[top : top + inner_height, left : left + inner_width] = _resized(
        rgb, inner_width, inner_height
    )
    return framed


def center(rgb: Picture, size: int = 224) -> Picture:
    """Take the largest square in the middle; the ends of the longer side are cut off.

    Raises:
        ValueError: If `rgb` or `size` is not as `square` wants it.
    """
    _check(rgb, size)
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _resized(rgb[top : top + side, left : left + side], size, size)


FRAMINGS: Mapping[str, Framing] = MappingProxyType({"letterbox": letterbox, "center": center})


def _check(rgb: Picture, size: int) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"a picture must be (height, width, 3) uint8, got {rgb.shape} {rgb.dtype}")
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")


def _resized(rgb: Picture, width: int, height: int) -> Picture:
    # Averaging keeps thin limbs when shrinking; when enlarging it would make blocks.
    shrinks = width < rgb.shape[1] or height < rgb.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    # OpenCV refuses negative strides, which flipped and turned pictures have.
    resized = cv2.resize(np.ascontiguousarray(rgb), (width, height), interpolation=method)
    return np.asarray(resized, dtype=np.uint8)
