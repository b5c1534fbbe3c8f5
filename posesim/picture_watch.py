"""Whether a camera shows anything, and anything new."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posesim.framing import Picture

EVERY = 8  # of a picture's rows and columns one is looked at; means would hide a camera's noise
DARK = 32  # of 255: no colour of a covered camera's pixel is brighter, noise included
BLACK_SHARE = 0.98  # of the pixels that are dark in a black picture; dark rooms have brighter spots
BLACK_S = 0.5  # a film may fade for a moment
SAME = 2  # of 255: a coder goes on refining a picture that stands, by so little
CHANGED_SHARE = 0.001  # of the pixels; a person who breathes, and a camera's noise, change more
FROZEN_S = 3.0


class PictureWatch:
    """Say what is the matter with the pictures of one stream, whoever is in them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the pictures before: what follows a gap is new."""
        self._dark_since_s: float | None = None
        self._kept: NDArray[np.uint8] | None = None  # what the pictures have looked like
        self._kept_s = 0.0  # since when

    def see(self, time_s: float, rgb: Picture) -> Literal["black", "frozen"] | None:
        """Look at the next picture, (H, W, 3) uint8; return what is the matter, or None.

        "black": next to nothing in it is bright, as where the camera is covered. "frozen": the
        same picture has come again and again, as from a camera that hangs.
        """
        sample = rgb[::EVERY, ::EVERY]
        if self._kept is None or not _same(self._kept, sample):
            self._kept, self._kept_s = sample.copy(), time_s
        if (sample.max(axis=2) < DARK).mean() < BLACK_SHARE:
            self._dark_since_s = None
        elif self._dark_since_s is None:
            self._dark_since_s = time_s
        if self._dark_since_s is not None and time_s - self._dark_since_s >= BLACK_S:
            return "black"
        return "frozen" if time_s - self._kept_s >= FROZEN_S else None


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    if one.shape != other.shape:
        return False
    apart = np.maximum(one, other) - np.minimum(one, other)  # of bytes, so never below 0
    return bool((apart > SAME).any(axis=2).mean() <= CHANGED_SHARE)
