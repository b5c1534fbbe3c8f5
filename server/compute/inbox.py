"""What the serving thread of a worker has to do: requests of the server, asks of other threads."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from posesim.engines.calls import Calls, Outcome
from posesim.errors import PosesimError

from .protocol import Request


class Stopping(PosesimError):
    """The worker ends."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and computes nothing more. Try again in a minute.")


@dataclass(frozen=True)
class Ask:
    """A call of the engine by another thread, which waits at `reply`."""

    calls: Calls[Any]
    reply: "queue.SimpleQueue[Outcome[Any]]"


class Inbox:
    """What the serving thread has to do: requests of the server, asks of other threads."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Request | Ask | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, item: Request | Ask | None) -> None:
        """Add something; None for the end.

        Raises:
            Stopping: If nobody will look at it any more.
        """
        with self._lock:
            if self._closed:
                raise Stopping
            self._items.put(item)

    def take(self, wait: bool) -> Iterator[Request | Ask | None]:
        """Everything that is there; with `wait`, at least one."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._items.get(block=wait)
                wait = False

    def close(self) -> list[Request | Ask | None]:
        """Take no more; return what was left."""
        with self._lock:
            self._closed = True
        return list(self.take(wait=False))
