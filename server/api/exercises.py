"""The user's references: upload, list, look at, delete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TypeVar

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import AwareDatetime, BaseModel

from posesim.errors import VideoError

from ..exercises import Exercises, UploadTooLarge
from ..keys import CONFIG, EXERCISES, STORE
from ..problems import Problem, problem_response
from ..store.exercises import Exercise, ExerciseState
from .guard import USER
from .ids import path_id
from .operation import Operations, respond

T = TypeVar("T")

operations = Operations("Exercises")

LONGEST_NAME = 80  # characters
FORM_BYTES = 16_384  # what a form has beside the clip: the name and the boundaries
CHUNK_BYTES = 262_144
SILENCE_S = 30.0  # without a chunk; an upload that stands still would keep its file for ever
NOT_FOUND = "There is no such exercise. It may have been deleted."
NO_FILE = "This exercise's file is gone. Delete the exercise and upload its clip again."

UPLOAD_FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
        "clip": {"type": "string", "contentMediaType": "video/*"},
    },
    "required": ["name", "clip"],
}


class ExerciseOut(BaseModel):
    """An exercise as the API shows it."""

    id: str
    name: str
    state: ExerciseState
    progress: float
    error: str | None
    duration_s: float | None
    created_at: AwareDatetime
    clip_url: str
    thumbnail_url: str


class ExerciseList(BaseModel):
    """The answer to GET /v1/exercises."""

    exercises: list[ExerciseOut]


@operations.get("/v1/exercises", answer=ExerciseList)
async def list_exercises(request: web.Request) -> ExerciseList:
    """List the user's exercises, newest first."""
    library = request.app[EXERCISES]
    found = await request.app[STORE].exercises.of_user(request[USER].id)
    return ExerciseList(exercises=[_shown(exercise, library) for exercise in found])


@operations.get("/v1/exercises/{id}", answer=ExerciseOut, problems={404: NOT_FOUND})
async def get_exercise(request: web.Request) -> ExerciseOut:
    """Show one exercise; asked again and again while it is embedded."""
    return _shown(await _find(request), request.app[EXERCISES])


@operations.get("/v1/exercises/{id}/clip", produces=("video/*",), problems={404: NOT_FOUND})
async def get_clip(request: web.Request) -> web.StreamResponse:
    """Send the clip as it was uploaded, or the part that is asked for."""
    exercise = await _find(request)
    return await _file(request.app[EXERCISES].clip(exercise), exercise.clip_type)


@operations.get("/v1/exercises/{id}/thumbnail", produces=("image/jpeg",), problems={404: NOT_FOUND})
async def get_thumbnail(request: web.Request) -> web.StreamResponse:
    """Send a JPEG of a frame."""
    exercise = await _find(request)
    return await _file(request.app[EXERCISES].thumbnail(exercise), "image/jpeg")


@operations.delete("/v1/exercises/{id}", status=204, problems={404: NOT_FOUND})
async def delete_exercise(request: web.Request) -> None:
    """Delete an exercise; what runs against it ends."""
    if not await request.app[EXERCISES].delete(request[USER].id, path_id(request)):
        raise Problem(404, NOT_FOUND)


async def expect_upload(request: web.Request) -> web.StreamResponse | None:
    """Answer `Expect: 100-continue` before a byte of the clip is sent."""
    try:
        _check_size(request)
    except Problem as problem:
        response = problem_response(problem.status, problem.detail)
        response.force_close()
        return response
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None


@operations.post(
    "/v1/exercises",
    consumes={"multipart/form-data": UPLOAD_FORM},
    answer=ExerciseOut,
    status=202,
    problems={
        400: "The body is no valid form.",
        408: "The upload stopped in the middle.",
        413: "The clip is too large.",
        415: "Not sent as multipart/form-data.",
    },
    expect=expect_upload,
)
async def upload(request: web.Request) -> web.StreamResponse:
    """Receive a clip and begin to embed it."""
    _check_size(request)
    if request.content_type != "multipart/form-data":
        raise Problem(415, "Send the clip as multipart/form-data: first name, then clip.")
    try:
        exercise = await _receive(request)
    except UploadTooLarge as error:
        raise Problem(413, str(error)) from error
    except VideoError as error:
        raise Problem(422, str(error)) from error
    except (ValueError, HttpProcessingError) as error:  # how aiohttp reports a malformed body
        raise Problem(400, "The upload is not valid multipart/form-data.") from error
    return respond(
        _shown(exercise, request.app[EXERCISES]),
        status=202,
        headers={"Location": f"/v1/exercises/{exercise.id}"},
    )


def _check_size(request: web.Request) -> None:
    limit = request.app[CONFIG].max_upload_bytes
    if request.content_length is not None and request.content_length > limit + FORM_BYTES:
        raise Problem(413, str(UploadTooLarge(limit)))


async def _receive(request: web.Request) -> Exercise:
    form = await request.multipart()
    name = await _read_name(form)
    clip = await _in_time(form.next())
    if not isinstance(clip, BodyPartReader) or clip.name != "clip":
        raise Problem(422, "Send the file as the field clip, after name.")
    return await request.app[EXERCISES].receive(request[USER].id, name, _chunks(clip))


async def _read_name(form: MultipartReader) -> str:
    field = await _in_time(form.next())
    if not isinstance(field, BodyPartReader) or field.name != "name":
        raise Problem(422, "Send the field name first, then the file as clip.")
    raw = b""
    while len(raw) <= FORM_BYTES and (chunk := await _in_time(field.read_chunk(FORM_BYTES))):
        raw += chunk
    name = " ".join(raw.decode("utf-8", "replace").split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Problem(422, f"Give the exercise a name of 1 to {LONGEST_NAME} characters.")
    return name


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await _in_time(part.read_chunk(CHUNK_BYTES)):
        yield chunk


async def _in_time(reading: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(SILENCE_S):
            return await reading
    except TimeoutError as error:
        raise Problem(408, "The upload stopped in the middle. Try again.") from error


async def _find(request: web.Request) -> Exercise:
    exercise = await request.app[STORE].exercises.get(request[USER].id, path_id(request))
    if exercise is None:
        raise Problem(404, NOT_FOUND)
    return exercise


async def _file(path: Path, media_type: str) -> web.FileResponse:
    if not await asyncio.to_thread(path.is_file):
        raise Problem(404, NO_FILE)
    return web.FileResponse(path, chunk_size=CHUNK_BYTES, headers={"Content-Type": media_type})


def _shown(exercise: Exercise, library: Exercises) -> ExerciseOut:
    url = f"/v1/exercises/{exercise.id}"
    return ExerciseOut(
        id=exercise.id,
        name=exercise.name,
        state=exercise.state,
        progress=library.progress(exercise),
        error=exercise.error,
        duration_s=exercise.duration_s,
        created_at=exercise.created_at,
        clip_url=f"{url}/clip",
        thumbnail_url=f"{url}/thumbnail",
    )
