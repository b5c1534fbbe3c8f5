"""A worker on Ray: the program of a worker in an actor, which keeps the state of its streams.

Ray calls `take` on one thread, in the order in which the server sends; `reports` runs on another
one for as long as the actor lives. Two more are those of `program`. The actor ends with the server
that asked for it, however that ends: Ray sees to it.

Nothing here imports Ray.
"""

import pickle
import platform
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from posesim.embedding import Frame
from posesim.network import Network

from ..frames import lift
from ..inbox import Inbox, Stopping
from ..program import Program, opened
from ..protocol import Answer, Embed, Failed, NotReady, Push, Report, Request, Spent, failed
from .build import difference, this_build
from .files import HeldFiles, unpack

# A report, pickled, and the content of the file that was asked for, if one was made.
Said = tuple[bytes, bytes | None]


class RayWorker:
    """What runs in the actor.

    Args:
        build: What is installed where the server is; see `this_build`.
        opening: An `OpenNetwork`, pickled: it is not looked at before the builds were compared.
        cost: Whether to measure what a session costs.
    """

    def __init__(self, build: Mapping[str, str], opening: bytes, cost: bool) -> None:
        self._inbox = Inbox()
        self._outbox: queue.SimpleQueue[Report | None] = queue.SimpleQueue()
        self._pixels: dict[int, np.ndarray] = {}  # by the call
        self._files = HeldFiles()
        self._makes: dict[int, Embed] = {}  # what writes a file, by the call
        threading.Thread(
            target=self._work, args=(build, opening, cost), name="worker", daemon=True
        ).start()

    def take(
        self,
        call: int,
        packed: bytes,
        pixels: np.ndarray | None,
        names: Sequence[str],
        *contents: np.ndarray,
    ) -> None:
        """Take a request.

        Args:
            call: Its number.
            packed: The request; see `files.pack`.
            pixels: The pictures of a `Push`.
            names: Of the files that it names.
            contents: Their contents, as rows of bytes.
        """
        try:
            request: Request = unpack(packed, self._files.hold(call, names, contents))
            if isinstance(request, Embed):
                request = replace(request, into=self._files.folder(call) / request.into.name)
                self._makes[call] = request
            if pixels is not None:
                self._pixels[call] = pixels
            self._inbox.put(request)
        except Stopping:
            return
        except Exception as error:  # what this one names is not here; others may be served
            self._tell(failed(call, error))

    def reports(self) -> Iterator[list[Said]]:
        """Everything that is to be told, as it comes, until the program ends."""
        waiting: list[Report] = []
        while (report := self._outbox.get()) is not None:
            waiting.append(report)
            if isinstance(report, Spent):  # figures can wait for something that matters
                continue
            yield [self._said(each) for each in waiting]
            waiting.clear()

    def _said(self, report: Report) -> Said:
        content = None
        if isinstance(report, Answer | Failed):
            content = self._made(report)
            self._files.release(report.call)
        return pickle.dumps(report, pickle.HIGHEST_PROTOCOL), content

    def _made(self, report: Answer | Failed) -> bytes | None:
        """The content of what a call wrote; it is not kept here."""
        making = self._makes.pop(report.call, None)
        if making is None or not making.into.exists():
            return None
        return making.into.read_bytes()

    def _tell(self, report: Report) -> None:
        if isinstance(report, NotReady) and report.sentence:
            report = replace(
                report, sentence=f"On the Ray node {platform.node()}: {report.sentence}"
            )
        self._outbox.put(report)

    def _work(self, build: Mapping[str, str], opening: bytes, cost: bool) -> None:
        try:
            if sentence := difference(build, this_build()):
                self._tell(NotReady(sentence, ""))
                return
            network = opened(partial(_open, opening), self._tell, cost)
            if network is not None:
                Program(network, self._frames_of, self._inbox, self._tell).serve()
        finally:
            self._outbox.put(None)

    def _frames_of(self, push: Push) -> list[tuple[float, Frame]]:
        pixels = self._pixels.pop(push.call)
        return [(each.time_s, lift(pixels, each)) for each in push.frames]


def _open(opening: bytes) -> Network:
    """Open the network as the server wants it, which runs this program, too."""
    network: Network = pickle.loads(opening)()  # noqa: S301
    return network
