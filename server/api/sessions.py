"""Sessions: make one, list them with what they came to, end one."""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from posesim.errors import UnusableReference
from posesim.references import Reference

from ..compute.network import compare_with
from ..database import now
from ..keys import CONFIG, EXERCISES, SESSIONS, STORE, TOKENS, WORKERS
from ..live.messages import SummaryValues
from ..live.session import SessionGone, SessionPlan
from ..live.sessions import SessionsFull
from ..problems import Problem
from ..store.exercises import Exercise, Kind
from ..store.parts import ScoreRow
from ..store.sessions import SessionState, StoredSession
from .allowed import require_consent
from .exercises import NOT_FOUND as NO_EXERCISE
from .fields import Timestamp
from .guard import SIGN_IN, USER
from .ids import path_id
from .operation import Operations

operations = Operations("Sessions")

NOT_FOUND = "There is no such session."
RETRY_S = 30  # when a place may be free again


class NewSession(BaseModel):
    """The body of POST /v1/sessions."""

    exercise_id: str = Field(max_length=64)


class IceServer(BaseModel):
    """What the page gives to RTCPeerConnection."""

    urls: list[str]


class Ticket(BaseModel):
    """The answer to it: all that a WHIP client needs."""

    id: str
    whip_url: str
    token: str
    expires_in: int
    ice_servers: list[IceServer]
    max_duration_s: float


class SessionToken(BaseModel):
    """Another token for a session; `expires_in` in seconds."""

    token: str
    expires_in: int


class SessionOut(BaseModel):
    """A session as the API shows it."""

    id: str
    exercise_id: str | None
    exercise_name: str
    source: Literal["live", "file", "import"]
    kind: Kind
    target: int | None
    reference_start_s: float
    state: SessionState
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    end_reason: str | None
    summary: SummaryValues | None


class SessionList(BaseModel):
    """The answer to GET /v1/sessions."""

    sessions: list[SessionOut]


class ScoreOut(BaseModel):
    """A score as the API shows it."""

    t_s: float
    score: float | None
    state: str
    movement: float | None
    timing: float | None
    range: float | None
    reference_s: float | None
    tempo: float | None


class ScoreList(BaseModel):
    """The answer to GET /v1/sessions/ID/scores."""

    scores: list[ScoreOut]


class Page(BaseModel):
    """Which sessions are asked for."""

    limit: int = Field(default=50, ge=1, le=200)
    before: Timestamp | None = None
    exercise_id: str | None = Field(default=None, max_length=64)


@operations.post(
    "/v1/sessions",
    body=NewSession,
    answer=Ticket,
    status=201,
    problems={
        404: NO_EXERCISE,
        409: "The exercise is not ready.",
        503: "All places are taken; try again after `Retry-After`.",
    },
)
async def create_session(request: web.Request, body: NewSession) -> Ticket:
    """Make a session and hand out what its client needs."""
    await require_consent(request, "scoring")
    user, store, config = request[USER], request.app[STORE], request.app[CONFIG]
    exercise = await store.exercises.visible(user.id, body.exercise_id)
    if exercise is None:
        raise Problem(404, NO_EXERCISE)
    reference = await usable_reference(request, exercise)
    try:
        request.app[SESSIONS].require_place()
    except SessionsFull as error:
        raise _full(error) from error
    session = await store.sessions.add(user.id, exercise)
    plan = SessionPlan(
        session_id=session.id,
        user_id=user.id,
        exercise_id=exercise.id,
        exercise_name=exercise.name,
        reference_duration_s=reference.duration_s,
        open_comparator=partial(compare_with, request.app[EXERCISES].reference(exercise)),
        sign_in_id=request.get(SIGN_IN),
    )
    try:
        request.app[SESSIONS].create(plan)
    except (SessionsFull, SessionGone) as error:  # another came first, or the server stops
        await store.sessions.end(session.id, "failed", None)
        raise _full(error) from error
    tokens = request.app[TOKENS]
    return Ticket(
        id=session.id,
        whip_url=f"/v1/whip/{session.id}",
        token=tokens.issue_session(session.id, user.id, now()),
        expires_in=tokens.session_token_s,
        ice_servers=[IceServer(urls=[url]) for url in config.ice_servers],
        max_duration_s=config.max_session_s,
    )


