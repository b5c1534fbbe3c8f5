"""Exceptions that reach nobody, in a task or a callback.

asyncio hands such exceptions to its loop, which only logs them, often later, when the garbage
collector finds the task. A test that attacks the server must not leave any.
"""

import contextlib
import gc
import logging
from collections.abc import Iterator

LOUD = logging.ERROR


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(LOUD)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def loops_errors() -> Iterator[list[logging.LogRecord]]:
    """The errors that event loops report meanwhile: exceptions that nobody retrieved."""
    kept, logger = _Kept(), logging.getLogger("asyncio")
    logger.addHandler(kept)
    try:
        yield kept.records
    finally:
        logger.removeHandler(kept)


@contextlib.contextmanager
def nothing_unhandled() -> Iterator[None]:
    """Fail if an exception reached nobody in here."""
    with loops_errors() as errors:
        yield
        gc.collect()  # a task's exception is reported when the task goes
    assert [record.getMessage() for record in errors] == []
