"""Plans: what coaches ask their members to train, and what a member has done of it today."""

import math
from datetime import date, timedelta
from typing import Annotated, Literal

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..database import now
from ..keys import STORE
from ..problems import Problem
from ..progress import begin
from ..store.exercises import Kind
from ..store.plans import Assignment, Done, PlanFull
from .coaching import NO_MEMBER
from .exercises import NOT_FOUND as NO_EXERCISE
from .fields import Change, Target, Text, UtcOffset
from .guard import USER
from .ids import path_id
from .operation import Operations

operations = Operations("Plans")

LAST_ZONE = timedelta(hours=-12)  # where a day begins last, and is still today when it is over here
NOT_FOUND = "There is no such assignment of yours."
ANOTHERS = (
    "This exercise is another coach's, who does not show it to everyone. Plan one of your own."
)

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 12, 31))]
Weekdays = Annotated[
    list[Annotated[int, Field(ge=1, le=7)]],
    Field(min_length=1, max_length=7, description="ISO days, 1 is Monday."),
    AfterValidator(lambda days: sorted(set(days))),
]


class NewAssignment(BaseModel):
    """The body of POST /v1/members/ID/assignments."""

    model_config = ConfigDict(extra="forbid")

    exercise_id: str = Field(max_length=64)
    target: Target | None = None
    note: Text = ""
    weekdays: Weekdays = [1, 2, 3, 4, 5, 6, 7]
    starts_on: Day | None = None
    ends_on: Day | None = None


class AssignmentChange(Change):
    """The body of PATCH /v1/assignments/ID."""

    clearable = frozenset({"target", "ends_on"})

    target: Target | None = None
    note: Text | None = None
    weekdays: Weekdays | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    position: int | None = Field(default=None, ge=0, le=10_000)


class Person(BaseModel):
    """Somebody in a plan."""

    id: str
    name: str


class PlannedExercise(BaseModel):
    """What is to be trained."""

    id: str
    name: str
    kind: Kind
    duration_s: float | None
    thumbnail_url: str


class AssignmentOut(BaseModel):
    """An assignment as the API shows it; without `target`, its exercise's own counts."""

    id: str
    exercise: PlannedExercise
    member: Person
    coach: Person
    target: int | None
    note: str
    weekdays: list[int]
    starts_on: date
    ends_on: date | None
    position: int


class AssignmentList(BaseModel):
    """The answer to GET /v1/members/ID/assignments."""

    assignments: list[AssignmentOut]


class DayQuery(BaseModel):
    """Which day is asked for: the one of this moment if no `date` is given."""

    date: Day | None = None
    utc_offset_min: UtcOffset = 0


class TodayItem(BaseModel):
    """An assignment and what is done of it; without a target, anything done completes it."""

    assignment: AssignmentOut
    done: int
    target: int | None
    unit: Literal["repetitions", "seconds"]
    completed: bool


class Today(BaseModel):
    """The answer to GET /v1/today."""

    date: date
    items: list[TodayItem]


@operations.get(
    "/v1/members/{id}/assignments",
    access="coach",
    answer=AssignmentList,
    problems={404: NO_MEMBER},
)
async def list_assignments(request: web.Request) -> AssignmentList:
    """List what the coach plans for a member, in order."""
    member_id = await _coached(request)
    found = await request.app[STORE].plans.of_member(request[USER].id, member_id)
    return AssignmentList(assignments=[_shown(assignment) for assignment in found])


@operations.post(
    "/v1/members/{id}/assignments",
    access="coach",
    body=NewAssignment,
    answer=AssignmentOut,
    status=201,
    problems={
        404: f"{NO_MEMBER} Or: {NO_EXERCISE}",
        409: f"{ANOTHERS} Or: the plan is full.",
    },
)
async def add_assignment(request: web.Request, body: NewAssignment) -> AssignmentOut:
    """Ask a member to train an exercise, which that member may see from then on."""
    coach, store = request[USER], request.app[STORE]
    member_id = await _coached(request)
    exercise = await store.exercises.visible(coach.id, body.exercise_id)
    if exercise is None:
        raise Problem(404, NO_EXERCISE)
    if exercise.user_id != coach.id and exercise.visibility != "everyone":
        raise Problem(409, ANOTHERS)
    # Unless it is said, from the day on that it is anywhere: the member may live to the west.
    starts_on = body.starts_on or (now() + LAST_ZONE).date()
    _check_days(starts_on, body.ends_on)
    try:
        added = await store.plans.add(
            coach.id,
            member_id,
            exercise.id,
            target=body.target,
            note=body.note,
            weekdays=body.weekdays,
            starts_on=starts_on,
            ends_on=body.ends_on,
        )
    except PlanFull as error:
        raise Problem(409, str(error)) from error
    if added is None:  # the coaching ended meanwhile
        raise Problem(404, NO_MEMBER)
    await store.audit.note(coach.id, "plan.assigned", member_id, added.id)
    return _shown(added)


