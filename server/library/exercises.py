"""The library of references: clips are received, cut, embedded and removed with all their files."""

import asyncio
import contextlib
import errno
import hashlib
import shutil
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from posesim.errors import PosesimError

from ..compute.workers import Workers, WorkersClosed
from ..live.messages import EndReason
from ..store import Store
from ..store.exercises import Exercise, Kind, Trim
from ..uploads import full_disk, require_room, write_file
from .clips import check_clip, check_trim, draw_thumbnail, media_type, picture_at
from .reference_files import ReferenceFiles

logger = structlog.get_logger(__name__)

UNEXPECTED = "This clip could not be turned into a reference. Try another file or format."
NO_ROOM = (
    "The server's disk had no room for this reference. Ask whoever runs this server to make room, "
    "then upload the clip again."
)
FRAMES_AT_ONCE = 2  # that are searched for in clips; each keeps a thread busy
FRAMES_A_USER = 4  # asked for and not answered yet


class ClipGone(PosesimError):
    """A clip whose file was removed by other hands."""

    def __init__(self) -> None:
        super().__init__("The clip's file is gone. Delete this exercise and upload it again.")


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


@dataclass(eq=False)
class _Work:
    """A reference that is to be made, and how much of it is. Only an exercise's newest counts."""

    exercise: Exercise
    progress: float = 0.0


