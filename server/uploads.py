"""Files that users send: written as they arrive, no larger than allowed, and never half."""

import asyncio
import contextlib
import errno
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from posesim.errors import PosesimError

LEAST_FREE_BYTES = 100_000_000  # left for the database, which fails everybody on a full disk

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileTooLarge(PosesimError):
    """A file above the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The file is larger than {limit_bytes / 1e6:.0f} MB. Send a shorter video, or one of "
            "lower resolution."
        )


class DiskFull(PosesimError):
    """There is no room for a file."""

    def __init__(self) -> None:
        super().__init__(
            "There is no room left on this server's disk. Nothing was kept. Tell whoever runs the "
            "server, and try again later."
        )


def require_room(folder: Path, wanted_bytes: int) -> None:
    """Make sure that some more bytes fit on the disk of a folder, with room to spare.

    Raises:
        DiskFull: If not.
    """
    if shutil.disk_usage(folder).free < wanted_bytes + LEAST_FREE_BYTES:
        raise DiskFull


async def write_file(path: Path, chunks: AsyncIterator[bytes], *, most_bytes: int) -> int:
    """Write a new file of what arrives; return its bytes. Whatever goes wrong, there is none.

    Raises:
        FileTooLarge: As soon as more than `most_bytes` arrived.
        DiskFull: If it does not fit on the disk.
    """
    size = 0
    # Opened here and not in a thread: a cancellation can't come between the file and `try`.
    with full_disk():
        file = path.open("xb")
    with file:
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > most_bytes:
                    raise FileTooLarge(most_bytes)
                await asyncio.to_thread(append, file, chunk, path.parent)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
    return size


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Turn what the system says of a full disk into a sentence.

    Raises:
        DiskFull: Instead of such an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull from error
        raise


def append(file: BinaryIO, chunk: bytes, folder: Path) -> None:
    """Write what arrived to a file in `folder`, unless it is room that is left for the database.

    Raises:
        DiskFull: If it does not fit.
    """
    require_room(folder, len(chunk))  # nobody has to say beforehand how much comes
    with full_disk():
        file.write(chunk)
        file.flush()  # so that what does not fit is noticed here, and not when it is closed
