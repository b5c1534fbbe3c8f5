"""Turning points of a signal that goes to and fro, found as they happen.

A turn counts when the signal has come back from it by a certain height, so that neither jitter nor
hesitation makes one: a zigzag, as rainflow counting and price charts use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Turn:
    """A turning point: when, at what level, and on which side: 1 if highest there, else -1."""

    time_s: float
    level: float
    side: int


class Zigzag:
    """Find the turns of a signal, one sample after the other."""

    def __init__(self) -> None:
        self._low: tuple[float, float] | None = None  # time and level, before the first turn
        self._high: tuple[float, float] | None = None
        self._extreme: tuple[float, float] | None = None  # farthest since the last turn
        self._rising = 0  # 1, -1; 0 before the first turn

    def push(self, time_s: float, level: float, height: float) -> Turn | None:
        """Take a sample; return the turn that it confirms.

        The first one returned is where the first movement began.

        Args:
            time_s: Of the sample.
            level: Of the signal.
            height: How far the signal must come back from a turn to make it one.
        """
        now = (time_s, level)
        if self._rising == 0:
            return self._begin(now, height)
        assert self._extreme is not None
        if (level - self._extreme[1]) * self._rising >= 0:
            self._extreme = now
            return None
        if (self._extreme[1] - level) * self._rising < height:
            return None
        turn = Turn(*self._extreme, self._rising)
        self._rising, self._extreme = -self._rising, now
        return turn

    @property
    def heading(self) -> Turn | None:
        """The farthest sample since the last turn, which may become the next; None before one."""
        return None if self._extreme is None else Turn(*self._extreme, self._rising)

    def _begin(self, now: tuple[float, float], height: float) -> Turn | None:
        if self._low is None or now[1] <= self._low[1]:
            self._low = now
        if self._high is None or now[1] >= self._high[1]:
            self._high = now
        for begun, rising in ((self._low, 1), (self._high, -1)):
            if (now[1] - begun[1]) * rising >= height:
                self._rising, self._extreme = rising, now
                return Turn(*begun, -rising)
        return None


def find_turns(
    times_s: Sequence[float] | np.ndarray, levels: Sequence[float] | np.ndarray, height: float
) -> list[Turn]:
    """All turns of a whole signal; its last extreme counts too where it is high enough."""
    zigzag = Zigzag()
    found = [zigzag.push(float(t), float(x), height) for t, x in zip(times_s, levels, strict=True)]
    turns = [turn for turn in found if turn is not None]
    last = zigzag.heading
    if turns and last is not None and abs(last.level - turns[-1].level) >= height:
        turns.append(last)
    return turns
