"""What is kept in the database, one module a subject.

Every method that reads or changes something of a user takes that user's id and finds nothing of
anybody else's, unless its name says whose it finds.
"""

from pathlib import Path
from typing import Self

from ..database import Database
from ..migrating import MIGRATIONS
from .audit import AuditRows
from .calls import CallRows
from .coachings import CoachingRows
from .consents import ConsentRows
from .exercises import ExerciseRows
from .identities import IdentityRows
from .invitations import InvitationRows
from .jobs import JobRows
from .open_sessions import OpenSessionRows
from .plans import PlanRows
from .progress import ProgressRows
from .sessions import SessionRows
from .sign_ins import SignInRows
from .users import UserRows
from .webhooks import WebhookRows


class Store:
    """All tables, over one database. Made by `open`, given back by `close`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.users = UserRows(database)
        self.identities = IdentityRows(database)
        self.sign_ins = SignInRows(database)
        self.invitations = InvitationRows(database)
        self.coachings = CoachingRows(database)
        self.calls = CallRows(database)
        self.audit = AuditRows(database)
        self.consents = ConsentRows(database)
        self.exercises = ExerciseRows(database)
        self.plans = PlanRows(database)
        self.sessions = SessionRows(database)
        self.open_sessions = OpenSessionRows(database)
        self.progress = ProgressRows(database)
        self.jobs = JobRows(database)
        self.webhooks = WebhookRows(database)

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
