"""Real clips as a bad camera, a bad room or a bad user would give them.

A clip becomes a list of pictures, 25 a second; the makers here change such lists. Boxes and moments
are given by who calls: nothing here looks for a person.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from posesim.embedding import LARGEST_SIDE
from posesim.framing import Picture
from posesim.timebase import Gap, Grid
from posesim.video import read_frames

FPS = 25
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the picture


def pictures(clip: Path, from_s: float = 0.0, to_s: float = math.inf) -> list[Picture]:
    """The pictures of a clip between two moments."""
    grid, kept = Grid[Picture](FPS), []
    for frame in read_frames(clip, largest_side=LARGEST_SIDE):
        if frame.time_s > to_s:
            break
        for tick in grid.push(frame.time_s, frame.rgb):
            if not isinstance(tick, Gap) and from_s <= tick.time_s < to_s:
                kept.append(tick.item)
    return kept


def played(shown: Sequence[Picture]) -> Iterator[tuple[float, Picture]]:
    """Pictures with their times, as a camera gives them."""
    for n, rgb in enumerate(shown):
        yield n / FPS, rgb


def there_and_back(shown: Sequence[Picture], seconds: float) -> list[Picture]:
    """Forwards and backwards, again and again."""
    way = [*shown, *shown[-2:0:-1]]
    return [way[n % len(way)] for n in range(round(seconds * FPS))]


def shaken(shown: Sequence[Picture], share: float = 0.02) -> Iterator[Picture]:
    """Each picture shifted at random, by up to a share of its size."""
    random = np.random.default_rng(0)
    for rgb in shown:
        height, width = rgb.shape[:2]
        x, y = random.uniform(-share, share, 2) * (width, height)
        move = np.array([[1, 0, x], [0, 1, y]])
        yield cv2.warpAffine(rgb, move, (width, height), borderMode=cv2.BORDER_REPLICATE)


def noisy(shown: Sequence[Picture]) -> Iterator[Picture]:
    """No two pictures in a row alike, as a camera in a dim room gives them."""
    random = np.random.default_rng(0)
    noise = random.integers(-4, 5, (10, *shown[0].shape), np.int16)  # ten, because it takes long
    for n, rgb in enumerate(shown):
        yield np.clip(rgb + noise[n % len(noise)], 0, 255).astype(np.uint8)


def cut_out(rgb: Picture, box: Box) -> Picture:
    """A part of a picture."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = (
        round(share * side) for share, side in zip(box, (width, height) * 2, strict=True)
    )
    return rgb[top:bottom, left:right]


def stretched(rgb: Picture, like: Picture) -> Picture:
    """A picture in the size of another: what a part of a room makes of it is an empty room."""
    return cv2.resize(np.ascontiguousarray(rgb), like.shape[1::-1])


def side_by_side(left: Sequence[Picture], right: Sequence[Picture]) -> list[Picture]:
    """Two films of one height in one picture, as long as the shorter one."""
    return [np.hstack(pair) for pair in zip(left, right, strict=False)]
