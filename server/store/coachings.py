"""Who coaches whom, and what a coach sees of members at a glance."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from .. import schema
from ..database import Database, now
from .sessions import seen_by_coaches

LATELY = timedelta(days=7)

table = schema.coachings


@dataclass(frozen=True)
class Member:
    """A member as one of their coaches sees them in a list.

    Attributes:
        since: When the coaching began.
        last_session_at: When the last session began that saw a camera or a file. Here and below,
            sessions of calls don't count.
        sessions_7d: How many of those began in the last seven days.
        mean_score_7d: The mean of their scores; None where none had one.
    """

    id: str
    name: str
    since: datetime
    last_session_at: datetime | None
    sessions_7d: int
    mean_score_7d: float | None


@dataclass(frozen=True)
class Coach:
    """A coach as their member sees them."""

    id: str
    name: str
    since: datetime


class CoachingRows:
    """The table `coachings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def coaches(self, coach_id: str, member_id: str) -> bool:
        """Whether this coach may see this member's results. Nothing else decides that."""
        statement = sa.select(table.c.coach_id).where(_between(coach_id, member_id))
        return await self._database.first(statement) is not None

    async def add(self, coach_id: str, member_id: str) -> None:
        """Begin a coaching; one that has begun goes on.

        Raises:
            IntegrityError: If one of the two has no account.
        """
        async with self._database.transaction() as connection:
            await begin_coaching(connection, coach_id, member_id)

    async def remove(self, coach_id: str, member_id: str) -> bool:
        """End a coaching with its plan; False if there is none."""
        async with self._database.transaction() as connection:
            ended = await connection.execute(
                sa.delete(table).where(_between(coach_id, member_id)).returning(table.c.member_id)
            )
            if ended.first() is None:
                return False
            plan = schema.assignments
            await connection.execute(
                sa.delete(plan).where(plan.c.coach_id == coach_id, plan.c.member_id == member_id)
            )
        return True

    async def remove_all(self, coach_id: str) -> list[str]:
        """End all coachings of a coach with their plans; return whose they were."""
        async with self._database.transaction() as connection:
            ended = await connection.execute(
                sa.delete(table).where(table.c.coach_id == coach_id).returning(table.c.member_id)
            )
            members = [str(member_id) for member_id in ended.scalars()]
            plan = schema.assignments
            await connection.execute(sa.delete(plan).where(plan.c.coach_id == coach_id))
        return members

    async def members(self, coach_id: str) -> list[Member]:
        """The members of a coach, by name, each with what they did lately."""
        users, sessions = schema.users, schema.sessions
        recent = sa.and_(
            sessions.c.user_id == users.c.id,
            sessions.c.started_at >= now() - LATELY,
            seen_by_coaches(),
        )
        # Of years: the index gives the newest first, and the first that counts is enough.
        every = sessions.alias("every")
        last = (
            sa.select(every.c.started_at)
            .where(
                every.c.user_id == users.c.id,
                every.c.started_at.is_not(None),
                seen_by_coaches(every),
            )
            .order_by(every.c.started_at.desc())
            .limit(1)
        )
        statement = (
            sa.select(
                users.c.id,
                users.c.name,
                table.c.created_at.label("since"),
                last.scalar_subquery().label("last_session_at"),
                sa.func.count(sessions.c.id).label("sessions_7d"),
                sa.func.avg(sessions.c.summary["score"].as_float()).label("mean_score_7d"),
            )
            .select_from(table)
            .join(users, users.c.id == table.c.member_id)
            .outerjoin(sessions, recent)
            .where(table.c.coach_id == coach_id)
            .group_by(users.c.id, users.c.name, table.c.created_at)
            .order_by(users.c.name)
        )
        return [Member(**row) for row in await self._database.all(statement)]

    async def of_member(self, member_id: str) -> list[Coach]:
        """The coaches of a member, by name."""
        users = schema.users
        statement = (
            sa.select(users.c.id, users.c.name, table.c.created_at.label("since"))
            .select_from(table)
            .join(users, users.c.id == table.c.coach_id)
            .where(table.c.member_id == member_id)
            .order_by(users.c.name)
        )
        return [Coach(**row) for row in await self._database.all(statement)]


async def begin_coaching(connection: AsyncConnection, coach_id: str, member_id: str) -> None:
    """Begin a coaching as a part of a larger transaction; one that has begun goes on."""
    begun = sa.exists().where(_between(coach_id, member_id))
    row = sa.select(
        sa.literal(coach_id), sa.literal(member_id), sa.literal(now(), schema.UtcDateTime())
    )
    await connection.execute(
        sa.insert(table).from_select(["coach_id", "member_id", "created_at"], row.where(~begun))
    )


def _between(coach_id: str, member_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.coach_id == coach_id, table.c.member_id == member_id)
