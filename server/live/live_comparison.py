"""A session's comparison, in whatever worker there is: it outlives them."""

import itertools
from dataclasses import replace

import structlog

from posesim.history import History
from posesim.updates import (
    GapUpdate,
    ReferenceClock,
    RepUpdate,
    ScoreUpdate,
    Summary,
    Update,
)

from ..compute.protocol import OpenComparator
from ..compute.workers import Lane, WorkerLost, Workers
from .intake import Batch

logger = structlog.get_logger(__name__)

MOST_RESTARTS = 5  # of one session: its pictures may be what workers die of


class Total:
    """A count that goes on where those who count begin again: after a gap, or in another worker."""

    def __init__(self) -> None:
        self._before = 0  # counted by those before
        self._count = 0

    def of(self, count: int) -> int:
        """The total, from what is counted now; each begins with 0."""
        if count < self._count:
            self._before += self._count
        self._count = count
        return self._before + count


class LiveComparison:
    """Compares batches of frames, one after the other, and keeps what a summary needs.

    When its worker dies, the frames in it are lost: the next updates begin with a gap. Their times
    go on, because the next comparator is told times that do, and so do the numbers of repetitions.
    """

    def __init__(self, workers: Workers, open_comparator: OpenComparator) -> None:
        self._workers = workers
        self._open_comparator = open_comparator
        self._lane: Lane | None = None
        self._history = History()
        self._numbers = itertools.count(1)  # of repetitions, attempts included
        self._repetitions = Total()
        self._seen_s = 0.0  # on the grid's time
        self._shift_s = 0.0  # grid time - the frames' time, as a new comparator has to be told
        self._restarts = 0
        self._restarted = False  # and no frame was pushed since
        self._under_way = False  # a batch, or one whose answer nobody waited for

    async def open(self) -> None:
        """Begin.

        Raises:
            PosesimError: If the reference can't be compared with.
        """
        self._lane = await self._workers.compare(self._open_comparator)

    async def push(
        self, batch: Batch, tail_hop: int, clock: ReferenceClock | None = None
    ) -> list[Update]:
        """Compare a batch; return what it completes.

        Args:
            batch: Frames, on the time of the user's stream.
            tail_hop: Frames between two runs of the tail.
            clock: Where the reference is that is played to the user, on the same time. Told with
                every batch, so that a comparator in another worker knows it as well.

        Raises:
            WorkerLost: If workers die of it again and again.
        """
        assert self._lane is not None, "open it first"
        frames = [(each.time_s + self._shift_s, each.frame) for each in batch.frames]
        updates: list[Update] = []
        if self._restarted:
            # The new worker knows nothing of the times before; if they ran backwards once, go on.
            behind_s = max(0.0, self._seen_s - frames[0][0])
            self._shift_s += behind_s
            frames = [(time_s + behind_s, frame) for time_s, frame in frames]
            updates.append(GapUpdate(self._seen_s, frames[0][0], "restart"))
        if clock is not None:
            clock = replace(clock, at_s=clock.at_s + self._shift_s)
        self._under_way = True
        try:
            updates += await self._lane.push(
                frames,
                dropped=batch.dropped > 0 and not self._restarted,
                tail_hop=tail_hop,
                clock=clock,
            )
        except WorkerLost:
            await self._restart()
            self._under_way = False
            return []
        self._under_way = self._restarted = False
        return [self._noted(update) for update in updates]

    async def finish(self) -> list[Update]:
        """End; return what was still waiting."""
        if self._lane is None or self._restarted or self._under_way:
            return []
        try:
            updates = await self._lane.finish()
        except WorkerLost:
            return []
        return [self._noted(update) for update in updates]

    def summary(self) -> Summary:
        """What it came to."""
        return self._history.summary()

    def close(self) -> None:
        """Give its place in the worker back. Closing twice is harmless."""
        if self._lane is not None:
            self._lane.close()
            self._lane = None

    async def _restart(self) -> None:
        self.close()
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            raise WorkerLost
        logger.warning("going on in another worker", restarts=self._restarts)
        self._restarted = True
        while self._lane is None:
            try:
                await self.open()
            except WorkerLost:
                self._restarts += 1
                if self._restarts > MOST_RESTARTS:
                    raise

    def _noted(self, update: Update) -> Update:
        """An update as it is told to the user, once it has been seen."""
        match update:
            case GapUpdate(end_s=end_s):
                self._seen_s = end_s
            case ScoreUpdate(t_s=t_s, repetitions=repetitions):
                self._seen_s = t_s
                update = replace(update, repetitions=self._repetitions.of(repetitions))
            case RepUpdate():
                update = replace(update, number=next(self._numbers))
        self._history.add(update)
        return update
