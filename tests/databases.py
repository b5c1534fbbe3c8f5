"""Databases for tests: what is the same each time is made once."""

import asyncio
import functools
import tempfile
import threading
from pathlib import Path

from posesim_server.database import Database


def migrate(url: str) -> None:
    """Bring a database to this version's form, whether or not an event loop runs here."""

    async def opened() -> None:
        await (await Database.open(url)).close()

    thread = threading.Thread(target=asyncio.run, args=(opened(),))
    thread.start()
    thread.join()


def empty_sqlite(path: Path) -> str:
    """The URL of a file that is not there yet."""
    return f"sqlite+aiosqlite:///{path}"


def migrated_sqlite(path: Path) -> str:
    """Make an empty database of this version; return its URL."""
    path.write_bytes(new_sqlite())
    return empty_sqlite(path)


@functools.cache
def new_sqlite() -> bytes:
    """An empty database of this version. Migrating one takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posesim.sqlite3"
        migrate(empty_sqlite(path))
        return path.read_bytes()
