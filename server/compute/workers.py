"""The workers, seen from the server: started, asked, replaced, ended.

Everything that computes runs there, and the event loop never waits for it: requests are sent over a
link, answers come back as futures.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from posesim.engines import EngineInfo
from posesim.network import Network
from posesim.references import Settings
from posesim.scoring import Calibration
from posesim.video_comparison import Comparison

from ..metrics import Metrics
from .admission import Cost, capacity
from .asked_worker import Lane, Worker
from .errors import (
    MOST_BAD_STARTS,
    CannotStart,
    ClipKillsWorkers,
    WorkerLost,
    WorkersClosed,
    WorkersKeepDying,
)
from .frames import SLOTS
from .growth import Growth, Life, require_same, unused
from .links import Start
from .process_link import Launch, ProcessBody, ProcessLink
from .protocol import (
    CompareFile,
    Embed,
    Open,
    OpenFileComparator,
    OpenNetwork,
    Ready,
    Request,
    Watcher,
)

logger = structlog.get_logger(__name__)

Item = TypeVar("Item")  # what is said about a stream

MOST_TRIES = 2  # of one file, when workers die of it


@dataclass(frozen=True)
class NetworkInfo:
    """What runs in the workers."""

    engine: EngineInfo
    settings: Settings
    calibration: Calibration


class Workers:
    """The workers: `async with Workers(open_network) as workers`.

    A worker that dies is replaced at once. `failed` gets an error when that is of no use any more.

    Args:
        open_network: Makes the network, in each worker; something that can be pickled.
        count: How many. One call of the engine uses every core of a processor.
        launch: What a worker runs in, on this machine.
        start: Starts a worker elsewhere; then `launch` is not used.
        growth: Further workers that may come; None where there are always `count`.
        metrics: Where what they do is counted.

    Raises:
        CannotStart: By entering, if the network can't be opened or workers die of it.
    """

    def __init__(
        self,
        open_network: OpenNetwork,
        *,
        count: int = 1,
        launch: Launch = ProcessBody,
        start: Start | None = None,
        growth: Growth | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._open_network = open_network
        self._count = count
        self._start: Start = start or partial(ProcessLink, launch)
        self._growth = growth
        self._metrics = metrics or Metrics()
        self._workers: list[Worker] = []  # those that are ready
        self._changed = asyncio.Event()  # workers came, or none will
        self._keepers: list[asyncio.Task[None]] = []
        self._further: set[Worker] = set()  # those that growth brought
        self._growing: set[asyncio.Task[None]] = set()  # their keepers
        self._lanes = itertools.count()
        self._costs: list[Cost] = []
        self._network: NetworkInfo | None = None
        self._closing = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        try:
            for number in range(self._count):
                keeper = asyncio.create_task(self._keep(), name=f"worker {number}")
                keeper.add_done_callback(self._gave_up)
                self._keepers.append(keeper)
            await self._until(lambda: len(self._workers) == self._count)
            if self.failed.done():
                self.failed.result()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def network(self) -> NetworkInfo:
        """What runs in them."""
        assert self._network is not None, "no worker has been ready yet"
        return self._network

    @property
    def wanted(self) -> int:
        """How many there are to be."""
        return self._count

    @property
    def up(self) -> int:
        """How many have their network loaded and can be asked."""
        return sum(not worker.lost for worker in self._workers)

    @property
    def cost(self) -> Cost | None:
        """What a session costs: the mean of all workers, measured when they started together."""
        if not self._costs:
            return None
        return Cost(
            fmean(cost.smallest_hop_s for cost in self._costs),
            fmean(cost.largest_hop_s for cost in self._costs),
        )

    @property
    def capacity(self) -> int:
        """How many sessions they keep up with, as many as there may be."""
        measured = sum(min(capacity(cost), SLOTS) for cost in self._costs)
        return measured * self.most // self._count

    @property
    def most(self) -> int:
        """How many workers there may be."""
        return self._growth.most if self._growth else self._count

    @property
    def places(self) -> int:
        """How many sessions there are places for now: what is measured limits those that grow."""
        if self._growth is None:
            return SLOTS * self._count
        return sum(worker.places for worker in self._workers if not worker.lost)

    def grow(self) -> None:
        """Ask for one more worker, if there may be one and none is being started."""
        growth = self._growth
        starting = len(self._growing) > len(self._further)
        if growth is None or starting or self._closing or self._network is None:
            return
        if self._count + len(self._growing) < growth.most:
            keeper = asyncio.create_task(self._keep_further(growth), name="further worker")
            self._growing.add(keeper)
            keeper.add_done_callback(self._growing.discard)

    async def watch(self, open_watcher: Callable[[Network], Watcher[Item]]) -> Lane[Item]:
        """Begin to watch a stream in the worker that has most room, as soon as there is one.

        Args:
            open_watcher: Makes what looks at it, in the worker; something that can be pickled.

        Raises:
            WorkersClosed: If the server stops.
            WorkerLost: If the worker died meanwhile.
            WorkFailed: If it can't be made.
        """
        worker = await self._least_busy()
        number, slot = next(self._lanes), worker.link.take()
        worker.lanes += 1
        if sum(each.lanes for each in self._workers) >= self.places:
            self.grow()  # before somebody has to be refused
        lane: Lane[Item] = Lane(worker, number, slot)
        try:
            await worker.call(lambda call: Open(call, number, open_watcher))
        except BaseException:
            lane.close()
            raise
        return lane

    async def embed(
        self,
        clip: Path,
        name: str,
        into: Path,
        *,
        longest_s: float,
        start_s: float | None = None,
        end_s: float | None = None,
        on_progress: Callable[[float], bool],
    ) -> float | None:
        """Write the reference of a clip to `into`, when no session needs the network.

        Args:
            clip: A video file.
            name: The reference's name.
            into: Where to write it.
            longest_s: A longer clip, or part of one, is refused.
            start_s: Where the part begins of which it is made, and the reference's time 0; None for
                the beginning.
            end_s: Where that part ends; None for the end.
            on_progress: Called with 0 to 1; returns whether to go on.

        Returns:
            The reference's duration in seconds; None if `on_progress` said no.

        Raises:
            WorkersClosed: If the server stops.
            ClipKillsWorkers: If workers die of it.
            WorkFailed: If it can't be made a reference.
        """
        duration_s: float | None = await self._when_idle(
            lambda call: Embed(call, clip, name, longest_s, start_s, end_s, into), on_progress
        )
        return duration_s

    async def compare_file(
        self,
        video: Path,
        open_comparator: OpenFileComparator,
        *,
        reference: str,
        longest_s: float,
        on_progress: Callable[[float], bool],
    ) -> Comparison | None:
        """Compare a whole video with a reference, when no session needs the network.

        Args:
            video: A video file.
            open_comparator: Opens the reference, in a worker.
            reference: Its name, for the result.
            longest_s: A longer video is refused.
            on_progress: Called with 0 to 1; returns whether to go on.

        Returns:
            What `posesim compare` gives; None if `on_progress` said no.

        Raises:
            WorkersClosed: If the server stops.
            ClipKillsWorkers: If workers die of it.
            WorkFailed: If it can't be compared.
        """
        comparison: Comparison | None = await self._when_idle(
            lambda call: CompareFile(call, video, open_comparator, reference, longest_s),
            on_progress,
        )
        return comparison

    async def _when_idle(
        self, make: Callable[[int], Request], on_progress: Callable[[float], bool]
    ) -> Any:
        """Have work done on a file, and done again if its worker dies."""
        for _ in range(MOST_TRIES):
            worker = await self._least_busy()
            asked = worker.send(make, on_progress)
            try:
                return await asked
            except WorkerLost:
                logger.warning("a worker died while it read a file")
            except asyncio.CancelledError:
                worker.cancel(asked)
                raise
        if self._closing:
            raise WorkersClosed
        raise ClipKillsWorkers

    async def close(self) -> None:
        """End them all. Closing twice is harmless."""
        self._closing = True
        self._changed.set()
        keepers = [*self._keepers, *self._growing]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        self.failed.cancel()

    async def _least_busy(self) -> Worker:
        await self._until(lambda: any(not worker.lost for worker in self._workers))
        if self._closing or self.failed.done():
            raise WorkersClosed
        return min(
            (worker for worker in self._workers if not worker.lost),
            # Further ones last, so that they are left without streams when there are few.
            key=lambda worker: (
                self._growth is not None and worker.lanes >= worker.places,
                worker in self._further,
                worker.lanes,
            ),
        )

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, or never will."""
        while not (holds() or self._closing or self.failed.done()):
            self._changed.clear()
            await self._changed.wait()

    async def _keep(self) -> None:
        """Keep one worker running.

        Raises:
            CannotStart: If that is of no use any more.
        """
        bad_starts = 0
        cost: Cost | None = None  # measured once; a worker that takes over would do it under load
        while True:
            try:
                life = await self._live(cost)
            except CannotStart as error:
                if self._growth is None or self._network is None:
                    raise
                await self._pause(self._growth, str(error))
                continue
            bad_starts = 0 if life.ready else bad_starts + 1
            cost = life.cost
            logger.error(
                "worker died",
                exit_code=life.exit_code,
                at_start=not life.ready,
                exc_info=life.error,
            )
            if bad_starts >= MOST_BAD_STARTS:
                dying = WorkersKeepDying(life.exit_code)
                if self._growth is None or self._network is None:
                    raise dying
                await self._pause(self._growth, str(dying))
            self._metrics.restarted()

    async def _keep_further(self, growth: Growth) -> None:
        """Start a further worker and keep it for as long as it is used."""
        logger.info("starting a further worker", up=self.up, most=growth.most)
        try:
            life = await self._live(None, growth)
        except CannotStart as error:
            await self._pause(growth, str(error))
            return
        if life.given_back:
            logger.info("a further worker was given back", up=self.up)
            return
        logger.error("a further worker died", at_start=not life.ready, exc_info=life.error)
        if not life.ready:
            await asyncio.sleep(growth.again_s)

    async def _pause(self, growth: Growth, reason: str) -> None:
        """Wait before the next try: what is wrong elsewhere may be put right there."""
        logger.error("a worker can't be started now", reason=reason, again_s=growth.again_s)
        await asyncio.sleep(growth.again_s)

    async def _live(self, cost: Cost | None, growth: Growth | None = None) -> Life:
        """Start a worker and listen until it is gone.

        Args:
            cost: What a session costs in it; None if it is to measure that.
            growth: Of a further one, which is also ended when it is not used.

        Raises:
            CannotStart: If it can't open the network, or opens another one than the others.
        """
        worker = Worker(self._start(self._open_network, cost is None), self._metrics)
        listening = asyncio.create_task(worker.run())
        ready, given_back = False, False
        try:
            with contextlib.suppress(WorkerLost):
                self._up(worker, await worker.ready(), cost, growth)
                ready = True
                if growth is None:
                    await asyncio.wait({listening})
                else:
                    given_back = await unused(worker, listening, growth.idle_s)
        finally:
            if worker in self._workers:
                self._workers.remove(worker)
            self._further.discard(worker)
            code = await worker.close()
            (error,) = await asyncio.gather(listening, return_exceptions=True)
        return Life(ready, given_back, worker.cost or cost, code, error)

    def _up(
        self, worker: Worker, ready: Ready, cost: Cost | None, growth: Growth | None = None
    ) -> None:
        if self._growth is not None and self._network is not None:
            require_same(self._network.settings, ready.settings)
        worker.cost = ready.cost or cost
        if growth is not None:
            self._further.add(worker)
        elif ready.cost is not None:
            self._costs.append(ready.cost)
        self._network = NetworkInfo(ready.engine, ready.settings, ready.calibration)
        if ready.warning:
            logger.warning(ready.warning, backbone=ready.settings.backbone)
        self._workers.append(worker)
        self._changed.set()

    def _gave_up(self, keeper: asyncio.Task[None]) -> None:
        if keeper.cancelled() or self.failed.done():
            return
        self.failed.set_exception(keeper.exception() or WorkersClosed())
        self.failed.exception()  # for whoever waits; nobody has to
        self._changed.set()
