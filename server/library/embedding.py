"""References made from clips, one after the other, when no live session needs the network."""

import asyncio
import errno
import uuid
from dataclasses import dataclass
from pathlib import Path

import structlog

from posesim.errors import PosesimError

from ..background.turns import Turns
from ..compute.errors import WorkersClosed
from ..compute.workers import Workers
from ..database import StoreError
from ..objects.base import ObjectsError
from ..store.exercises import Exercise, ExerciseRows
from .reference_files import Reader, ReferenceFiles

logger = structlog.get_logger(__name__)

UNEXPECTED = "This clip could not be turned into a reference. Try another file or format."
NO_ROOM = (
    "The server's disk had no room for this reference. Ask whoever runs this server to make room, "
    "then upload the clip again."
)
PAUSE_S = 5.0  # after the files could not be kept


@dataclass(eq=False)
class _Work:
    """A reference that is to be made, and how much of it is. Only an exercise's newest counts."""

    exercise: Exercise
    progress: float = 0.0


class Embedding:
    """Makes references, and writes down what came of it.

    Args:
        files: Has the clips, and takes the references.
        store: The exercises' rows.
        workers: Have the network.
        folder: For what is not whole yet.
        longest_s: How long a clip may be.
    """

    def __init__(
        self,
        *,
        files: ReferenceFiles,
        store: ExerciseRows,
        workers: Workers,
        folder: Path,
        longest_s: float,
    ) -> None:
        self._files = files
        self._store = store
        self._workers = workers
        self._folder = folder
        self._longest_s = longest_s
        self._work: dict[str, _Work] = {}  # what is waiting or being embedded, by exercise
        self._waiting: asyncio.Queue[_Work] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def here(self) -> set[str]:
        """The exercises that wait to be embedded here, or are being."""
        return set(self._work)

    def start(self) -> None:
        """Begin with what was added, and go on until closed."""
        self._task = asyncio.create_task(self._embed_all(), name="embedding")

    async def close(self) -> None:
        """Stop; what is unfinished is taken up by the next run."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, exercise: Exercise) -> None:
        """Embed an exercise, in place of what it was when it was added before."""
        work = self._work[exercise.id] = _Work(exercise)
        self._waiting.put_nowait(work)

    def drop(self, exercise_id: str) -> None:
        """Don't embed an exercise any more; whoever is at it sees this and stops."""
        self._work.pop(exercise_id, None)

    def progress(self, exercise: Exercise) -> float:
        """How much of it is embedded, 0 to 1."""
        if exercise.state == "ready":
            return 1.0
        work = self._work.get(exercise.id)
        return work.progress if work else 0.0

    # What was left unfinished

    async def take_up(self, turns: Turns) -> None:
        """Embed what is still to be embedded and no other node has."""
        unfinished = {each.id: each for each in await self._store.unfinished()}
        for exercise_id in set(unfinished) - await turns.elsewhere(unfinished):
            if exercise_id not in self._work:
                self.add(unfinished[exercise_id])

    async def take_up_later(self, turns: Turns) -> None:
        """Look for what a node left that died, until cancelled.

        A clip that has just come is nobody's until the next beat of its node, so it has to be so at
        two looks.
        """
        assert turns.look_s is not None, "there are other nodes"
        left: set[str] = set()
        while True:
            await asyncio.sleep(turns.look_s)
            try:
                left = await self._take_up_of(left, turns)
            except StoreError:  # it may be back at the next look
                left = set()
            except Exception:
                logger.exception("what other nodes left could not be taken up")

    async def _take_up_of(self, left: set[str], turns: Turns) -> set[str]:
        """Take up what was nobody's before and is still; return what is nobody's now."""
        unfinished = {each.id: each for each in await self._store.unfinished()}
        nobodys = set(unfinished) - await turns.elsewhere(unfinished) - self.here
        for exercise_id in left & nobodys:
            if await turns.claim(exercise_id):
                self.add(unfinished[exercise_id])
                turns.let_go(exercise_id)  # `here` says from now on that this node has it
        return nobodys

    # One after the other

    async def _embed_all(self) -> None:
        while True:
            work = await self._waiting.get()
            try:
                await self._embed(work)
            except WorkersClosed:  # the server stops; the next start takes it up again
                return
            except ObjectsError:  # it may recover; the exercise stays `embedding`
                logger.warning("embedding has to wait", exercise_id=work.exercise.id)
                await asyncio.sleep(PAUSE_S)
                if self._wanted(work):
                    self.add(work.exercise)
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

    async def _embed(self, work: _Work) -> None:
        if not self._wanted(work):
            return
        exercise = work.exercise
        reader = Reader()
        clip = await self._files.held_clip(exercise, reader)
        into = self._folder / f"{uuid.uuid4().hex}.npz"

        def go_on(progress: float) -> bool:
            work.progress = min(progress, 0.99)  # all of it only when it is kept
            return self._wanted(work)

        try:
            duration_s = await self._workers.embed(
                clip,
                exercise.name,
                into,
                longest_s=self._longest_s,
                start_s=exercise.start_s,
                end_s=exercise.end_s,
                on_progress=go_on,
            )
            async with self._files.changing(exercise.user_id, exercise.clip_sha256):
                if duration_s is not None and self._wanted(work):
                    await self._files.keep_reference(into, exercise)
                    await self._store.set_ready(exercise.id, duration_s)
        finally:
            await asyncio.to_thread(into.unlink, missing_ok=True)

    async def _failed(self, work: _Work, reason: str) -> None:
        try:
            async with self._files.alone(work.exercise.user_id, work.exercise.clip_sha256):
                if self._wanted(work):
                    await self._store.set_failed(work.exercise.id, reason)
        except PosesimError:  # it stays `embedding`, and the next start tries again
            logger.exception("store failed", exercise_id=work.exercise.id)

    def _wanted(self, work: _Work) -> bool:
        """Whether its exercise is still there and was not cut otherwise since."""
        return self._work.get(work.exercise.id) is work
