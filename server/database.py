"""The database: opened, brought to this version's form, and used in transactions.

Nothing here is known to SQLite alone but what `_prepare_sqlite` mends.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from posesim.errors import PosesimError

from . import schema

MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "posesim_writes"  # a connection's option: its transaction is going to write
BUSY_TIMEOUT_S = 10  # how long a writer waits for another one, e.g. `posesim user add`


class StoreError(PosesimError):
    """The database can't be used."""


class DatabaseTooNew(StoreError):
    """The database was written by a later version of posesim."""


class Database:
    """A connection pool. Made by `open`, given back by `close`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, migrations: Path = MIGRATIONS) -> Self:
        """Connect to `url` and bring its tables to this version's form, whole or not at all.

        Raises:
            DatabaseTooNew: If a later version wrote it; nothing is changed then.
            StoreError: If it can't be opened.
        """
        try:
            engine = create_async_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(
                "The database URL can't be used; it looks like sqlite+aiosqlite:////folder/file: "
                f"{error}"
            ) from error
        shown = engine.url.render_as_string(hide_password=True)
        try:
            if engine.dialect.name == "sqlite":
                _prepare_sqlite(engine)
                _require_folder(engine.url.database)
            async with engine.connect() as connection:
                await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    await connection.run_sync(_migrate, migrations)
        except _MigrationFailed as error:
            await engine.dispose()
            raise StoreError(
                f"The database {shown} can't be brought to this version's form: {error}. "
                "Nothing in it was changed: the version of posesim that wrote it still runs with "
                "it. Keep a copy of it before you try again."
            ) from error
        except (SQLAlchemyError, OSError) as error:
            await engine.dispose()
            reason = getattr(error, "orig", None) or error
            raise StoreError(
                f"The database {shown} can't be opened: {reason}. "
                "Check that it is a posesim database and that this user may write to it."
            ) from error
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Read and change several things whole or not at all; one at a time on SQLite.

        Raises:
            IntegrityError: If a constraint does not hold.
            StoreError: If the database can't be used now.
        """
        with _in_words():
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read several things as they are at one moment, beside whoever writes.

        Raises:
            StoreError: If the database can't be used now.
        """
        with _in_words():
            async with self._engine.begin() as connection:
                yield connection

    async def change(self, statement: sa.Insert | sa.Update | sa.Delete) -> int:
        """Run one statement; return how many rows it changed.

        Raises:
            IntegrityError: If a constraint does not hold.
        """
        async with self.transaction() as connection:
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

    async def forget_traces(self) -> None:
        """Make what was deleted unreadable in the database's files, not just unreachable.

        Waits for readers as long as any writer does; if one is still reading then, the next call
        does it, and the housekeeping calls it again and again.
        """
        if self._engine.dialect.name != "sqlite":
            return  # others keep deleted rows until their own housekeeping comes
        # `secure_delete` overwrote the pages; the log still holds them as they were before.
        async with self._engine.connect() as connection:
            await connection.exec_driver_sql("COMMIT")  # a checkpoint is no part of a transaction
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Say what a driver's error means; a constraint is for whoever knows what it stands for."""
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise StoreError(
            "The database can't be used at the moment. Try again; if it stays so, look at the "
            "server's log."
        ) from error


def new_id() -> str:
    """An id that nobody can guess."""
    return str(uuid.uuid4())


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Give SQLite what other databases have by themselves: foreign keys and real transactions."""

    @sa.event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # Python's driver begins transactions late and never for DDL; "begin" below does instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA secure_delete = ON")  # what was deleted must not stay readable
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # Who reads first and writes later would be refused without waiting if another one wrote in
        # between; so who is going to write says so at once, and waits for its turn.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class _MigrationFailed(Exception):
    """What went wrong; `Database.open` knows in which database."""


def _require_folder(database: str | None) -> None:
    """Make sure that SQLite finds its folder; its driver leaves a thread behind where it does not.

    Raises:
        FileNotFoundError: If there is none.
    """
    if database and database != ":memory:":
        Path(database).parent.stat()


def _migrate(connection: sa.Connection, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes.update(connection=connection, metadata=schema.metadata)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise DatabaseTooNew(
            f"The database was written by a newer posesim (revision {current}). Install that "
            "version again, or start with another --data folder."
        )
    try:
        command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise _MigrationFailed(getattr(error, "orig", None) or error) from error
