"""Calls: a coach makes an appointment, one person joins it by its link."""

from datetime import timedelta
from typing import Annotated, Literal

from aiohttp import web
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from ..database import now
from ..keys import CONSENTS, ROOMS, STORE
from ..problems import Problem
from ..store.calls import Call, NoCall, OpenCall, OwnCall, TooManyCalls
from ..texts import Language
from .fields import Change, Text, Timestamp, one_line
from .guard import USER
from .ids import path_id
from .invitations import AcceptedToken, ShownToken
from .operation import Operations
from .tries import TOO_MANY_TRIES, may_guess

operations = Operations("Calls")

LONGEST_TITLE = 80  # characters
NOT_FOUND = "There is no such call of yours. It may have been deleted."
INVALID = "The link was guessed, used, withdrawn, or its time is over."
OWN = "It is the user's own call."

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TITLE),
    AfterValidator(one_line),
]
State = Literal["open", "expired", "accepted", "ended"]


class NewCall(BaseModel):
    """The body of POST /v1/calls; `expires_in_days` is for the link."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    starts_at: Timestamp | None = None
    expires_in_days: int = Field(default=7, ge=1, le=30)


class CallChange(Change):
    """The body of PATCH /v1/calls/ID."""

    clearable = frozenset({"starts_at"})

    title: Title | None = None
    starts_at: Timestamp | None = None
    notes: Text | None = None


class CallOut(BaseModel):
    """A call as one of its two people sees it.

    Attributes:
        role: What the caller is in it.
        member_name: Null until somebody used the link.
        expires_at: When the link does; a call that was joined does not.
        admitted_at: When the member was let in the last time.
        notes: The coach's words, for both.
        state: "open" while the link waits for somebody.
    """

    id: str
    title: str
    role: Literal["coach", "member"]
    coach_name: str
    member_name: str | None
    starts_at: AwareDatetime | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    accepted_at: AwareDatetime | None
    admitted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    notes: str
    state: State


class MadeCall(BaseModel):
    """The answer to POST /v1/calls. The token is shown this once."""

    call: CallOut
    token: str
    url: str


class CallList(BaseModel):
    """The answer to GET /v1/calls."""

    calls: list[CallOut]


class CallPage(BaseModel):
    """Which calls are asked for."""

    limit: int = Field(default=50, ge=1, le=200)
    before: Timestamp | None = None


class CallPreview(BaseModel):
    """What a link leads to."""

    coach_name: str
    title: str
    starts_at: AwareDatetime | None
    expires_at: AwareDatetime


@operations.post(
    "/v1/calls",
    access="coach",
    body=NewCall,
    answer=MadeCall,
    status=201,
    problems={409: "Too many calls wait for somebody."},
)
async def make_call(request: web.Request, body: NewCall) -> MadeCall:
    """Make an appointment with one person, who joins it by its link, once.

    The token is shown this once.
    """
    user, store = request[USER], request.app[STORE]
    lifetime = timedelta(days=body.expires_in_days)
    try:
        call, token = await store.calls.add(
            user.id, title=body.title, starts_at=body.starts_at, lifetime=lifetime
        )
    except TooManyCalls as error:
        raise Problem(409, str(error)) from error
    await store.audit.note(user.id, "call.made", user.id, call.id)
    return MadeCall(call=call_out(request, call), token=token, url=f"/#/join/{token}")


@operations.get("/v1/calls", query=CallPage, answer=CallList)
async def list_calls(request: web.Request, query: CallPage) -> CallList:
    """List the calls that the user made or joined, newest first."""
    found = await request.app[STORE].calls.of(
        request[USER].id, limit=query.limit, before=query.before
    )
    return CallList(calls=[call_out(request, call) for call in found])


@operations.get("/v1/calls/{id}", answer=CallOut, problems={404: NOT_FOUND})
async def get_call(request: web.Request) -> CallOut:
    """Show a call to its coach or its member."""
    return call_out(request, await find_call(request))


@operations.patch(
    "/v1/calls/{id}",
    access="coach",
    body=CallChange,
    answer=CallOut,
    problems={404: NOT_FOUND},
)
async def change_call(request: web.Request, body: CallChange) -> CallOut:
    """Change what a call is called, when it is, or its notes, which both people see."""
    changed = await request.app[STORE].calls.change(
        request[USER].id, path_id(request), body.model_dump(exclude_unset=True)
    )
    if changed is None:
        raise Problem(404, NOT_FOUND)
    await note_change(request, changed)
    return call_out(request, changed)


@operations.delete("/v1/calls/{id}", status=204, problems={404: NOT_FOUND})
async def delete_call(request: web.Request) -> None:
    """Delete a call with its marks and notes, for both people; one that is going on ends.

    A link that nobody used leads nowhere any more. The sessions stay the member's, and the coach
    sees nothing of them any more.
    """
    user, store = request[USER], request.app[STORE]
    call = await find_call(request)
    if not await store.calls.delete(user.id, call.id):  # the other one was first
        raise Problem(404, NOT_FOUND)
    await request.app[ROOMS].end_call(call.id, "deleted")
    await store.audit.note(user.id, "call.deleted", call.member_id or user.id, call.id)


@operations.post(
    "/v1/calls/preview",
    access="open",
    body=ShownToken,
    answer=CallPreview,
    problems={404: INVALID, 429: TOO_MANY_TRIES},
)
async def preview_call(request: web.Request, body: ShownToken) -> CallPreview:
    """Say whose call it is, to somebody who has the link."""
    found = await find_open_call(request, body.token)
    return CallPreview.model_validate(found, from_attributes=True)


@operations.post(
    "/v1/calls/join",
    body=AcceptedToken,
    answer=CallOut,
    problems={404: INVALID, 409: OWN, 429: TOO_MANY_TRIES},
)
async def join_call(request: web.Request, body: AcceptedToken) -> CallOut:
    """Become the member of a call, which uses its link up, and allow what is done in calls.

    The coach sees what is scored in this call, and nothing else.
    """
    user = request[USER]
    await find_open_call(request, body.token)
    try:
        call = await request.app[STORE].calls.accept(body.token, user.id)
    except NoCall as error:  # somebody else was first
        raise Problem(404, str(error)) from error
    except OwnCall as error:
        raise Problem(409, str(error)) from error
    await note_joining(request, call, user.id, body.language)
    return call_out(request, call)


# Steps


async def find_call(request: web.Request) -> Call:
    """The call in the address, of whose two people the caller is one.

    Raises:
        Problem: 404 if it is not theirs.
    """
    call = await request.app[STORE].calls.get(request[USER].id, path_id(request))
    if call is None:
        raise Problem(404, NOT_FOUND)
    return call


async def find_open_call(request: web.Request, token: str) -> OpenCall:
    """Find a call for somebody who may be guessing.

    Raises:
        Problem: 429 for too many tries from one address, 404 for what can't be joined: one
            sentence, and one question to the database, for whatever reason.
    """
    await may_guess(request)
    try:
        return await request.app[STORE].calls.find(token)
    except NoCall as error:
        raise Problem(404, str(error)) from error


async def note_joining(
    request: web.Request, call: Call, member_id: str, language: Language
) -> None:
    """Write down what a member agreed to by joining, with an account or with a new one."""
    await request.app[CONSENTS].give(member_id, "call", language)
    await request.app[STORE].audit.note(member_id, "call.joined", member_id, call.id)


async def note_change(request: web.Request, call: Call) -> None:
    """Write down that the coach changed what both see, and tell those who are in the call."""
    if call.member_id is not None:
        audit = request.app[STORE].audit
        await audit.note(request[USER].id, "call.changed", call.member_id, call.id)
    await request.app[ROOMS].refresh(call.id)


def call_out(request: web.Request, call: Call) -> CallOut:
    """A call as the API shows it to the caller, who is one of its two people."""
    return CallOut(
        id=call.id,
        title=call.title,
        role="coach" if call.coach_id == request[USER].id else "member",
        coach_name=call.coach_name,
        member_name=call.member_name,
        starts_at=call.starts_at,
        created_at=call.created_at,
        expires_at=call.expires_at,
        accepted_at=call.accepted_at,
        admitted_at=call.admitted_at,
        ended_at=call.ended_at,
        notes=call.notes,
        state=_state(call),
    )


def _state(call: Call) -> State:
    if call.ended_at is not None:
        return "ended"
    if call.accepted_at is not None:
        return "accepted"
    return "expired" if call.expires_at <= now() else "open"
