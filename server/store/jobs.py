"""Offline comparisons: the queue of those that wait, and what came of the others."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .. import schema
from ..database import Database, StoreError, now

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
UNFINISHED: tuple[JobState, ...] = ("queued", "running")

LONGEST_NAME = 255  # characters of a file's name

table = schema.jobs

_unfinished = table.c.state.in_(UNFINISHED)


@dataclass(frozen=True)
class Job:
    """A video to be compared with a reference.

    Attributes:
        video_name: What its user called the file.
        exercise_id: Whose reference it is compared with; None where one was sent along, or the
            exercise is gone.
        reference_name: Of the exercise, or of the file that was sent along.
        error: Why it failed, as a sentence for its user.
        result: `posesim.video_comparison.Comparison.as_json()` of a job that is done. None also
            in lists.
        session_id: What was added to the user's history.
    """

    id: str
    user_id: str
    state: JobState
    video_name: str
    exercise_id: str | None
    reference_name: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    result: dict[str, Any] | None
    session_id: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state not in UNFINISHED


class JobRows:
    """The table `jobs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        user_id: str,
        job_id: str,
        *,
        video_name: str,
        exercise_id: str | None,
        reference_name: str,
        keep: int,
    ) -> Job:
        """Queue a job, and forget all but the newest `keep` of the user's that are over.

        Raises:
            StoreError: If the exercise, or the user, was deleted meanwhile.
        """
        job = Job(
            id=job_id,
            user_id=user_id,
            state="queued",
            video_name=video_name,
            exercise_id=exercise_id,
            reference_name=reference_name,
            created_at=now(),
            started_at=None,
            ended_at=None,
            error=None,
            result=None,
            session_id=None,
        )
        over = sa.select(table.c.id).where(table.c.user_id == user_id, ~_unfinished)
        old = over.order_by(table.c.created_at.desc(), table.c.id).offset(keep)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(sa.insert(table).values(asdict(job)))
                found = (await connection.execute(old)).scalars().all()
                await connection.execute(sa.delete(table).where(table.c.id.in_(found)))
        except IntegrityError as error:
            raise StoreError("This exercise was deleted. Choose another one.") from error
        return job

    async def get(self, user_id: str, job_id: str) -> Job | None:
        """One job of the user, with its result."""
        statement = sa.select(table).where(table.c.id == job_id, table.c.user_id == user_id)
        row = await self._database.first(statement)
        return Job(**row) if row else None

    async def of_user(self, user_id: str, *, limit: int) -> list[Job]:
        """At most `limit` jobs of the user, newest first, without results."""
        statement = _without_result().where(table.c.user_id == user_id)
        statement = statement.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        return [Job(**row, result=None) for row in await self._database.all(statement)]

    async def unfinished_of(self, user_id: str) -> list[Job]:
        """The user's jobs that wait or run."""
        statement = _without_result().where(table.c.user_id == user_id, _unfinished)
        return [Job(**row, result=None) for row in await self._database.all(statement)]

    async def unfinished(self) -> list[Job]:
        """Everybody's jobs that wait or run."""
        rows = await self._database.all(_without_result().where(_unfinished))
        return [Job(**row, result=None) for row in rows]

    async def take(self, *, but: Collection[str] = ()) -> Job | None:
        """Anybody's job that is next, now `running`; None if none waits.

        One that was begun before comes first: whoever takes jobs has only one at a time, so its
        work was cut short. Then the user's turn counts who was served longest ago, or never.
        Those in `but` are left to others.
        """
        others = table.alias()
        served = (
            sa.select(sa.func.max(others.c.started_at))
            .where(others.c.user_id == table.c.user_id)
            .scalar_subquery()
        )
        statement = (
            _without_result()
            .where(_unfinished, table.c.id.not_in(but))
            .order_by(
                table.c.state.desc(),  # "running" before "queued"
                sa.nulls_first(served.asc()),
                table.c.created_at,
                table.c.id,
            )
        )
        while row := await self._database.first(statement.limit(1)):
            changes: dict[str, Any] = {"state": "running", "started_at": now()}
            begin = sa.update(table).where(table.c.id == row["id"], _unfinished)
            if await self._database.change(begin.values(changes)):
                return Job(**{**row, **changes}, result=None)
        return None

    async def end(self, job_id: str, state: JobState, error: str | None = None) -> bool:
        """Note that nothing came of a job. The first end counts: False if it was over, or gone."""
        statement = sa.update(table).where(table.c.id == job_id, _unfinished)
        statement = statement.values(state=state, ended_at=now(), error=error)
        return await self._database.change(statement) > 0

    async def finish(self, job_id: str, result: dict[str, Any], session_id: str) -> bool:
        """Note what came of a job. The first end counts: False if it was over, or gone."""
        statement = sa.update(table).where(table.c.id == job_id, _unfinished)
        statement = statement.values(
            state="done", ended_at=now(), result=result, session_id=session_id
        )
        return await self._database.change(statement) > 0

    async def remove(self, user_id: str, job_id: str) -> bool:
        """Forget a job of the user that is over; False if there is none."""
        statement = sa.delete(table).where(
            table.c.id == job_id, table.c.user_id == user_id, ~_unfinished
        )
        removed = await self._database.change(statement) > 0
        if removed:
            await self._database.forget_traces()
        return removed


def _without_result() -> sa.Select[Any]:
    """All columns but the largest one."""
    return sa.select(*(column for column in table.c if column.name != "result"))
