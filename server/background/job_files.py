"""The files of jobs: `jobs/<id>/`, there only until the job is over.

They are received and read in the data folder. Where files are kept elsewhere, they lie there from
the moment when the job is accepted, so that another server can do it.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ..objects.base import ORPHAN_S, Objects
from ..objects.folder import FolderObjects
from ..store.exercises import Exercise

FOLDER = "jobs"
_ASIDE = ".over"


@dataclass(frozen=True)
class JobFolder:
    """Where the files of one job are."""

    path: Path

    @property
    def video(self) -> Path:
        """The user's."""
        return self.path / "video"

    @property
    def reference(self) -> Path:
        """A video to compare with; not there where an exercise is compared with."""
        return self.path / "reference"

    @property
    def features(self) -> Path:
        """The reference made of it, or that of the exercise."""
        return self.path / "reference.npz"

    def keep_exercise(self, exercise: Exercise, features: Path) -> None:
        """Copy an exercise's reference: it may be changed or deleted before the job's turn comes.

        Raises:
            OSError: If it is not there, or there is no room.
        """
        shutil.copyfile(features, self.features)
        about = {"kind": exercise.kind, "target": exercise.target, "start_s": exercise.start_s}
        self._about.write_text(json.dumps(about))

    def as_it_was(self, exercise: Exercise) -> Exercise:
        """The exercise with what counted when `keep_exercise` copied it.

        Raises:
            OSError: If nothing was copied.
        """
        return replace(exercise, **json.loads(self._about.read_text()))

    @property
    def _about(self) -> Path:
        return self.path / "exercise.json"


class JobFiles:
    """All folders of jobs.

    Args:
        data: The data folder.
        objects: Keeps the files; None keeps them in the data folder.
    """

    def __init__(self, data: Path, objects: Objects | None = None) -> None:
        self._folder = data / FOLDER
        self._objects = objects or FolderObjects(data)

    def of(self, job_id: str) -> JobFolder:
        """The folder of a job."""
        return JobFolder(self._folder / job_id)

    def make(self, job_id: str) -> JobFolder:
        """Make the folder of a new job, for the owner of the data folder alone."""
        made = self.of(job_id)
        made.path.mkdir(mode=0o700)
        return made

    def remove(self, job_id: str) -> None:
        """Remove a job's folder with all that is in it; that it is gone already is no error."""
        folder = self.of(job_id).path
        aside = folder.with_suffix(_ASIDE)
        shutil.rmtree(aside, ignore_errors=True)  # of a removal that was cut short
        # Moved first: whoever still writes there by name finds no folder, and leaves nothing in it.
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    async def publish(self, job_id: str) -> None:
        """Make a folder whose files are all there one that other servers can read, too.

        Raises:
            ObjectsError: If it can't be kept.
            DiskFull: If there is no room for it.
        """
        if self._objects.here:
            return
        for file in await asyncio.to_thread(sorted, self.of(job_id).path.iterdir()):
            await self._objects.upload(f"{FOLDER}/{job_id}/{file.name}", file)

    async def bring(self, job_id: str) -> JobFolder:
        """Return a published folder as one of this machine.

        Raises:
            ObjectsError: If it can't be reached.
            DiskFull: If there is no room for it.
        """
        folder = self.of(job_id)
        if not await asyncio.to_thread(folder.path.is_dir):
            await self._objects.folder_of(f"{FOLDER}/{job_id}", folder.path)
        return folder

    async def discard(self, job_id: str) -> None:
        """Remove a job's files wherever they are.

        Raises:
            ObjectsError: If they can't be reached; none is left on this machine.
        """
        await asyncio.to_thread(self.remove, job_id)
        if not self._objects.here:
            await self._objects.remove_under(f"{FOLDER}/{job_id}")

    async def discard_forgotten(self, wanted: Collection[str], at: datetime) -> None:
        """Remove published folders that nobody wants and that are older than any upload.

        Raises:
            ObjectsError: If they can't be reached.
        """
        if self._objects.here:
            return
        before = at - timedelta(seconds=ORPHAN_S)
        newest: dict[str, datetime] = {}
        for entry in await self._objects.entries(FOLDER):
            job_id = entry.key.split("/")[1]
            newest[job_id] = max(entry.changed_at, newest.get(job_id, entry.changed_at))
        for job_id, changed_at in newest.items():
            if job_id not in wanted and changed_at < before:
                await self._objects.remove_under(f"{FOLDER}/{job_id}")

    def prepare(self) -> None:
        """Make the folder of all."""
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def names(self) -> set[str]:
        """What there is, also what should not be there any more."""
        return {entry.name for entry in self._folder.iterdir()}

    def remove_all(self, names: Iterable[str]) -> None:
        """Remove what `names` found and nobody wants any more."""
        for name in names:
            self.remove(name.removesuffix(_ASIDE))
