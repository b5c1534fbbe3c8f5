"""The worker processes, seen from the server: started, asked, replaced, ended.

Everything that computes runs there, and the event loop never waits for it: requests are written
to a socket, answers come back as futures.
"""

import asyncio
import contextlib
import itertools
import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Any, Protocol, Self

import av
import structlog

from posesim.engines import EngineInfo
from posesim.errors import PosesimError
from posesim.references import Settings
from posesim.updates import ReferenceClock, Update
from posesim.video_comparison import Comparison

from ..metrics import Metrics
from .admission import Cost, capacity
from .frames import SLOTS, FrameMemory
from .protocol import (
    LENGTH,
    Answer,
    Cancel,
    Close,
    CompareFile,
    Embed,
    Failed,
    Finish,
    NotReady,
    Open,
    OpenComparator,
    OpenFileComparator,
    Progress,
    Push,
    Ready,
    Request,
    Spent,
    pack,
    unpack,
)
from .worker import OpenNetwork, run_process

logger = structlog.get_logger(__name__)

MOST_BAD_STARTS = 3  # in a row; then something is wrong that another start does not mend
MOST_TRIES = 2  # of one file, when workers die of it
STOP_S = 6.0  # for the call in progress; then the worker is killed


class WorkersClosed(PosesimError):
    """The server stops."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and computes nothing more. Try again in a minute.")


class WorkerLost(PosesimError):
    """The worker died before it answered."""

    def __init__(self) -> None:
        super().__init__("The part of the server that computes has failed and was started again.")


class WorkFailed(PosesimError):
    """A worker could not do what was asked, and said why in a sentence."""


class WorkBroken(Exception):
    """A worker failed in a way that nobody foresaw; the message is its traceback."""


class CannotStart(PosesimError):
    """No worker can be started, and why."""


class WorkersKeepDying(CannotStart):
    """Workers end before they are ready, without a word."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(
            f"The process that runs the network ended {MOST_BAD_STARTS} times at its start, the "
            f"last time with exit code {exit_code} (-9 often means too little memory). Look at "
            "the log above, or try another --engine."
        )


class ClipKillsWorkers(PosesimError):
    """A clip that a worker died of, more than once."""

    def __init__(self) -> None:
        super().__init__(
            "This clip made the server's decoder fail. Save it in another format, then try again."
        )


class Body(Protocol):
    """What a worker runs in."""

    def kill(self) -> None:
        """End it at once."""

    def join(self, timeout_s: float) -> int | None:
        """Wait for its end; return the exit code, None if it still runs."""


# Starts a worker on its end of a socket pair, which it closes here; the flag is `cost` of `work`.
Launch = Callable[[OpenNetwork, socket.socket, FrameMemory, bool], Body]


