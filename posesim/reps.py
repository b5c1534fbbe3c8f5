"""Repetitions of one who goes to and fro along a reference's way, counted as they are done."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from posesim.turns import Turn, Zigzag

HEIGHT = 0.4  # of what the user lately moves: how far the way must be gone back to make a turn
RANGE_S = 10.0  # what "lately" means
LEAST, MOST = 0.4, 1.2  # what the user moves is taken to be at least, and at most, of the reference
LEFT = 0.2  # of a repetition's depth: so far from its start it has begun, and so near it is over


@dataclass(frozen=True)
class Repetition:
    """One time to the turn and back.

    Attributes:
        start_s, turn_s, end_s: When it was begun, farthest, and over.
        depth: From its start to its turn, over the reference's.
        near, far: Levels at its start and its turn; 0 and 1 are the reference's.
    """

    start_s: float
    turn_s: float
    end_s: float
    depth: float
    near: float
    far: float


class RepCounter:
    """Count repetitions in a signal that is 0 where the reference starts and 1 where it turns."""

    def __init__(self) -> None:
        self._zigzag = Zigzag()
        self._lately: deque[tuple[float, float]] = deque()
        self._near: Turn | None = None  # where the repetition began that is under way
        self._far: Turn | None = None  # its turn

    def push(self, time_s: float, level: float) -> Repetition | None:
        """Take a sample; return the repetition that it completes."""
        self._lately.append((time_s, level))
        while self._lately[0][0] < time_s - RANGE_S:
            self._lately.popleft()
        levels = [each for _, each in self._lately]
        moved = min(max(max(levels) - min(levels), LEAST), MOST)
        turn = self._zigzag.push(time_s, level, HEIGHT * moved)
        done = None
        if turn is not None and turn.side > 0:
            self._far = turn
        elif turn is not None:
            done = self._complete(turn.time_s)
            self._near = turn
        if self._far is not None and self._near is not None:
            back = self._near.level + LEFT * (self._far.level - self._near.level)
            if level <= back:
                done = self._complete(_crossing(self._lately[-2], self._lately[-1], back))
        return done

    def finish(self) -> Repetition | None:
        """No more samples come: return the repetition that was on its way back."""
        return self._complete(self._lately[-1][0]) if self._lately else None

    def _complete(self, end_s: float) -> Repetition | None:
        near, far = self._near, self._far
        self._far = None
        if near is None or far is None:  # its start was not seen
            return None
        depth = far.level - near.level
        left = near.level + LEFT * depth
        way = [sample for sample in self._lately if sample[0] <= far.time_s]
        leaves = [(a, b) for a, b in pairwise(way) if a[1] <= left < b[1]]
        return Repetition(
            start_s=_crossing(*leaves[-1], left) if leaves else near.time_s,
            turn_s=far.time_s,
            end_s=end_s,
            depth=depth,
            near=near.level,
            far=far.level,
        )


def _crossing(before: tuple[float, float], after: tuple[float, float], level: float) -> float:
    """When the signal was at `level`, between two samples."""
    if after[1] == before[1]:
        return after[0]
    share = (level - before[1]) / (after[1] - before[1])
    return before[0] + min(max(share, 0.0), 1.0) * (after[0] - before[0])


def count(times_s: list[float], levels: list[float]) -> list[Repetition]:
    """The repetitions of a whole signal."""
    counter = RepCounter()
    done = [counter.push(t, level) for t, level in zip(times_s, levels, strict=True)]
    return [each for each in (*done, counter.finish()) if each is not None]
