"""One thread that runs the network; the event loop never waits for it.

Everything that computes goes through here: the comparators of the live sessions and the embedding
of uploads. One thread, because the engine already uses every core for one call: two calls at once
would only slow each other down.
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from posesim.errors import PosesimError

T = TypeVar("T")


class InferenceClosed(PosesimError):
    """The worker has stopped, or stops before this job's turn."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and computes nothing more. Try again in a minute.")


class _Job(Generic[T]):
    """A call, the context it was asked in, and the future that waits for it."""

    def __init__(self, call: Callable[[], T], future: asyncio.Future[T]) -> None:
        self._call = call
        self._context = contextvars.copy_context()  # so that log lines carry the session's id
        self._loop = future.get_loop()
        self._future = future

    def run(self) -> None:
        """Call it on this thread and hand the outcome to the event loop."""
        try:
            result = self._context.run(self._call)
        except StopIteration as error:  # a future refuses to carry this one
            failure = RuntimeError("a job raised StopIteration")
            failure.__cause__ = error
            self.fail(failure)
        except BaseException as error:  # whatever it is belongs to the caller; the thread goes on
            self.fail(error)
        else:
            self._loop.call_soon_threadsafe(self._succeed, result)

    def fail(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._fail, error)

    def _succeed(self, result: T) -> None:
        if not self._future.done():  # done: the caller was cancelled meanwhile
            self._future.set_result(result)

    def _fail(self, error: BaseException) -> None:
        if not self._future.done():
            self._future.set_exception(error)


class Inference:
    """The worker: `async with Inference() as inference: await inference.run(job, urgent=True)`.

    Urgent jobs (live sessions) run before the others (uploads); within a class, in the order they
    came. A caller that submits one job at a time therefore gets its fair turn beside the others.

    Leaving waits for the job in progress, fails the jobs that wait with `InferenceClosed` and joins
    the thread.
    """

    def __init__(self, thread_name: str = "inference") -> None:
        self._changed = threading.Condition()
        self._urgent: deque[_Job[Any]] = deque()
        self._others: deque[_Job[Any]] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=thread_name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._stopped = self._loop.create_future()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def run(self, job: Callable[[], T], *, urgent: bool) -> T:
        """Run `job` on the thread and return its result.

        Cancelling the caller drops a job that has not begun; one that has begun runs to its end,
        unheard.

        Raises:
            InferenceClosed: If the worker is closing or was never opened.
            BaseException: Whatever `job` raised.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = _Job(job, future)
        queue = self._urgent if urgent else self._others
        with self._changed:
            if self._closing or self._loop is None:
                raise InferenceClosed
            queue.append(entry)
            self._changed.notify()
        try:
            return await future
        except asyncio.CancelledError:
            with self._changed:
                if entry in queue:
                    queue.remove(entry)
            raise

    async def close(self) -> None:
        """Stop after the job in progress. Closing twice is harmless."""
        if self._loop is None or self._stopped is None:
            return
        with self._changed:
            self._closing = True
            waiting = [*self._urgent, *self._others]
            self._urgent.clear()
            self._others.clear()
            self._changed.notify()
        for entry in waiting:
            entry.fail(InferenceClosed())
        await asyncio.shield(self._stopped)
        self._thread.join()  # it has nothing left to do but return

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        with self._changed:
            return len(self._urgent) + len(self._others)

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            entry.run()
            del entry  # or a large result lives on until the next job
        assert self._loop is not None
        assert self._stopped is not None
        self._loop.call_soon_threadsafe(self._stopped.set_result, None)

    def _next(self) -> _Job[Any] | None:
        """Wait for a job; None when closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._urgent or self._others or self._closing)
            if self._urgent:
                return self._urgent.popleft()
            return self._others.popleft() if self._others else None
