"""The library of references: the files of each exercise, and the work that embeds them.

Files live under `references/<user>/<sha256 of the clip>/`: `clip` as it was uploaded,
`thumbnail.jpg` and `reference.npz`. Rows with the same content share them.
"""

import asyncio
import hashlib
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

import cv2
import structlog

from posesim.errors import PosesimError, TooLong, TooShort
from posesim.video import probe, read_frames

from .store import Store
from .store.exercises import Exercise
from .workers import Workers, WorkersClosed

logger = structlog.get_logger(__name__)

SHORTEST_CLIP_S = 2.55  # a window is 2.56 s; embedding counts the frames, this looks at the header
THUMBNAIL_SIDE = 480  # pixels, the longer one
THUMBNAIL_AT_S = 4.0  # at most; everything before it is decoded
UNEXPECTED = "This clip could not be turned into a reference. Try another file or format."


class UploadTooLarge(PosesimError):
    """A clip above the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The clip is larger than {limit_bytes / 1e6:.0f} MB. Upload a shorter one, or one of "
            "lower resolution."
        )


class ClipGone(PosesimError):
    """A clip whose file was removed by other hands."""

    def __init__(self) -> None:
        super().__init__("The clip's file is gone. Delete this exercise and upload it again.")


class Exercises:
    """Receives clips and embeds them one after the other, when no live session needs the network.

    Args:
        folder: The data folder.
        end_sessions: Ends what runs against an exercise that is deleted.
    """

    def __init__(
        self,
        *,
        folder: Path,
        store: Store,
        workers: Workers,
        end_sessions: Callable[[str], Awaitable[object]],
        max_upload_bytes: int,
        max_clip_s: float,
    ) -> None:
        self._references = folder / "references"
        self._uploads = folder / "uploads"
        self._store = store
        self._workers = workers
        self._end_sessions = end_sessions
        self._max_upload_bytes = max_upload_bytes
        self._max_clip_s = max_clip_s
        self._progress: dict[str, float] = {}  # of what is waiting or being embedded
        self._waiting: asyncio.Queue[Exercise] = asyncio.Queue()
        self._files = asyncio.Lock()  # rows and files change together
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

    def clip(self, exercise: Exercise) -> Path:
        """Where the clip is, as it was uploaded."""
        return self._folder(exercise) / "clip"

    def thumbnail(self, exercise: Exercise) -> Path:
        """Where a JPEG of the clip is; there may be none."""
        return self._folder(exercise) / "thumbnail.jpg"

    def reference(self, exercise: Exercise) -> Path:
        """Where the reference of an exercise in state `ready` is."""
        return self._folder(exercise) / "reference.npz"

    def progress(self, exercise: Exercise) -> float:
        """How much of it is embedded, 0 to 1."""
        if exercise.state == "ready":
            return 1.0
        return self._progress.get(exercise.id, 0.0)

    async def receive(self, user_id: str, name: str, chunks: AsyncIterator[bytes]) -> Exercise:
        """Keep an uploaded clip and begin to embed it. Whatever goes wrong, no file is left.

        Raises:
            UploadTooLarge: As soon as more than the limit arrived.
            VideoError: If it is no video, too short or too long.
        """
        # Errors name the file, so it is called what the user called it: the clip.
        temporary = self._uploads / uuid.uuid4().hex / "clip"
        try:
            sha256 = await self._write(temporary, chunks)
            duration_s = await asyncio.to_thread(check_clip, temporary, self._max_clip_s)
            clip_type = await asyncio.to_thread(media_type, temporary)
            picture = await asyncio.to_thread(draw_thumbnail, temporary, duration_s)
            async with self._files:
                folder = self._references / user_id / sha256
                await asyncio.to_thread(_keep, temporary, picture, folder)
                try:
                    exercise = await self._store.exercises.add(
                        user_id,
                        name=name,
                        clip_sha256=sha256,
                        clip_type=clip_type,
                        duration_s=duration_s,
                    )
                except BaseException:
                    await self._remove_unused(user_id, sha256)
                    raise
        finally:
            await asyncio.to_thread(shutil.rmtree, temporary.parent, ignore_errors=True)
        self._enqueue(exercise)
        return exercise

    async def delete(self, user_id: str, exercise_id: str) -> bool:
        """Remove an exercise, its files, and end what runs against it; False if there is none."""
        exercise = await self._store.exercises.get(user_id, exercise_id)
        if exercise is None:
            return False
        self._progress.pop(exercise_id, None)  # the embedding task sees this and stops
        await self._end_sessions(exercise_id)
        async with self._files:
            deleted = await self._store.exercises.delete(user_id, exercise_id)
            await self._remove_unused(user_id, exercise.clip_sha256)
        return deleted

    async def embed_again(self, exercise: Exercise, reason: str) -> None:
        """Make the reference anew from its clip, e.g. because the network is another one."""
        if exercise.id in self._progress:
            return
        logger.warning("embedding again", exercise_id=exercise.id, reason=reason)
        await self._store.exercises.set_embedding(exercise.id)
        self._enqueue(exercise)

    def _folder(self, exercise: Exercise) -> Path:
        return self._references / exercise.user_id / exercise.clip_sha256

    def _make_folders(self) -> None:
        shutil.rmtree(self._uploads, ignore_errors=True)
        for folder in (self._uploads, self._references):
            folder.mkdir(mode=0o700, exist_ok=True)

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> str:
        digest = hashlib.sha256()
        size = 0
        # Opened here and not in a thread: a cancellation can't come between the file and `finally`.
        with _create(path) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._max_upload_bytes:
                    raise UploadTooLarge(self._max_upload_bytes)
                await asyncio.to_thread(_append, file, digest, chunk)
        return digest.hexdigest()

    async def _remove_unused(self, user_id: str, sha256: str) -> None:
        if not await self._store.exercises.uses_clip(user_id, sha256):
            folder = self._references / user_id / sha256
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _enqueue(self, exercise: Exercise) -> None:
        self._progress[exercise.id] = 0.0
        self._waiting.put_nowait(exercise)

    async def _embed_all(self) -> None:
        while True:
            exercise = await self._waiting.get()
            try:
                await self._embed(exercise)
            except WorkersClosed:  # the server stops; the next start takes it up again
                return
            except PosesimError as error:
                await self._failed(exercise, str(error))
            except Exception:
                logger.exception("embedding failed", exercise_id=exercise.id)
                await self._failed(exercise, UNEXPECTED)
            finally:
                self._progress.pop(exercise.id, None)

    async def _failed(self, exercise: Exercise, reason: str) -> None:
        try:
            await self._store.exercises.set_failed(exercise.id, reason)
        except PosesimError:  # it stays `embedding`, and the next start tries again
            logger.exception("store failed", exercise_id=exercise.id)

    async def _embed(self, exercise: Exercise) -> None:
        if exercise.id not in self._progress:
            return
        if not await asyncio.to_thread(self.clip(exercise).exists):
            raise ClipGone
        into = self._uploads / f"{uuid.uuid4().hex}.npz"

        def go_on(progress: float) -> bool:
            wanted = exercise.id in self._progress  # not since it was deleted
            if wanted:
                self._progress[exercise.id] = progress
            return wanted

        try:
            duration_s = await self._workers.embed(
                self.clip(exercise),
                exercise.name,
                into,
                longest_s=self._max_clip_s,
                on_progress=go_on,
            )
            async with self._files:
                if duration_s is not None and exercise.id in self._progress:
                    await asyncio.to_thread(into.replace, self.reference(exercise))
                    await self._store.exercises.set_ready(exercise.id, duration_s)
        finally:
            await asyncio.to_thread(into.unlink, missing_ok=True)


def check_clip(path: Path, max_clip_s: float) -> float:
    """Return how long the clip says it is, in seconds.

    Raises:
        VideoError: If it is no video, too short or too long.
    """
    duration_s = probe(path).duration_s
    if duration_s < SHORTEST_CLIP_S:
        raise TooShort(path.name, duration_s)
    if duration_s > max_clip_s:
        raise TooLong(path.name, max_clip_s)
    return duration_s


def media_type(path: Path) -> str:
    """Return the container's media type, by its first bytes; never one that a browser runs."""
    with path.open("rb") as file:
        start = file.read(64)
    if start[4:8] == b"ftyp":
        return "video/quicktime" if start[8:12] == b"qt  " else "video/mp4"
    if start[:4] == b"\x1a\x45\xdf\xa3":  # EBML, whose DocType comes soon after
        return "video/webm" if b"webm" in start else "video/x-matroska"
    if start[:4] == b"RIFF":
        return "video/x-msvideo"
    return "application/octet-stream"


def draw_thumbnail(path: Path, duration_s: float) -> bytes:
    """Return a JPEG of a frame from the middle of the clip, or from early in a long one.

    Raises:
        VideoError: If no frame can be decoded.
    """
    wanted_s = min(duration_s / 2, THUMBNAIL_AT_S)
    for frame in read_frames(path, largest_side=THUMBNAIL_SIDE):
        picture = frame.rgb
        if frame.time_s >= wanted_s:
            break
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return jpeg.tobytes()


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700)
    return path.open("xb")


def _append(file: BinaryIO, digest: "hashlib._Hash", chunk: bytes) -> None:
    digest.update(chunk)
    file.write(chunk)


def _keep(clip: Path, picture: bytes, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = clip.with_name("thumbnail.jpg")
    beside.write_bytes(picture)
    beside.replace(folder / "thumbnail.jpg")
    clip.replace(folder / "clip")
