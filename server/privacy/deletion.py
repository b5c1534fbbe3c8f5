"""The end of an account: everything of it goes, whatever it was."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from .. import schema
from ..background.job_files import JobFiles
from ..store import Store

End = Callable[[str], Awaitable[object]]


class Deletion:
    """Deletes accounts while the server runs.

    Args:
        folder: The data folder.
        store: The database.
        ends: Each ends what runs for a user: live sessions, jobs, what others do with the user's
            exercises. Nothing of the user may write any more once they have returned.
    """

    def __init__(self, folder: Path, store: Store, ends: Sequence[End]) -> None:
        self._folder = folder
        self._store = store
        self._ends = ends

    async def delete(self, user_id: str) -> None:
        """End what runs, then remove every row and every file of the user, and their traces.

        What others did stays theirs: the sessions of members who trained with an exercise of this
        user keep its name. The audit log keeps ids, which belong to nobody any more.
        """
        for end in self._ends:
            await end(user_id)
        await erase(self._store, self._folder, user_id)


async def erase(store: Store, folder: Path, user_id: str) -> None:
    """Remove every row and file of a user for whom nothing runs."""
    invitations = schema.invitations
    jobs = await store.jobs.unfinished_of(user_id)
    async with store.database.transaction() as connection:
        # A coach's note on an invitation says who it was for.
        await connection.execute(sa.delete(invitations).where(invitations.c.member_id == user_id))
        await connection.execute(sa.delete(schema.users).where(schema.users.c.id == user_id))
    await asyncio.to_thread(shutil.rmtree, folder / "references" / user_id, ignore_errors=True)
    for job in jobs:
        await asyncio.to_thread(JobFiles(folder / "jobs").remove, job.id)
    await store.audit.note(None, "account.deleted", user_id)
    await store.database.forget_traces()