@operations.get("/v1/sessions", query=Page, answer=SessionList)
async def list_sessions(request: web.Request, query: Page) -> SessionList:
    """List the user's sessions, newest first."""
    return await sessions_of(request, request[USER].id, query)


async def sessions_of(request: web.Request, user_id: str, query: Page) -> SessionList:
    """List a user's sessions, for whoever may see them."""
    found = await request.app[STORE].sessions.of_user(
        user_id, limit=query.limit, before=query.before, exercise_id=query.exercise_id
    )
    return SessionList(sessions=[session_out(session) for session in found])


@operations.get("/v1/sessions/{id}", answer=SessionOut, problems={404: NOT_FOUND})
async def get_session(request: web.Request) -> SessionOut:
    """Show one session."""
    return session_out(await _find(request))


@operations.get("/v1/sessions/{id}/scores", answer=ScoreList, problems={404: NOT_FOUND})
async def get_scores(request: web.Request) -> web.Response:
    """Show every score of a session, in order."""
    session = await _find(request)
    rows = await request.app[STORE].sessions.scores(request[USER].id, session.id)
    return web.json_response(text=await asyncio.to_thread(_scores_json, rows))


@operations.delete("/v1/sessions/{id}", status=204, problems={404: NOT_FOUND})
async def end_session(request: web.Request) -> None:
    """End a session; one that has ended stays as it is."""
    session = await _find(request)
    if not await request.app[SESSIONS].end(session.id, "deleted"):
        await request.app[STORE].sessions.end(session.id, "deleted", None)


@operations.post(
    "/v1/sessions/{id}/token",
    answer=SessionToken,
    problems={404: NOT_FOUND, 409: "The session has ended."},
)
async def renew_token(request: web.Request) -> SessionToken:
    """Hand out a fresh token for a session that goes on; its client sends it as `renew`."""
    session = await _find(request)
    try:
        request.app[SESSIONS].get(session.id)
    except SessionGone as error:
        raise Problem(409, str(error)) from error
    tokens = request.app[TOKENS]
    return SessionToken(
        token=tokens.issue_session(session.id, session.user_id, now()),
        expires_in=tokens.session_token_s,
    )


async def usable_reference(request: web.Request, exercise: Exercise) -> Reference:
    """Load what the session runs against; one of other settings is made anew from its clip."""
    library = request.app[EXERCISES]
    if exercise.state == "failed":
        raise Problem(409, f"This exercise can't be used. {exercise.error}")
    if exercise.state == "embedding":
        raise Problem(409, "This exercise is still being prepared. Wait until it is ready.")
    try:
        reference = await asyncio.to_thread(Reference.load, library.reference(exercise))
        request.app[WORKERS].network.settings.require(reference.settings, exercise.name)
    except UnusableReference as error:
        await library.embed_again(exercise, str(error))
        raise Problem(
            409,
            "This exercise was prepared for another network or its file was damaged. It is being "
            "prepared again from its clip. Wait until it is ready.",
        ) from error
    return reference


async def _find(request: web.Request) -> StoredSession:
    session = await request.app[STORE].sessions.get(request[USER].id, path_id(request))
    if session is None:
        raise Problem(404, NOT_FOUND)
    return session


def _full(error: Exception) -> Problem:
    return Problem(503, str(error), {"Retry-After": str(RETRY_S)})


def session_out(session: StoredSession) -> SessionOut:
    """A session as the API shows it; one from an export is what its user says it was."""
    source = session.source if session.imported_at is None else "import"
    return SessionOut.model_validate({**vars(session), "source": source})


def without_seq(row: object) -> dict[str, Any]:
    """A row as the API shows it; there may be thousands, too many to check each once more."""
    return {name: value for name, value in vars(row).items() if name != "seq"}


def _scores_json(rows: Sequence[ScoreRow]) -> str:
    return json.dumps({"scores": [without_seq(row) for row in rows]})
