"""A stream of frames in whatever worker there is: it outlives them."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from posesim.network import Network
from posesim.timebase import GapReason
from posesim.updates import ReferenceClock

from ..compute.asked_worker import Lane
from ..compute.errors import WorkerLost
from ..compute.protocol import Watcher
from ..compute.workers import Workers
from .demonstration import Showing
from .intake import Batch

logger = structlog.get_logger(__name__)

# Of one session, in so many seconds of it: its pictures may be what workers die of.
MOST_RESTARTS, RESTARTS_S = 5, 300.0

Item = TypeVar("Item")  # what is said about the stream


class LastingLane(Generic[Item]):
    """Takes batches of frames, one after the other.

    When its worker dies, the frames in it are lost: what comes next begins with a gap. Times go on,
    because those of the frames never run back; see `intake`.

    Args:
        workers: Where it runs.
        open_watcher: Makes what looks at the frames, in each worker.
        gap: Says that nothing was seen from one time to another.
        seen_s: Up to when nothing is missing, as something that is said tells; 0 if it doesn't.
        showing: The demonstration that the stream is compared with, if it is one.
        earlier_s: Up to when it was seen in an earlier run of the server; None: it begins.
    """

    def __init__(
        self,
        workers: Workers,
        open_watcher: Callable[[Network], Watcher[Item]],
        *,
        gap: Callable[[float, float, GapReason], Item],
        seen_s: Callable[[Item], float],
        showing: Showing | None = None,
        earlier_s: float | None = None,
    ) -> None:
        self._workers = workers
        self._open_watcher = open_watcher
        self._gap = gap
        self._seen_in = seen_s
        self._showing = showing
        self._lane: Lane[Item] | None = None
        self._seen_s = earlier_s or 0.0
        self._pushed_s = 0.0  # the newest time of what was pushed
        self._restarts: deque[float] = deque()  # when the last ones were
        # Why what was pushed last is lost, with its worker.
        self._lost: GapReason | None = None if earlier_s is None else "restart"
        self._suspended = False
        self._under_way = False  # a batch, or one whose answer nobody waited for

    async def open(self) -> None:
        """Begin.

        Raises:
            PosesimError: If it can't, because of what it is to be compared with.
        """
        self._lane = await self._workers.watch(self._open_watcher)

    async def push(
        self, batch: Batch, tail_hop: int, clock: ReferenceClock | None = None
    ) -> list[Item]:
        """Take a batch; return what it completes.

        Args:
            batch: Frames, on the time of the user's stream.
            tail_hop: Frames between two runs of the tail.
            clock: Where the reference is that the user follows, on the same time. Told with every
                batch, so that another worker knows it as well.

        Raises:
            WorkerLost: If workers die of it again and again.
        """
        if self._suspended:
            self._suspended = False
            await self._open_again()
        assert self._lane is not None, "open it first"
        frames = [(each.time_s, each.frame) for each in batch.frames]
        self._pushed_s = frames[-1][0]
        said: list[Item] = []
        if self._lost is not None:
            begin_s = max(self._seen_s, frames[0][0])
            said.append(self._gap(self._seen_s, begin_s, self._lost))
        self._under_way = True
        try:
            said += await self._lane.push(
                frames,
                gap=None if self._lost else batch.gap,
                tail_hop=tail_hop,
                clock=clock,
                shown=self._showing.take() if self._showing else (),
            )
        except WorkerLost:
            self._lost = self._lost or batch.gap or "restart"
            await self._restart()
            self._under_way = False
            return []
        self._under_way, self._lost = False, None
        self._seen_s = max([self._seen_s, *map(self._seen_in, said)])
        return said

    async def finish(self) -> list[Item]:
        """End; return what was still waiting."""
        if self._lane is None or self._lost or self._under_way:
            return []
        try:
            return await self._lane.finish()
        except WorkerLost:
            return []

    async def suspend(self, reason: GapReason) -> list[Item]:
        """Give its place in the worker back until the next push; return what was still waiting.

        What comes next begins with a gap.
        """
        if self._lane is None:
            return []
        said = await self.finish()
        self.close()
        self._seen_s = max([self._seen_s, *map(self._seen_in, said)])
        self._suspended, self._under_way = True, False
        self._lost = self._lost or reason
        return said

    def close(self) -> None:
        """Give its place in the worker back. Closing twice is harmless."""
        if self._lane is not None:
            self._lane.close()
            self._lane = None

    async def _restart(self) -> None:
        self.close()
        if self._showing is not None:
            self._showing.again()
        self._count_restart()
        logger.warning("going on in another worker", restarts=len(self._restarts))
        await self._open_again()

    async def _open_again(self) -> None:
        while self._lane is None:
            try:
                await self.open()
            except WorkerLost:
                self._count_restart()

    def _count_restart(self) -> None:
        """Count one more.

        Raises:
            WorkerLost: If it is one too many.
        """
        self._restarts.append(self._pushed_s)
        while self._restarts[0] < self._pushed_s - RESTARTS_S:
            self._restarts.popleft()
        if len(self._restarts) > MOST_RESTARTS:
            raise WorkerLost
