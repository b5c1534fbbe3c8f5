"""Exercises: what is known of a reference besides its files, and who may train with it."""

import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from .. import schema
from ..database import Database, StoreError, new_id, now

ExerciseState = Literal["embedding", "ready", "failed"]
Kind = Literal["repetitions", "hold", "routine"]
Visibility = Literal["private", "members", "everyone"]
Trim = tuple[float | None, float | None]  # start_s, end_s

LONGEST_NAME = 80  # characters

table = schema.exercises
_owners = schema.users.alias("owners")


@dataclass(frozen=True)
class Exercise:
    """A reference of a user; its files are named by `clip_sha256` and the trim points.

    Attributes:
        user_id: Its owner.
        duration_s: Of the part between the trim points.
        clip_duration_s: Of the whole clip, as its file states it.
        start_s, end_s: The trim points, in the clip's time; None where nothing is cut off.
        mirrored: Whether the clip is shown as its mirror image.
        target: How much is aimed at: repetitions, or seconds of a hold or a routine.
        visibility: Who may train with it besides its owner: nobody, the owner's members, or
            everyone on this server.
    """

    id: str
    user_id: str
    owner_name: str
    name: str
    description: str
    state: ExerciseState
    error: str | None
    duration_s: float | None
    clip_duration_s: float | None
    clip_sha256: str
    clip_type: str
    start_s: float | None
    end_s: float | None
    mirrored: bool
    kind: Kind
    target: int | None
    visibility: Visibility
    created_at: datetime

    @property
    def trim(self) -> Trim:
        """Both trim points."""
        return self.start_s, self.end_s


def may_see(user_id: str) -> sa.ColumnElement[bool]:
    """Which rows of `exercises` a user may see and train with. Nothing else decides that.

    Their own; what a coach or an admin shows to everyone; of those who coach them, what is for all
    their members, and what is in the plan that they made for this one; what a coach put into the
    program of a call with them, from when they joined it until it ends. Plan and program show
    nothing of a third person's: what somebody kept private is theirs alone to show.
    """
    # Tables under names of their own: whoever asks may join them as well.
    sharers, coachings = schema.users.alias("sharers"), schema.coachings.alias("own_coachings")
    plan = schema.assignments.alias("own_plan")
    may_share = table.c.user_id.in_(
        sa.select(sharers.c.id).where(sharers.c.role.in_(("coach", "admin")))
    )
    coaches = table.c.user_id.in_(
        sa.select(coachings.c.coach_id).where(coachings.c.member_id == user_id)
    )
    planned = sa.exists().where(
        plan.c.exercise_id == table.c.id,
        plan.c.coach_id == table.c.user_id,
        plan.c.member_id == user_id,
    )
    calls, program = schema.calls.alias("own_calls"), schema.call_exercises.alias("own_program")
    in_a_call = sa.exists().where(
        program.c.exercise_id == table.c.id,
        calls.c.id == program.c.call_id,
        calls.c.coach_id == table.c.user_id,
        calls.c.member_id == user_id,
        calls.c.ended_at.is_(None),
    )
    return sa.or_(
        table.c.user_id == user_id,
        sa.and_(may_share, table.c.visibility == "everyone"),
        sa.and_(may_share, coaches, sa.or_(table.c.visibility == "members", planned)),
        sa.and_(may_share, in_a_call),
    )


