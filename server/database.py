"""The database: opened, brought to this version's form, and used in transactions.

It is SQLite or PostgreSQL; what is true of one alone is in `sqlite.py` and `postgresql.py`.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from posesim.errors import PosesimError

from . import postgresql, sqlite
from .migrating import (
    MIGRATIONS,
    MigrationFailed,
    NotUsable,
    WrittenByNewer,
    is_current,
    migrate,
)

# A connection's option: its transaction is going to write. True: no other such one meanwhile.
_WRITES = "posesim_writes"
_AGAIN = "Try again; if it stays so, look at the server's log."
_LOOKS_LIKE = (
    "it looks like sqlite+aiosqlite:////folder/file or postgresql://user:password@host/name. "
    "Characters of a password that mean something in a URL are written as %40 (@), %2F (/), ..."
)


class StoreError(PosesimError):
    """The database can't be used."""


class DatabaseTooNew(StoreError):
    """The database was written by a later version of posesim."""


class DatabaseAway(StoreError):
    """The database was not reached, or stopped in the middle."""

    def __init__(self) -> None:
        super().__init__(f"The database can't be reached at the moment. {_AGAIN}")


class DatabaseReadOnly(StoreError):
    """The database takes no change: it is a standby, was told so, or its file can't be written."""

    def __init__(self) -> None:
        super().__init__(f"The database can only be read at the moment. {_AGAIN}")


class Database:
    """A connection pool. Made by `open`, given back by `close`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, migrations: Path = MIGRATIONS) -> Self:
        """Connect to `url` and bring its tables to this version's form, whole or not at all.

        Of several that open one database at the same time, one migrates and the others wait.

        Raises:
            DatabaseTooNew: If a later version wrote it; nothing is changed then.
            StoreError: If it can't be opened.
        """
        parsed = parse(url)
        shown = parsed.render_as_string(hide_password=True)
        engine = new_engine(parsed)
        try:
            if _is_sqlite(engine):
                sqlite.require_folder(engine.url.database)
                await _bring_up(engine, migrations)
            else:
                await _bring_up_postgresql(engine, migrations)
        except MigrationFailed as error:
            await engine.dispose()
            raise StoreError(
                f"The database {shown} can't be brought to this version's form: {error}. "
                "Nothing in it was changed: the version of posesim that wrote it still runs with "
                "it. Keep a copy of it before you try again."
            ) from error
        except WrittenByNewer as error:
            await engine.dispose()
            raise DatabaseTooNew(
                f"The database was written by a newer posesim (revision {error}). Install that "
                "version again, or start with another database (--data, --database-url)."
            ) from error
        except NotUsable as error:
            await engine.dispose()
            raise StoreError(f"The database {shown} can't be used: {error}") from error
        except (SQLAlchemyError, OSError) as error:
            await engine.dispose()
            raise StoreError(_not_opened(engine, shown, error)) from error
        except TypeError as error:  # the driver's own word for an option that it does not have
            await engine.dispose()
            options = ", ".join(parsed.query)
            raise StoreError(
                f"The database {shown} can't be opened: its driver does not know each of the "
                f"options {options}."
            ) from error
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def transaction(self, *, alone: bool = True) -> AsyncIterator[AsyncConnection]:
        """Read and change several things whole or not at all, one such transaction at a time.

        Args:
            alone: Nothing that was read is changed by another such transaction before the end.
                False lets others write meanwhile, where the database can: for what is done often
                and right in any order, because each statement looks at its own rows alone.

        Raises:
            IntegrityError: If a constraint does not hold.
            StoreError: If the database can't be used now.
        """
        with _in_words():
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_WRITES: alone})
                async with connection.begin():
                    yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read several things as they are at one moment, beside whoever writes.

        Raises:
            StoreError: If the database can't be used now.
        """
        with _in_words():
            async with self._engine.connect() as connection:
                if not _is_sqlite(self._engine):
                    await connection.execution_options(**postgresql.SNAPSHOT)
                async with connection.begin():
                    yield connection

    async def change(
        self, statement: sa.Insert | sa.Update | sa.Delete, *, alone: bool = True
    ) -> int:
        """Run one statement; return how many rows it changed. `alone` is as in `transaction`.

        Raises:
            IntegrityError: If a constraint does not hold.
        """
        async with self.transaction(alone=alone) as connection:
            done = await connection.execute(statement)
        return cast("sa.CursorResult[Any]", done).rowcount

    async def first(self, statement: sa.Select[Any]) -> dict[str, Any] | None:
        """The first row, by column name."""
        async with self.snapshot() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return None if row is None else dict(row)

    async def all(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        """All rows, by column name."""
        async with self.snapshot() as connection:
            rows = await connection.execute(statement)
        return [dict(row) for row in rows.mappings()]

    async def try_writing(self) -> None:
        """Write something that says nothing, to the disk.

        Raises:
            StoreError: If that can't be done now.
        """
        async with self.transaction() as connection:
            if _is_sqlite(self._engine):
                await sqlite.write_nothing(connection)
            else:
                await postgresql.write_nothing(connection)

    async def forget_traces(self) -> None:
        """Make what was deleted unreadable in the database's files, not just unreachable.

        Waits for readers as long as any writer does; if one is still reading then, the next call
        does it, and the housekeeping calls it again and again.
        """
        if _is_sqlite(self._engine):  # others keep deleted rows until their own housekeeping comes
            await sqlite.forget_traces(self._engine)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Say what a driver's error means; a constraint is for whoever knows what it stands for."""
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError) as error:
        if postgresql.sqlstate(error) == postgresql.READ_ONLY or sqlite.is_read_only(error):
            raise DatabaseReadOnly from error
        if postgresql.is_away(error):
            raise DatabaseAway from error
        raise StoreError(f"The database can't be used at the moment. {_AGAIN}") from error


