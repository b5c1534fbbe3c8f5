"""Jobs whose files are still arriving."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from posesim.errors import PosesimError

from ..store.exercises import Exercise
from ..uploads import full_disk, write_file
from .job_files import JobFolder


class NotWanted(PosesimError):
    """A video that is still being sent, of a user whose jobs have been ended."""

    def __init__(self) -> None:
        super().__init__("Your comparisons have been ended, this one with them.")


class VideosGone(PosesimError):
    """A job's files were removed by other hands."""

    def __init__(self) -> None:
        super().__init__("The videos of this comparison are gone. Send them again.")


@dataclass
class Draft:
    """A job whose files are arriving."""

    id: str
    user_id: str
    folder: JobFolder
    most_bytes: int
    wanted: bool = True

    async def keep(self, name: Literal["video", "reference"], chunks: AsyncIterator[bytes]) -> None:
        """Write one of its videos.

        Raises:
            FileTooLarge: As soon as more than the limit arrived.
            DiskFull: If it does not fit on the disk.
            NotWanted: If the user's jobs were ended meanwhile.
        """
        if not self.wanted:  # and its folder is gone
            raise NotWanted
        path = self.folder.video if name == "video" else self.folder.reference
        await write_file(path, self._while_wanted(chunks), most_bytes=self.most_bytes)

    async def keep_exercise(self, exercise: Exercise, features: Path) -> None:
        """Take the reference of an exercise.

        Raises:
            DiskFull: If it does not fit on the disk.
            VideosGone: If it is not there any more.
        """
        try:
            with full_disk():
                await asyncio.to_thread(self.folder.keep_exercise, exercise, features)
        except FileNotFoundError as error:
            raise VideosGone from error

    async def _while_wanted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            if not self.wanted:
                raise NotWanted
            yield chunk
