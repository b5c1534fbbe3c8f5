"""Sessions and what was said in them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .. import schema
from ..database import Database, StoreError, new_id, now
from .exercises import Exercise, Kind

SessionState = Literal["created", "live", "ended"]
SessionSource = Literal["live", "file", "import"]

table = schema.sessions


@dataclass(frozen=True)
class StoredSession:
    """One try at an exercise. `summary` is the message's `Summary` as JSON.

    Attributes:
        source: Whether it was live, a file that was compared, or read from an export.
        kind, target: What the exercise was, and how much was aimed at.
        reference_start_s: Where in the clip the reference began: its trim point then, else 0.
    """

    id: str
    user_id: str
    exercise_id: str | None
    exercise_name: str
    source: SessionSource
    kind: Kind
    target: int | None
    reference_start_s: float
    state: SessionState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    summary: dict[str, Any] | None


@dataclass(frozen=True)
class ScoreRow:
    """One score of a session; `seq` counts its score messages, times are seconds."""

    seq: int
    t_s: float
    score: float | None
    state: str
    movement: float | None
    timing: float | None
    range: float | None
    reference_s: float | None
    tempo: float | None


class SessionRows:
    """The tables `sessions` and `scores`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user_id: str, exercise: Exercise) -> StoredSession:
        """Keep a new session, in state `created`.

        Raises:
            StoreError: If the exercise was deleted meanwhile.
        """
        session = StoredSession(
            id=new_id(),
            user_id=user_id,
            exercise_id=exercise.id,
            exercise_name=exercise.name,
            source="live",
            kind=exercise.kind,
            target=exercise.target,
            reference_start_s=exercise.start_s or 0.0,
            state="created",
            created_at=now(),
            started_at=None,
            ended_at=None,
            end_reason=None,
            summary=None,
        )
        try:
            await self._database.change(sa.insert(table).values(asdict(session)))
        except IntegrityError as error:
            raise StoreError("This exercise was deleted. Choose another one.") from error
        return session

    async def start(self, session_id: str) -> bool:
        """Note that the camera arrived; False unless the session was `created`."""
        statement = sa.update(table).where(table.c.id == session_id, table.c.state == "created")
        return await self._database.change(statement.values(state="live", started_at=now())) > 0

    async def end(self, session_id: str, reason: str, summary: dict[str, Any] | None) -> bool:
        """Note the end. The first end counts: False if the session had ended before."""
        statement = (
            sa.update(table)
            .where(table.c.id == session_id, table.c.state != "ended")
            .values(state="ended", ended_at=now(), end_reason=reason, summary=summary)
        )
        return await self._database.change(statement) > 0

    async def end_lost(self) -> int:
        """End what a server that is gone left open; return how many there were."""
        statement = sa.update(table).where(table.c.state != "ended")
        return await self._database.change(
            statement.values(state="ended", ended_at=now(), end_reason="lost")
        )

    async def get(self, user_id: str, session_id: str) -> StoredSession | None:
        """One session of the user."""
        statement = sa.select(table).where(table.c.id == session_id, table.c.user_id == user_id)
        row = await self._database.first(statement)
        return StoredSession(**row) if row else None

    async def of_user(
        self, user_id: str, *, limit: int, before: datetime | None = None
    ) -> list[StoredSession]:
        """At most `limit` sessions of the user, newest first, made before `before`."""
        statement = sa.select(table).where(table.c.user_id == user_id)
        if before is not None:
            statement = statement.where(table.c.created_at < before)
        statement = statement.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        return [StoredSession(**row) for row in await self._database.all(statement)]

    async def add_scores(self, session_id: str, rows: Sequence[ScoreRow]) -> None:
        """Append scores, all or none.

        Raises:
            StoreError: If the session is gone or a `seq` was used before.
        """
        if not rows:
            return
        values = [{"session_id": session_id, **asdict(row)} for row in rows]
        try:
            async with self._database.transaction() as connection:
                await connection.execute(sa.insert(schema.scores), values)
        except IntegrityError as error:
            raise StoreError(
                f"Scores {rows[0].seq} to {rows[-1].seq} don't fit the session {session_id}."
            ) from error

    async def scores(self, user_id: str, session_id: str) -> list[ScoreRow]:
        """The scores of a session of the user, in order; empty if it isn't theirs."""
        scores = schema.scores
        columns = [column for column in scores.c if column.name != "session_id"]
        statement = (
            sa.select(*columns)
            .join(table, table.c.id == scores.c.session_id)
            .where(scores.c.session_id == session_id, table.c.user_id == user_id)
            .order_by(scores.c.seq)
        )
        return [ScoreRow(**row) for row in await self._database.all(statement)]
