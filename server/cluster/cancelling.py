"""A cancellation is not lost on the way through the Redis client."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Raise `CancelledError` at the end if this task was cancelled meanwhile and did not notice.

    The client sends by `asyncio.wait_for`, which before Python 3.12 returns as if nothing had been
    when it is cancelled just as its work is done (github.com/python/cpython/issues/86296). A loop
    in such a task then never ends, and whoever stops it waits for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
