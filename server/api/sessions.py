"""Sessions: make one, list them with what they came to, end one."""

import asyncio
import json
from collections.abc import Sequence
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from ..cluster import ClusterAway
from ..cluster.cluster import Cluster
from ..database import DatabaseAway, now
from ..keys import CLUSTER, CONFIG, EXERCISES, METRICS, SESSIONS, STORE, TOKENS, WORKERS
from ..library import usable
from ..live.outcomes import SummaryValues
from ..live.plan import SessionGone, SessionPlan
from ..live.sessions import ClusterFull, Draining, NoPlace, TooManyOfUser
from ..metrics import SetupFailure
from ..problems import Problem
from ..store.exercises import Exercise, Kind
from ..store.parts import ScoreRow, without_seq
from ..store.sessions import SessionState, StoredSession
from ..turn import IceServer, TransportPolicy, ice_servers, transport_policy
from .allowed import require_consent, require_fit
from .exercises import NOT_FOUND as NO_EXERCISE
from .fields import Timestamp
from .guard import SIGN_IN, USER
from .ids import path_id
from .operation import Operations
from .tries import require_calm

operations = Operations("Sessions")

NOT_FOUND = "There is no such session."
RETRY_S = 30  # when a place may be free again
_FAILURES: dict[type[NoPlace], SetupFailure] = {TooManyOfUser: "user_limit", Draining: "draining"}


class NewSession(BaseModel):
    """The body of POST /v1/sessions."""

    exercise_id: str = Field(max_length=64)


class Ticket(BaseModel):
    """The answer to it: all that a WHIP client needs.

    Attributes:
        whip_url: On the node that has the session, where there are several.
        nodes: The addresses of others, which know where the session goes on if that one is gone.
    """

    id: str
    whip_url: str
    token: str
    expires_in: int
    ice_servers: list[IceServer]
    ice_transport_policy: TransportPolicy
    max_duration_s: float
    nodes: list[str] = Field(default_factory=list)


class SessionToken(BaseModel):
    """Another token for a session; `expires_in` in seconds."""

    token: str
    expires_in: int


class SessionOut(BaseModel):
    """A session as the API shows it.

    Attributes:
        call_id: The call in which it was made; null if it was in none, or that is forgotten.
        in_call: Whether it was made in one, also then; so its user's other coaches don't see it.
        corrected_repetitions: How many the call's coach counted, where they corrected it.
    """

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
    call_id: str | None
    in_call: bool
    corrected_repetitions: int | None


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
    signals=True,
    body=NewSession,
    answer=Ticket,
    status=201,
    problems={
        404: NO_EXERCISE,
        409: "The exercise is not ready.",
        429: "The user has as many sessions as one may have, or asks too often.",
        503: "All places are taken, or the server restarts; try again after `Retry-After`.",
    },
)
async def create_session(request: web.Request, body: NewSession) -> Ticket:
    """Make a session and hand out what its client needs."""
    await require_calm(request, request[USER].id)
    await require_consent(request, "scoring")
    require_fit(request)
    user, store, config = request[USER], request.app[STORE], request.app[CONFIG]
    exercise = await store.exercises.visible(user.id, body.exercise_id)
    if exercise is None:
        raise Problem(404, NO_EXERCISE)
    try:
        request.app[SESSIONS].require_place_of(user.id)
    except NoPlace as error:
        raise _refused(request, error) from error
    reference = await usable_reference(request, exercise)
    if CLUSTER not in request.app:
        try:
            request.app[SESSIONS].require_place()
        except NoPlace as error:
            raise _refused(request, error) from error
    sign_in_id = request.get(SIGN_IN)
    session = await store.sessions.add(user.id, exercise, sign_in_id=sign_in_id)
    plan = usable.plan_against(
        session, exercise, reference, request.app[EXERCISES], sign_in_id=sign_in_id, run=0
    )
    try:
        node = await _begin(request, plan)
    except (NoPlace, SessionGone) as error:  # another came first, or the server stops
        await store.sessions.end(session.id, "failed", None)
        raise _refused(request, error) from error
    try:
        await require_consent(request, "scoring")  # who withdrew it ended what had begun by then
    except Problem:
        await _end(request, session)
        await _give_back(request, session)
        raise
    tokens, at = request.app[TOKENS], now()
    return Ticket(
        id=session.id,
        whip_url=f"{node or ''}/v1/whip/{session.id}",
        token=tokens.issue_session(session.id, user.id, at),
        expires_in=tokens.session_token_s,
        ice_servers=ice_servers(config, user.id, at),
        ice_transport_policy=transport_policy(config),
        max_duration_s=config.max_session_s,
        nodes=request.app[CLUSTER].others(node) if node is not None else [],
    )


async def _begin(request: web.Request, plan: SessionPlan) -> str | None:
    """Begin a session here, or let another node do so when its page comes there.

    Returns:
        The node's address; None where there is one alone.

    Raises:
        NoPlace: If there is none for it.
        SessionGone: If the server is stopping.
    """
    cluster, sessions = request.app.get(CLUSTER), request.app[SESSIONS]
    if cluster is None:
        sessions.create(plan)
        return None
    most = sessions.most_of_user
    if not await cluster.count(plan.user_id, plan.session_id, most):
        raise TooManyOfUser(most)
    try:
        return await _begin_on_a_node(request, cluster, plan)
    except Exception:
        await cluster.users.give_back(plan.user_id, plan.session_id)
        raise


