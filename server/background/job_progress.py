"""How far jobs have come, for whoever listens: the newest is what counts, nobody is waited for."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from posesim.errors import PosesimError

Stage = Literal["reference", "comparing"]

MOST_LISTENERS = 20  # of one user, on all jobs together; each is an open connection


class TooManyListeners(PosesimError):
    """One user listens too often."""

    def __init__(self) -> None:
        super().__init__(
            f"You follow {MOST_LISTENERS} jobs at once already. Close a window, or ask for the job "
            "itself from time to time."
        )


@dataclass(frozen=True)
class Progress:
    """How far a job has come.

    Attributes:
        share: Of the whole, 0 to 1.
        stage: What is done now; None while it waits.
    """

    share: float = 0.0
    stage: Stage | None = None


class ProgressBoard:
    """Shows the progress of every job that is not over."""

    def __init__(self) -> None:
        self._shown: dict[str, Progress] = {}
        self._changed: dict[str, asyncio.Event] = {}  # of jobs that somebody waits for
        self._listeners: Counter[str] = Counter()  # by user
        self.closed = False

    def show(self, job_id: str, progress: Progress) -> None:
        """Say how far a job has come."""
        if self._shown.get(job_id) != progress:
            self._shown[job_id] = progress
            self._wake(job_id)

    def remove(self, job_id: str) -> None:
        """Say that a job is over."""
        self._shown.pop(job_id, None)
        self._wake(job_id)

    def get(self, job_id: str) -> Progress | None:
        """How far a job has come; None if it is over."""
        return self._shown.get(job_id)

    async def changed(self, job_id: str, seen: Progress) -> None:
        """Wait until a job's progress is another than `seen`, it is over, or the board closes."""
        while not self.closed and self._shown.get(job_id) == seen:
            await self._changed.setdefault(job_id, asyncio.Event()).wait()

    @contextmanager
    def listening(self, user_id: str) -> Iterator[None]:
        """Count a listener of this user as long as it listens.

        Raises:
            TooManyListeners: If there are enough.
        """
        if self._listeners[user_id] >= MOST_LISTENERS:
            raise TooManyListeners
        self._listeners[user_id] += 1
        try:
            yield
        finally:
            self._listeners[user_id] -= 1
            self._listeners += Counter()  # drops those at zero

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._listeners.total()

    def close(self) -> None:
        """Let everybody who waits go: the server stops."""
        self.closed = True
        for job_id in list(self._changed):
            self._wake(job_id)

    def _wake(self, job_id: str) -> None:
        if changed := self._changed.pop(job_id, None):
            changed.set()
