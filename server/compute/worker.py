"""The program of a worker: holds the network and the comparisons, and answers the server.

Three threads. The one that `work` is called on owns the engine and every comparison: it prepares
pictures and calls the engine, for one session after the other. One receives, so that the server
never waits for a call of the engine. One embeds clips and compares files: it decodes by itself, and
asks the first for each call of the engine, which sessions get before it.

It ends when the server closes its end of the socket, or is gone.
"""

import contextlib
import os
import queue
import socket
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from posesim.embedding import Frame
from posesim.engines import Engine, EngineInfo
from posesim.engines.base import Inside, Layout, Stream, Window
from posesim.engines.calls import Calls, Outcome, StemCall, TailCall, Turns, run
from posesim.errors import PosesimError
from posesim.network import Network
from posesim.updates import Update
from posesim.video_comparison import Comparison, comparing

from .admission import measure
from .frames import FrameMemory
from .protocol import (
    LENGTH,
    Answer,
    Cancel,
    Close,
    CompareFile,
    Embed,
    Failed,
    Finish,
    LiveComparator,
    NotReady,
    Open,
    Progress,
    Push,
    Ready,
    Report,
    Request,
    Spent,
    pack,
    unpack,
)

MOST_TOGETHER = 16  # calls that a GPU gets at once; a CPU is no faster with more than one
LAST_CALL_S = 5.0  # for the call in progress when the server is gone

OpenNetwork = Callable[[], Network]


def run_process(
    open_network: OpenNetwork, link: socket.socket, memory: FrameMemory, cost: bool
) -> None:
    """Be a worker process; see `work`.

    Signals of the terminal and of the service's supervisor reach this process too, and are not for
    it: whoever starts it blocks them.
    """
    work(open_network, link, memory, cost=cost, on_end=_end_in_time)


def _end_in_time() -> None:
    """End the process, even if the engine never returns: nobody is left to do it."""
    timer = threading.Timer(LAST_CALL_S, os._exit, [1])
    timer.daemon = True
    timer.start()


def work(
    open_network: OpenNetwork,
    link: socket.socket,
    memory: FrameMemory,
    *,
    cost: bool,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve until the other end of `link` is closed.

    Args:
        open_network: Makes the network.
        link: To the server; closed at the end.
        memory: Shared with the server; closed at the end.
        cost: Whether to measure what a session costs.
        on_end: Called on the receiving thread as soon as the other end is closed.
    """
    inbox = _Inbox()
    sender = _Sender(link)
    receiver = threading.Thread(
        target=_receive, args=(link, inbox, on_end), name="receive", daemon=True
    )
    receiver.start()
    try:
        with contextlib.suppress(OSError):  # the server is gone
            network = _opened(open_network, sender, cost)
            if network is not None:
                _Worker(network, memory, inbox, sender).serve()
    finally:
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        receiver.join()
        link.close()
        memory.close()


class _Stopping(PosesimError):
    """The worker ends."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and computes nothing more. Try again in a minute.")


