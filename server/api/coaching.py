"""Coaching: the members of a coach, the coaches of a member, and the end of it."""

from datetime import timedelta

from aiohttp import web
from pydantic import AwareDatetime, BaseModel

from ..keys import STORE
from ..problems import Problem
from .guard import USER
from .ids import path_id
from .operation import Operations

operations = Operations("Accounts and coaching")

LOOKS = timedelta(hours=1)  # how often the log says again that a coach looked at the list
NO_MEMBER = "You coach nobody of this id."
NO_COACH = "Nobody of this id coaches you."


class MemberOut(BaseModel):
    """A member as their coach sees them in the list."""

    id: str
    name: str
    since: AwareDatetime
    last_session_at: AwareDatetime | None
    sessions_7d: int
    mean_score_7d: float | None


class MemberList(BaseModel):
    """The answer to GET /v1/members."""

    members: list[MemberOut]


class CoachOut(BaseModel):
    """A coach as their member sees them."""

    id: str
    name: str
    since: AwareDatetime


class CoachList(BaseModel):
    """The answer to GET /v1/coaches."""

    coaches: list[CoachOut]


@operations.get("/v1/members", access="coach", answer=MemberList)
async def list_members(request: web.Request) -> MemberList:
    """List whom the coach coaches, by name, with what they did lately."""
    user, store = request[USER], request.app[STORE]
    found = await store.coachings.members(user.id)
    await store.audit.note_look(user.id, "overview.read", [one.id for one in found], LOOKS)
    return MemberList(
        members=[MemberOut.model_validate(member, from_attributes=True) for member in found]
    )


@operations.delete("/v1/members/{id}", access="coach", status=204, problems={404: NO_MEMBER})
async def remove_member(request: web.Request) -> None:
    """End coaching a member: their results can't be seen from now on, their plan is gone."""
    user, store = request[USER], request.app[STORE]
    member_id = path_id(request)
    if not await store.coachings.remove(user.id, member_id):
        raise Problem(404, NO_MEMBER)
    await store.audit.note(user.id, "member.removed", member_id)


@operations.get("/v1/coaches", answer=CoachList)
async def list_coaches(request: web.Request) -> CoachList:
    """List who may see the user's results."""
    found = await request.app[STORE].coachings.of_member(request[USER].id)
    return CoachList(
        coaches=[CoachOut.model_validate(coach, from_attributes=True) for coach in found]
    )


@operations.delete("/v1/coaches/{id}", status=204, problems={404: NO_COACH})
async def remove_coach(request: web.Request) -> None:
    """End being coached: the coach sees nothing any more at once, and the plan is gone."""
    user, store = request[USER], request.app[STORE]
    coach_id = path_id(request)
    if not await store.coachings.remove(coach_id, user.id):
        raise Problem(404, NO_COACH)
    await store.audit.note(user.id, "coach.removed", user.id, coach_id)
