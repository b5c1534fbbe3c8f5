"""Invitations: a coach writes them, a member accepts one and is coached from then on."""

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
from ..keys import CONSENTS, STORE
from ..problems import Problem
from ..store.invitations import (
    Invitation,
    NoInvitation,
    OpenInvitation,
    OwnInvitation,
    TooManyInvitations,
)
from ..texts import Language
from .fields import one_line
from .guard import USER
from .ids import path_id
from .operation import Operations
from .tries import TOO_MANY_TRIES, may_guess

operations = Operations("Accounts and coaching")

LONGEST_NOTE = 80  # characters
NO_INVITATION = "There is no such invitation."
INVALID = "The invitation was guessed, used, withdrawn, or its time is over."


class NewInvitation(BaseModel):
    """The body of POST /v1/invitations; the note says for whom it is, to the coach alone."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=LONGEST_NOTE),
        AfterValidator(one_line),
    ] = ""
    expires_in_days: int = Field(default=7, ge=1, le=30)


class MadeInvitation(BaseModel):
    """The answer to it. The token is shown this once."""

    id: str
    note: str
    token: str
    url: str
    expires_at: AwareDatetime


class InvitationOut(BaseModel):
    """An invitation as its coach sees it."""

    id: str
    note: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    accepted_at: AwareDatetime | None
    member_name: str | None
    state: Literal["open", "accepted", "expired"]


class InvitationList(BaseModel):
    """The answer to GET /v1/invitations."""

    invitations: list[InvitationOut]


class ShownToken(BaseModel):
    """The body of POST /v1/invitations/preview."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256)


class InvitationPreview(BaseModel):
    """What an invitation invites to."""

    coach_name: str
    expires_at: AwareDatetime


class AcceptedToken(ShownToken):
    """The body of POST /v1/invitations/accept, and the language in which it was read."""

    language: Language = "en"


class CoachName(BaseModel):
    """Who coaches from now on."""

    id: str
    name: str


class AcceptedInvitation(BaseModel):
    """The answer to it."""

    coach: CoachName


@operations.post(
    "/v1/invitations",
    access="coach",
    body=NewInvitation,
    answer=MadeInvitation,
    status=201,
    problems={409: "Too many invitations are open."},
)
async def invite(request: web.Request, body: NewInvitation) -> MadeInvitation:
    """Make an invitation, good for one person, once. Its token is shown this once."""
    user, store = request[USER], request.app[STORE]
    try:
        invitation, token = await store.invitations.add(
            user.id, note=body.note, lifetime=timedelta(days=body.expires_in_days)
        )
    except TooManyInvitations as error:
        raise Problem(409, str(error)) from error
    await store.audit.note(user.id, "invitation.made", user.id, invitation.id)
    return MadeInvitation(
        id=invitation.id,
        note=invitation.note,
        token=token,
        url=f"/#/invite/{token}",
        expires_at=invitation.expires_at,
    )


@operations.get("/v1/invitations", access="coach", answer=InvitationList)
async def list_invitations(request: web.Request) -> InvitationList:
    """List the coach's own invitations, newest first."""
    found = await request.app[STORE].invitations.of_coach(request[USER].id)
    return InvitationList(invitations=[_shown(invitation) for invitation in found])


@operations.delete(
    "/v1/invitations/{id}", access="coach", status=204, problems={404: NO_INVITATION}
)
async def withdraw(request: web.Request) -> None:
    """Withdraw an open invitation, or forget another one. A coaching that came of it goes on."""
    user, store = request[USER], request.app[STORE]
    invitation_id = path_id(request)
    if not await store.invitations.delete(user.id, invitation_id):
        raise Problem(404, NO_INVITATION)
    await store.audit.note(user.id, "invitation.deleted", user.id, invitation_id)


@operations.post(
    "/v1/invitations/preview",
    access="open",
    body=ShownToken,
    answer=InvitationPreview,
    problems={404: INVALID, 429: TOO_MANY_TRIES},
)
async def preview(request: web.Request, body: ShownToken) -> InvitationPreview:
    """Say who invites, to somebody who has the token."""
    found = await find_invitation(request, body.token)
    return InvitationPreview(coach_name=found.coach_name, expires_at=found.expires_at)


@operations.post(
    "/v1/invitations/accept",
    body=AcceptedToken,
    answer=AcceptedInvitation,
    problems={404: INVALID, 409: "It is the user's own invitation.", 429: TOO_MANY_TRIES},
)
async def accept(request: web.Request, body: AcceptedToken) -> AcceptedInvitation:
    """Let the coach who invites see one's results, from now on until one of the two ends it."""
    user, store = request[USER], request.app[STORE]
    found = await find_invitation(request, body.token)
    try:
        coach_id = await store.invitations.accept(body.token, user.id)
    except NoInvitation as error:  # somebody else was first
        raise Problem(404, str(error)) from error
    except OwnInvitation as error:
        raise Problem(409, str(error)) from error
    await note_coaching(request, coach_id, user.id, body.language)
    return AcceptedInvitation(coach=CoachName(id=coach_id, name=found.coach_name))


async def find_invitation(request: web.Request, token: str) -> OpenInvitation:
    """Find an invitation for somebody who may be guessing.

    Raises:
        Problem: 429 for too many tries from one address, 404 for what can't be accepted: one
            sentence, and one question to the database, for whatever reason.
    """
    await may_guess(request)
    try:
        return await request.app[STORE].invitations.find(token)
    except NoInvitation as error:
        raise Problem(404, str(error)) from error


async def note_coaching(
    request: web.Request, coach_id: str, member_id: str, language: Language
) -> None:
    """Write down what a member agreed to by accepting, with an account or with a new one."""
    await request.app[CONSENTS].give(member_id, "coaching", language)
    await request.app[STORE].audit.note(member_id, "coaching.begun", member_id, coach_id)


def _shown(invitation: Invitation) -> InvitationOut:
    state: Literal["open", "accepted", "expired"] = "open"
    if invitation.accepted_at is not None:
        state = "accepted"
    elif invitation.expires_at <= now():
        state = "expired"
    return InvitationOut(
        id=invitation.id,
        note=invitation.note,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        accepted_at=invitation.accepted_at,
        member_name=invitation.member_name,
        state=state,
    )
