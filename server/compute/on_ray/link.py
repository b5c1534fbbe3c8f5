"""The link to a worker that is an actor on Ray.

The event loop never waits for Ray: what is sent is sent from a thread, in its order, and files from
another one, so that a large clip does not keep pictures waiting. Pictures are sent once, the
planes of a batch in one row of bytes, through Ray's shared memory.
"""

import asyncio
import contextlib
import itertools
import pickle
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import ray
import structlog
from ray.exceptions import RayError

from posesim.cache import write_whole

from ..errors import WorkerLost
from ..frames import Placed, bytes_of, lay
from ..protocol import (
    Answer,
    CompareFile,
    Embed,
    Failed,
    NotReady,
    OpenNetwork,
    Push,
    Report,
    Request,
    failed,
)
from .actor import RayWorker, Said
from .build import this_build
from .files import pack

logger = structlog.get_logger(__name__)

WAITING_S = 30.0  # for a place on Ray; then it is said in the log, again and again

NOT_INSTALLED = (
    "posesim is not installed on a node of the Ray cluster, or not for the Python that runs Ray "
    "there. Install the same version as here on all nodes, then start Ray there again."
)


@dataclass(frozen=True)
class Share:
    """What an actor is given of a node."""

    cpus: float
    gpus: float


class RayLink:
    """The link to a worker that Ray is asked for; see `Link`.

    Args:
        share: What it needs of a node.
        open_network: Makes the network there; something that can be pickled.
        cost: Whether it is to measure what a session costs.
    """

    def __init__(self, share: Share, open_network: OpenNetwork, cost: bool) -> None:
        self._share = share
        self._opening = pickle.dumps(open_network, pickle.HIGHEST_PROTOCOL)
        self._cost = cost
        self._loop = asyncio.get_running_loop()
        self._said: asyncio.Queue[Report | None] = asyncio.Queue()
        self._sending = ThreadPoolExecutor(1, "ray")
        self._sending_files = ThreadPoolExecutor(1, "ray files")
        self._slots = itertools.count()
        self._laid: dict[int, np.ndarray] = {}  # by the slot
        self._into: dict[int, Path] = {}  # where the file belongs that a call makes
        self._closed = False
        self._actor: Any = None  # Ray makes its methods

    def send(self, request: Request) -> None:
        """Ask for something; files may arrive later than what is sent after them.

        Raises:
            WorkerLost: If there is no worker.
        """
        if self._actor is None or self._closed:
            raise WorkerLost
        pixels = self._laid.pop(request.slot) if isinstance(request, Push) else None
        if isinstance(request, Embed):
            self._into[request.call] = request.into
        large = isinstance(request, Embed | CompareFile)
        (self._sending_files if large else self._sending).submit(self._send, request, pixels)

    async def reports(self) -> AsyncIterator[Report]:
        """What it says, until it is gone."""
        listening = asyncio.create_task(self._listen())
        waiting = asyncio.create_task(self._tell_of_waiting())
        try:
            while (report := await self._said.get()) is not None:
                waiting.cancel()
                yield report
        finally:
            listening.cancel()
            waiting.cancel()
            await asyncio.gather(listening, waiting, return_exceptions=True)

    def take(self) -> int:
        """Reserve a slot: here there is always one more."""
        return next(self._slots)

    def put(self, slot: int, frames: Sequence[tuple[float, av.VideoFrame]]) -> tuple[Placed, ...]:
        """Lay pictures with their times out for the next `Push` that names the slot."""
        pixels = np.empty(bytes_of(frames), np.uint8)
        placed = lay(pixels, frames)
        self._laid[slot] = pixels
        return placed

    def give_back(self, slot: int) -> None:
        """Forget what was laid out there and not sent."""
        self._laid.pop(slot, None)

    def kill(self) -> None:
        """End it at once."""
        if self._actor is not None:
            with contextlib.suppress(RayError, ValueError):  # it has ended, or Ray has
                ray.kill(self._actor)

    async def close(self) -> int | None:
        """End it. Ray knows its exit code and does not tell."""
        self._closed = True
        self._said.put_nowait(None)
        for pool in (self._sending, self._sending_files):
            pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self.kill)
        return None

    async def _listen(self) -> None:
        try:
            await self._loop.run_in_executor(self._sending, self._create)
            told = self._actor.reports.options(
                num_returns="streaming", concurrency_group="reports"
            ).remote()
            async for each in told:
                for said in await each:
                    self._said.put_nowait(await self._heard(said))
        except RayError as error:
            if "No module named 'posesim" in str(error):
                self._said.put_nowait(NotReady(NOT_INSTALLED, str(error)))
            elif not self._closed:
                logger.warning("an actor on Ray is lost", reason=str(error).partition("\n")[0])
        finally:
            self._said.put_nowait(None)

    async def _tell_of_waiting(self) -> None:
        """Say in the log that Ray has no room for the actor, or that it takes long to start."""
        while True:
            await asyncio.sleep(WAITING_S)
            logger.warning(
                "still waiting for Ray to start an actor; see `ray status`",
                cpus=self._share.cpus,
                gpus=self._share.gpus,
            )

    def _create(self) -> None:
        """Ask Ray for the actor: it lives as long as this server, and no other takes its place."""
        remote: Any = ray.remote(
            num_cpus=self._share.cpus,
            num_gpus=self._share.gpus,
            concurrency_groups={"requests": 1, "reports": 1},
            max_restarts=0,
        )(RayWorker)
        self._actor = remote.remote(this_build(), self._opening, self._cost)
        if self._closed:
            self.kill()

    async def _heard(self, said: Said) -> Report:
        packed, content = said
        report: Report = pickle.loads(packed)  # noqa: S301 - from this program's own actor
        if isinstance(report, Answer | Failed):
            into = self._into.pop(report.call, None)
            if into is not None and content is not None:
                try:
                    await asyncio.to_thread(write_whole, into, content)
                except OSError as error:
                    return failed(report.call, error)
        return report

    def _send(self, request: Request, pixels: np.ndarray | None) -> None:
        """On a thread: make a call of the actor's of a request."""
        try:
            packed, paths = pack(request)
            contents = [np.fromfile(path, np.uint8) for path in paths]
            self._actor.take.options(concurrency_group="requests").remote(
                request.call, packed, pixels, [path.name for path in paths], *contents
            )
        except RayError:
            return  # it is gone, and `reports` ends
        except Exception as error:  # of a file, or Ray's memory is full
            if not self._closed:
                self._loop.call_soon_threadsafe(self._said.put_nowait, failed(request.call, error))