class ProcessBody:
    """A worker in a process of its own."""

    def __init__(
        self, open_network: OpenNetwork, link: socket.socket, memory: FrameMemory, cost: bool
    ) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit other threads' locks
        self._process = context.Process(
            target=run_process,
            args=(open_network, link, memory, cost),
            name="posesim-worker",
            daemon=True,
        )
        self._exit_code: int | None = None
        with link, _signals_blocked():
            self._process.start()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def join(self, timeout_s: float) -> int | None:
        """Wait for its end; return the exit code, None if it still runs."""
        if self._exit_code is None:
            self._process.join(timeout_s)
            self._exit_code = self._process.exitcode
        return self._exit_code


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Let a process that is started here inherit that Ctrl-C and SIGTERM are not for it.

    The server gets them too, tells its sessions, and then ends the worker.
    """
    resource_tracker.ensure_running()  # or the start would do this, and unblock them
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


class Worker:
    """One worker from its start to its end: what is asked of it, and what it answers."""

    def __init__(
        self, open_network: OpenNetwork, launch: Launch, metrics: Metrics, *, cost: bool
    ) -> None:
        self.memory = FrameMemory.create()
        self._metrics = metrics
        self._ours, theirs = socket.socketpair()
        self._ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[int, Callable[[float], bool]] = {}
        self._numbers = itertools.count()
        self.lost = False
        self._writer: asyncio.StreamWriter | None = None
        self.lanes = 0
        try:
            self.body = launch(open_network, theirs, self.memory, cost)
        except BaseException:
            self._ours.close()
            self.memory.close()
            raise

    async def run(self) -> None:
        """Listen until the worker is gone; then every call that waits fails."""
        try:
            reader, self._writer = await asyncio.open_connection(sock=self._ours)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                    self._received(unpack(await reader.readexactly(length)))
        finally:
            self.lost = True
            for future in [*self._calls.values(), self._ready]:
                if not future.done():
                    future.set_exception(WorkerLost())
                    future.exception()  # nobody may be waiting any more
            self._calls.clear()

    async def ready(self) -> Ready:
        """Wait until the network is loaded.

        Raises:
            CannotStart: If that failed, and why.
            WorkerLost: If the worker died.
        """
        return await asyncio.shield(self._ready)

    async def call(self, make: Callable[[int], Request]) -> Any:
        """Ask for something and wait for the answer.

        Raises:
            WorkerLost: If the worker died meanwhile or before.
            WorkFailed: If it can't be done.
            WorkBroken: If it should have been possible.
        """
        return await self.send(make)

    def send(
        self, make: Callable[[int], Request], on_progress: Callable[[float], bool] | None = None
    ) -> asyncio.Future[Any]:
        """As `call`, for later. `on_progress` returns whether to go on."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.lost or self._writer is None:
            future.set_exception(WorkerLost())
            future.exception()
            return future
        number = next(self._numbers)
        self._writer.write(pack(make(number)))
        self._calls[number] = future
        if on_progress is not None:
            self._progress[number] = on_progress
        return future

    def cancel(self, future: asyncio.Future[Any]) -> None:
        """Stop an embedding or the comparison of a file; it is answered with None."""
        for number, waiting in self._calls.items():
            if waiting is future:
                self._cancel(number)

    def _cancel(self, number: int) -> None:
        if self._writer is not None:
            self._writer.write(pack(Cancel(number)))

    async def close(self) -> int | None:
        """End it, after its call in progress if that is soon; return its exit code."""
        code = None
        try:
            if self._writer is not None:
                self._writer.transport.abort()  # what waits to be sent is of no use any more
            else:
                self._ours.close()
            code = await asyncio.to_thread(self.body.join, STOP_S)
        finally:
            if code is None:
                self.body.kill()
                code = self.body.join(STOP_S)  # a killed process is gone at once
            self.memory.close()
        return code

    def _received(self, message: Any) -> None:
        match message:
            case Spent():
                self._metrics.spent(message)
            case Progress(call=number, fraction=fraction):
                go_on = self._progress.get(number)
                if go_on is not None and not go_on(fraction):
                    self._cancel(number)
            case Answer(call=number, value=value):
                if future := self._answered(number):
                    future.set_result(value)
            case Failed(call=number, sentence=sentence, details=details):
                if future := self._answered(number):
                    error = WorkFailed(sentence) if sentence else WorkBroken(details)
                    future.set_exception(error)
            case Ready() if not self._ready.done():
                self._ready.set_result(message)
            case NotReady(sentence=sentence, details=details) if not self._ready.done():
                if sentence is None:
                    logger.error("worker can't start", details=details)
                    sentence = "The network can't be started here. The log above says more."
                self._ready.set_exception(CannotStart(sentence))

    def _answered(self, number: int) -> asyncio.Future[Any] | None:
        """The future of a call; None if whoever asked was cancelled."""
        self._progress.pop(number, None)
        future = self._calls.pop(number, None)
        return None if future is None or future.done() else future


