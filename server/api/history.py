"""What a user did: whole sessions and progress, for themselves and for their coach."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from posesim.updates import Part

from ..database import now
from ..keys import STORE
from ..moments import moments_of
from ..problems import Problem
from ..progress import begin, by_exercise, by_week, first_monday
from ..store.parts import without_seq
from ..store.progress import Trained
from ..store.sessions import WholeSession
from .coaching import LOOKS, NO_MEMBER
from .fields import UtcOffset
from .guard import USER
from .ids import path_id
from .operation import Operations
from .sessions import (
    NOT_FOUND,
    Page,
    ScoreOut,
    SessionList,
    SessionOut,
    session_out,
    sessions_of,
)

operations = Operations("History")

READ = "results.read"
RUNNING = "This session is still running. End it first."
NO_SESSION = "The caller does not coach them, or there is no such session."


class DifferenceOut(BaseModel):
    """By how many degrees a part was more open than the reference's, below 0 more bent."""

    part: Part
    degrees: int


class RepetitionOut(BaseModel):
    """A repetition, or an attempt that is not `valid`."""

    number: int
    start_s: float
    end_s: float
    valid: bool
    score: float | None
    range: float
    tempo: float | None
    differences: list[DifferenceOut]


class GapOut(BaseModel):
    """A time in which nothing was seen."""

    start_s: float
    end_s: float
    reason: str


class CueOut(BaseModel):
    """One thing that the user was told."""

    t_s: float
    cue: str
    part: str | None
    praise: bool


class MomentOut(BaseModel):
    """A score, and where the user was then in the reference and in its clip."""

    t_s: float
    score: float
    reference_s: float | None
    clip_s: float | None


class MomentsOut(BaseModel):
    """The highest score, and the lowest that lasted."""

    best: MomentOut | None
    worst: MomentOut | None


class RecordOut(BaseModel):
    """A session with all that was said in it."""

    session: SessionOut
    scores: list[ScoreOut]
    repetitions: list[RepetitionOut]
    gaps: list[GapOut]
    cues: list[CueOut]
    moments: MomentsOut


class Span(BaseModel):
    """How many weeks are asked for, and how far the clock of who asks is from UTC."""

    weeks: int = Field(default=12, ge=1, le=104)
    exercise_id: str | None = Field(default=None, max_length=64)
    utc_offset_min: UtcOffset = 0


class WeekOut(BaseModel):
    """What was done in a week."""

    monday: date
    sessions: int
    mean_score: float | None
    best_score: float | None
    repetitions: int
    scored_s: float
    days: int


class ExerciseProgressOut(BaseModel):
    """What was done with an exercise in all these weeks."""

    exercise_id: str | None
    name: str
    sessions: int
    mean_score: float | None
    last_at: AwareDatetime


class ProgressOut(BaseModel):
    """The answer to GET /v1/progress: the weeks in order, the exercises last trained first."""

    weeks: list[WeekOut]
    exercises: list[ExerciseProgressOut]


# One's own


@operations.get("/v1/sessions/{id}/record", answer=RecordOut, problems={404: NOT_FOUND})
async def get_record(request: web.Request) -> web.Response:
    """Show a session with everything that was said in it."""
    return await record_answer(await find_whole(request, request[USER].id, path_id(request)))


@operations.delete("/v1/sessions/{id}/record", status=204, problems={404: NOT_FOUND, 409: RUNNING})
async def remove_record(request: web.Request) -> None:
    """Remove an ended session for ever, with everything that was said in it."""
    sessions = request.app[STORE].sessions
    session = await sessions.get(request[USER].id, path_id(request))
    if session is None:
        raise Problem(404, NOT_FOUND)
    if session.state != "ended":
        raise Problem(409, RUNNING)
    await sessions.remove(session.user_id, session.id)


@operations.get("/v1/progress", query=Span, answer=ProgressOut)
async def get_progress(request: web.Request, query: Span) -> ProgressOut:
    """Show what the last weeks came to."""
    return await _progress(request, request[USER].id, query)


# A member's


