"""Exercises: upload, list, look at, change, delete."""

import contextlib
from collections.abc import Awaitable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from aiohttp import BodyPartReader, web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from posesim.errors import VideoError

from ..file_answer import FileAnswer
from ..keys import CONFIG, EXERCISES, STORE
from ..library.clips import BadTrim
from ..library.exercises import About, TooManyFrames
from ..library.reference_files import ClipGone
from ..objects.base import ObjectGone
from ..problems import Problem, invalid
from ..store.exercises import Exercise, ExerciseState, Kind, Visibility
from .allowed import require_consent, require_fit
from .fields import Change, ExerciseName, Target, Text
from .guard import USER
from .ids import path_id
from .multipart import CHUNK_BYTES, PROBLEMS, check_size, chunks, expecting, kept, parts, read_text
from .operation import Operations, respond

operations = Operations("Exercises")

NOT_FOUND = "There is no such exercise. It may have been deleted."
NO_FILE = "This exercise's file is gone. Delete the exercise and upload its clip again."
NOT_YOURS = "There is no such exercise of yours. Only who uploaded it can change it."
MAY_NOT_SHARE = (
    "Only a coach may show exercises to others. Ask whoever runs this server, or leave it private."
)

Seconds = Annotated[FiniteFloat, Field(ge=0, le=86_400)]


class NewExercise(BaseModel):
    """The fields of an upload beside its clip."""

    model_config = ConfigDict(extra="forbid")

    name: ExerciseName
    description: Text = ""
    kind: Kind = "repetitions"
    target: Target | None = None
    mirrored: bool = False


class ExerciseChange(Change):
    """The body of PATCH /v1/exercises/ID."""

    clearable = frozenset({"start_s", "end_s", "target"})

    name: ExerciseName | None = None
    description: Text | None = None
    start_s: Seconds | None = None
    end_s: Seconds | None = None
    mirrored: bool | None = None
    kind: Kind | None = None
    target: Target | None = None
    visibility: Visibility | None = None


class Owner(BaseModel):
    """Whose it is."""

    id: str
    name: str


class ExerciseOut(BaseModel):
    """An exercise as the API shows it to one user."""

    id: str
    owner: Owner
    mine: bool
    name: str
    description: str
    state: ExerciseState
    progress: float
    error: str | None
    duration_s: float | None
    clip_duration_s: float | None
    start_s: float | None
    end_s: float | None
    mirrored: bool
    kind: Kind
    target: int | None
    visibility: Visibility
    created_at: AwareDatetime
    clip_url: str
    thumbnail_url: str


class ExerciseList(BaseModel):
    """The answer to GET /v1/exercises."""

    exercises: list[ExerciseOut]


class Wanted(BaseModel):
    """Which exercises are asked for."""

    mine: bool = False


class Moment(BaseModel):
    """Which frame of the whole clip is asked for."""

    at_s: Seconds


@operations.get("/v1/exercises", query=Wanted, answer=ExerciseList)
async def list_exercises(request: web.Request, query: Wanted) -> ExerciseList:
    """List what the user may train with, newest first; with `mine`, only their own."""
    rows, user_id = request.app[STORE].exercises, request[USER].id
    found = await (rows.of_user(user_id) if query.mine else rows.visible_to(user_id))
    return ExerciseList(exercises=[_shown(request, exercise) for exercise in found])


@operations.get("/v1/exercises/{id}", answer=ExerciseOut, problems={404: NOT_FOUND})
async def get_exercise(request: web.Request) -> ExerciseOut:
    """Show one exercise; asked again and again while it is embedded."""
    return _shown(request, await _find(request))


@operations.patch(
    "/v1/exercises/{id}",
    body=ExerciseChange,
    answer=ExerciseOut,
    problems={403: MAY_NOT_SHARE, 404: NOT_YOURS, 507: "The disk is full."},
)
async def change_exercise(request: web.Request, body: ExerciseChange) -> ExerciseOut:
    """Change one's own exercise.

    Other trim points make its reference anew, of the part between them, and end the sessions that
    run against it.
    """
    user = request[USER]
    exercise = await request.app[STORE].exercises.get(user.id, path_id(request))
    if exercise is None:
        raise Problem(404, NOT_YOURS)
    if body.visibility not in (None, "private") and user.role == "member":
        raise Problem(403, MAY_NOT_SHARE)
    values = body.model_dump(exclude_unset=True)
    if not values.keys().isdisjoint(("start_s", "end_s")):
        require_fit(request)
    with _in_words():
        changed = await request.app[EXERCISES].change(exercise, values)
    if changed is None:
        raise Problem(404, NOT_YOURS)
    return _shown(request, changed)


@operations.get(
    "/v1/exercises/{id}/clip", produces=("video/*",), in_parts=True, problems={404: NOT_FOUND}
)
async def get_clip(request: web.Request) -> web.StreamResponse:
    """Send the whole clip as it was uploaded, or the bytes that are asked for.

    Where this server keeps its files in a bucket, the answer may be 307 with an address there that
    is good for five minutes.
    """
    exercise = await _find(request)
    files = request.app[EXERCISES].files
    if url := await files.clip_url(exercise, request.method):
        return web.Response(status=307, headers={"Location": url})
    return await _file(request, files.clip(exercise), exercise.clip_type)


