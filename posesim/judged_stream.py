"""A stream of frames that is judged: features, then a judge, in a row, and what came of it all.

Nothing here knows where frames come from, what they are compared with, or where results go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from posesim.embedding import FeatureStream, Frame, Part
from posesim.engines.base import Engine
from posesim.engines.calls import Calls, run
from posesim.framers import Framer
from posesim.history import History
from posesim.timebase import GapReason
from posesim.updates import ReferenceClock, Summary, Update


class StreamJudge(Protocol):
    """What says something about the parts of a stream."""

    def take(self, part: Part) -> list[Update]:
        """Take the next part; return what it says."""
        ...

    def follow(self, clock: ReferenceClock | None) -> None:
        """Where the reference is, on the time of the parts; None: it is not known."""
        ...

    def finish(self) -> list[Update]:
        """No more parts will come; return what was still waiting."""
        ...


AnyJudge = TypeVar("AnyJudge", bound=StreamJudge)


class JudgedStream(Generic[AnyJudge]):
    """One user's stream, frame by frame: the same object live and from a file.

    Args:
        engine: Runs the network.
        framer: Frames the user.
        judge: Says something about what the network makes of it.
    """

    def __init__(self, engine: Engine, framer: Framer, judge: AnyJudge) -> None:
        self._engine = engine
        self._features = FeatureStream(engine, framer)
        self._judge = judge
        self._history = History()

    @property
    def tail_hop(self) -> int:
        """Frames between two runs of the tail, a multiple of 8; may be changed between pushes."""
        return self._features.tail_hop

    @tail_hop.setter
    def tail_hop(self, frames: int) -> None:
        self._features.tail_hop = frames

    def push(self, time_s: float, frame: Frame) -> list[Update]:
        """Take a frame; return what it completes. Runs the network every 8 frames."""
        return run(self._engine, self.pushing(time_s, frame))

    def pushing(self, time_s: float, frame: Frame) -> Calls[list[Update]]:
        """`push` for whoever drives several comparators; see `posesim.engines.calls`."""
        parts = yield from self._features.push(time_s, frame)
        return self._noted([update for part in parts for update in self._judge.take(part)])

    def follow(self, clock: ReferenceClock | None) -> None:
        """The reference is at the moment that `clock` says; None: that is not known.

        `clock.at_s` is on the time of the frames that are pushed.
        """
        if clock is not None:
            clock = replace(clock, at_s=clock.at_s + self._features.shift_s)
        self._judge.follow(clock)

    def interrupt(self, reason: GapReason) -> None:
        """Announce that frames were dropped here: the next one comes after a gap."""
        self._features.interrupt(reason)

    def finish(self) -> list[Update]:
        """End the stream; return what was still waiting."""
        return run(self._engine, self.finishing())

    def finishing(self) -> Calls[list[Update]]:
        """`finish` for whoever drives several comparators."""
        parts = yield from self._features.finish()
        updates = [update for part in parts for update in self._judge.take(part)]
        return self._noted(updates + self._judge.finish())

    def summary(self) -> Summary:
        """What has been seen so far, as a whole."""
        return self._history.summary()

    def _noted(self, updates: list[Update]) -> list[Update]:
        for update in updates:
            self._history.add(update)
        return updates
