"""Who shows a movement live: frames in, the parts out that others are compared with."""

from __future__ import annotations

from posesim.embedding import FeatureStream, Frame, Part
from posesim.engines.base import Engine
from posesim.engines.calls import Calls, run
from posesim.framers import Framer
from posesim.timebase import GapReason
from posesim.updates import ReferenceClock

TAIL_HOP = 32  # frames: what somebody shows changes slowly, and windows are most of the work


class Demonstrator:
    """Look at a stream of frames as `Comparator` does, and judge nothing.

    It is driven as a `Comparator` is. Its parts go to any number of `DemonstrationComparator.show`.

    Args:
        engine: Runs the network.
        framer: Frames the demonstrator, by the same rule as the users.
    """

    def __init__(self, engine: Engine, framer: Framer) -> None:
        self._engine = engine
        self._features = FeatureStream(engine, framer)
        self._features.tail_hop = TAIL_HOP

    @property
    def tail_hop(self) -> int:
        """Frames between two runs of the tail, a multiple of 8; may be changed between pushes."""
        return self._features.tail_hop

    @tail_hop.setter
    def tail_hop(self, frames: int) -> None:
        self._features.tail_hop = frames

    @property
    def shift_s(self) -> float:
        """How much later the parts' time is than that of the frames; 0 unless a clock ran back."""
        return self._features.shift_s

    def push(self, time_s: float, frame: Frame) -> list[Part]:
        """Take a frame; return what it completes. Runs the network every 8 frames."""
        return run(self._engine, self.pushing(time_s, frame))

    def pushing(self, time_s: float, frame: Frame) -> Calls[list[Part]]:
        """`push` for whoever drives several streams; see `posesim.engines.calls`."""
        return (yield from self._features.push(time_s, frame))

    def follow(self, clock: ReferenceClock | None) -> None:
        """Do nothing: who shows follows nobody."""

    def interrupt(self, reason: GapReason) -> None:
        """Announce that frames were dropped here: the next one comes after a gap."""
        self._features.interrupt(reason)

    def finish(self) -> list[Part]:
        """End the stream; return what was still waiting."""
        return run(self._engine, self.finishing())

    def finishing(self) -> Calls[list[Part]]:
        """`finish` for whoever drives several streams."""
        return (yield from self._features.finish())
