"""The end of an account: everything of it goes, whatever it was."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import sqlalchemy as sa
import structlog

from .. import schema
from ..background.job_files import JobFiles
from ..library.reference_files import ReferenceFiles
from ..objects.base import Objects, ObjectsError
from ..objects.folder import FolderObjects
from ..store import Store

logger = structlog.get_logger(__name__)

End = Callable[[str], Awaitable[object]]


class Deletion:
    """Deletes accounts while the server runs.

    Args:
        folder: The data folder.
        objects: Keeps the files; None keeps them in the data folder.
        store: The database.
        ends: Each ends what runs for a user: live sessions, jobs, what others do with the user's
            exercises. Nothing of the user may write any more once they have returned.
    """

    def __init__(
        self, folder: Path, store: Store, ends: Sequence[End], objects: Objects | None = None
    ) -> None:
        self._folder = folder
        self._objects = objects
        self._store = store
        self._ends = ends

    async def delete(self, user_id: str) -> None:
        """End what runs, then remove every row and every file of the user, and their traces.

        What others did stays theirs: the sessions of members who trained with an exercise of this
        user keep its name. The audit log keeps ids, which belong to nobody any more.

        Raises:
            ObjectsError: If the files can't be reached; what ran has ended, nothing is deleted.
        """
        await self._end(user_id)
        await erase(self._store, self._folder, user_id, self._objects)
        await self._end(user_id)  # what began meanwhile; nothing can begin any more

    async def _end(self, user_id: str) -> None:
        for end in self._ends:
            await end(user_id)


async def erase(store: Store, folder: Path, user_id: str, objects: Objects | None = None) -> None:
    """Remove every row and file of a user for whom nothing runs.

    Args:
        store: The database.
        folder: The data folder.
        user_id: Whose.
        objects: Keeps the files; None keeps them in the data folder.

    Raises:
        ObjectsError: If the files can't be reached; nothing is removed. Files that can't be removed
            after the rows go when the server tidies up.
    """
    objects = objects or FolderObjects(folder)
    files = ReferenceFiles(objects)
    try:
        async with files.changing(user_id, None):
            jobs = await _erase_rows(store, user_id)
            try:
                await files.remove_all(user_id)
                for job_id in jobs:
                    await JobFiles(folder, objects).discard(job_id)
            except ObjectsError as error:
                raise _FinishedLater from error
    except _FinishedLater:
        logger.warning("files have to be removed later", user_id=user_id)
    await store.audit.note(None, "account.deleted", user_id)
    await store.database.forget_traces()


class _FinishedLater(Exception):
    """The rows are gone; the mark that the files go, too, has to stay."""


async def _erase_rows(store: Store, user_id: str) -> list[str]:
    """Remove every row of a user; return whose files were those of jobs."""
    invitations = schema.invitations
    jobs = [job.id for job in await store.jobs.unfinished_of(user_id)]
    async with store.database.transaction() as connection:
        # A coach's note on an invitation says who it was for.
        await connection.execute(sa.delete(invitations).where(invitations.c.member_id == user_id))
        await connection.execute(sa.delete(schema.users).where(schema.users.c.id == user_id))
    return jobs
