"""The library of references: clips are received, cut, embedded and removed with all their files."""

import asyncio
import contextlib
import hashlib
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from posesim.errors import PosesimError

from ..background.turns import EveryTurn
from ..compute.workers import Workers
from ..left_over import clear
from ..live.outcomes import EndReason
from ..objects.base import Objects, ObjectsError
from ..objects.folder import FolderObjects
from ..store import Store
from ..store.exercises import Exercise, Kind, Trim
from ..uploads import full_disk, require_room, write_file
from .clips import check_clip, check_trim, draw_thumbnail, media_type, picture_at
from .embedding import Embedding
from .reference_files import FOLDER, Reader, ReferenceFiles

logger = structlog.get_logger(__name__)

FRAMES_AT_ONCE = 2  # that are searched for in clips; each keeps a thread busy
FRAMES_A_USER = 4  # asked for and not answered yet


class TooManyFrames(PosesimError):
    """A user who asks for frames faster than they can be found."""

    def __init__(self) -> None:
        super().__init__(f"At most {FRAMES_A_USER} frames are searched for at once. Wait for one.")


@dataclass(frozen=True, kw_only=True)
class About:
    """What a user says of a clip."""

    name: str
    description: str = ""
    kind: Kind = "repetitions"
    target: int | None = None
    mirrored: bool = False


class _FinishedLater(Exception):
    """The rows are as they should be; files that nobody needs any more go later."""


