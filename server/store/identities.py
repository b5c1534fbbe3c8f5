"""Who a user is to an outside issuer of tokens."""

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from .. import schema
from ..database import Database, new_id, now
from .users import NameTaken, User

table = schema.identities


class IdentityRows:
    """The table `identities`, and the accounts that begin with a row of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def user(self, issuer: str, subject: str) -> User | None:
        """The account of this identity."""
        users = schema.users
        statement = (
            sa.select(users)
            .join(table, table.c.user_id == users.c.id)
            .where(table.c.issuer == issuer, table.c.subject == subject)
        )
        row = await self._database.first(statement)
        return User(**row) if row else None

    async def add(self, issuer: str, subject: str, name: str) -> User:
        """Make an account, with no password and of the role member, for an identity.

        Raises:
            NameTaken: If another user has this name, or this identity an account meanwhile.
        """
        user = User(new_id(), name, "", "member", now())
        identity = {"issuer": issuer, "subject": subject, "user_id": user.id}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(sa.insert(schema.users).values(asdict(user)))
                await connection.execute(sa.insert(table).values(identity))
        except IntegrityError as error:
            raise NameTaken(name) from error
        return user
