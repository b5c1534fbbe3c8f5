"""Less jitter where things rest, little delay where they move."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class OneEuro:
    """A low-pass filter whose cut-off rises with speed.

    Args:
        cutoff_hz: At rest.
        per_speed: By how much it rises, in Hz for each unit of speed.
        speed_cutoff_hz: Of the filter on the speed itself.

    Source: G. Casiez, N. Roussel and D. Vogel, "1€ Filter: A Simple Speed-based Low-pass Filter for
    Noisy Input in Interactive Systems", CHI 2012. As in MediaPipe, speed is counted in sizes of the
    object, so that a person far away is not smoothed more.
    """

    def __init__(self, cutoff_hz: float, per_speed: float, speed_cutoff_hz: float = 1.0) -> None:
        self._cutoff_hz = cutoff_hz
        self._per_speed = per_speed
        self._speed_cutoff_hz = speed_cutoff_hz
        self._last: tuple[float, Values, Values, Values] | None = None

    def reset(self) -> None:
        """Forget everything: the next values are taken as they are."""
        self._last = None

    def __call__(self, time_s: float, values: Values, size: float = 1.0) -> Values:
        """Smooth the newest values; `size` is the object's, in their unit.

        Values of another shape, or of a time not after the last one, begin anew.
        """
        if self._last is None or time_s <= self._last[0] or values.shape != self._last[1].shape:
            self._last = time_s, values, values, np.zeros_like(values)
            return values
        last_s, raw, smooth, speed = self._last
        passed_s = time_s - last_s
        newest = (values - raw) / (passed_s * size)
        speed = speed + _share(self._speed_cutoff_hz, passed_s) * (newest - speed)
        share = _share(self._cutoff_hz + self._per_speed * np.abs(speed), passed_s)
        smooth = smooth + share * (values - smooth)
        self._last = time_s, values, smooth, speed
        return smooth


def _share(cutoff_hz: float | Values, passed_s: float) -> float | Values:
    """The newest value's weight in a low-pass filter with this cut-off."""
    turn = 2 * math.pi * passed_s * cutoff_hz
    return turn / (turn + 1)