@operations.patch(
    "/v1/assignments/{id}",
    access="coach",
    body=AssignmentChange,
    answer=AssignmentOut,
    problems={404: NOT_FOUND},
)
async def change_assignment(request: web.Request, body: AssignmentChange) -> AssignmentOut:
    """Change what the coach planned; `position` moves it among this coach's others."""
    coach, store = request[USER], request.app[STORE]
    found = await store.plans.get(coach.id, path_id(request))
    if found is None:
        raise Problem(404, NOT_FOUND)
    values = body.model_dump(exclude_unset=True)
    _check_days(values.get("starts_on", found.starts_on), values.get("ends_on", found.ends_on))
    changed = await store.plans.change(coach.id, found.id, values)
    if changed is None:
        raise Problem(404, NOT_FOUND)
    await store.audit.note(coach.id, "plan.changed", changed.member_id, changed.id)
    return _shown(changed)


@operations.delete("/v1/assignments/{id}", access="coach", status=204, problems={404: NOT_FOUND})
async def remove_assignment(request: web.Request) -> None:
    """Take an exercise out of a member's plan; what was trained stays in the history."""
    coach, store = request[USER], request.app[STORE]
    removed = await store.plans.delete(coach.id, path_id(request))
    if removed is None:
        raise Problem(404, NOT_FOUND)
    await store.audit.note(coach.id, "plan.removed", removed.member_id, removed.id)


@operations.get("/v1/today", query=DayQuery, answer=Today)
async def get_today(request: web.Request, query: DayQuery) -> Today:
    """Show what the user's coaches planned for a day, and what is done of it."""
    user, plans = request[USER], request.app[STORE].plans
    offset = timedelta(minutes=query.utc_offset_min)
    day = query.date or (now() + offset).date()
    planned = await plans.on_day(user.id, day)
    exercises = {assignment.exercise_id for assignment in planned}
    midnight = begin(day, query.utc_offset_min)
    done = await plans.done(user.id, exercises, midnight, midnight + timedelta(days=1))
    nothing = Done(repetitions=0, held_s=0.0, scored_s=0.0)
    return Today(
        date=day, items=[_item(one, done.get(one.exercise_id, nothing)) for one in planned]
    )


async def _coached(request: web.Request) -> str:
    """Return the id in the address, of a member whom the user coaches."""
    member_id = path_id(request)
    if not await request.app[STORE].coachings.coaches(request[USER].id, member_id):
        raise Problem(404, NO_MEMBER)
    return member_id


def _check_days(starts_on: date, ends_on: date | None) -> None:
    if ends_on is not None and ends_on < starts_on:
        raise Problem(422, f"ends_on: The last day can't come before the first, {starts_on}.")


def _item(assignment: Assignment, done: Done) -> TodayItem:
    amount = {
        "repetitions": done.repetitions,
        "hold": done.held_s,
        "routine": done.scored_s,
    }[assignment.exercise_kind]
    whole = math.floor(round(amount, 3))  # sums of tenths miss whole numbers by very little
    target = assignment.target or assignment.exercise_target
    return TodayItem(
        assignment=_shown(assignment),
        done=whole,
        target=target,
        unit="repetitions" if assignment.exercise_kind == "repetitions" else "seconds",
        completed=whole >= target if target else amount > 0,
    )


def _shown(assignment: Assignment) -> AssignmentOut:
    return AssignmentOut(
        id=assignment.id,
        exercise=PlannedExercise(
            id=assignment.exercise_id,
            name=assignment.exercise_name,
            kind=assignment.exercise_kind,
            duration_s=assignment.exercise_duration_s,
            thumbnail_url=f"/v1/exercises/{assignment.exercise_id}/thumbnail",
        ),
        member=Person(id=assignment.member_id, name=assignment.member_name),
        coach=Person(id=assignment.coach_id, name=assignment.coach_name),
        target=assignment.target,
        note=assignment.note,
        weekdays=list(assignment.weekdays),
        starts_on=assignment.starts_on,
        ends_on=assignment.ends_on,
        position=assignment.position,
    )