@operations.get(
    "/v1/members/{id}/sessions",
    access="coach",
    query=Page,
    answer=SessionList,
    problems={404: NO_MEMBER},
)
async def list_member_sessions(request: web.Request, query: Page) -> SessionList:
    """List the sessions of somebody whom the caller coaches, newest first."""
    member_id = await member_of(request)
    await note_read(request, member_id)
    return await sessions_of(request, member_id, query, by_coach=True)


@operations.get(
    "/v1/members/{id}/sessions/{session}/record",
    access="coach",
    answer=RecordOut,
    problems={404: NO_SESSION},
)
async def get_member_record(request: web.Request) -> web.Response:
    """Show a session of somebody whom the caller coaches, with everything that was said in it."""
    member_id = await member_of(request)
    whole = await find_whole(request, member_id, path_id(request, "session"), by_coach=True)
    await note_read(request, member_id, whole.session.id)
    return await record_answer(whole)


@operations.get(
    "/v1/members/{id}/progress",
    access="coach",
    query=Span,
    answer=ProgressOut,
    problems={404: NO_MEMBER},
)
async def get_member_progress(request: web.Request, query: Span) -> ProgressOut:
    """Show what the last weeks of somebody came to whom the caller coaches."""
    member_id = await member_of(request)
    await note_read(request, member_id)
    return await _progress(request, member_id, query, by_coach=True)


# Steps


async def member_of(request: web.Request) -> str:
    """The id of the member in the address.

    Raises:
        Problem: 404 unless the caller coaches them.
    """
    member_id = path_id(request)
    if not await request.app[STORE].coachings.coaches(request[USER].id, member_id):
        raise Problem(404, NO_MEMBER)
    return member_id


async def note_read(request: web.Request, member_id: str, session_id: str | None = None) -> None:
    """Write down that the caller is shown results of a member; lists once an hour."""
    actor_id, audit = request[USER].id, request.app[STORE].audit
    if session_id is None:
        await audit.note_look(actor_id, READ, [member_id], LOOKS)
    else:
        await audit.note(actor_id, READ, member_id, session_id)


async def find_whole(
    request: web.Request, user_id: str, session_id: str, *, by_coach: bool = False
) -> WholeSession:
    """A session of that user with all that was said in it, for them or `by_coach`.

    Raises:
        Problem: 404 if there is none.
    """
    whole = await request.app[STORE].sessions.whole(user_id, session_id, by_coach=by_coach)
    if whole is None:
        raise Problem(404, NOT_FOUND)
    return whole


async def record_answer(whole: WholeSession) -> web.Response:
    """A session with all that was said in it, as an answer."""
    return web.json_response(text=await asyncio.to_thread(_record_json, whole))


def _record_json(whole: WholeSession) -> str:
    """As `RecordOut`, whose thousands of rows nobody has to check once more."""
    session, parts = whole.session, whole.parts

    def shown(rows: Sequence[object]) -> str:
        return json.dumps([without_seq(row) for row in rows])

    moments = json.dumps(asdict(moments_of(parts.scores, session.reference_start_s)))
    return (
        f'{{"session": {session_out(session).model_dump_json()}, "scores": {shown(parts.scores)}, '
        f'"repetitions": {shown(parts.repetitions)}, "gaps": {shown(parts.gaps)}, '
        f'"cues": {shown(parts.cues)}, "moments": {moments}}}'
    )


async def _progress(
    request: web.Request, user_id: str, span: Span, *, by_coach: bool = False
) -> ProgressOut:
    first = first_monday(now(), span.weeks, span.utc_offset_min)
    trained = await request.app[STORE].progress.trained(
        user_id, begin(first, span.utc_offset_min), span.exercise_id, by_coach=by_coach
    )
    return await asyncio.to_thread(_progress_out, trained, first, span)


def _progress_out(trained: Sequence[Trained], first: date, span: Span) -> ProgressOut:
    weeks = by_week(trained, first, span.weeks, span.utc_offset_min)
    return ProgressOut(
        weeks=[WeekOut.model_validate(week, from_attributes=True) for week in weeks],
        exercises=[
            ExerciseProgressOut.model_validate(each, from_attributes=True)
            for each in by_exercise(trained)
        ],
    )
