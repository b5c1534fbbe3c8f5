"""Workers in processes of this machine: a socket for what is said, shared memory for pictures."""

import asyncio
import contextlib
import multiprocessing
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from typing import Protocol

import av

from .errors import WorkerLost
from .frames import FrameMemory, Placed
from .protocol import LENGTH, OpenNetwork, Report, Request, pack, unpack
from .worker import run_process

STOP_S = 6.0  # for the call in progress; then the worker is killed


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


class ProcessLink:
    """The link to a worker that `launch` starts; see `Link`."""

    def __init__(self, launch: Launch, open_network: OpenNetwork, cost: bool) -> None:
        self._memory = FrameMemory.create()
        self._ours, theirs = socket.socketpair()
        self._writer: asyncio.StreamWriter | None = None
        try:
            self._body = launch(open_network, theirs, self._memory, cost)
        except BaseException:
            self._ours.close()
            self._memory.close()
            raise

    def send(self, request: Request) -> None:
        """Ask for something.

        Raises:
            WorkerLost: If nobody listens for its answers.
        """
        if self._writer is None:
            raise WorkerLost
        self._writer.write(pack(request))

    async def reports(self) -> AsyncIterator[Report]:
        """What it says, until it is gone."""
        reader, self._writer = await asyncio.open_connection(sock=self._ours)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                report: Report = unpack(await reader.readexactly(length))
                yield report

    def take(self) -> int:
        """Reserve a slot for a stream's pictures.

        Raises:
            NoSlot: If there is none left.
        """
        return self._memory.take()

    def put(self, slot: int, frames: Sequence[tuple[float, av.VideoFrame]]) -> tuple[Placed, ...]:
        """Lay pictures with their times into a slot, for the next `Push`; see `FrameMemory`."""
        return self._memory.put(slot, frames)

    def give_back(self, slot: int) -> None:
        """Let others have a slot."""
        self._memory.give_back(slot)

    def kill(self) -> None:
        """End it at once."""
        self._body.kill()

    async def close(self) -> int | None:
        """End it, after its call in progress if that is soon; return its exit code."""
        code = None
        try:
            if self._writer is not None:
                self._writer.transport.abort()  # what waits to be sent is of no use any more
            else:
                self._ours.close()
            code = await asyncio.to_thread(self._body.join, STOP_S)
        finally:
            if code is None:
                self._body.kill()
                code = self._body.join(STOP_S)  # a killed process is gone at once
            self._memory.close()
        return code
