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
        """Replace a password; False if there is no such user."""
        statement = sa.update(table).where(table.c.name == name)
        return await self._database.change(statement.values(password_hash=password_hash)) > 0

    async def set_role(self, name: str, role: Role) -> bool:
        """Give another role; False if there is no such user."""
        statement = sa.update(table).where(table.c.name == name)
        return await self._database.change(statement.values(role=role)) > 0

    async def remove(self, name: str) -> bool:
        """Remove an account with all that belongs to it; False if there is none."""
        return await self._database.change(sa.delete(table).where(table.c.name == name)) > 0
