"""What is kept in the database, one module a subject.

Every method that reads or changes something of a user takes that user's id and finds nothing of
anybody else's, unless its name says whose it finds.
"""

from pathlib import Path
from typing import Self

from ..database import MIGRATIONS, Database
from .exercises import ExerciseRows
from .sessions import SessionRows
from .users import UserRows


class Store:
    """All tables, over one database. Made by `open`, given back by `close`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.users = UserRows(database)
        self.exercises = ExerciseRows(database)
        self.sessions = SessionRows(database)

    @classmethod
    async def open(cls, url: str, migrations: Path = MIGRATIONS) -> Self:
        """Open the database at `url` and bring its tables to this version's form.

        Raises:
            DatabaseTooNew: If a later version wrote it; nothing is changed then.
            StoreError: If it can't be opened.
        """
        return cls(await Database.open(url, migrations))

    async def close(self) -> None:
        """Close every connection."""
        await self.database.close()
