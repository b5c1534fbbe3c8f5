"""Exercises: what is known of a reference besides its files."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from .. import schema
from ..database import Database, new_id, now

ExerciseState = Literal["embedding", "ready", "failed"]
Kind = Literal["repetitions", "hold", "routine"]
Visibility = Literal["private", "members", "everyone"]

table = schema.exercises


@dataclass(frozen=True)
class Exercise:
    """A reference of a user; its files are named by `clip_sha256`.

    Attributes:
        duration_s: Of the part between the trim points.
        start_s, end_s: The trim points, in the clip's time; None where nothing is cut off.
        mirrored: Whether the clip is shown as its mirror image.
        target: How much is aimed at: repetitions, or seconds of a hold or a routine.
        visibility: Who may train with it besides its owner: nobody, the owner's members, or
            everyone on this server.
    """

    id: str
    user_id: str
    name: str
    description: str
    state: ExerciseState
    error: str | None
    duration_s: float | None
    clip_sha256: str
    clip_type: str
    start_s: float | None
    end_s: float | None
    mirrored: bool
    kind: Kind
    target: int | None
    visibility: Visibility
    created_at: datetime


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
        """Keep a new exercise, in state `embedding`, private."""
        exercise = Exercise(
            id=new_id(),
            user_id=user_id,
            name=name,
            description=description,
            state="embedding",
            error=None,
            duration_s=duration_s,
            clip_sha256=clip_sha256,
            clip_type=clip_type,
            start_s=None,
            end_s=None,
            mirrored=mirrored,
            kind=kind,
            target=target,
            visibility="private",
            created_at=now(),
        )
        await self._database.change(sa.insert(table).values(asdict(exercise)))
        return exercise

    async def of_user(self, user_id: str) -> list[Exercise]:
        """The user's own exercises, newest first."""
        statement = (
            sa.select(table)
            .where(table.c.user_id == user_id)
            .order_by(table.c.created_at.desc(), table.c.id)
        )
        return [Exercise(**row) for row in await self._database.all(statement)]

    async def get(self, user_id: str, exercise_id: str) -> Exercise | None:
        """One of the user's own exercises."""
        statement = sa.select(table).where(table.c.id == exercise_id, table.c.user_id == user_id)
        row = await self._database.first(statement)
        return Exercise(**row) if row else None

    async def unfinished(self) -> list[Exercise]:
        """Everybody's exercises that were still embedding when the server stopped, oldest first."""
        statement = (
            sa.select(table).where(table.c.state == "embedding").order_by(table.c.created_at)
        )
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

    async def _set(self, exercise_id: str, **values: str | float | None) -> None:
        statement = sa.update(table).where(table.c.id == exercise_id)
        await self._database.change(statement.values(**values))

    async def delete(self, user_id: str, exercise_id: str) -> bool:
        """Remove an exercise; its sessions stay and keep its name. False if there is none."""
        statement = sa.delete(table).where(table.c.id == exercise_id, table.c.user_id == user_id)
        return await self._database.change(statement) > 0

    async def uses_clip(self, user_id: str, clip_sha256: str) -> bool:
        """Whether an exercise of the user needs the files of this content."""
        statement = sa.select(table.c.id).where(
            table.c.user_id == user_id, table.c.clip_sha256 == clip_sha256
        )
        return await self._database.first(statement.limit(1)) is not None
