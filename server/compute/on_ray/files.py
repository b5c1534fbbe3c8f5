"""Files that a message names, on their way to another machine.

A path means nothing there. So a path that names a file travels as the file's content: pickle calls
that a persistent id. There it has the same name again, in a folder of the worker, and its content
is in memory alone: no picture gets onto the disk of another machine.
"""

import io
import os
import pickle
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def pack(message: object) -> tuple[bytes, list[Path]]:
    """A message as bytes, and the files that it names."""
    into = io.BytesIO()
    packer = _Packer(into)
    packer.dump(message)
    return into.getvalue(), packer.files


def unpack(packed: bytes, files: Sequence[Path]) -> Any:
    """A message whose files are these now."""
    return _Unpacker(packed, files).load()


class _Packer(pickle.Pickler):
    def __init__(self, into: io.BytesIO) -> None:
        super().__init__(into, pickle.HIGHEST_PROTOCOL)
        self.files: list[Path] = []

    def persistent_id(self, value: Any) -> int | None:
        if not (isinstance(value, Path) and value.is_file()):
            return None
        self.files.append(value)
        return len(self.files) - 1


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: bytes, files: Sequence[Path]) -> None:
        super().__init__(io.BytesIO(packed))
        self._files = files

    def persistent_load(self, pid: Any) -> Path:
        number: int = pid
        return self._files[number]


class HeldFiles:
    """The files of calls that are not answered yet, each under its name."""

    def __init__(self) -> None:
        self._folders: dict[int, Path] = {}
        self._handles: dict[int, list[int]] = {}

    def folder(self, call: int) -> Path:
        """The folder of a call's files, where its result may be written, too."""
        if call not in self._folders:
            self._folders[call] = Path(tempfile.mkdtemp(prefix="posesim-"))
        return self._folders[call]

    def hold(self, call: int, names: Sequence[str], contents: Sequence[np.ndarray]) -> list[Path]:
        """Keep files until the call is answered; return where they are."""
        return [
            self._hold(call, f"{number}-{name}" if number else name, content)
            for number, (name, content) in enumerate(zip(names, contents, strict=True))
        ]

    def _hold(self, call: int, name: str, content: np.ndarray) -> Path:
        path = self.folder(call) / name
        if not hasattr(os, "memfd_create"):  # elsewhere than on Linux a file must do
            path.write_bytes(content.tobytes())
            return path
        handle = os.memfd_create("posesim-file")
        self._handles.setdefault(call, []).append(handle)
        left = content.data
        while left:  # a write takes 2 GB at most
            left = left[os.write(handle, left) :]
        path.symlink_to(f"/proc/{os.getpid()}/fd/{handle}")
        return path

    def release(self, call: int) -> None:
        """Forget a call's files."""
        for handle in self._handles.pop(call, []):
            os.close(handle)
        if folder := self._folders.pop(call, None):
            shutil.rmtree(folder, ignore_errors=True)
