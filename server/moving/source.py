"""The database that is moved: read as it is at one moment, with nobody else in it, and left so."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .. import postgresql, sqlite
from ..database import StoreError, new_engine, parse
from ..migrating import MIGRATIONS, has_this_form


class SourceError(StoreError):
    """The database can't be moved as it is."""


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncConnection]:
    """Read the database at `url`, in one transaction. Nothing in it is changed.

    Raises:
        SourceError: If there is none, somebody else has it open, or another version made it.
        StoreError: If the URL can't be used.
    """
    parsed = parse(url)
    shown = parsed.render_as_string(hide_password=True)
    async with contextlib.AsyncExitStack() as stack:
        try:
            engine = _engine(parsed, shown)
            stack.push_async_callback(engine.dispose)
            connection = await stack.enter_async_context(engine.connect())
            if engine.dialect.name == "postgresql":
                await connection.execution_options(**postgresql.SNAPSHOT)
            await stack.enter_async_context(connection.begin())
            await _check(connection, shown)
        except (SQLAlchemyError, OSError) as error:
            if sqlite.is_busy(error):
                raise _in_use(shown) from error
            reason = getattr(error, "orig", None) or error
            raise SourceError(
                f"The database {shown} can't be read: {reason}. Check --data and --database-url."
            ) from error
        yield connection


def _engine(url: sa.URL, shown: str) -> AsyncEngine:
    if url.drivername != "sqlite+aiosqlite":
        return new_engine(url)
    if not Path(url.database or "").is_file():  # SQLite would make it
        raise SourceError(
            f"There is no database {shown}. Name its folder with --data, or itself with "
            "--database-url."
        )
    return sqlite.engine_alone(url)


async def _check(connection: AsyncConnection, shown: str) -> None:
    if not await connection.run_sync(has_this_form, MIGRATIONS):
        raise SourceError(
            f"The database {shown} is not of this version of posesim, and moving changes nothing "
            "in it. If an older one made it, keep a copy of it, and bring it to this version's "
            "form with: posesim user list"
        )
    if connection.dialect.name == "postgresql":
        if await postgresql.others_are_connected(connection):
            raise _in_use(shown)
        await postgresql.wait_for_the_program(connection)


def _in_use(shown: str) -> SourceError:
    return SourceError(
        f"The database {shown} is in use. Stop the server, and whatever else has it open, until "
        "all is moved."
    )
