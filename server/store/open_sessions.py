"""Sessions that have not ended, and what another run of the server needs to go on with them."""

from dataclasses import dataclass, fields

import sqlalchemy as sa

from .. import schema
from ..database import Database, now
from .parts import Parts, read_parts
from .sessions import StoredSession

table = schema.open_sessions
sessions = schema.sessions


@dataclass(frozen=True)
class OpenSession:
    """A session that an earlier run of the server left open, or another node.

    Attributes:
        session: As it is stored.
        parts: All that was said in it, as far as it was stored.
        goes_on: Whether its page may come, or come back, to it: it is of no call, and the sign-in
            in which it was made goes on.
        sign_in_id: That sign-in; None for a user of an outside issuer.
        restarts: How often another run of a server, or another node, went on with it.
        held_s: The longest that a posture was held in it; None if none was.
    """

    session: StoredSession
    parts: Parts
    goes_on: bool
    sign_in_id: str | None
    restarts: int
    held_s: float | None


class OpenSessionRows:
    """The table `open_sessions`. Its rows come and go with `SessionRows.add` and `end`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ids(self) -> list[str]:
        """Which sessions have not ended, oldest first."""
        statement = sa.select(sessions.c.id).where(sessions.c.state != "ended")
        ordered = statement.order_by(sessions.c.created_at, sessions.c.id)
        return [row["id"] for row in await self._database.all(ordered)]

    async def is_open(self, user_id: str, session_id: str) -> bool:
        """Whether there is such a session of the user's, of no call, that has not ended."""
        statement = (
            sa.select(sessions.c.id)
            .join(table, table.c.session_id == sessions.c.id)
            .where(sessions.c.id == session_id, sessions.c.user_id == user_id)
            .where(sessions.c.state != "ended")
        )
        return await self._database.first(statement) is not None

    async def take(self, session_id: str) -> OpenSession | None:
        """Go on with a session: whoever had it before stores nothing more in it.

        Returns:
            What it is, with all that was stored, and `restarts` with this time counted; None if it
            has ended, or there is none.
        """
        sign_ins = schema.sign_ins
        signed_in = sa.or_(
            table.c.sign_in_id.is_(None),
            sa.and_(sign_ins.c.ended_at.is_(None), sign_ins.c.expires_at > now()),
        )
        goes_on = sa.and_(
            table.c.session_id.is_not(None), sessions.c.state != "ended", signed_in
        ).label("goes_on")
        kept = (table.c.sign_in_id, table.c.restarts, table.c.held_s)
        statement = (
            sa.select(sessions, goes_on, *kept)
            .outerjoin(table, table.c.session_id == sessions.c.id)
            .outerjoin(sign_ins, sign_ins.c.id == table.c.sign_in_id)
            .where(sessions.c.id == session_id, sessions.c.state != "ended")
        )
        taken = sa.update(table).where(table.c.session_id == session_id)
        names = {field.name for field in fields(StoredSession)}
        async with self._database.transaction() as connection:
            await connection.execute(taken.values(restarts=table.c.restarts + 1))
            row = (await connection.execute(statement)).mappings().first()
            if row is None:
                return None
            session = StoredSession(**{name: row[name] for name in names})
            parts = (await read_parts(connection, [session.id]))[session.id]
        return OpenSession(
            session,
            parts,
            bool(row["goes_on"]),
            row["sign_in_id"],
            row["restarts"] or 0,
            row["held_s"],
        )