class Exercises:
    """Receives clips and embeds them one after the other, when no live session needs the network.

    Args:
        folder: The data folder.
        end_sessions: Ends what runs against an exercise that is deleted or cut.
    """

    def __init__(
        self,
        *,
        folder: Path,
        store: Store,
        workers: Workers,
        end_sessions: Callable[[str, EndReason], Awaitable[object]],
        max_upload_bytes: int,
        max_clip_s: float,
    ) -> None:
        self.files = ReferenceFiles(folder / "references")
        self._uploads = folder / "uploads"
        self._store = store
        self._workers = workers
        self._end_sessions = end_sessions
        self._max_upload_bytes = max_upload_bytes
        self._max_clip_s = max_clip_s
        self._work: dict[str, _Work] = {}  # what is waiting or being embedded, by exercise
        self._waiting: asyncio.Queue[_Work] = asyncio.Queue()
        self._changing = asyncio.Lock()  # rows and files change together
        self._searching = asyncio.Semaphore(FRAMES_AT_ONCE)
        self._frames_asked: Counter[str] = Counter()  # by user
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tidy up after a stop in the middle of something, and take up what it interrupted."""
        await asyncio.to_thread(self._make_folders)
        for exercise in await self._store.exercises.unfinished():
            self._enqueue(exercise)
        self._task = asyncio.create_task(self._embed_all(), name="embedding")

    async def close(self) -> None:
        """Stop embedding; `start` of the next run takes up what is unfinished."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def reference(self, exercise: Exercise) -> Path:
        """Where the reference of an exercise in state `ready` is."""
        return self.files.reference(exercise)

    def progress(self, exercise: Exercise) -> float:
        """How much of it is embedded, 0 to 1."""
        if exercise.state == "ready":
            return 1.0
        work = self._work.get(exercise.id)
        return work.progress if work else 0.0

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
                async with self._changing:
                    try:
                        self.files.keep(clip, thumbnail, user_id, sha256)
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
                        await self._remove_unused(user_id, sha256)
                        raise
        self._enqueue(exercise)
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
        self._work.pop(exercise_id, None)  # the embedding task sees this and stops
        await self._end_sessions(exercise_id, "reference_deleted")
        async with self._changing:
            deleted = await self._store.exercises.delete(user_id, exercise_id)
            await self._remove_unused(user_id, exercise.clip_sha256)
        return deleted

    async def end_user(self, user_id: str) -> None:
        """Stop all that is done with a user's exercises, who is about to be removed."""
        for exercise in await self._store.exercises.of_user(user_id):
            self._work.pop(exercise.id, None)  # the embedding task sees this and stops
            await self._end_sessions(exercise.id, "reference_deleted")

    async def embed_again(self, exercise: Exercise, reason: str) -> None:
        """Make the reference anew from its clip, e.g. because the network is another one."""
        if exercise.id in self._work:
            return
        logger.warning("embedding again", exercise_id=exercise.id, reason=reason)
        await self._store.exercises.set_embedding(exercise.id)
        self._enqueue(exercise)

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
                return await asyncio.to_thread(picture_at, await self._clip(exercise), at_s)
        finally:
            self._frames_asked[user_id] -= 1
            self._frames_asked += Counter()  # forgets who waits for none

    def _make_folders(self) -> None:
        shutil.rmtree(self._uploads, ignore_errors=True)
        self._uploads.mkdir(mode=0o700, exist_ok=True)
        self.files.make_folder()

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

    async def _clip(self, exercise: Exercise) -> Path:
        clip = self.files.clip(exercise)
        if not await asyncio.to_thread(clip.is_file):
            raise ClipGone
        return clip

    async def _cut(
        self, exercise: Exercise, trim: Trim, others: Mapping[str, Any]
    ) -> Exercise | None:
        """Give an exercise other trim points, and begin to embed that part."""
        from_s, to_s = trim[0] or 0.0, trim[1] or exercise.clip_duration_s or 0.0
        about_part = {"state": "embedding", "error": None, "duration_s": round(to_s - from_s, 3)}
        values = {**others, **dict(zip(_TRIM, trim, strict=True)), **about_part}
        with full_disk():
            async with self._temporary() as folder:
                clip, thumbnail = await self._clip(exercise), folder / "thumbnail"
                await asyncio.to_thread(draw_thumbnail, clip, thumbnail, from_s, to_s)
                async with self._changing:
                    cut = await self._store.exercises.change(exercise.user_id, exercise.id, values)
                    if cut is None:
                        return None
                    thumbnail.replace(self.files.thumbnail(cut))
                    self._enqueue(cut)
                    await self._remove_unused(cut.user_id, cut.clip_sha256)
        await self._end_sessions(exercise.id, "reference_changed")
        return cut

    async def _remove_unused(self, user_id: str, sha256: str) -> None:
        trims = await self._store.exercises.trims(user_id, sha256)
        await asyncio.to_thread(self.files.remove_unused, user_id, sha256, trims)

    def _enqueue(self, exercise: Exercise) -> None:
        work = self._work[exercise.id] = _Work(exercise)
        self._waiting.put_nowait(work)

    def _wanted(self, work: _Work) -> bool:
        """Whether its exercise is still there and was not cut otherwise since."""
        return self._work.get(work.exercise.id) is work

    async def _embed_all(self) -> None:
        while True:
            work = await self._waiting.get()
            try:
                await self._embed(work)
            except WorkersClosed:  # the server stops; the next start takes it up again
                return
            except PosesimError as error:
                await self._failed(work, str(error))
            except Exception as error:
                logger.exception("embedding failed", exercise_id=work.exercise.id)
                # Of an error in a worker there is its traceback alone.
                no_room = f"[Errno {errno.ENOSPC}]" in str(error)
                await self._failed(work, NO_ROOM if no_room else UNEXPECTED)
            finally:
                if self._wanted(work):
                    del self._work[work.exercise.id]

    async def _failed(self, work: _Work, reason: str) -> None:
        try:
            async with self._changing:
                if self._wanted(work):
                    await self._store.exercises.set_failed(work.exercise.id, reason)
        except PosesimError:  # it stays `embedding`, and the next start tries again
            logger.exception("store failed", exercise_id=work.exercise.id)

    async def _embed(self, work: _Work) -> None:
        if not self._wanted(work):
            return
        exercise = work.exercise
        clip = await self._clip(exercise)
        into = self._uploads / f"{uuid.uuid4().hex}.npz"

        def go_on(progress: float) -> bool:
            work.progress = min(progress, 0.99)  # all of it only when it is kept
            return self._wanted(work)

        try:
            duration_s = await self._workers.embed(
                clip,
                exercise.name,
                into,
                longest_s=self._max_clip_s,
                start_s=exercise.start_s,
                end_s=exercise.end_s,
                on_progress=go_on,
            )
            async with self._changing:
                if duration_s is not None and self._wanted(work):
                    await asyncio.to_thread(into.replace, self.reference(exercise))
                    await self._store.exercises.set_ready(exercise.id, duration_s)
        finally:
            await asyncio.to_thread(into.unlink, missing_ok=True)


_TRIM = ("start_s", "end_s")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
