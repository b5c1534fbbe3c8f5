"""Where the files of exercises are.

Their keys are `references/<owner>/<sha256 of the clip>/` and `clip`, as it was uploaded,
`thumbnail.jpg` and `reference.npz`. Those of a part have its trim points, in milliseconds, in their
names: `reference-1200-8400.npz`, `reference-1200-end.npz`. Rows with the same content and the same
trim points share them.

Where they are not beside the database, a mark `changing/<owner>/<sha256>/<id>` is kept from before
a change of files and rows until after it. One that stays tells which files to look at again.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from posesim.errors import PosesimError

from ..objects.base import ORPHAN_S, ObjectGone, Objects, ObjectsError
from ..store.exercises import Exercise, Trim

FOLDER = "references"
CLIP = "clip"
_CHANGING = "changing"
_ALL = "all"


class ClipGone(PosesimError):
    """A clip whose file was removed by other hands."""

    def __init__(self) -> None:
        super().__init__("The clip's file is gone. Delete this exercise and upload it again.")


class Reader:
    """Whoever reads a file; a copy of it stays as long."""


@dataclass(frozen=True)
class Unfinished:
    """A change that was cut short, of one clip, or of all of an owner."""

    mark: str
    owner_id: str
    sha256: str | None


class ReferenceFiles:
    """The files of all exercises. Methods raise what those of `Objects` do."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def clip(self, exercise: Exercise) -> Path:
        """Where the whole clip can be read, as it was uploaded."""
        return await self._objects.fetch(f"{_of(exercise)}/{CLIP}")

    async def held_clip(self, exercise: Exercise, reader: Reader) -> Path:
        """The same, which stays there for as long as `reader` lives.

        Raises:
            ClipGone: If it is not there any more.
        """
        try:
            clip = await self.clip(exercise)
        except ObjectGone as error:
            raise ClipGone from error
        self.hold(clip, reader)
        return clip

    async def thumbnail(self, exercise: Exercise) -> Path:
        """Where a JPEG of the part can be read."""
        return await self._objects.fetch(f"{_of(exercise)}/{_thumbnail(exercise.trim)}")

    async def reference(self, exercise: Exercise) -> Path:
        """Where the reference of an exercise in state `ready` can be read."""
        return await self._objects.fetch(f"{_of(exercise)}/{_reference(exercise.trim)}")

    def hold(self, file: Path, holder: object) -> None:
        """Leave one of these where it is for as long as `holder` lives."""
        self._objects.hold(file, holder)

    async def clip_url(self, exercise: Exercise, method: str) -> str | None:
        """Where a browser gets the whole clip for a short while; None: from this server."""
        return await self._objects.url(f"{_of(exercise)}/{CLIP}", method)

    async def keep(
        self, clip: Path, thumbnail: Path, owner_id: str, sha256: str, clip_type: str
    ) -> None:
        """Take an uploaded clip and its picture."""
        key = key_of(owner_id, sha256)
        await self._objects.put(f"{key}/{_thumbnail((None, None))}", thumbnail, "image/jpeg")
        await self._objects.put(f"{key}/{CLIP}", clip, clip_type)

    async def keep_thumbnail(self, thumbnail: Path, exercise: Exercise, trim: Trim) -> None:
        """Take the picture of a part."""
        await self._objects.put(f"{_of(exercise)}/{_thumbnail(trim)}", thumbnail, "image/jpeg")

    async def keep_reference(self, reference: Path, exercise: Exercise) -> None:
        """Take a reference."""
        key = f"{_of(exercise)}/{_reference(exercise.trim)}"
        await self._objects.put(key, reference, "application/octet-stream")

    async def remove_unused(self, owner_id: str, sha256: str, trims: Collection[Trim]) -> None:
        """Remove the files of a clip that none of `trims` needs; all of them if there is none."""
        key = key_of(owner_id, sha256)
        if not trims:
            await self._objects.remove_under(key)
            return
        needed = {CLIP, *map(_thumbnail, trims), *map(_reference, trims)}
        there = [entry.key for entry in await self._objects.entries(key)]
        await self._objects.remove(each for each in there if each.rsplit("/", 1)[-1] not in needed)

    async def remove_all(self, owner_id: str) -> None:
        """Remove all files of an owner."""
        await self._objects.remove_under(f"{FOLDER}/{owner_id}")

    async def folder(self, owner_id: str, into: Path) -> Path:
        """Return a folder with all files of an owner: their own, or copies in `into`."""
        return await self._objects.folder_of(f"{FOLDER}/{owner_id}", into)

    async def size_bytes(self, owner_id: str) -> int:
        """How much lies there of an owner."""
        return sum(each.size_bytes for each in await self._objects.entries(f"{FOLDER}/{owner_id}"))

    def alone(self, owner_id: str, sha256: str) -> asyncio.Lock:
        """What is held while the files and rows of a clip are changed."""
        return self._locks.setdefault((owner_id, sha256), asyncio.Lock())

    @asynccontextmanager
    async def changing(self, owner_id: str, sha256: str | None) -> AsyncIterator[None]:
        """Change a clip's files and rows, None: all of an owner, one such change after the other.

        What is inside is marked as under way. The mark stays if it fails.
        """
        what = sha256 or _ALL
        async with self.alone(owner_id, what):
            mark = f"{_CHANGING}/{owner_id}/{what}/{uuid.uuid4().hex}"
            await self._objects.mark(mark)
            yield
            if not self._objects.here:
                with suppress(ObjectsError):  # the change is made; a mark too many does no harm
                    await self._objects.remove([mark])

    async def unfinished(self, at: datetime) -> list[Unfinished]:
        """Changes that were cut short long enough before `at`."""
        if self._objects.here:
            return []
        before = at - timedelta(seconds=ORPHAN_S)
        found = []
        for entry in await self._objects.entries(_CHANGING):
            if entry.changed_at < before:
                _, owner_id, sha256, _ = entry.key.split("/")
                found.append(Unfinished(entry.key, owner_id, None if sha256 == _ALL else sha256))
        return found

    async def finish(self, change: Unfinished) -> None:
        """Forget a change whose files have been looked at."""
        await self._objects.remove([change.mark])


def key_of(owner_id: str, sha256: str) -> str:
    """The folder of a clip's files."""
    return f"{FOLDER}/{owner_id}/{sha256}"


def _of(exercise: Exercise) -> str:
    return key_of(exercise.user_id, exercise.clip_sha256)


def _thumbnail(trim: Trim) -> str:
    return f"thumbnail{_part(trim)}.jpg"


def _reference(trim: Trim) -> str:
    return f"reference{_part(trim)}.npz"


def _part(trim: Trim) -> str:
    """How a part's files are told apart; the whole clip's have no such thing in their names."""
    start_s, end_s = trim
    if start_s is None and end_s is None:
        return ""
    end = "end" if end_s is None else f"{round(end_s * 1000)}"
    return f"-{round((start_s or 0.0) * 1000)}-{end}"
