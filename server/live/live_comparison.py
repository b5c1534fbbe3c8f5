"""A session's comparison, over all the workers that it runs in."""

import itertools
from dataclasses import replace

from posesim.history import History
from posesim.updates import GapUpdate, ReferenceClock, RepUpdate, ScoreUpdate, Summary, Update

from ..compute.protocol import OpenComparator
from ..compute.workers import Workers
from .demonstration import Showing
from .earlier import Earlier
from .intake import Batch
from .lasting import LastingLane


class Total:
    """A count that goes on where those who count begin again: after a gap, or in another worker."""

    def __init__(self, before: int = 0) -> None:
        self._before = before  # counted by those before
        self._count = 0

    def of(self, count: int) -> int:
        """The total, from what is counted now; each begins with 0."""
        if count < self._count:
            self._before += self._count
        self._count = count
        return self._before + count


class LiveComparison:
    """Compares batches of frames, one after the other, and keeps what a summary needs.

    Where a worker died, the updates go on after a gap, and so do the numbers of repetitions.

    Args:
        workers: Where it runs.
        open_comparator: Makes the comparator, in each worker.
        showing: The demonstration to compare with, if it is one.
        earlier: What was said in an earlier run of the server, if there was one.
    """

    def __init__(
        self,
        workers: Workers,
        open_comparator: OpenComparator,
        showing: Showing | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self._lane = LastingLane(
            workers,
            open_comparator,
            gap=GapUpdate,
            seen_s=_judged_s,
            showing=showing,
            earlier_s=earlier.judged_s if earlier else None,
        )
        done = earlier.repetitions if earlier else []
        self._history = earlier.history() if earlier else History()
        self._numbers = itertools.count(len(done) + 1)  # of repetitions, attempts included
        self._repetitions = Total(sum(each.valid for each in done))

    async def open(self) -> None:
        """Begin.

        Raises:
            PosesimError: If the reference can't be compared with.
        """
        await self._lane.open()

    async def push(
        self, batch: Batch, tail_hop: int, clock: ReferenceClock | None = None
    ) -> list[Update]:
        """Compare a batch; return what it completes. See `LastingLane.push`.

        Raises:
            WorkerLost: If workers die of it again and again.
        """
        return [self._noted(each) for each in await self._lane.push(batch, tail_hop, clock)]

    async def finish(self) -> list[Update]:
        """End; return what was still waiting."""
        return [self._noted(each) for each in await self._lane.finish()]

    async def suspend(self) -> list[Update]:
        """Give its place in the worker back until the next push; return what was still waiting."""
        return [self._noted(each) for each in await self._lane.suspend("connection")]

    def summary(self) -> Summary:
        """What it came to."""
        return self._history.summary()

    def close(self) -> None:
        """Give its place in the worker back. Closing twice is harmless."""
        self._lane.close()

    def _noted(self, update: Update) -> Update:
        """An update as it is told to the user, once it has been seen."""
        match update:
            case ScoreUpdate(repetitions=repetitions):
                update = replace(update, repetitions=self._repetitions.of(repetitions))
            case RepUpdate():
                update = replace(update, number=next(self._numbers))
        self._history.add(update)
        return update


def end_s(update: Update) -> float:
    """Up to when something was seen, or not seen, on the user's time."""
    return update.end_s if isinstance(update, GapUpdate | RepUpdate) else update.t_s


def _judged_s(update: Update) -> float:
    """Up to when the user was judged: a pose is there before its score."""
    return end_s(update) if isinstance(update, GapUpdate | ScoreUpdate) else 0.0
