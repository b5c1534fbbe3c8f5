"""A camera as the reference of others, live: from the session that shows to those that follow."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from posesim.embedding import Features, Part, TimedPose
from posesim.timebase import Gap
from posesim.updates import ReferenceClock

KEPT_S = 60.0  # of what was shown; who joins later, or in another worker, is told so much
BETWEEN_S = 1.0  # from the end of a stream to the next one's begin, on the demonstration's time


class StreamTime(Protocol):
    """What is needed of `intake.StreamClock`."""

    def time_s(self, now_s: float) -> float | None:
        """Presentation time of the newest frame that could have come; None before the first."""
        ...


class Demonstration:
    """What a demonstrator's stream showed in the last minute.

    One session shows, any number follow; who comes first does not matter. When its stream has ended
    another one may take its place: its times go on after those of the first, with a gap between.

    Args:
        on_first: Called when the first parts of a stream are there.
        on_over: Called when a stream of which there were parts has ended.

    Attributes:
        ready: Set while a stream shows something.
        over: Set from the end of a stream to the begin of the next.
    """

    def __init__(
        self,
        *,
        on_first: Callable[[], None] | None = None,
        on_over: Callable[[], None] | None = None,
    ) -> None:
        self.ready = asyncio.Event()
        self.over = asyncio.Event()
        self._on_first = on_first
        self._on_over = on_over
        self._parts: deque[tuple[int, Part]] = deque()
        self._numbers = itertools.count()
        self._stream: StreamTime | None = None  # while one shows
        self._shift_s = 0.0  # the demonstration's time - the stream's
        self._newest_s = 0.0  # on the demonstration's time

    # For the session that shows

    def begin(self, stream: StreamTime) -> None:
        """A stream begins; `stream` tells where it is.

        Raises:
            ValueError: If one shows already.
        """
        if self._stream is not None:
            raise ValueError("a demonstration has one stream at a time")
        self._stream = stream
        self.over.clear()
        self._shift_s = self._newest_s

    def show(self, parts: Sequence[Part]) -> None:
        """The stream showed more; `parts` are on its time."""
        for part in parts:
            self._take(_later(part, self._shift_s))
        if parts and not self.ready.is_set():
            self.ready.set()
            if self._on_first is not None:
                self._on_first()

    def end(self) -> None:
        """The stream is over. Ending twice is harmless."""
        if self._stream is None:
            return
        self._stream = None
        self.over.set()
        if self.ready.is_set():
            self.ready.clear()
            # Whoever follows must not go on with a movement that nobody shows any more.
            self._take(Gap(self._newest_s, self._newest_s + BETWEEN_S, "no_frames"))
            if self._on_over is not None:
                self._on_over()

    # For those that follow

    def clock(self, follower: StreamTime, now_s: float) -> ReferenceClock | None:
        """Where the demonstration is, on the time of a follower's stream.

        Both are asked for the same moment `now_s`, of the clock that arrivals are told by. None
        while nobody shows, or one of the two has had no frame yet.
        """
        at_s = follower.time_s(now_s)
        shown_s = self._stream.time_s(now_s) if self._stream is not None else None
        if at_s is None or shown_s is None:
            return None
        return ReferenceClock(at_s, shown_s + self._shift_s)

    def since(self, number: int) -> tuple[int, tuple[Part, ...]]:
        """The parts that are kept from this number on, and the number to ask with next time."""
        parts: list[Part] = []
        for each, part in reversed(self._parts):
            if each < number:
                break
            parts.append(part)
        newest = self._parts[-1][0] if self._parts else number - 1
        return newest + 1, tuple(reversed(parts))

    def _take(self, part: Part) -> None:
        self._parts.append((next(self._numbers), part))
        self._newest_s = max(self._newest_s, end_s(part))
        while end_s(self._parts[0][1]) < self._newest_s - KEPT_S:
            self._parts.popleft()


class Showing:
    """A demonstration for one follower: each part once, and all that is kept from `again` on."""

    def __init__(self, demonstration: Demonstration) -> None:
        self._demonstration = demonstration
        self._next = 0

    def take(self) -> tuple[Part, ...]:
        """The parts since the last time."""
        self._next, parts = self._demonstration.since(self._next)
        return parts

    def again(self) -> None:
        """Whoever was told is gone; its successor knows nothing."""
        self._next = 0

    def clock(self, follower: StreamTime, now_s: float) -> ReferenceClock | None:
        """See `Demonstration.clock`."""
        return self._demonstration.clock(follower, now_s)


def end_s(part: Part) -> float:
    """Up to when something was seen, or not seen."""
    return part.time_s if isinstance(part, TimedPose) else part.end_s


def _later(part: Part, by_s: float) -> Part:
    """A part on a time that is ahead by so much."""
    if by_s == 0:
        return part
    match part:
        case TimedPose(time_s=time_s):
            return replace(part, time_s=time_s + by_s)
        case Features(end_s=last_s, times_s=times_s):
            return replace(part, end_s=last_s + by_s, times_s=times_s + by_s)
        case Gap(start_s=start_s, end_s=last_s):
            return replace(part, start_s=start_s + by_s, end_s=last_s + by_s)
