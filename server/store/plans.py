"""Plans: what coaches ask their members to train, and what of it is done.

An assignment counts while its coach coaches the member: every query asks for that.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from posesim.errors import PosesimError

from .. import schema
from ..database import Database, StoreError, new_id, now
from .exercises import Kind, may_see
from .sessions import counted_repetitions

MOST_ASSIGNMENTS = 100  # of one coach for one member

table = schema.assignments
_members = schema.users.alias("members")
_coaches = schema.users.alias("coaches")


class PlanFull(PosesimError):
    """A plan as long as a plan may be."""

    def __init__(self) -> None:
        super().__init__(
            f"A plan has at most {MOST_ASSIGNMENTS} entries. Remove one that is over first."
        )


@dataclass(frozen=True)
class Assignment:
    """An exercise that a coach asks a member to do on some days.

    Attributes:
        target: How much; None for the exercise's own target.
        weekdays: ISO days, 1 is Monday, ascending.
        starts_on, ends_on: The first and the last day, by the member's calendar.
        position: Its place among the assignments of this coach to this member.
    """

    id: str
    coach_id: str
    coach_name: str
    member_id: str
    member_name: str
    exercise_id: str
    exercise_name: str
    exercise_kind: Kind
    exercise_duration_s: float | None
    exercise_target: int | None
    target: int | None
    note: str
    weekdays: tuple[int, ...]
    starts_on: date
    ends_on: date | None
    position: int


@dataclass(frozen=True)
class Done:
    """What sessions with one exercise came to, each value summed over them."""

    repetitions: int
    held_s: float
    scored_s: float


class PlanRows:
    """The table `assignments`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        coach_id: str,
        member_id: str,
        exercise_id: str,
        *,
        target: int | None,
        note: str,
        weekdays: Collection[int],
        starts_on: date,
        ends_on: date | None,
    ) -> Assignment | None:
        """Append an assignment to what the coach plans for the member; None if they don't coach.

        Raises:
            PlanFull: If it is one too many.
            StoreError: If the exercise was deleted meanwhile.
        """
        assignment_id = new_id()
        theirs = sa.and_(table.c.coach_id == coach_id, table.c.member_id == member_id)
        # `position` is found by the insert itself, so that of two at once the second comes after.
        next_position = sa.select(sa.func.coalesce(sa.func.max(table.c.position), -1) + 1)
        statement = sa.insert(table).values(
            id=assignment_id,
            coach_id=coach_id,
            member_id=member_id,
            exercise_id=exercise_id,
            target=target,
            note=note,
            weekdays=_bits(weekdays),
            starts_on=starts_on,
            ends_on=ends_on,
            position=next_position.where(theirs).scalar_subquery(),
            created_at=now(),
        )
        try:
            async with self._database.transaction() as connection:
                await connection.execute(statement)
                count = sa.select(sa.func.count()).select_from(table).where(theirs)
                if (await connection.execute(count)).scalar_one() > MOST_ASSIGNMENTS:
                    raise PlanFull
                added = await connection.execute(_SELECT.where(table.c.id == assignment_id))
                row = added.mappings().first()
                if row is None:  # no coaching to join it with
                    await connection.execute(sa.delete(table).where(table.c.id == assignment_id))
                    return None
                return _assignment(row)
        except IntegrityError as error:
            raise StoreError("This exercise was deleted. Choose another one.") from error

    async def get(self, coach_id: str, assignment_id: str) -> Assignment | None:
        """One assignment that the coach made."""
        row = await self._database.first(
            _SELECT.where(table.c.id == assignment_id, table.c.coach_id == coach_id)
        )
        return _assignment(row) if row else None

    async def of_member(self, coach_id: str, member_id: str) -> list[Assignment]:
        """What the coach plans for a member, in order."""
        return await self._all(table.c.coach_id == coach_id, table.c.member_id == member_id)

    async def on_day(self, member_id: str, day: date) -> list[Assignment]:
        """What a member is to do on a day, of all coaches, as far as the exercise may be seen."""
        return await self._all(
            table.c.member_id == member_id,
            table.c.weekdays.bitwise_and(_bits([day.isoweekday()])) != 0,
            table.c.starts_on <= day,
            sa.or_(table.c.ends_on.is_(None), table.c.ends_on >= day),
            may_see(member_id),
        )

    async def change(
        self, coach_id: str, assignment_id: str, values: Mapping[str, Any]
    ) -> Assignment | None:
        """Set columns of an assignment that the coach made; None if there is none."""
        if await self.get(coach_id, assignment_id) is None:
            return None
        stored = dict(values)
        if "weekdays" in stored:
            stored["weekdays"] = _bits(stored["weekdays"])
        if stored:
            mine = sa.and_(table.c.id == assignment_id, table.c.coach_id == coach_id)
            await self._database.change(sa.update(table).where(mine).values(stored))
        return await self.get(coach_id, assignment_id)

    async def delete(self, coach_id: str, assignment_id: str) -> Assignment | None:
        """Remove an assignment that the coach made; return what it was, None if there is none."""
        found = await self.get(coach_id, assignment_id)
        if found is not None:
            await self._database.change(sa.delete(table).where(table.c.id == assignment_id))
        return found

    async def done(
        self, user_id: str, exercise_ids: Collection[str], begin: datetime, end: datetime
    ) -> dict[str, Done]:
        """What the user's sessions that were made from `begin` until `end` came to, by exercise."""
        sessions = schema.sessions
        summary = sessions.c.summary
        statement = (
            sa.select(
                sessions.c.exercise_id,
                _sum(counted_repetitions()).label("repetitions"),
                _sum(summary["held_s"].as_float()).label("held_s"),
                _sum(summary["scored_s"].as_float()).label("scored_s"),
            )
            .where(
                sessions.c.user_id == user_id,
                sessions.c.exercise_id.in_(exercise_ids),
                sessions.c.created_at >= begin,
                sessions.c.created_at < end,
            )
            .group_by(sessions.c.exercise_id)
        )
        return {
            row["exercise_id"]: Done(row["repetitions"], row["held_s"], row["scored_s"])
            for row in await self._database.all(statement)
        }

    async def _all(self, *conditions: sa.ColumnElement[bool]) -> list[Assignment]:
        order = table.c.position, table.c.created_at, table.c.id
        rows = await self._database.all(_SELECT.where(*conditions).order_by(*order))
        return [_assignment(row) for row in rows]


