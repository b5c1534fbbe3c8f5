"""Where the files of exercises are.

They live under `references/<owner>/<sha256 of the clip>/`: `clip` as it was uploaded,
`thumbnail.jpg` and `reference.npz`. Those of a part have its trim points, in milliseconds, in their
names: `reference-1200-8400.npz`, `reference-1200-end.npz`. Rows with the same content and the same
trim points share them.
"""

import shutil
from collections.abc import Collection
from pathlib import Path

from ..store.exercises import Exercise, Trim

CLIP = "clip"


class ReferenceFiles:
    """The files below the folder `references` of the data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make_folder(self) -> None:
        """Make the folder of them all, readable by its owner alone."""
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def clip(self, exercise: Exercise) -> Path:
        """Where the whole clip is, as it was uploaded."""
        return self._of(exercise) / CLIP

    def thumbnail(self, exercise: Exercise) -> Path:
        """Where a JPEG of the part is; there may be none."""
        return self._of(exercise) / _thumbnail(exercise.trim)

    def reference(self, exercise: Exercise) -> Path:
        """Where the reference of an exercise in state `ready` is."""
        return self._of(exercise) / _reference(exercise.trim)

    def keep(self, clip: Path, thumbnail: Path, owner_id: str, sha256: str) -> None:
        """Move an uploaded clip and its picture here.

        They are on the same disk, so this is quick enough for the event loop, where nothing can
        come between.
        """
        folder = self._folder / owner_id / sha256
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        thumbnail.replace(folder / _thumbnail((None, None)))
        clip.replace(folder / CLIP)

    def remove_unused(self, owner_id: str, sha256: str, trims: Collection[Trim]) -> None:
        """Remove the files of a clip that none of `trims` needs; all of them if there is none."""
        folder = self._folder / owner_id / sha256
        if not trims:
            shutil.rmtree(folder, ignore_errors=True)
            return
        needed = {CLIP, *map(_thumbnail, trims), *map(_reference, trims)}
        for file in folder.glob("*"):
            if file.name not in needed:
                file.unlink(missing_ok=True)

    def _of(self, exercise: Exercise) -> Path:
        return self._folder / exercise.user_id / exercise.clip_sha256


def _thumbnail(trim: Trim) -> str:
    return f"thumbnail{_part(trim)}.jpg"


def _reference(trim: Trim) -> str:
    return f"reference{_part(trim)}.npz"


def _part(trim: Trim) -> str:
    """How a part's files are told apart; the whole clip's have no such thing in their names."""
    start_s, end_s = trim
    if start_s is None and end_s is None:
        return ""
    end = "end" if end_s is None else f"{round(end_s * 1000)}"
    return f"-{round((start_s or 0.0) * 1000)}-{end}"
