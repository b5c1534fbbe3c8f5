"""Timestamps of any camera to the ticks of one regular grid; holes stay holes.

The network was trained on 25 frames per second, and a movement's speed is part of what it sees. So
frames are placed by their presentation times, whatever the camera's rate, and a hole is announced
rather than filled: a picture that stands still for a second is a movement that nobody made.
"""

import math
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
GapReason = Literal["no_frames", "clock", "overload", "restart", "paused", "connection"]

LARGEST_TIME_S = 1e9  # 32 years: a larger time is damage
# Times made of frame counts and of a file's time base differ in their last digits.
_TOLERANCE = 1e-6  # ticks


@dataclass(frozen=True)
class Tick(Generic[T]):
    """One position of the grid: `time_s == index / frames_per_second`, `item` the nearest frame."""

    index: int
    time_s: float
    item: T


@dataclass(frozen=True)
class Gap:
    """A time without ticks: from the last frame before it to the first frame after it.

    Attributes:
        start_s: On the grid's time.
        end_s: On the grid's time, not before `start_s`; the next tick is not before it.
        reason: "no_frames": none came; "clock": the timestamps ran backwards; "overload": the owner
            dropped frames; "restart": what saw the frames before has failed and began anew;
            "paused": whoever leads the session wanted none of them seen; "connection": they came
            over another connection.
    """

    start_s: float
    end_s: float
    reason: GapReason


class Grid(Generic[T]):
    """Put frames on a regular grid by their presentation times.

    A tick takes the frame nearest to its time, of two equally near ones the earlier. It is given
    out by the first frame at or after its time, hence never later than one frame interval: a slower
    source repeats frames, a faster one is thinned out. A hole longer than `longest_hole_s` is a
    gap, after which ticks go on at the new time, on the same grid: indices count grid positions
    from time zero.

    A time equal to the last one, or before it by less than one period of the grid, is a frame out
    of order and is left out. Further back the clock was set anew: that is a gap of one period, and
    from then on source times are shifted, so that the grid's time never runs backwards.

    Args:
        frames_per_second: The rate of the grid.
        longest_hole_s: The longest distance of two frames that counts as continuous movement.

    Raises:
        ValueError: If an argument is not a positive, finite number.
    """

    def __init__(self, frames_per_second: float = 25.0, longest_hole_s: float = 0.5) -> None:
        if not (0 < frames_per_second < math.inf and 0 < longest_hole_s < math.inf):
            raise ValueError(
                "frames_per_second and longest_hole_s must be positive and finite, "
                f"got {frames_per_second=}, {longest_hole_s=}"
            )
        self._rate = frames_per_second
        self._longest_hole_s = longest_hole_s
        self._shift_s = 0.0  # grid time - source time
        self._last: tuple[float, T] | None = None  # the newest frame that counts, at its grid time
        self._next = 0  # index of the next tick
        self._interrupted: GapReason | None = None

    @property
    def shift_s(self) -> float:
        """Grid time minus source time, of the newest item."""
        return self._shift_s

    def push(self, time_s: float, item: T) -> list[Tick[T] | Gap]:
        """Add a frame; return what it completes, in order of time: at most one gap, then ticks.

        Raises:
            ValueError: If `time_s` is not finite or beyond 1e9 s.
        """
        if not abs(time_s) <= LARGEST_TIME_S:  # NaN compares false
            raise ValueError(f"time_s must be a finite number within 1e9 s, got {time_s}")
        now_s = time_s + self._shift_s
        reason = self._interrupted
        if self._last is not None:
            last_s = self._last[0]
            if now_s <= last_s - 1 / self._rate:
                reason = reason or "clock"
                now_s = last_s + 1 / self._rate
                self._shift_s = now_s - time_s
            elif now_s <= last_s:
                return []
            elif now_s - last_s > self._longest_hole_s + _TOLERANCE / self._rate:
                reason = reason or "no_frames"
        if self._last is not None and reason is None:
            return list(self._ticks_up_to(now_s, item))
        gap = self._begin_at(now_s, item, reason)
        return [*gap, *self._ticks_up_to(now_s, item)]

    def finish(self) -> list[Tick[T]]:
        """Return the tick that waits for a nearer frame, if the last is within half a period of it.

        For the end of a file: its last frame may come a moment before its tick.
        """
        if self._last is None:
            return []
        last_s, item = self._last
        index = self._next
        if self._interrupted or index - last_s * self._rate > 0.5 - _TOLERANCE:
            return []
        self._next += 1
        return [Tick(index, index / self._rate, item)]

    def interrupt(self, reason: GapReason) -> None:
        """Announce that frames were dropped here: the next frame begins anew, after a gap.

        Announced again before a frame came, the first reason stays.
        """
        self._interrupted = self._interrupted or reason

    def _begin_at(self, now_s: float, item: T, reason: GapReason | None) -> list[Gap]:
        """Forget the frames before `now_s`; return the gap that this makes."""
        start_s = self._last[0] if self._last is not None else min(0.0, now_s)
        first = math.ceil(now_s * self._rate - _TOLERANCE)
        self._next = first if self._last is None else max(self._next, first)
        self._last = (now_s, item)
        self._interrupted = None
        if reason is None:  # the first frame of all
            return []
        # The tolerance may put the next tick a hair before its frame; no tick lies inside a gap.
        return [Gap(start_s, max(start_s, min(now_s, self._next / self._rate)), reason)]

    def _ticks_up_to(self, now_s: float, item: T) -> list[Tick[T]]:
        """Return the ticks between the last frame and this one, which becomes the last."""
        assert self._last is not None
        last_s, last_item = self._last
        ticks: list[Tick[T]] = []
        while self._next <= now_s * self._rate + _TOLERANCE:
            tick_s = self._next / self._rate
            earlier = tick_s - last_s <= now_s - tick_s + _TOLERANCE / self._rate
            ticks.append(Tick(self._next, tick_s, last_item if earlier else item))
            self._next += 1
        self._last = (now_s, item)
        return ticks
