"""Sign-ins: one row from a right password to the sign-out."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from .. import schema
from ..database import Database, now
from .users import User, end_sign_ins

table = schema.sign_ins


@dataclass(frozen=True)
class SignIn:
    """A sign-in.

    Attributes:
        secret_sha256: Of the refresh token that is to be used next.
        previous_sha256: Of the one before it; None until the first renewal.
        renewed_at: When the one replaced the other.
        expires_at: When it is over, unless it is renewed before.
        ended_at: When it was ended; None while it goes on.
    """

    id: str
    user_id: str
    secret_sha256: str
    previous_sha256: str | None
    renewed_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    created_at: datetime

    def goes_on(self, at: datetime) -> bool:
        """Whether it has neither ended nor run out."""
        return self.ended_at is None and at < self.expires_at


class SignInRows:
    """The table `sign_ins`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, sign_in_id: str, user: User, secret_sha256: str, at: datetime, expires_at: datetime
    ) -> bool:
        """Keep a new sign-in of `user`.

        False if the account is gone or its password was changed since `user` was read: what was
        checked against the old one must not outlive it.
        """
        users = schema.users
        values = {
            "id": sign_in_id,
            "user_id": user.id,
            "secret_sha256": secret_sha256,
            "renewed_at": at,
            "expires_at": expires_at,
            "created_at": at,
        }
        columns = [sa.literal(value, table.c[name].type) for name, value in values.items()]
        unchanged = sa.select(*columns).where(
            users.c.id == user.id, users.c.password_hash == user.password_hash
        )
        statement = sa.insert(table).from_select(list(values), unchanged)
        return await self._database.change(statement) > 0

    async def get(self, sign_in_id: str) -> SignIn | None:
        """The sign-in with this id, whoever's it is."""
        row = await self._database.first(sa.select(table).where(table.c.id == sign_in_id))
        return SignIn(**row) if row else None

    async def user(self, sign_in_id: str, user_id: str, at: datetime) -> User | None:
        """The user behind a sign-in of theirs that goes on."""
        users = schema.users
        statement = (
            sa.select(users)
            .join(table, table.c.user_id == users.c.id)
            .where(
                table.c.id == sign_in_id,
                users.c.id == user_id,
                table.c.ended_at.is_(None),
                table.c.expires_at > at,
            )
        )
        row = await self._database.first(statement)
        return User(**row) if row else None

    async def renew(
        self, sign_in: SignIn, secret_sha256: str, at: datetime, expires_at: datetime
    ) -> bool:
        """Replace the secret; False if somebody else has, or it has ended, since it was read."""
        statement = (
            sa.update(table)
            .where(
                table.c.id == sign_in.id,
                table.c.secret_sha256 == sign_in.secret_sha256,
                table.c.ended_at.is_(None),
            )
            .values(
                secret_sha256=secret_sha256,
                previous_sha256=sign_in.secret_sha256,
                renewed_at=at,
                expires_at=expires_at,
            )
        )
        return await self._database.change(statement, alone=False) > 0

    async def end(self, sign_in_id: str) -> bool:
        """End one; False if it had ended."""
        statement = sa.update(table).where(table.c.id == sign_in_id, table.c.ended_at.is_(None))
        return await self._database.change(statement.values(ended_at=now())) > 0

    async def end_all(self, user_id: str) -> int:
        """End all of a user; return how many there were."""
        return await self._database.change(end_sign_ins(user_id))
