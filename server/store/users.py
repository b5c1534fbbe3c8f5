"""Accounts."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from posesim.errors import PosesimError

from .. import schema
from ..database import Database, new_id, now

Role = Literal["member", "coach", "admin"]  # each may do what those before it may

table = schema.users


class NameTaken(PosesimError):
    """There is a user of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is already a user {name!r}. Choose another name.")


class LastAdmin(PosesimError):
    """Without this admin nobody could make accounts any more."""

    def __init__(self) -> None:
        super().__init__("This is the last admin. Give the role to somebody else first.")


@dataclass(frozen=True)
class User:
    """An account; `password_hash` is argon2's encoded form, empty for one of an outside issuer."""

    id: str
    name: str
    password_hash: str
    role: Role
    created_at: datetime


class UserRows:
    """The table `users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, password_hash: str, role: Role = "member") -> User:
        """Make an account.

        Raises:
            NameTaken: If another user has this name.
        """
        user = User(new_id(), name, password_hash, role, now())
        try:
            await self._database.change(sa.insert(table).values(asdict(user)))
        except IntegrityError as error:
            raise NameTaken(name) from error
        return user

    async def all(self) -> list[User]:
        """All accounts, by name."""
        rows = await self._database.all(sa.select(table).order_by(table.c.name))
        return [User(**row) for row in rows]

    async def get(self, user_id: str) -> User | None:
        """The account with this id."""
        row = await self._database.first(sa.select(table).where(table.c.id == user_id))
        return User(**row) if row else None

    async def by_name(self, name: str) -> User | None:
        """The account with this name."""
        row = await self._database.first(sa.select(table).where(table.c.name == name))
        return User(**row) if row else None

    async def set_password(self, name: str, password_hash: str) -> bool:
        """Replace a password and end every sign-in of the user; False if there is no such user."""
        return await self._replace_password(table.c.name == name, password_hash, None)

    async def change_password(self, user: User, password_hash: str, keep: str | None) -> bool:
        """Replace a password and end every sign-in of `user` but `keep`.

        False if it is another one than `user` was read with: somebody else was first.
        """
        unchanged = sa.and_(table.c.id == user.id, table.c.password_hash == user.password_hash)
        return await self._replace_password(unchanged, password_hash, keep)

    async def change_role(self, user_id: str, role: Role) -> bool:
        """Give another role as long as an admin remains; False if there is no such user.

        Raises:
            LastAdmin: If no admin would remain.
        """
        others = table.alias("others")
        # In the same statement: of two admins who step down at once, one has to stay.
        another = sa.exists().where(others.c.role == "admin", others.c.id != user_id)
        statement = sa.update(table).where(table.c.id == user_id)
        if role != "admin":
            statement = statement.where(sa.or_(table.c.role != "admin", another))
        if await self._database.change(statement.values(role=role)) > 0:
            return True
        if await self.get(user_id) is None:
            return False
        raise LastAdmin

    async def remove(self, name: str) -> bool:
        """Remove an account with all that belongs to it; False if there is none."""
        return await self._database.change(sa.delete(table).where(table.c.name == name)) > 0

    async def _replace_password(
        self, whose: sa.ColumnElement[bool], password_hash: str, keep: str | None
    ) -> bool:
        async with self._database.transaction() as connection:
            replaced = await connection.execute(
                sa.update(table)
                .where(whose)
                .values(password_hash=password_hash)
                .returning(table.c.id)
            )
            user_id = replaced.scalar()
            if user_id is None:
                return False
            await connection.execute(end_sign_ins(user_id, keep))
        return True


def end_sign_ins(user_id: str, keep: str | None = None) -> sa.Update:
    """What ends every sign-in of a user, or every one but `keep`; a part of larger changes."""
    sign_ins = schema.sign_ins
    statement = sa.update(sign_ins).where(
        sign_ins.c.user_id == user_id, sign_ins.c.ended_at.is_(None)
    )
    if keep is not None:
        statement = statement.where(sign_ins.c.id != keep)
    return statement.values(ended_at=now())