class Lane:
    """One comparison in one worker.

    `push` and `finish` are called one at a time; `close` once, whenever.
    """

    def __init__(self, worker: Worker, number: int, slot: int) -> None:
        self._worker = worker
        self._number = number
        self._slot = slot

    async def push(
        self,
        frames: Sequence[tuple[float, av.VideoFrame]],
        *,
        dropped: bool,
        tail_hop: int,
        clock: ReferenceClock | None = None,
    ) -> list[Update]:
        """Compare frames, each with its time.

        Args:
            frames: What to compare, with its times in seconds.
            dropped: Whether frames are missing before the first.
            tail_hop: Frames between two runs of the tail.
            clock: Where the reference is that is played to the user, on the frames' time.

        Raises:
            WorkerLost: If the worker died.
            UnknownPicture: If a frame has a form that no browser sends.
        """
        if self._worker.lost:  # and its memory given back
            raise WorkerLost
        placed = self._worker.memory.put(self._slot, frames)
        updates: list[Update] = await self._worker.call(
            lambda call: Push(call, self._number, placed, dropped, tail_hop, clock)
        )
        return updates

    async def finish(self) -> list[Update]:
        """End the comparison.

        Raises:
            WorkerLost: If the worker died.
        """
        updates: list[Update] = await self._worker.call(lambda call: Finish(call, self._number))
        return updates

    def close(self) -> None:
        """Forget the comparison; its slot is free when the worker has."""
        self._worker.lanes -= 1
        closing = self._worker.send(lambda call: Close(call, self._number))
        closing.add_done_callback(self._closed)

    def _closed(self, closing: asyncio.Future[Any]) -> None:
        if not closing.cancelled() and closing.exception() is None:
            self._worker.memory.give_back(self._slot)


@dataclass(frozen=True)
class NetworkInfo:
    """What runs in the workers."""

    engine: EngineInfo
    settings: Settings


class Workers:
    """The workers: `async with Workers(open_network) as workers`.

    A worker that dies is replaced at once. `failed` gets an error when that is of no use any more.

    Args:
        open_network: Makes the network, in each worker; something that can be pickled.
        count: How many. One call of the engine uses every core of a processor.
        launch: What a worker runs in.
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
        metrics: Metrics | None = None,
    ) -> None:
        self._open_network = open_network
        self._count = count
        self._launch = launch
        self._metrics = metrics or Metrics()
        self._workers: list[Worker] = []  # those that are ready
        self._changed = asyncio.Event()  # workers came, or none will
        self._keepers: list[asyncio.Task[None]] = []
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
        """How many sessions they keep up with."""
        return sum(min(capacity(cost), SLOTS) for cost in self._costs)

    async def compare(self, open_comparator: OpenComparator) -> Lane:
        """Begin a comparison in the worker with the fewest, as soon as there is one.

        Raises:
            WorkersClosed: If the server stops.
            WorkerLost: If the worker died meanwhile.
            WorkFailed: If there can be no such comparison.
        """
        worker = await self._least_busy()
        number, slot = next(self._lanes), worker.memory.take()
        worker.lanes += 1
        lane = Lane(worker, number, slot)
        try:
            await worker.call(lambda call: Open(call, number, slot, open_comparator))
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
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self.failed.cancel()

    async def _least_busy(self) -> Worker:
        await self._until(lambda: any(not worker.lost for worker in self._workers))
        if self._closing or self.failed.done():
            raise WorkersClosed
        alive = [worker for worker in self._workers if not worker.lost]
        return min(alive, key=lambda worker: worker.lanes)

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
        measured = False
        while True:
            worker = Worker(self._open_network, self._launch, self._metrics, cost=not measured)
            listening = asyncio.create_task(worker.run())
            ready = None
            try:
                with contextlib.suppress(WorkerLost):
                    ready = await worker.ready()
                    self._up(worker, ready)
                    await asyncio.wait({listening})
            finally:
                if worker in self._workers:
                    self._workers.remove(worker)
                code = await worker.close()
                (error,) = await asyncio.gather(listening, return_exceptions=True)
            bad_starts = 0 if ready else bad_starts + 1
            measured = measured or ready is not None
            logger.error("worker died", exit_code=code, at_start=not ready, exc_info=error)
            if bad_starts == MOST_BAD_STARTS:
                raise WorkersKeepDying(code)
            self._metrics.restarted()

    def _up(self, worker: Worker, ready: Ready) -> None:
        if ready.cost is not None:
            self._costs.append(ready.cost)
        self._network = NetworkInfo(ready.engine, ready.settings)
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