class _Sender:
    """Writes messages to the server, from any thread."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._lock = threading.Lock()

    def send(self, message: Report) -> None:
        """Send a message.

        Raises:
            OSError: If the server is gone.
        """
        with self._lock:
            self._link.sendall(pack(message))

    def fail(self, call: int, error: BaseException) -> None:
        self.send(Failed(call, *_told(error)))


@dataclass(frozen=True)
class _Ask:
    """A call of the engine by another thread, which waits at `reply`."""

    calls: Calls[Any]
    reply: "queue.SimpleQueue[Outcome[Any]]"


class _Inbox:
    """What the serving thread has to do: requests of the server, asks of other threads."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Request | _Ask | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, item: Request | _Ask | None) -> None:
        """Add something; None for the end.

        Raises:
            _Stopping: If nobody will look at it any more.
        """
        with self._lock:
            if self._closed:
                raise _Stopping
            self._items.put(item)

    def take(self, wait: bool) -> Iterator[Request | _Ask | None]:
        """Everything that is there; with `wait`, at least one."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._items.get(block=wait)
                wait = False

    def close(self) -> list[Request | _Ask | None]:
        """Take no more; return what was left."""
        with self._lock:
            self._closed = True
        return list(self.take(wait=False))


def _receive(link: socket.socket, inbox: _Inbox, on_end: Callable[[], None]) -> None:
    try:
        with link.makefile("rb") as incoming, contextlib.suppress(OSError, _Stopping):
            while len(head := incoming.read(LENGTH.size)) == LENGTH.size:
                (length,) = LENGTH.unpack(head)
                if len(body := incoming.read(length)) < length:
                    break
                inbox.put(unpack(body))
    finally:
        on_end()
        with contextlib.suppress(_Stopping):
            inbox.put(None)


def _opened(open_network: OpenNetwork, sender: _Sender, cost: bool) -> Network | None:
    try:
        network = open_network()
        measured = measure(network) if cost else None
    except Exception as error:
        sender.send(NotReady(*_told(error)))
        return None
    sender.send(Ready(network.engine.info, network.settings, network.warning, measured))
    return network


def _told(error: BaseException) -> tuple[str | None, str]:
    """An error as (a sentence for people, everything for the log)."""
    sentence = str(error) if isinstance(error, PosesimError) else None
    return sentence, "".join(traceback.format_exception(error))


@dataclass
class _Lane:
    comparator: LiveComparator
    slot: int


@dataclass(frozen=True)
class _Call:
    """Whose turn ended: answer this call."""

    number: int


class _Worker:
    """Answers requests until the inbox says that it is over."""

    def __init__(
        self, network: Network, memory: FrameMemory, inbox: _Inbox, sender: _Sender
    ) -> None:
        self._network = network
        self._memory = memory
        self._inbox = inbox
        self._sender = sender
        self._lanes: dict[int, _Lane] = {}
        engine = _Measured(network.engine, sender)
        together = 1 if network.engine.info.device == "cpu" else MOST_TOGETHER
        self._turns: Turns[_Call | _Ask] = Turns(engine, together)
        asking = replace(network, engine=_AskingEngine(network.engine, inbox))
        self._files = _Files(asking, sender)

    def serve(self) -> None:
        """Serve to the end.

        Raises:
            OSError: If the server is gone.
        """
        self._files.start()
        try:
            while True:
                for item in self._inbox.take(wait=not self._turns):
                    if item is None:
                        return
                    self._handle(item)
                if self._turns:
                    for outcome in self._turns.serve():
                        self._tell(outcome)
        finally:
            for item in self._inbox.close():
                if isinstance(item, _Ask):
                    item.reply.put(Outcome(None, None, _Stopping()))
            self._files.stop()

    def _handle(self, item: Request | _Ask) -> None:
        match item:
            case _Ask(calls=calls):
                self._turns.add(item, calls, urgent=False)
            case Embed() | CompareFile():
                self._files.add(item)
            case Cancel(call=call):
                self._files.cancel(call)
            case Close(call=call, lane=lane):
                self._lanes.pop(lane, None)
                self._sender.send(Answer(call, None))
            case Open() | Push() | Finish():
                try:
                    self._take_up(item)
                except Exception as error:  # it is this session's; the others go on
                    self._sender.fail(item.call, error)

    def _take_up(self, item: Open | Push | Finish) -> None:
        if isinstance(item, Open):
            self._lanes[item.lane] = _Lane(item.open_comparator(self._network), item.slot)
            self._sender.send(Answer(item.call, None))
            return
        lane = self._lanes[item.lane]
        if isinstance(item, Finish):
            calls = lane.comparator.finishing()
        else:
            frames = [(each.time_s, self._memory.get(lane.slot, each)) for each in item.frames]
            calls = _pushing(lane.comparator, frames, item)
        self._turns.add(_Call(item.call), calls)

    def _tell(self, outcome: Outcome[_Call | _Ask]) -> None:
        match outcome.key:
            case _Ask(reply=reply):
                reply.put(outcome)
            case _Call(number=number) if outcome.error is not None:
                self._sender.fail(number, outcome.error)
            case _Call(number=number):
                self._sender.send(Answer(number, outcome.value))


def _pushing(
    comparator: LiveComparator, frames: list[tuple[float, Frame]], batch: Push
) -> Generator[Any, Any, list[Update]]:
    comparator.tail_hop = batch.tail_hop
    comparator.follow(batch.clock)
    if batch.dropped:
        comparator.interrupt("overload")
    updates: list[Update] = []
    for time_s, frame in frames:
        updates += yield from comparator.pushing(time_s, frame)
    return updates


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


class _Measured(_Around):
    """The engine, with what each call takes told to the server."""

    def __init__(self, engine: Engine, sender: _Sender) -> None:
        super().__init__(engine)
        self._sender = sender
        self._rest_from_s = time.thread_time()

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        with self._measuring("stem", len(streams)):
            return self._engine.stem(streams, chunks, inside)

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        with self._measuring("tail", len(streams)):
            return self._engine.tail(streams, behind)

    @contextlib.contextmanager
    def _measuring(self, part: str, streams: int) -> Iterator[None]:
        rest_s = time.thread_time() - self._rest_from_s
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        yield
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        self._sender.send(Spent(part, streams, wall_s, cpu_s, rest_s))
        self._rest_from_s = time.thread_time()


class _AskingEngine(_Around):
    """The engine, for another thread than the one that owns it: each call waits for its turn."""

    def __init__(self, engine: Engine, inbox: _Inbox) -> None:
        super().__init__(engine)
        self._inbox = inbox

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        asked = zip(streams, chunks, inside, strict=True)
        return [self._ask(StemCall(*each)) for each in asked]

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        asked = zip(streams, behind, strict=True)
        return [self._ask(TailCall(*each)) for each in asked]

    def _ask(self, call: StemCall | TailCall) -> Any:
        reply: queue.SimpleQueue[Outcome[Any]] = queue.SimpleQueue()
        self._inbox.put(_Ask(_one(call), reply))
        outcome = reply.get()
        if outcome.error is not None:
            raise outcome.error
        return outcome.value


def _one(call: StemCall | TailCall) -> Calls[Any]:
    return (yield call)


class _Cancelled(Exception):
    """Nobody wants it any more."""


@dataclass
class _Files:
    """Embeds clips and compares files, one after the other, on a thread of its own."""

    network: Network  # whose engine may be called from that thread
    sender: _Sender
    _waiting: "queue.SimpleQueue[Embed | CompareFile | None]" = field(
        default_factory=queue.SimpleQueue
    )
    _cancelled: set[int] = field(default_factory=set)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="files", daemon=True)
        self._thread.start()

    def add(self, request: Embed | CompareFile) -> None:
        self._waiting.put(request)

    def cancel(self, call: int) -> None:
        self._cancelled.add(call)

    def stop(self) -> None:
        """End the thread; the engine no longer answers it."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        with contextlib.suppress(OSError):  # the server is gone
            while (request := self._waiting.get()) is not None:
                try:
                    value = self._done(request)
                except _Cancelled:
                    self.sender.send(Answer(request.call, None))
                except Exception as error:  # this file's; the next one may be better
                    self.sender.fail(request.call, error)
                else:
                    self.sender.send(Answer(request.call, value))
                self._cancelled.discard(request.call)

    def _done(self, request: Embed | CompareFile) -> float | Comparison:
        def tell(fraction: float) -> None:
            if request.call in self._cancelled:
                raise _Cancelled
            self.sender.send(Progress(request.call, fraction))

        if isinstance(request, CompareFile):
            calls = comparing(
                request.open_comparator(self.network),
                request.video,
                reference=request.reference_name,
                longest_s=request.longest_s,
                on_progress=tell,
            )
            return run(self.network.engine, calls)
        reference = self.network.embed(
            request.clip,
            request.name,
            start_s=request.start_s,
            end_s=request.end_s,
            longest_s=request.longest_s,
            on_progress=tell,
        )
        reference.save(request.into)
        return reference.duration_s
