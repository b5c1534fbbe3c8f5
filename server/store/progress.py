"""What somebody's sessions came to, one row a session, without what was said in them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from .. import schema
from ..database import Database
from .sessions import counted_repetitions, seen_by_coaches

table = schema.sessions


@dataclass(frozen=True)
class Trained:
    """A session in which something was scored.

    Attributes:
        at: When it was begun.
        score, best_score: 0 to 100.
        repetitions: Those that counted; in a call, as its coach counted them.
        scored_s: For how long there was a score.
    """

    at: datetime
    exercise_id: str | None
    exercise_name: str
    score: float | None
    best_score: float | None
    repetitions: int
    scored_s: float


class ProgressRows:
    """The table `sessions`, seen from far away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trained(
        self,
        user_id: str,
        since: datetime,
        exercise_id: str | None = None,
        *,
        by_coach: bool = False,
    ) -> list[Trained]:
        """The user's sessions since then in which something was scored, oldest first.

        With `by_coach`, those that coaches of theirs may see.
        """
        summary = table.c.summary
        scored_s = summary["scored_s"].as_float()
        statement = (
            sa.select(
                table.c.created_at.label("at"),
                table.c.exercise_id,
                table.c.exercise_name,
                summary["score"].as_float().label("score"),
                summary["best_score"].as_float().label("best_score"),
                counted_repetitions().label("repetitions"),
                scored_s.label("scored_s"),
            )
            .where(table.c.user_id == user_id, table.c.created_at >= since, scored_s > 0)
            .order_by(table.c.created_at)
        )
        if by_coach:
            statement = statement.where(seen_by_coaches())
        if exercise_id is not None:
            statement = statement.where(table.c.exercise_id == exercise_id)
        async with self._database.snapshot() as connection:
            return [Trained(*row) for row in await connection.execute(statement)]
