"""Whole files in a worker: clips are embedded and videos compared, one after the other."""

import contextlib
import queue
import threading
from dataclasses import dataclass, field

from posesim.engines.calls import run
from posesim.network import Network
from posesim.video_comparison import Comparison, comparing

from .protocol import Answer, CompareFile, Embed, Progress, Tell, failed


class _Cancelled(Exception):
    """Nobody wants it any more."""


@dataclass
class FileWork:
    """Embeds clips and compares files, one after the other, on a thread of its own."""

    network: Network  # whose engine may be called from that thread
    tell: Tell
    _waiting: "queue.SimpleQueue[Embed | CompareFile | None]" = field(
        default_factory=queue.SimpleQueue
    )
    _cancelled: set[int] = field(default_factory=set)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to do what is added."""
        self._thread = threading.Thread(target=self._work, name="files", daemon=True)
        self._thread.start()

    def add(self, request: Embed | CompareFile) -> None:
        """Do this after what was added before."""
        self._waiting.put(request)

    def cancel(self, call: int) -> None:
        """Stop this, or leave it out when its turn comes."""
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
                    self.tell(Answer(request.call, None))
                except Exception as error:  # this file's; the next one may be better
                    self.tell(failed(request.call, error))
                else:
                    self.tell(Answer(request.call, value))
                self._cancelled.discard(request.call)

    def _done(self, request: Embed | CompareFile) -> float | Comparison:
        def progress(fraction: float) -> None:
            if request.call in self._cancelled:
                raise _Cancelled
            self.tell(Progress(request.call, fraction))

        if isinstance(request, CompareFile):
            calls = comparing(
                request.open_comparator(self.network),
                request.video,
                reference=request.reference_name,
                longest_s=request.longest_s,
                on_progress=progress,
            )
            return run(self.network.engine, calls)
        reference = self.network.embed(
            request.clip,
            request.name,
            start_s=request.start_s,
            end_s=request.end_s,
            longest_s=request.longest_s,
            on_progress=progress,
        )
        reference.save(request.into)
        return reference.duration_s