class Exercises:
    """Receives clips, has them embedded, changes and removes them.

    Args:
        folder: The data folder.
        objects: Keeps the files; None keeps them in the data folder.
        end_sessions: Ends what runs against an exercise that is deleted or cut.
    """

    def __init__(
        self,
        *,
        folder: Path,
        objects: Objects | None = None,
        store: Store,
        workers: Workers,
        end_sessions: Callable[[str, EndReason], Awaitable[object]],
        max_upload_bytes: int,
        max_clip_s: float,
    ) -> None:
        self._objects = objects or FolderObjects(folder)
        self.files = ReferenceFiles(self._objects)
        self._references = folder / FOLDER
        self._uploads = folder / "uploads"
        self._store = store
        self._end_sessions = end_sessions
        self._max_upload_bytes = max_upload_bytes
        self._max_clip_s = max_clip_s
        self.embedding = Embedding(
            files=self.files,
            store=store.exercises,
            workers=workers,
            folder=self._uploads,
            longest_s=max_clip_s,
        )
        self._searching = asyncio.Semaphore(FRAMES_AT_ONCE)
        self._frames_asked: Counter[str] = Counter()  # by user

    async def start(self, *, alone: bool = True) -> None:
        """Tidy up after a stop in the middle of something, and take up what it interrupted.

        A node of a cluster is not `alone`: it takes that up when it knows what others do.
        """
        await asyncio.to_thread(self._make_folders, shared=not alone)
        if alone:
            await self.embedding.take_up(EveryTurn())
        self.embedding.start()

    async def close(self) -> None:
        """Stop embedding; `start` of the next run takes up what is unfinished."""
        await self.embedding.close()

    async def receive(
        self, user_id: str, about: About, chunks: AsyncIterator[bytes], *, announced_bytes: int
    ) -> Exercise:
        """Keep an uploaded clip and begin to embed it. Whatever goes wrong, no file is left.

        Args:
            user_id: Whose it will be.
            about: What they say of it.
            chunks: The file as it arrives.
            announced_bytes: How much is said to come; 0 if nothing is said.

        Raises:
            FileTooLarge: As soon as more than the limit arrived.
            VideoError: If it is no video, too short or too long.
            DiskFull: If there is no room for it.
        """
        await asyncio.to_thread(require_room, self._uploads, announced_bytes)
        with full_disk():
            async with self._temporary() as folder:
                # Errors name the file, so it is called what the user called it: the clip.
                clip, thumbnail = folder / "clip", folder / "thumbnail"
                await write_file(clip, chunks, most_bytes=self._max_upload_bytes)
                sha256 = await asyncio.to_thread(_sha256, clip)
                duration_s = await asyncio.to_thread(check_clip, clip, self._max_clip_s)
                clip_type = await asyncio.to_thread(media_type, clip)
                await asyncio.to_thread(draw_thumbnail, clip, thumbnail, 0.0, duration_s)
                async with self.files.changing(user_id, sha256):
                    try:
                        await self.files.keep(clip, thumbnail, user_id, sha256, clip_type)
                        exercise = await self._store.exercises.add(
                            user_id,
                            name=about.name,
                            clip_sha256=sha256,
                            clip_type=clip_type,
                            duration_s=duration_s,
                            description=about.description,
                            kind=about.kind,
                            target=about.target,
                            mirrored=about.mirrored,
                        )
                    except BaseException:
                        with contextlib.suppress(ObjectsError):  # the mark stays
                            await self._remove_unused(user_id, sha256)
                        raise
        self.embedding.add(exercise)
        return exercise

    async def change(self, exercise: Exercise, values: Mapping[str, Any]) -> Exercise | None:
        """Set columns of an exercise; other trim points make its reference anew.

        Returns:
            What it is then; None if it was deleted meanwhile.

        Raises:
            BadTrim: If the part is too short or not inside the clip.
            VideoError: If the part has no picture.
            ClipGone: If its file is not there any more.
            DiskFull: If there is no room for the new part's picture.
        """
        others = {name: value for name, value in values.items() if name not in _TRIM}
        if len(others) < len(values):
            start_s, end_s = (values.get(name, getattr(exercise, name)) for name in _TRIM)
            trim = check_trim(start_s, end_s, exercise.clip_duration_s or 0.0)
            if trim != exercise.trim:
                return await self._cut(exercise, trim, others)
        return await self._store.exercises.change(exercise.user_id, exercise.id, others)

    async def delete(self, user_id: str, exercise_id: str) -> bool:
        """Remove an exercise, its files, and end what runs against it; False if there is none."""
        exercise = await self._store.exercises.get(user_id, exercise_id)
        if exercise is None:
            return False
        with contextlib.suppress(_FinishedLater):
            async with self.files.changing(user_id, exercise.clip_sha256):
                self.embedding.drop(exercise_id)
                await self._end_sessions(exercise_id, "reference_deleted")
                deleted = await self._store.exercises.delete(user_id, exercise_id)
                await self._remove_now_or_later(user_id, exercise.clip_sha256)
        return deleted

    async def end_user(self, user_id: str) -> None:
        """Stop all that is done with a user's exercises, who is about to be removed."""
        for exercise in await self._store.exercises.of_user(user_id):
            self.embedding.drop(exercise.id)
            await self._end_sessions(exercise.id, "reference_deleted")

    async def tidy(self, at: datetime) -> None:
        """Remove files that no row knows, of changes that were cut short before `at`.

        Raises:
            ObjectsError: If the files can't be reached.
        """
        for change in await self.files.unfinished(at):
            if change.sha256 is not None:
                async with self.files.changing(change.owner_id, change.sha256):
                    await self._remove_unused(change.owner_id, change.sha256)
            elif await self._store.users.get(change.owner_id) is None:
                await self.files.remove_all(change.owner_id)
            await self.files.finish(change)
        await self._objects.tidy()

    async def embed_again(self, exercise: Exercise, reason: str) -> None:
        """Make the reference anew from its clip, e.g. because the network is another one."""
        if exercise.id in self.embedding.here:
            return
        logger.warning("embedding again", exercise_id=exercise.id, reason=reason)
        await self._store.exercises.set_embedding(exercise.id)
        self.embedding.add(exercise)

    async def frame(self, user_id: str, exercise: Exercise, at_s: float) -> bytes:
        """Return a JPEG of the clip at a time of the whole clip, for a user who waits for it.

        Raises:
            VideoError: If that frame can't be decoded.
            ClipGone: If its file is not there any more.
            TooManyFrames: If the user waits for too many already.
        """
        if self._frames_asked[user_id] >= FRAMES_A_USER:
            raise TooManyFrames
        self._frames_asked[user_id] += 1
        try:
            async with self._searching:
                reader = Reader()
                clip = await self.files.held_clip(exercise, reader)
                return await asyncio.to_thread(picture_at, clip, at_s)
        finally:
            self._frames_asked[user_id] -= 1
            self._frames_asked += Counter()  # forgets who waits for none

    def _make_folders(self, *, shared: bool) -> None:
        clear(self._uploads, shared=shared)
        for folder in (self._uploads, self._references):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextlib.asynccontextmanager
    async def _temporary(self) -> AsyncIterator[Path]:
        """A folder that is gone afterwards, with all that is in it."""
        folder = self._uploads / uuid.uuid4().hex
        # Made here and not in a thread: a cancellation can't come between this and `finally`.
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _cut(
        self, exercise: Exercise, trim: Trim, others: Mapping[str, Any]
    ) -> Exercise | None:
        """Give an exercise other trim points, and begin to embed that part."""
        from_s, to_s = trim[0] or 0.0, trim[1] or exercise.clip_duration_s or 0.0
        about_part = {"state": "embedding", "error": None, "duration_s": round(to_s - from_s, 3)}
        values = {**others, **dict(zip(_TRIM, trim, strict=True)), **about_part}
        with full_disk():
            async with self._temporary() as folder:
                reader, thumbnail = Reader(), folder / "thumbnail"
                clip = await self.files.held_clip(exercise, reader)
                await asyncio.to_thread(draw_thumbnail, clip, thumbnail, from_s, to_s)
                with contextlib.suppress(_FinishedLater):
                    async with self.files.changing(exercise.user_id, exercise.clip_sha256):
                        cut = await self._change_part(exercise, trim, values, thumbnail)
                        await self._remove_now_or_later(exercise.user_id, exercise.clip_sha256)
        if cut is None:
            return None
        await self._end_sessions(exercise.id, "reference_changed")
        return cut

    async def _change_part(
        self, exercise: Exercise, trim: Trim, values: Mapping[str, Any], thumbnail: Path
    ) -> Exercise | None:
        """Keep a part's picture, change the row, and begin to embed that part."""
        try:
            await self.files.keep_thumbnail(thumbnail, exercise, trim)
            cut = await self._store.exercises.change(exercise.user_id, exercise.id, values)
        except BaseException:
            with contextlib.suppress(ObjectsError):  # the mark stays
                await self._remove_unused(exercise.user_id, exercise.clip_sha256)
            raise
        if cut is not None:
            self.embedding.add(cut)
        return cut

    async def _remove_unused(self, user_id: str, sha256: str) -> None:
        trims = await self._store.exercises.trims(user_id, sha256)
        await self.files.remove_unused(user_id, sha256, trims)

    async def _remove_now_or_later(self, user_id: str, sha256: str) -> None:
        """Remove what a change of rows left over.

        Raises:
            _FinishedLater: If it can't be now; rows are changed already, and the mark stays.
        """
        try:
            await self._remove_unused(user_id, sha256)
        except ObjectsError as error:
            logger.warning("files have to be removed later", user_id=user_id)
            raise _FinishedLater from error


_TRIM = ("start_s", "end_s")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