_SELECT = (
    sa.select(
        *(column for column in table.c if column.name != "created_at"),
        _coaches.c.name.label("coach_name"),
        _members.c.name.label("member_name"),
        schema.exercises.c.name.label("exercise_name"),
        schema.exercises.c.kind.label("exercise_kind"),
        schema.exercises.c.duration_s.label("exercise_duration_s"),
        schema.exercises.c.target.label("exercise_target"),
    )
    .select_from(table)
    .join(_coaches, _coaches.c.id == table.c.coach_id)
    .join(_members, _members.c.id == table.c.member_id)
    .join(schema.exercises, schema.exercises.c.id == table.c.exercise_id)
    .join(
        schema.coachings,
        sa.and_(
            schema.coachings.c.coach_id == table.c.coach_id,
            schema.coachings.c.member_id == table.c.member_id,
        ),
    )
)


def _sum(values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(values), 0)


def _assignment(row: Mapping[Any, Any]) -> Assignment:
    bits = row["weekdays"]
    return Assignment(**{**row, "weekdays": tuple(d for d in range(1, 8) if bits & _bits([d]))})


def _bits(weekdays: Collection[int]) -> int:
    """Return ISO weekdays as the table keeps them: bit 0 is Monday."""
    return sum(1 << (day - 1) for day in set(weekdays))
