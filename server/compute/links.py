"""The link to one worker, wherever that runs: all that the server needs of it.

A worker is asked by `protocol.Request` and says `protocol.Report`, and both are the same on every
link. What differs is how messages and pictures come there: see `process_link` and `ray_link`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import av

from .frames import Placed
from .protocol import OpenNetwork, Report, Request


class Link(Protocol):
    """A worker that was started, seen from the server. Nothing here waits for it but `close`."""

    def send(self, request: Request) -> None:
        """Ask for something. Requests arrive in the order of their sending, except for files.

        Raises:
            WorkerLost: If nobody listens for its answers.
        """
        ...

    def reports(self) -> AsyncIterator[Report]:
        """What it says, until it is gone. Listened to once, from the beginning."""
        ...

    def take(self) -> int:
        """Reserve a slot for a stream's pictures.

        Raises:
            NoSlot: If there is none left.
        """
        ...

    def put(self, slot: int, frames: Sequence[tuple[float, av.VideoFrame]]) -> tuple[Placed, ...]:
        """Lay pictures with their times into a slot, for the next `Push` that names it.

        Raises:
            UnknownPicture: If a frame has a form that no browser sends.
        """
        ...

    def give_back(self, slot: int) -> None:
        """Let others have a slot."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    async def close(self) -> int | None:
        """End it; return its exit code, None where there is none to know."""
        ...


# Starts a worker; the flag says whether it is to measure what a session costs.
Start = Callable[[OpenNetwork, bool], Link]
