"""What SQLite needs to be what other databases are by themselves."""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_TIMEOUT_S = 10  # how long a writer waits for another one, e.g. `posesim user add`


def new_engine(url: sa.URL, writes: str) -> AsyncEngine:
    """An engine with foreign keys and real transactions.

    Args:
        url: With the driver.
        writes: The option of a connection whose transaction is going to write.
    """
    engine = create_async_engine(url, hide_parameters=True)

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
        options = connection.get_execution_options()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes in options else "BEGIN")

    return engine


def engine_alone(url: sa.URL) -> AsyncEngine:
    """An engine of one connection that changes nothing. Nobody else uses the file beside it.

    The first who reads is refused if another connection is open (`is_busy`); then the others are.
    """
    engine = create_async_engine(url, hide_parameters=True)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")
        cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
        cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def require_folder(database: str | None) -> None:
    """Make sure that SQLite finds its folder; its driver leaves a thread behind where it does not.

    Raises:
        FileNotFoundError: If there is none.
    """
    if database and database != ":memory:":
        Path(database).parent.stat()


async def write_nothing(connection: AsyncConnection) -> None:
    """Reach the disk; a transaction without a change would not. Nobody reads this number."""
    await connection.exec_driver_sql("PRAGMA user_version = 0")


def is_read_only(error: BaseException) -> bool:
    """Whether an error says that the file can't be written."""
    return _code(error) == sqlite3.SQLITE_READONLY


def is_busy(error: BaseException) -> bool:
    """Whether an error says that others have the file open."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: BaseException) -> int | None:
    """What SQLite calls an error, whatever its kind; None if it is none of its own."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


async def forget_traces(engine: AsyncEngine) -> None:
    """Empty the log: `secure_delete` overwrote the pages, and it still holds them as they were."""
    async with engine.connect() as connection:
        await connection.exec_driver_sql("COMMIT")  # a checkpoint is no part of a transaction
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
