"""A worker in a process of its own: receives from a socket, and its pictures lie in shared memory.

A thread receives, so that the server never waits for a call of the engine; the others are those of
`program`. It ends when the server closes its end of the socket, or is gone.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable

from posesim.embedding import Frame

from .frames import FrameMemory
from .inbox import Inbox, Stopping
from .program import Program, opened
from .protocol import LENGTH, OpenNetwork, Push, Report, pack, unpack

LAST_CALL_S = 5.0  # for the call in progress when the server is gone


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
    inbox = Inbox()
    sender = _Sender(link)
    receiver = threading.Thread(
        target=_receive, args=(link, inbox, on_end), name="receive", daemon=True
    )
    receiver.start()
    try:
        with contextlib.suppress(OSError):  # the server is gone
            network = opened(open_network, sender.send, cost)
            if network is not None:
                Program(network, _frames_in(memory), inbox, sender.send).serve()
    finally:
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        receiver.join()
        link.close()
        memory.close()


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


def _frames_in(memory: FrameMemory) -> Callable[[Push], list[tuple[float, Frame]]]:
    return lambda push: [(each.time_s, memory.get(push.slot, each)) for each in push.frames]


def _receive(link: socket.socket, inbox: Inbox, on_end: Callable[[], None]) -> None:
    try:
        with link.makefile("rb") as incoming, contextlib.suppress(OSError, Stopping):
            while len(head := incoming.read(LENGTH.size)) == LENGTH.size:
                (length,) = LENGTH.unpack(head)
                if len(body := incoming.read(length)) < length:
                    break
                inbox.put(unpack(body))
    finally:
        on_end()
        with contextlib.suppress(Stopping):
            inbox.put(None)
