"""What keeps files by key, wherever they lie, and what may go wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from posesim.errors import PosesimError

from ..uploads import DiskFull

Failure = Literal["away", "denied", "missing", "full"]
ORPHAN_S = 3600.0  # older than that, what no row knows is no upload that is still under way


class ObjectsError(PosesimError):
    """The object store can't be used now; the sentence is for who runs the server."""

    def __init__(self, reason: Failure, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ObjectsReadOnly(ObjectsError):
    """What the object store has can be read, and it takes nothing more."""

    def __init__(self, reason: Failure) -> None:
        why = (
            "is full. Make room in it"
            if reason == "full"
            else "takes no new files, and gives those it has. Look at the server's log, and "
            "whether it is full or may only be read"
        )
        super().__init__(
            reason,
            f"The object store {why}. New clips and comparisons are refused meanwhile; sessions "
            "are begun and go on.",
        )


class ObjectsFull(DiskFull):
    """The object store takes no more."""

    def __init__(self) -> None:
        PosesimError.__init__(
            self,
            "There is no room left where this server keeps files. Nothing was kept. Tell whoever "
            "runs the server, and try again later.",
        )


class ObjectGone(PosesimError):
    """There is no such file, or not any more."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The file {key} is not there any more.")


@dataclass(frozen=True)
class Entry:
    """A file that is there."""

    key: str
    size_bytes: int
    changed_at: datetime


class Objects(Protocol):
    """Keeps files. A key is a path with slashes, such as `references/ID/SHA256/clip`.

    Each method but `hold` and `close` raises ObjectsError if the store can't be used, and those
    that write ObjectsFull or DiskFull if there is no room.
    """

    @property
    def here(self) -> bool:
        """Whether files lie in the data folder of this server, under their keys."""

    @property
    def origin(self) -> str | None:
        """Where browsers get files from, as an origin; None where it is this server."""

    async def check(self) -> None:
        """Make sure that files can be kept.

        Raises:
            ObjectsReadOnly: If they can only be read.
        """

    async def put(self, key: str, file: Path, media_type: str) -> None:
        """Take a file of this machine. It is kept whole when this returns, and `file` is gone."""

    async def upload(
        self, key: str, file: Path, media_type: str = "application/octet-stream"
    ) -> None:
        """Keep a copy of a file of this machine, whole."""

    async def mark(self, key: str) -> None:
        """Keep an empty object that says what is about to change. A folder needs none."""

    async def fetch(self, key: str) -> Path:
        """Return where the file can be read on this machine now, whole; see `hold`.

        Raises:
            ObjectGone: If there is none.
        """

    def hold(self, file: Path, holder: object) -> None:
        """Leave what `fetch` returned where it is for as long as `holder` lives."""

    async def folder_of(self, prefix: str, into: Path) -> Path:
        """Return a folder with all files under `prefix`: their own, or copies in `into`."""

    async def entries(self, prefix: str) -> list[Entry]:
        """What there is under `prefix`."""

    async def remove(self, keys: Iterable[str]) -> None:
        """Delete files for good; that one is gone already is no error."""

    async def remove_under(self, prefix: str) -> None:
        """Delete all files under `prefix` for good."""

    async def url(self, key: str, method: str) -> str | None:
        """Where a browser gets the file for a short while; None: from this server."""

    async def tidy(self) -> None:
        """Forget copies on this machine of what others deleted."""

    async def close(self) -> None:
        """Give back what is open."""
