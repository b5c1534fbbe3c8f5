"""Offline comparisons: list them, see what came of one, follow it, cancel it."""

import asyncio
import itertools
from typing import Any

import structlog
from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from ..background.job_progress import Progress, ProgressBoard, Stage, TooManyListeners
from ..database import StoreError
from ..keys import JOBS, STORE
from ..problems import Problem
from ..store.jobs import Job, JobState
from .event_stream import MEDIA_TYPE, EventStream, ListenerGone
from .guard import USER
from .ids import path_id
from .operation import Operations

logger = structlog.get_logger(__name__)

operations = Operations("Offline comparison")

NOT_FOUND = "There is no such job. It may have been removed."
HEARTBEAT_S = 15.0
LONGEST_S = 900.0  # of following; then a client has to show a token again
OVER = "over"  # the id of the last event
RETRY_S = 60


class JobOut(BaseModel):
    """A job as the API shows it.

    Attributes:
        progress: 0 to 1.
        result: What `posesim compare --json` gives; null also in lists.
        session_id: What was added to the history.
    """

    id: str
    state: JobState
    progress: float
    stage: Stage | None
    video_name: str
    reference_name: str
    exercise_id: str | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    error: str | None
    session_id: str | None
    result: dict[str, Any] | None


class JobList(BaseModel):
    """The answer to GET /v1/jobs."""

    jobs: list[JobOut]


class ProgressOut(BaseModel):
    """What an event `progress` says."""

    progress: float
    stage: Stage | None


class JobPage(BaseModel):
    """Which jobs are asked for."""

    limit: int = Field(default=50, ge=1, le=100)


@operations.get("/v1/jobs", query=JobPage, answer=JobList)
async def list_jobs(request: web.Request, query: JobPage) -> JobList:
    """List the user's jobs, newest first, without results."""
    found = await request.app[STORE].jobs.of_user(request[USER].id, limit=query.limit)
    return JobList(jobs=[shown(request, job) for job in found])


@operations.get("/v1/jobs/{id}", answer=JobOut, problems={404: NOT_FOUND})
async def get_job(request: web.Request) -> JobOut:
    """Show one job, with its result when it is done."""
    return shown(request, await _find(request))


@operations.delete("/v1/jobs/{id}", status=204, problems={404: NOT_FOUND})
async def delete_job(request: web.Request) -> None:
    """Cancel a job; one that is over is removed. What it added to the history stays there."""
    if not await request.app[JOBS].drop(request[USER].id, path_id(request)):
        raise Problem(404, NOT_FOUND)


@operations.get(
    "/v1/jobs/{id}/events",
    produces=(MEDIA_TYPE,),
    problems={404: NOT_FOUND, 429: "The user follows too many jobs at once."},
)
async def follow_job(request: web.Request) -> web.StreamResponse:
    """Tell how far a job has come until it is over, as server-sent events.

    Each `progress` says progress and stage; the last event is called `done`, `failed` or
    `cancelled` and says the whole job. Whoever has got that one and asks again is told by 204 to
    stop asking.
    """
    job = await _find(request)
    if request.headers.get("Last-Event-ID") == OVER and job.over:
        return web.Response(status=204)
    if request.method == "HEAD":
        return web.Response(content_type=MEDIA_TYPE)
    stream, board = EventStream(), request.app[JOBS].board
    try:
        with board.listening(request[USER].id):
            await stream.open(request)
            async with asyncio.timeout(LONGEST_S):
                await _tell(stream, board, job.id)
            ended = await request.app[STORE].jobs.get(job.user_id, job.id)
            if ended is not None and ended.over:  # and not removed, nor the server stopping
                await stream.send(ended.state, shown(request, ended).model_dump_json(), OVER)
    except TooManyListeners as error:
        raise Problem(429, str(error), {"Retry-After": str(RETRY_S)}) from error
    except (ListenerGone, TimeoutError):
        logger.debug("a listener left", job_id=job.id)
    except StoreError:  # too late for a status; the client asks again
        logger.exception("a listener can't be told", job_id=job.id)
    return stream.response


async def _tell(stream: EventStream, board: ProgressBoard, job_id: str) -> None:
    """Tell every change until the job is over or the server stops."""
    for number in itertools.count():
        progress = board.get(job_id)
        if progress is None or board.closed:
            return
        told = ProgressOut(progress=progress.share, stage=progress.stage)
        await stream.send("progress", told.model_dump_json(), str(number))
        while board.get(job_id) == progress and not board.closed:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await board.changed(job_id, progress)
            except TimeoutError:
                await stream.beat()


async def _find(request: web.Request) -> Job:
    job = await request.app[STORE].jobs.get(request[USER].id, path_id(request))
    if job is None:
        raise Problem(404, NOT_FOUND)
    return job


def shown(request: web.Request, job: Job) -> JobOut:
    """A job as the API shows it."""
    progress = request.app[JOBS].board.get(job.id) or Progress(float(job.state == "done"))
    return JobOut(**vars(job), progress=progress.share, stage=progress.stage)
