"""One worker, as the server asks it, and one stream in it."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import av
import structlog

from posesim.embedding import Part
from posesim.timebase import GapReason
from posesim.updates import ReferenceClock

from ..metrics import Metrics
from .admission import Cost, capacity
from .errors import CannotStart, WorkBroken, WorkerLost, WorkFailed
from .frames import SLOTS
from .links import Link
from .protocol import (
    Answer,
    Cancel,
    Close,
    Failed,
    Finish,
    NotReady,
    Progress,
    Push,
    Ready,
    Request,
    Spent,
)

logger = structlog.get_logger(__name__)

Item = TypeVar("Item")  # what is said about a stream

LATE_S = 0.8  # of a batch; then sessions shed load, see `live.shedding`
LATEST_SHARE = 0.1  # of the newest batch in what batches take


class Worker:
    """One worker from its start to its end: what is asked of it, and what it answers."""

    def __init__(self, link: Link, metrics: Metrics) -> None:
        self.link = link
        self._metrics = metrics
        self._ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[int, Callable[[float], bool]] = {}
        self._numbers = itertools.count()
        self._pushes = itertools.count()
        self._pushed_s: dict[int, float] = {}  # when batches began that are under way
        self._took_s = 0.0  # what batches take, the newest more than older ones
        self.lost = False
        self.lanes = 0
        self.cost: Cost | None = None

    @property
    def places(self) -> int:
        """How many sessions it keeps up with; while it does not, no more than it has."""
        most = SLOTS if self.cost is None else min(capacity(self.cost), SLOTS)
        return min(self.lanes, most) if self.late else most

    @property
    def late(self) -> bool:
        """Whether its sessions' pictures wait."""
        if not self.lanes:  # what batches took says nothing any more
            return False
        oldest_s = min(self._pushed_s.values(), default=None)
        waits_s = 0.0 if oldest_s is None else time.monotonic() - oldest_s
        return max(self._took_s, waits_s) > LATE_S

    @property
    def idle(self) -> bool:
        """Whether it has no stream and nothing to answer."""
        return not (self.lanes or self._calls)

    async def run(self) -> None:
        """Listen until the worker is gone; then every call that waits fails."""
        try:
            async for report in self.link.reports():
                self._received(report)
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
        number = next(self._numbers)
        try:
            if self.lost:
                raise WorkerLost
            self.link.send(make(number))
        except WorkerLost as error:
            future.set_exception(error)
            future.exception()
            return future
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
        with contextlib.suppress(WorkerLost):
            self.link.send(Cancel(number))

    async def push(self, make: Callable[[int], Push]) -> Any:
        """As `call`, for a batch of pictures: what it takes tells whether the worker keeps up."""
        begun_s = time.monotonic()
        key = next(self._pushes)
        self._pushed_s[key] = begun_s
        try:
            return await self.call(make)
        finally:
            del self._pushed_s[key]
            self._took_s += LATEST_SHARE * (time.monotonic() - begun_s - self._took_s)

    async def close(self) -> int | None:
        """End it; return its exit code, None where there is none to know."""
        return await self.link.close()

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


class Lane(Generic[Item]):
    """One stream in one worker.

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
        tail_hop: int,
        gap: GapReason | None = None,
        clock: ReferenceClock | None = None,
        shown: tuple[Part, ...] = (),
    ) -> list[Item]:
        """Look at frames, each with its time; return what they complete.

        Args:
            frames: What to look at, with its times in seconds.
            tail_hop: Frames between two runs of the tail.
            gap: Why frames are missing before the first; None if none are.
            clock: Where the reference is that is played to the user, on the frames' time.
            shown: What the demonstrator did since the last push, on the demonstrator's time.

        Raises:
            WorkerLost: If the worker died.
            UnknownPicture: If a frame has a form that no browser sends.
        """
        if self._worker.lost:  # and its memory given back
            raise WorkerLost
        placed = self._worker.link.put(self._slot, frames)
        said: list[Item] = await self._worker.push(
            lambda call: Push(call, self._number, self._slot, placed, gap, tail_hop, clock, shown)
        )
        return said

    async def finish(self) -> list[Item]:
        """End the stream; return what was still waiting.

        Raises:
            WorkerLost: If the worker died.
        """
        said: list[Item] = await self._worker.call(lambda call: Finish(call, self._number))
        return said

    def close(self) -> None:
        """Forget the stream; its slot is free when the worker has."""
        self._worker.lanes -= 1
        closing = self._worker.send(lambda call: Close(call, self._number))
        closing.add_done_callback(self._closed)

    def _closed(self, closing: asyncio.Future[Any]) -> None:
        if not closing.cancelled() and closing.exception() is None:
            self._worker.link.give_back(self._slot)