@operations.get(
    "/v1/exercises/{id}/thumbnail",
    produces=("image/jpeg",),
    in_parts=True,
    problems={404: NOT_FOUND},
)
async def get_thumbnail(request: web.Request) -> web.StreamResponse:
    """Send a JPEG of a frame of the part that is trained with."""
    exercise = await _find(request)
    return await _file(request, request.app[EXERCISES].files.thumbnail(exercise), "image/jpeg")


@operations.get(
    "/v1/exercises/{id}/frame",
    query=Moment,
    produces=("image/jpeg",),
    problems={404: NOT_FOUND, 429: "Too many frames at once; wait for one."},
)
async def get_frame(request: web.Request, query: Moment) -> web.Response:
    """Send a JPEG of the frame that the whole clip shows at a time."""
    exercise = await _find(request)
    with _in_words():
        jpeg = await request.app[EXERCISES].frame(request[USER].id, exercise, query.at_s)
    return web.Response(body=jpeg, content_type="image/jpeg")


@operations.delete("/v1/exercises/{id}", status=204, problems={404: NOT_YOURS})
async def delete_exercise(request: web.Request) -> None:
    """Delete one's own exercise, also from plans; what runs against it ends."""
    if not await request.app[EXERCISES].delete(request[USER].id, path_id(request)):
        raise Problem(404, NOT_YOURS)


_BESIDE_THE_CLIP = NewExercise.model_json_schema()
UPLOAD_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        **_BESIDE_THE_CLIP["properties"],
        "clip": {"type": "string", "contentMediaType": "video/*", "description": "The last one."},
    },
    "required": [*_BESIDE_THE_CLIP["required"], "clip"],
    "additionalProperties": False,
}


def _check_size(request: web.Request) -> None:
    check_size(request, request.app[CONFIG].max_upload_bytes)


@operations.post(
    "/v1/exercises",
    consumes={"multipart/form-data": UPLOAD_FORM},
    answer=ExerciseOut,
    status=202,
    answer_headers={"Location": "The exercise's address."},
    problems=PROBLEMS,
    expect=expecting(_check_size),
)
async def upload(request: web.Request) -> web.StreamResponse:
    """Receive a clip and begin to embed it."""
    _check_size(request)
    await require_consent(request, "recording")
    require_fit(request)
    about, clip = await _read_fields(request)
    with _in_words():
        exercise = await request.app[EXERCISES].receive(
            request[USER].id, about, chunks(clip), announced_bytes=request.content_length or 0
        )
    return respond(
        _shown(request, exercise),
        status=202,
        headers={"Location": f"/v1/exercises/{exercise.id}"},
    )


async def _read_fields(request: web.Request) -> tuple[About, BodyPartReader]:
    """Read the fields before the clip; return what they say, and the clip, which is still to come.

    Raises:
        Problem: 422 if they don't fit or there is no clip, and as `parts`.
    """
    given: dict[str, str] = {}
    async for part in parts(request, frozenset(UPLOAD_FORM["properties"])):
        if part.name == "clip":
            try:
                about = NewExercise.model_validate(given)
            except ValidationError as error:
                raise invalid(error) from error
            return About(**about.model_dump()), part
        given[str(part.name)] = await read_text(part)
    raise Problem(422, "Send the file as the field clip, after the others.")


async def _find(request: web.Request) -> Exercise:
    exercise = await request.app[STORE].exercises.visible(request[USER].id, path_id(request))
    if exercise is None:
        raise Problem(404, NOT_FOUND)
    return exercise


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn what the library refuses into problems."""
    try:
        with kept():
            yield
    except (BadTrim, VideoError) as error:
        raise Problem(422, str(error)) from error
    except ClipGone as error:
        raise Problem(404, str(error)) from error
    except TooManyFrames as error:
        raise Problem(429, str(error), {"Retry-After": "1"}) from error


async def _file(
    request: web.Request, fetching: Awaitable[Path], media_type: str
) -> web.FileResponse:
    try:
        path = await fetching
    except ObjectGone as error:
        raise Problem(404, NO_FILE) from error
    request.app[EXERCISES].files.hold(path, request)
    return FileAnswer(path, chunk_size=CHUNK_BYTES, headers={"Content-Type": media_type})


def _shown(request: web.Request, exercise: Exercise) -> ExerciseOut:
    url = f"/v1/exercises/{exercise.id}"
    return ExerciseOut(
        **{name: getattr(exercise, name) for name in _AS_STORED},
        owner=Owner(id=exercise.user_id, name=exercise.owner_name),
        mine=exercise.user_id == request[USER].id,
        progress=request.app[EXERCISES].embedding.progress(exercise),
        clip_url=f"{url}/clip",
        thumbnail_url=f"{url}/thumbnail",
    )


_AS_STORED = ExerciseOut.model_fields.keys() & {field.name for field in fields(Exercise)}