def new_id() -> str:
    """An id that nobody can guess."""
    return str(uuid.uuid4())


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def parse(url: str) -> sa.URL:
    """Read the URL of a database.

    Raises:
        StoreError: If it is none. What is wrong with it is not shown: it may be its password.
    """
    try:
        return postgresql.with_driver(sa.make_url(url))
    except (SQLAlchemyError, ValueError):
        raise StoreError(f"The database URL can't be read; {_LOOKS_LIKE}") from None


def new_engine(url: sa.URL) -> AsyncEngine:
    """Make the engine of one of the two kinds of databases.

    Raises:
        StoreError: If the URL is of neither, or its driver is not installed.
    """
    try:
        if url.drivername == "sqlite+aiosqlite":
            return sqlite.new_engine(url, _WRITES)
        if url.drivername == "postgresql+asyncpg":
            return postgresql.new_engine(url, _WRITES)
        raise StoreError(f"A database {url.drivername}:// can't be used; {_LOOKS_LIKE}")
    except SQLAlchemyError as error:
        raise StoreError(f"The database URL can't be used: {error}; {_LOOKS_LIKE}") from error
    except ModuleNotFoundError as error:
        raise StoreError(
            "PostgreSQL takes a driver that is not installed: pip install 'posesim[postgresql]'"
        ) from error


def _is_sqlite(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite"


async def _bring_up(engine: AsyncEngine, migrations: Path) -> None:
    """Bring the tables to this version's form."""
    async with engine.connect() as connection:
        await connection.execution_options(**{_WRITES: True})
        async with connection.begin():
            await connection.run_sync(migrate, migrations)


async def _bring_up_postgresql(engine: AsyncEngine, migrations: Path) -> None:
    """As above; what has this form already is only looked at."""
    async with engine.connect() as connection:
        if await connection.run_sync(is_current, migrations):
            return
    # A statement of a migration may take long, on connections that are not kept.
    patient = postgresql.new_engine(engine.url, _WRITES, patient=True)
    try:
        await _bring_up(patient, migrations)
    finally:
        await patient.dispose()


def _not_opened(engine: AsyncEngine, shown: str, error: Exception) -> str:
    reason = getattr(error, "orig", None) or error
    what_to_do = (
        "Check that it is a posesim database and that this user may write to it."
        if _is_sqlite(engine)
        else postgresql.advice(error)
    )
    return f"The database {shown} can't be opened: {reason}. {what_to_do}"
