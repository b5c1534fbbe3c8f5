"""The audit log: who did what to whose account or results."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from .. import schema
from ..database import Database, now

table = schema.audit


@dataclass(frozen=True)
class AuditEntry:
    """One thing that was done.

    Attributes:
        actor_id: Who did it; None for the operator, at the command line.
        actor_name, subject_name: Their names now; None for an account that is gone.
        action: What, in words with dots between them: `results.read`.
        subject_id: Whose account or results it is about.
        object_id: What of theirs: a session, an invitation, another user, a role.
    """

    at: datetime
    actor_id: str | None
    actor_name: str | None
    action: str
    subject_id: str | None
    subject_name: str | None
    object_id: str | None


class AuditRows:
    """The table `audit`. It keeps ids alone, so that no name outlives its account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self,
        actor_id: str | None,
        action: str,
        subject_id: str | None = None,
        object_id: str | None = None,
    ) -> None:
        """Write down what was done just now.

        The subject is whose data it is, also where they did it themselves: they alone find it
        with `of_user`.
        """
        statement = sa.insert(table).values(
            at=now(),
            actor_id=actor_id,
            action=action,
            subject_id=subject_id,
            object_id=object_id,
        )
        await self._database.change(statement, alone=False)

    async def note_look(
        self, actor_id: str, action: str, subject_ids: Collection[str], every: timedelta
    ) -> None:
        """Write down that a list showed something of each of these users.

        A page asks for its lists again and again: one entry in `every` says as much as a hundred.
        """
        moment = now()
        noted = sa.exists().where(
            table.c.subject_id == schema.users.c.id,
            table.c.at > moment - every,
            table.c.actor_id == actor_id,
            table.c.action == action,
        )
        looks = sa.select(
            sa.literal(moment, schema.UtcDateTime()),
            sa.literal(actor_id),
            sa.literal(action),
            schema.users.c.id,
        ).where(schema.users.c.id.in_(subject_ids), ~noted)
        statement = sa.insert(table).from_select(["at", "actor_id", "action", "subject_id"], looks)
        await self._database.change(statement)

    async def of_user(
        self, user_id: str, *, limit: int, before: datetime | None = None
    ) -> list[AuditEntry]:
        """At most `limit` entries about the user, newest first, from before `before`."""
        return await self._entries(table.c.subject_id == user_id, limit, before)

    async def all(self, *, limit: int, before: datetime | None = None) -> list[AuditEntry]:
        """At most `limit` entries about everybody, newest first, from before `before`."""
        return await self._entries(sa.true(), limit, before)

    async def _entries(
        self, about: sa.ColumnElement[bool], limit: int, before: datetime | None
    ) -> list[AuditEntry]:
        actors, subjects = schema.users.alias("actors"), schema.users.alias("subjects")
        statement = (
            sa.select(
                table.c.at,
                table.c.actor_id,
                actors.c.name.label("actor_name"),
                table.c.action,
                table.c.subject_id,
                subjects.c.name.label("subject_name"),
                table.c.object_id,
            )
            .outerjoin(actors, actors.c.id == table.c.actor_id)
            .outerjoin(subjects, subjects.c.id == table.c.subject_id)
            .where(about)
        )
        if before is not None:
            statement = statement.where(table.c.at < before)
        statement = statement.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
        return [AuditEntry(**row) for row in await self._database.all(statement)]
