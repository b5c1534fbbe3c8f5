"""What users allowed, in the words that they read."""

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from .. import schema
from ..database import Database, new_id, now

table = schema.consents


@dataclass(frozen=True)
class Consent:
    """One consent; it counts until it is withdrawn."""

    id: str
    user_id: str
    purpose: str
    language: str
    wording: str
    given_at: datetime
    withdrawn_at: datetime | None


class ConsentRows:
    """The table `consents`. Rows are never changed but for their end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user_id: str, purpose: str, language: str, wording: str) -> Consent:
        """Keep a consent."""
        consent = Consent(new_id(), user_id, purpose, language, wording, now(), None)
        await self._database.change(sa.insert(table).values(asdict(consent)))
        return consent

    async def of_user(self, user_id: str) -> list[Consent]:
        """All that the user ever gave, newest first."""
        statement = (
            sa.select(table)
            .where(table.c.user_id == user_id)
            .order_by(table.c.given_at.desc(), table.c.id)
        )
        return [Consent(**row) for row in await self._database.all(statement)]

    async def given(self, user_id: str, purpose: str) -> list[Consent]:
        """What counts now of one purpose."""
        statement = sa.select(table).where(
            table.c.user_id == user_id,
            table.c.purpose == purpose,
            table.c.withdrawn_at.is_(None),
        )
        return [Consent(**row) for row in await self._database.all(statement)]

    async def withdraw(self, user_id: str, consent_id: str) -> str | None:
        """End a consent of the user; return its purpose, None if there is none that counts."""
        mine = sa.and_(
            table.c.id == consent_id,
            table.c.user_id == user_id,
            table.c.withdrawn_at.is_(None),
        )
        row = await self._database.first(sa.select(table.c.purpose).where(mine))
        if row is None:
            return None
        await self._database.change(sa.update(table).where(mine).values(withdrawn_at=now()))
        return str(row["purpose"])
