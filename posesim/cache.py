"""Files kept in the user's cache: what goes in is verified, and is there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from .errors import CacheNotWritable, CheckpointNotReadable, WrongHash

LARGEST_INPUT = 256 * 2**20  # bytes; several times the real files, far below a machine's memory


def read_given(path: Path, wanted: str, *, show_progress: bool = False) -> bytes:
    """Read a whole file that a person named, refusing what is far too large.

    Args:
        path: The file.
        wanted: What it should have been, for the error.
        show_progress: Draw a progress bar on standard error.

    Raises:
        CheckpointNotReadable: If it can't be read, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_INPUT:
            raise CheckpointNotReadable(
                path, f"it has {size} bytes, far more than {wanted}", wanted
            )
        with (
            path.open("rb") as file,
            tqdm(
                desc="Reading",
                total=size,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=not show_progress,
            ) as bar,
        ):
            content = bytearray()
            while chunk := file.read(2**20):
                content += chunk
                bar.update(len(chunk))
                if len(content) > LARGEST_INPUT:
                    raise CheckpointNotReadable(path, "it does not end", wanted)
    except OSError as error:
        raise CheckpointNotReadable(path, error.strerror or str(error), wanted) from error
    return bytes(content)


def verify(content: bytes, sha256: str, name: str) -> None:
    """Refuse content of another hash.

    Raises:
        WrongHash: With `name` and both hashes.
    """
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WrongHash(name, sha256, actual)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; several processes may do so at once.

    Raises:
        CacheNotWritable: If the folder can't be written, or the disk is full.
    """
    with writing_to(path):
        # In the same folder, because a rename across file systems would be a copy.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)  # nothing secret; the cache may serve several accounts
            temporary.replace(path)
        except BaseException:  # also Ctrl-C
            temporary.unlink()
            raise


@contextlib.contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Translate the errors of writing at `path`.

    Raises:
        CacheNotWritable: For every `OSError` inside.
    """
    try:
        yield
    except OSError as error:
        raise CacheNotWritable(path, error.strerror or str(error)) from error
