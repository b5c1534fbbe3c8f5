"""A session whose camera is what others are compared with: frames in, a demonstration out."""

from posesim.demonstrator import TAIL_HOP
from posesim.timebase import Gap
from posesim.updates import ReferenceClock, Update

from ..compute.protocol import OpenDemonstrator
from ..compute.workers import Workers
from .demonstration import Demonstration, StreamTime, end_s
from .intake import Batch
from .lasting import LastingLane


class LiveDemonstration:
    """Looks at batches of frames and shows what it sees; used by a session as `LiveComparison`.

    Args:
        workers: Where it runs.
        open_demonstrator: Makes what looks, in each worker.
        demonstration: Where it is shown.
        stream: Tells where the stream is.
    """

    def __init__(
        self,
        workers: Workers,
        open_demonstrator: OpenDemonstrator,
        demonstration: Demonstration,
        stream: StreamTime,
    ) -> None:
        self._lane = LastingLane(workers, open_demonstrator, gap=Gap, seen_s=end_s)
        self._demonstration = demonstration
        self._stream = stream
        self._shows = False

    async def open(self) -> None:
        """Begin.

        Raises:
            ValueError: If another stream is shown there.
            PosesimError: If no worker can look at it.
        """
        self._demonstration.begin(self._stream)
        self._shows = True
        await self._lane.open()

    async def push(
        self, batch: Batch, _tail_hop: int, _clock: ReferenceClock | None = None
    ) -> list[Update]:
        """Look at a batch and show what is seen; nothing is said of it.

        The tail always runs as seldom as it may: what somebody shows changes slowly.

        Raises:
            WorkerLost: If workers die of it again and again.
        """
        self._demonstration.show(await self._lane.push(batch, TAIL_HOP))
        return []

    async def finish(self) -> list[Update]:
        """End the demonstration at once; what still waited is of no use to anybody."""
        self._over()
        return []

    async def suspend(self) -> list[Update]:
        """As `finish`: nobody waits for a demonstration that was lost."""
        return await self.finish()

    def summary(self) -> None:
        """There is none."""

    def close(self) -> None:
        """Give its place in the worker back. Closing twice is harmless."""
        self._over()
        self._lane.close()

    def _over(self) -> None:
        if self._shows:
            self._shows = False
            self._demonstration.end()
