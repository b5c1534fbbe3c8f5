"""Offline comparisons: videos that wait for their turn, and the one task that compares them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from posesim.errors import PosesimError
from posesim.video_comparison import Comparison

from ..compute.errors import WorkersClosed
from ..compute.network import compare_with
from ..compute.workers import Workers
from ..database import StoreError, new_id
from ..objects.base import Objects, ObjectsError
from ..store import Store
from ..store.exercises import Exercise
from ..store.jobs import Job, JobState
from ..traces import Traces
from ..uploads import full_disk, require_room
from .job_drafts import Draft, NotWanted, VideosGone
from .job_files import JobFiles, JobFolder
from .job_progress import Progress, ProgressBoard, Stage
from .turns import EveryTurn, Turns

logger = structlog.get_logger(__name__)

MOST_WAITING = 5  # of one user, with the one that runs and those that are being sent
MOST_KEPT = 100  # of one user, over; a result takes about a kilobyte a second of video
LONGEST_WORK_S = 7200.0  # on one job, so that none holds up all others for good
PAUSE_S = 5.0  # after the database or the disk could not be used
UNEXPECTED = "This video could not be compared. Try another file or format."


class TooManyJobs(PosesimError):
    """One user has sent enough for now."""

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_WAITING} of your videos wait already. Send this one when another is done, or "
            "cancel one of them."
        )


class TookTooLong(PosesimError):
    """A job that would hold up all others."""

    def __init__(self) -> None:
        super().__init__("This comparison took too long and was given up. Send a shorter video.")


class Jobs:
    """Takes videos and compares them one after the other, when no live session needs the network.

    The queue is in the database, so that a stop loses nothing: what was cut short begins anew.

    Args:
        folder: The data folder.
        objects: Keeps the files; None keeps them in the data folder.
        store: The database.
        workers: Who compare.
        max_upload_bytes: Of each file.
        max_clip_s: Of a reference.
        max_video_s: Of a video.
        traces: Told how long each job took, and what came of it.
        on_over: Told of each job that is over, without its result.
        turns: Which jobs other nodes have.
    """

    def __init__(
        self,
        *,
        folder: Path,
        objects: Objects | None = None,
        store: Store,
        workers: Workers,
        max_upload_bytes: int,
        max_clip_s: float,
        max_video_s: float,
        traces: Traces | None = None,
        on_over: Callable[[Job], Awaitable[object]],
        turns: Turns | None = None,
    ) -> None:
        self.board = ProgressBoard()
        self._data = folder
        self._files = JobFiles(folder, objects)
        self._store = store
        self._workers = workers
        self._max_upload_bytes = max_upload_bytes
        self._max_clip_s = max_clip_s
        self._max_video_s = max_video_s
        self._traces = traces or Traces()
        self._on_over = on_over
        self._turns = turns or EveryTurn()
        self._drafts: dict[str, Draft] = {}
        self._changed = asyncio.Event()  # there may be something to do
        self._closing = False
        self._runner: asyncio.Task[None] | None = None
        self._running: tuple[str, asyncio.Task[Comparison]] | None = None  # a job and its work

    async def start(self) -> None:
        """Tidy up after a stop in the middle of something, and take up what it interrupted."""
        await asyncio.to_thread(self._files.prepare)
        await self._sweep()
        for job in await self._store.jobs.unfinished():
            self.board.show(job.id, Progress())
        self._runner = asyncio.create_task(self._run(), name="jobs")

    async def close(self) -> None:
        """Stop comparing; `start` of the next run takes up what is unfinished."""
        self._closing = True
        self.board.close()
        self._changed.set()
        if self._running:
            self._running[1].cancel()
        if self._runner:
            await self._runner

    # From outside

    @asynccontextmanager
    async def draft(self, user_id: str, announced_bytes: int = 0) -> AsyncIterator[Draft]:
        """Make room for a job's files; they are removed at the end unless it was submitted.

        Raises:
            TooManyJobs: If the user has sent enough for now.
            DiskFull: If as much as is announced does not fit on the disk.
        """
        draft_id = new_id()
        draft = Draft(draft_id, user_id, self._files.of(draft_id), self._max_upload_bytes)
        self._drafts[draft.id] = draft  # counted before anything is awaited
        try:
            await self._turns.claim(draft.id)  # so that no other node takes it, or its files
            mine = sum(each.user_id == user_id for each in self._drafts.values())
            if mine + len(await self._store.jobs.unfinished_of(user_id)) > MOST_WAITING:
                raise TooManyJobs
            await asyncio.to_thread(require_room, self._data, announced_bytes)
            with full_disk():
                await asyncio.to_thread(self._files.make, draft.id)
            yield draft
        finally:
            if self._drafts.pop(draft.id, None):
                self._turns.let_go(draft.id)
                await asyncio.to_thread(self._files.remove, draft.id)

    async def submit(
        self, draft: Draft, *, video_name: str, exercise_id: str | None, reference_name: str
    ) -> Job:
        """Queue a draft whose files are all there.

        Raises:
            NotWanted: If the user's jobs were ended meanwhile.
            StoreError: If the exercise was deleted meanwhile.
            ObjectsError: If its files can't be kept where other servers can read them.
            DiskFull: If there is no room for them there.
        """
        try:
            await self._files.publish(draft.id)
            job = await self._store.jobs.add(
                draft.user_id,
                draft.id,
                video_name=video_name,
                exercise_id=exercise_id,
                reference_name=reference_name,
                keep=MOST_KEPT,
            )
        except BaseException:
            with contextlib.suppress(ObjectsError):  # `tidy` tries again
                await self._files.discard(draft.id)
            raise
        self._drafts.pop(draft.id)
        self._show(job.id, Progress())
        if not draft.wanted:
            await self._cancel(job)
            raise NotWanted
        self._changed.set()
        return job

    async def drop(self, user_id: str, job_id: str) -> bool:
        """Cancel a job, or forget one that is over; False if the user has no such job."""
        job = await self._store.jobs.get(user_id, job_id)
        if job is None:
            return False
        if job.over:
            return await self._store.jobs.remove(user_id, job_id)
        await self._cancel(job)
        return True

    async def end_user(self, user_id: str) -> None:
        """Cancel everything of a user; no file of theirs is left."""
        for draft in list(self._drafts.values()):
            if draft.user_id == user_id:
                draft.wanted = False
                await asyncio.to_thread(self._files.remove, draft.id)
        for job in await self._store.jobs.unfinished_of(user_id):
            await self._cancel(job)

    async def tidy(self, at: datetime) -> None:
        """Remove files that were left somewhere else before `at`, of jobs that are not any more.

        Raises:
            ObjectsError: If they can't be reached.
        """
        wanted = {job.id for job in await self._store.jobs.unfinished()}
        await self._files.discard_forgotten(wanted | set(self._drafts), at)

    # What other nodes tell

    async def goes_on(self, job_id: str, share: float, stage: Stage | None) -> None:
        """Another node does a job, and is so far."""
        self.board.show(job_id, Progress(share, stage))

    async def was_over(self, job_id: str) -> None:
        """A job is over; if it is done here, its user cancelled it elsewhere."""
        if self._running and self._running[0] == job_id:
            self._running[1].cancel()
        self._turns.let_go(job_id)
        self.board.remove(job_id)
        self._changed.set()

    # The one task

    async def _run(self) -> None:
        while not self._closing:
            self._changed.clear()
            pause_s = self._turns.look_s
            try:
                await self._sweep()
                if job := await self._take():
                    await self._serve(job)
                    continue
            except WorkersClosed:  # the server stops
                return
            except (StoreError, ObjectsError) as error:  # they may be back
                logger.warning("jobs have to wait", error=str(error))
                pause_s = PAUSE_S
            except Exception:  # of the disk, perhaps, which may recover
                logger.exception("jobs have to wait")
                pause_s = PAUSE_S
            await self._wait(pause_s)

    async def _take(self) -> Job | None:
        """The next job that no other node has."""
        while True:
            ids = [job.id for job in await self._store.jobs.unfinished()]
            job = await self._store.jobs.take(but=await self._turns.elsewhere(ids))
            if job is None or await self._turns.claim(job.id):
                return job

    def _show(self, job_id: str, progress: Progress) -> None:
        """Show how far a job is that is done here, on all nodes."""
        if self.board.get(job_id) != progress:
            self.board.show(job_id, progress)
            self._turns.tell(
                "job_progress", job_id=job_id, share=progress.share, stage=progress.stage
            )

    async def _wait(self, longest_s: float | None) -> None:
        """Wait until there may be something to do."""
        try:
            async with asyncio.timeout(longest_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _serve(self, job: Job) -> None:
        """Do a job.

        Raises:
            WorkersClosed: If the server stops.
            StoreError: If what came of it can't be stored; it is done again later.
        """
        if self._closing:
            return
        begun_s, state = time.monotonic(), "interrupted"
        try:
            state = await self._do(job)
        finally:
            self._traces.note("job", begun_s, time.monotonic(), {"posesim.job.state": state})

    async def _do(self, job: Job) -> str:
        """Do a job; return its state afterwards. Raises what `_serve` does."""
        work = asyncio.create_task(self._compare(job), name=f"job {job.id}")
        self._running = (job.id, work)
        await asyncio.wait({work})
        self._running = None
        if work.cancelled():  # by its user, and that is stored; or because the server stops
            return "cancelled"
        try:
            await self._finish(job, work.result())
            return "done"
        except (WorkersClosed, StoreError, ObjectsError):
            raise
        except PosesimError as error:
            await self._end(job, "failed", str(error))
        except Exception:
            logger.exception("job failed", job_id=job.id)
            await self._end(job, "failed", UNEXPECTED)
        return "failed"

    async def _compare(self, job: Job) -> Comparison:
        folder = await self._files.bring(job.id)
        sizes = await asyncio.to_thread(_sizes, folder)
        first = sizes[0] / max(1, sum(sizes))  # the reference's share of the work, about

        def telling(stage: Stage, begin: float, end: float) -> Callable[[float], bool]:
            def tell(share: float) -> bool:
                # In hundredths: listeners need no more.
                self._show(job.id, Progress(round(begin + (end - begin) * share, 2), stage))
                return True

            return tell

        try:
            async with asyncio.timeout(LONGEST_WORK_S):
                if sizes[0]:
                    await self._workers.embed(
                        folder.reference,
                        job.reference_name,
                        folder.features,
                        longest_s=self._max_clip_s,
                        on_progress=telling("reference", 0.0, first),
                    )
                comparison = await self._workers.compare_file(
                    folder.video,
                    partial(compare_with, folder.features),
                    reference=job.reference_name,
                    longest_s=self._max_video_s,
                    on_progress=telling("comparing", first, 1.0),
                )
        except TimeoutError as error:
            raise TookTooLong from error
        assert comparison is not None, "nobody told it to stop"
        return comparison

    async def _finish(self, job: Job, comparison: Comparison) -> None:
        result = await asyncio.to_thread(comparison.as_json)
        sessions = self._store.sessions
        session = await sessions.add_finished(
            job.user_id, await self._exercise(job), job.reference_name, comparison
        )
        finished = False
        try:
            finished = await self._store.jobs.finish(job.id, result, session.id)
        finally:
            if not finished:  # cancelled this very moment, or done again later
                await sessions.remove(job.user_id, session.id)
        if finished:
            await self._over(replace(job, state="done", session_id=session.id))

    async def _exercise(self, job: Job) -> Exercise | None:
        """What the job's exercise was when the job was sent; None if there is none any more."""
        if job.exercise_id is None:
            return None
        exercise = await self._store.exercises.visible(job.user_id, job.exercise_id)
        if exercise is None:
            return None
        return await asyncio.to_thread(self._files.of(job.id).as_it_was, exercise)

    # The end of a job

    async def _cancel(self, job: Job) -> None:
        ended = await self._store.jobs.end(job.id, "cancelled")
        if self._running and self._running[0] == job.id:
            self._running[1].cancel()
        if ended:
            await self._over(replace(job, state="cancelled"))

    async def _end(self, job: Job, state: JobState, error: str) -> None:
        if await self._store.jobs.end(job.id, state, error):
            await self._over(replace(job, state=state, error=error))

    async def _over(self, job: Job) -> None:
        """Remove the videos of a job whose end is stored, and tell who wants to know."""
        try:
            await self._files.discard(job.id)
        except ObjectsError:
            logger.warning("the files of a job have to be removed later", job_id=job.id)
        self.board.remove(job.id)
        self._turns.let_go(job.id)
        self._turns.tell("job_over", job_id=job.id)
        logger.info("job over", job_id=job.id, state=job.state)
        try:
            await self._on_over(job)
        except StoreError:
            logger.exception("the end of a job could not be told", job_id=job.id)

    async def _sweep(self) -> None:
        """Remove the files of jobs that are over, e.g. of an account that was just removed."""
        names = await asyncio.to_thread(self._files.names)
        # In this order: a draft that is submitted meanwhile is found in one of the two.
        wanted = set(self._drafts)
        wanted |= {job.id for job in await self._store.jobs.unfinished()}
        wanted |= await self._turns.elsewhere(names - wanted)  # drafts of nodes with this folder
        await asyncio.to_thread(self._files.remove_all, names - wanted)


def _sizes(folder: JobFolder) -> tuple[int, int]:
    """Bytes of reference and video; 0 for the reference where an exercise is compared with.

    Raises:
        VideosGone: If one of them is missing.
    """
    video, reference = folder.video, folder.reference
    if not video.exists() or not (reference.exists() or folder.features.exists()):
        raise VideosGone
    return reference.stat().st_size if reference.exists() else 0, video.stat().st_size
