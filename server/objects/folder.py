"""Files in the data folder, each at the path that its key says."""

import asyncio
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from .base import Entry, ObjectGone


class FolderObjects:
    """Keeps files below a folder of this machine; `Objects` says what each method does."""

    here = True
    origin = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def check(self) -> None:
        """Do nothing: the database beside the files is written all the time."""

    async def put(self, key: str, file: Path, media_type: str) -> None:  # noqa: ARG002
        """Move a file here.

        It is on the same disk, so this is quick enough for the event loop, where nothing can come
        between.
        """
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.replace(path)  # noqa: ASYNC240

    async def upload(
        self,
        key: str,
        file: Path,
        media_type: str = "application/octet-stream",  # noqa: ARG002
    ) -> None:
        """Copy a file here."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(shutil.copyfile, file, path)

    async def mark(self, key: str) -> None:
        """Do nothing: file and row change within a moment."""

    async def fetch(self, key: str) -> Path:
        """Return where it is."""
        path = self._folder / key
        if not await asyncio.to_thread(path.is_file):
            raise ObjectGone(key)
        return path

    def hold(self, file: Path, holder: object) -> None:
        """Do nothing: files stay where they are."""

    async def folder_of(self, prefix: str, into: Path) -> Path:  # noqa: ARG002
        """Return the folder itself, which may not be there."""
        return self._folder / prefix

    async def entries(self, prefix: str) -> list[Entry]:
        """Look through the folder."""
        return await asyncio.to_thread(self._entries, prefix)

    async def remove(self, keys: Iterable[str]) -> None:
        """Delete files."""
        for key in keys:
            await asyncio.to_thread((self._folder / key).unlink, missing_ok=True)

    async def remove_under(self, prefix: str) -> None:
        """Delete a folder."""
        await asyncio.to_thread(shutil.rmtree, self._folder / prefix, ignore_errors=True)

    async def url(self, key: str, method: str) -> str | None:  # noqa: ARG002
        """Say that the server sends it."""
        return None

    async def tidy(self) -> None:
        """Do nothing: there are no copies."""

    async def close(self) -> None:
        """Do nothing."""

    def _entries(self, prefix: str) -> list[Entry]:
        found = []
        for path in sorted((self._folder / prefix).rglob("*")):
            if path.is_file():
                status = path.stat()
                changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
                key = path.relative_to(self._folder).as_posix()
                found.append(Entry(key, status.st_size, changed_at))
        return found
