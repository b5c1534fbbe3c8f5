"""Offline comparison: take a video, and what to compare it with."""

import contextlib
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from aiohttp import BodyPartReader, web

from ..background.job_drafts import Draft, NotWanted, VideosGone
from ..background.jobs import TooManyJobs
from ..keys import CONFIG, JOBS, STORE
from ..problems import Problem
from ..store.jobs import LONGEST_NAME, Job
from .allowed import require_consent, require_fit
from .exercises import NOT_FOUND as NO_EXERCISE
from .guard import USER
from .ids import as_id
from .jobs import RETRY_S, JobOut, shown
from .multipart import PROBLEMS, check_size, chunks, expecting, kept, parts, read_text
from .operation import Operations, respond
from .sessions import usable_reference

operations = Operations("Offline comparison")

BOTH_OR_NONE = (
    "Send what to compare with once: reference_id, an exercise's id, or reference, a video file."
)
NO_VIDEO = "Send the video as the field video."
_VIDEO = {"type": "string", "contentMediaType": "video/*"}
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reference_id": {"type": "string", "description": "An exercise; or send `reference`."},
        "reference": {**_VIDEO, "description": "A video; or send `reference_id`."},
        "video": _VIDEO,
    },
    "required": ["video"],
    "additionalProperties": False,
}


def _check_size(request: web.Request) -> None:
    check_size(request, request.app[CONFIG].max_upload_bytes, files=2)


@operations.post(
    "/predict",
    consumes={"multipart/form-data": FORM},
    answer=JobOut,
    status=202,
    answer_headers={"Location": "The job's address."},
    problems={
        **PROBLEMS,
        403: "The user has not allowed it.",
        404: NO_EXERCISE,
        409: "The exercise is not ready.",
        429: "Enough of the user's videos wait.",
    },
    expect=expecting(_check_size),
)
async def predict(request: web.Request) -> web.StreamResponse:
    """Receive a video, to be compared with an exercise or with another video.

    The fields come in any order. The videos are deleted as soon as the comparison is over.
    """
    _check_size(request)
    await require_consent(request, "scoring")
    require_fit(request)
    jobs = request.app[JOBS]
    try:
        with kept():
            async with jobs.draft(request[USER].id, request.content_length or 0) as draft:
                job = await _receive(request, draft)
    except TooManyJobs as error:
        raise Problem(429, str(error), {"Retry-After": str(RETRY_S)}) from error
    except (NotWanted, VideosGone) as error:
        raise Problem(409, str(error)) from error
    return respond(
        shown(request, job),
        status=202,
        headers={"Location": f"/v1/jobs/{job.id}", "Cache-Control": "no-store"},
    )


@dataclass
class _Fields:
    """What has arrived; None is not there."""

    exercise_id: str | None = None
    reference_name: str | None = None
    video_name: str | None = None


async def _receive(request: web.Request, draft: Draft) -> Job:
    fields = _Fields()
    async with contextlib.aclosing(parts(request, frozenset(FORM["properties"]))) as form:
        async for part in form:
            if part.name == "video":
                fields.video_name = file_name(part, "video")
                await draft.keep("video", chunks(part))
                continue
            if fields.reference_name is not None:
                raise Problem(422, BOTH_OR_NONE)
            if part.name == "reference":
                # As `posesim compare` calls it: without its suffix.
                fields.reference_name = PurePosixPath(file_name(part, "reference")).stem
                await draft.keep("reference", chunks(part))
            else:
                await _take_exercise(request, draft, fields, await read_text(part))
    if fields.reference_name is None:
        raise Problem(422, BOTH_OR_NONE)
    if fields.video_name is None:
        raise Problem(422, NO_VIDEO)
    return await request.app[JOBS].submit(
        draft,
        video_name=fields.video_name,
        exercise_id=fields.exercise_id,
        reference_name=fields.reference_name,
    )


async def _take_exercise(
    request: web.Request, draft: Draft, fields: _Fields, exercise_id: str
) -> None:
    exercise = await request.app[STORE].exercises.visible(
        request[USER].id, as_id(exercise_id.strip())
    )
    if exercise is None:
        raise Problem(404, NO_EXERCISE)
    usable = await usable_reference(request, exercise)
    await draft.keep_exercise(exercise, usable.file)
    fields.exercise_id, fields.reference_name = exercise.id, exercise.name


def file_name(part: BodyPartReader, otherwise: str) -> str:
    """What the user calls a file: for people to read, never for the disk."""
    last = PureWindowsPath(part.filename or "").name  # which knows both kinds of slashes
    printable = "".join(char if char.isprintable() else " " for char in last)
    return " ".join(printable.split())[:LONGEST_NAME].strip() or otherwise
