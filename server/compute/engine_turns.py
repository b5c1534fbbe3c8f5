"""The engine of a worker, measured, and for those of its threads that do not own it."""

import contextlib
import queue
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from posesim.engines import Engine, EngineInfo
from posesim.engines.base import Inside, Layout, Stream, Window
from posesim.engines.calls import Calls, Outcome, StemCall, TailCall

from .inbox import Ask, Inbox
from .protocol import Spent, Tell


class _Around:
    """An engine that does more, or elsewhere, what another does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def layout(self) -> Layout:
        return self._engine.layout

    def open(self) -> Stream:
        return self._engine.open()  # touches nothing that calls use


class MeasuredEngine(_Around):
    """The engine, with what each call takes told to the server."""

    def __init__(self, engine: Engine, tell: Tell) -> None:
        super().__init__(engine)
        self._tell = tell
        self._rest_from_s = time.thread_time()

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """See `Engine`."""
        with self._measuring("stem", len(streams)):
            return self._engine.stem(streams, chunks, inside)

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """See `Engine`."""
        with self._measuring("tail", len(streams)):
            return self._engine.tail(streams, behind)

    @contextlib.contextmanager
    def _measuring(self, part: str, streams: int) -> Iterator[None]:
        rest_s = time.thread_time() - self._rest_from_s
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        yield
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        self._tell(Spent(part, streams, wall_s, cpu_s, rest_s))
        self._rest_from_s = time.thread_time()


class AskingEngine(_Around):
    """The engine, for another thread than the one that owns it: each call waits for its turn."""

    def __init__(self, engine: Engine, inbox: Inbox) -> None:
        super().__init__(engine)
        self._inbox = inbox

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """See `Engine`."""
        asked = zip(streams, chunks, inside, strict=True)
        return [self._ask(StemCall(*each)) for each in asked]

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """See `Engine`."""
        asked = zip(streams, behind, strict=True)
        return [self._ask(TailCall(*each)) for each in asked]

    def _ask(self, call: StemCall | TailCall) -> Any:
        reply: queue.SimpleQueue[Outcome[Any]] = queue.SimpleQueue()
        self._inbox.put(Ask(_one(call), reply))
        outcome = reply.get()
        if outcome.error is not None:
            raise outcome.error
        return outcome.value


def _one(call: StemCall | TailCall) -> Calls[Any]:
    return (yield call)
