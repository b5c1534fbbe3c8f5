"""The files of jobs: `jobs/<id>/`, there only until the job is over."""

import contextlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..store.exercises import Exercise

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
    """All folders of jobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