class ExerciseRows:
    """The table `exercises`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        user_id: str,
        *,
        name: str,
        clip_sha256: str,
        clip_type: str,
        duration_s: float | None,
        description: str = "",
        kind: Kind = "repetitions",
        target: int | None = None,
        mirrored: bool = False,
    ) -> Exercise:
        """Keep a new exercise of a whole clip, in state `embedding`, private.

        A name that the user has already gets a number.

        Raises:
            StoreError: If the account is gone.
        """
        exercise_id = new_id()
        values = {
            "id": exercise_id,
            "user_id": user_id,
            "name": name,
            "description": description,
            "state": "embedding",
            "duration_s": duration_s,
            "clip_duration_s": duration_s,
            "clip_sha256": clip_sha256,
            "clip_type": clip_type,
            "mirrored": mirrored,
            "kind": kind,
            "target": target,
            "visibility": "private",
            "created_at": now(),
        }
        try:
            async with self._database.transaction() as connection:
                # The write comes first, so that of two who want one name the second waits here.
                await connection.execute(sa.insert(table).values(values))
                await _name_apart(connection, user_id, exercise_id, name)
                return await _row(connection, exercise_id)
        except IntegrityError as error:
            raise StoreError("This account was deleted, and the clip with it.") from error

    async def change(
        self, user_id: str, exercise_id: str, values: Mapping[str, Any]
    ) -> Exercise | None:
        """Set columns of one of the user's own exercises; None if there is none.

        A name that another one has already gets a number.
        """
        mine = sa.and_(table.c.id == exercise_id, table.c.user_id == user_id)
        # A statement needs something to set; the id stays what it is.
        statement = sa.update(table).where(mine).values(values or {"id": exercise_id})
        async with self._database.transaction() as connection:
            changed = await connection.execute(statement.returning(table.c.id))
            if changed.first() is None:
                return None
            if "name" in values:
                await _name_apart(connection, user_id, exercise_id, values["name"])
            return await _row(connection, exercise_id)

    async def of_user(self, user_id: str) -> list[Exercise]:
        """The user's own exercises, newest first."""
        return await self._newest_first(table.c.user_id == user_id)

    async def visible_to(self, user_id: str) -> list[Exercise]:
        """All exercises that the user may train with, newest first."""
        return await self._newest_first(may_see(user_id))

    async def get(self, user_id: str, exercise_id: str) -> Exercise | None:
        """One of the user's own exercises."""
        return await self._first(table.c.id == exercise_id, table.c.user_id == user_id)

    async def visible(self, user_id: str, exercise_id: str) -> Exercise | None:
        """One of the exercises that the user may train with."""
        return await self._first(table.c.id == exercise_id, may_see(user_id))

    async def unfinished(self) -> list[Exercise]:
        """Everybody's exercises that were still embedding when the server stopped, oldest first."""
        statement = EXERCISE_ROWS.where(table.c.state == "embedding").order_by(table.c.created_at)
        return [Exercise(**row) for row in await self._database.all(statement)]

    async def set_embedding(self, exercise_id: str) -> None:
        """Note that the exercise is to be embedded again."""
        await self._set(exercise_id, state="embedding", error=None)

    async def set_ready(self, exercise_id: str, duration_s: float) -> None:
        """Note that the exercise can be trained against."""
        await self._set(exercise_id, state="ready", error=None, duration_s=duration_s)

    async def set_failed(self, exercise_id: str, error: str) -> None:
        """Note why the exercise can't be used, as a sentence for its user."""
        await self._set(exercise_id, state="failed", error=error)

    async def delete(self, user_id: str, exercise_id: str) -> bool:
        """Remove an exercise; its sessions stay and keep its name. False if there is none."""
        statement = sa.delete(table).where(table.c.id == exercise_id, table.c.user_id == user_id)
        return await self._database.change(statement) > 0

    async def trims(self, user_id: str, clip_sha256: str) -> set[Trim]:
        """Which parts of a clip the user's exercises are of; empty if none needs this clip."""
        statement = sa.select(table.c.start_s, table.c.end_s).where(
            table.c.user_id == user_id, table.c.clip_sha256 == clip_sha256
        )
        return {(row["start_s"], row["end_s"]) for row in await self._database.all(statement)}

    async def _first(self, *conditions: sa.ColumnElement[bool]) -> Exercise | None:
        row = await self._database.first(EXERCISE_ROWS.where(*conditions))
        return Exercise(**row) if row else None

    async def _newest_first(self, condition: sa.ColumnElement[bool]) -> list[Exercise]:
        statement = EXERCISE_ROWS.where(condition).order_by(table.c.created_at.desc(), table.c.id)
        return [Exercise(**row) for row in await self._database.all(statement)]

    async def _set(self, exercise_id: str, **values: str | float | None) -> None:
        statement = sa.update(table).where(table.c.id == exercise_id)
        await self._database.change(statement.values(**values))


# Every exercise as `Exercise` has it.
EXERCISE_ROWS = sa.select(table, _owners.c.name.label("owner_name")).join(
    _owners, _owners.c.id == table.c.user_id
)


async def _row(connection: AsyncConnection, exercise_id: str) -> Exercise:
    rows = await connection.execute(EXERCISE_ROWS.where(table.c.id == exercise_id))
    return Exercise(**rows.mappings().one())


async def _name_apart(
    connection: AsyncConnection, user_id: str, exercise_id: str, wanted: str
) -> None:
    """Number an exercise's name if another one of the user has it."""
    others = sa.select(table.c.name).where(table.c.user_id == user_id, table.c.id != exercise_id)
    taken = set((await connection.execute(others)).scalars())
    if (name := free_name(wanted, taken)) != wanted:
        statement = sa.update(table).where(table.c.id == exercise_id)
        await connection.execute(statement.values(name=name))


def free_name(wanted: str, taken: Container[str]) -> str:
    """Return `wanted`, or with the first number from 2 on that makes it another name.

    A long name is cut before its number, and never between a letter and its accent.
    """
    name, number = wanted, 2
    while name in taken:
        suffix = f" ({number})"
        length = LONGEST_NAME - len(suffix)
        while 0 < length < len(wanted) and _belongs_to_the_last(wanted[length]):
            length -= 1
        name = wanted[:length].rstrip() + suffix
        number += 1
    return name


def _belongs_to_the_last(character: str) -> bool:
    """Whether a character is drawn together with the one before it: accents, skin colours."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me") or "🏻" <= character <= "🏿"