async def _begin_on_a_node(request: web.Request, cluster: Cluster, plan: SessionPlan) -> str | None:
    sessions = request.app[SESSIONS]
    try:
        node = await cluster.place(plan.session_id)
    except ClusterAway:  # nobody knows of others: this node does what it can
        sessions.create(plan)
        return request.app[CONFIG].node_url
    if node is None:
        raise ClusterFull
    if node.id == cluster.id:
        sessions.create(plan)
    return node.url


@operations.get("/v1/sessions", query=Page, answer=SessionList)
async def list_sessions(request: web.Request, query: Page) -> SessionList:
    """List the user's sessions, newest first."""
    return await sessions_of(request, request[USER].id, query)


async def sessions_of(
    request: web.Request, user_id: str, query: Page, *, by_coach: bool = False
) -> SessionList:
    """List a user's sessions, for whoever may see them."""
    found = await request.app[STORE].sessions.of_user(
        user_id,
        limit=query.limit,
        before=query.before,
        exercise_id=query.exercise_id,
        by_coach=by_coach,
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


@operations.delete(
    "/v1/sessions/{id}",
    status=204,
    problems={404: NOT_FOUND, 503: "The node that has it does not answer, or the database."},
)
async def end_session(request: web.Request) -> None:
    """End a session; one that has ended stays as it is. Answered when it is stored."""
    session = await _find(request)
    await _end(request, session)
    await _give_back(request, session)


async def _give_back(request: web.Request, session: StoredSession) -> None:
    """Count it no more as one of its user's."""
    if CLUSTER in request.app:
        await request.app[CLUSTER].users.give_back(session.user_id, session.id)


async def _end(request: web.Request, session: StoredSession) -> None:
    if await request.app[SESSIONS].end(session.id, "deleted"):
        if session.id in request.app[SESSIONS].unended:
            raise DatabaseAway
        return
    if CLUSTER in request.app and session.state != "ended":
        try:
            if await request.app[CLUSTER].end_session(session.id):
                return
        except ClusterAway as error:
            raise Problem(503, str(error), {"Retry-After": "1"}) from error
    await request.app[STORE].sessions.end(session.id, "deleted", None)


@operations.post(
    "/v1/sessions/{id}/token",
    signals=True,
    answer=SessionToken,
    problems={
        404: NOT_FOUND,
        409: "The session has ended.",
        503: "The node that has it does not answer.",
    },
)
async def renew_token(request: web.Request) -> SessionToken:
    """Hand out a fresh token for a session that goes on; its client sends it as `renew`.

    Also for the coach's camera in a call, which is a session that is not stored.
    """
    user, session_id = request[USER], path_id(request)
    user_id = await request.app[SESSIONS].user_of(session_id)
    if user_id is None:
        session = await request.app[STORE].sessions.get(user.id, session_id)
        if session is None:
            user_id = await _user_elsewhere(request, session_id)
        elif await _is_elsewhere(request, session):
            user_id = user.id
        else:
            raise Problem(409, str(SessionGone()))
    if user_id != user.id:
        raise Problem(404, NOT_FOUND)
    tokens = request.app[TOKENS]
    return SessionToken(
        token=tokens.issue_session(session_id, user.id, now()),
        expires_in=tokens.session_token_s,
    )


async def _user_elsewhere(request: web.Request, session_id: str) -> str | None:
    """Whose session another node has that is not stored; None if none has."""
    if CLUSTER not in request.app:
        return None
    try:
        return await request.app[CLUSTER].user_of(session_id)
    except ClusterAway as error:
        raise Problem(503, str(error), {"Retry-After": "1"}) from error


async def _is_elsewhere(request: web.Request, session: StoredSession) -> bool:
    """Whether another node has a session, or may go on with it, which it can't with a call's."""
    if CLUSTER not in request.app:
        return False
    if session.call_id is not None:
        return session.state != "ended"
    return await request.app[STORE].open_sessions.is_open(session.user_id, session.id)


async def usable_reference(request: web.Request, exercise: Exercise) -> usable.UsableReference:
    """Load what somebody is to be compared with.

    Raises:
        Problem: 409 if it can't be used now.
    """
    library, settings = request.app[EXERCISES], request.app[WORKERS].network.settings
    try:
        return await usable.usable_reference(library, settings, exercise)
    except usable.NotUsable as error:
        raise Problem(409, str(error)) from error


async def _find(request: web.Request) -> StoredSession:
    session = await request.app[STORE].sessions.get(request[USER].id, path_id(request))
    if session is None:
        raise Problem(404, NOT_FOUND)
    return session


def _refused(request: web.Request, error: NoPlace | SessionGone) -> Problem:
    """Count a session that can't begin; the answer says why."""
    status = 429 if isinstance(error, TooManyOfUser) else 503
    if isinstance(error, NoPlace):
        request.app[METRICS].setup_failed(_FAILURES.get(type(error), "full"))
    return Problem(status, str(error), {"Retry-After": str(RETRY_S)})


def session_out(session: StoredSession) -> SessionOut:
    """A session as the API shows it; one from an export is what its user says it was."""
    source = session.source if session.imported_at is None else "import"
    return SessionOut.model_validate({**vars(session), "source": source})


def _scores_json(rows: Sequence[ScoreRow]) -> str:
    return json.dumps({"scores": [without_seq(row) for row in rows]})
