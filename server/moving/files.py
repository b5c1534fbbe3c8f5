"""The files that rows know, from where they are kept to a bucket."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.errors import PosesimError

from .. import schema
from ..background import job_files
from ..library import reference_files
from ..objects.base import Entry, ObjectGone, Objects
from ..store.jobs import UNFINISHED

FOLDERS = (reference_files.FOLDER, job_files.FOLDER)


class FilesNotMoved(PosesimError):
    """What keeps files from being moved."""


@dataclass(frozen=True)
class Known:
    """Whose files rows know: clips' types by their folders, and the folders of waiting jobs."""

    clip_types: Mapping[str, str]
    jobs: frozenset[str]

    def has(self, key: str) -> bool:
        """Whether a file is of one of them."""
        folder = key.rpartition("/")[0]
        return folder in self.clip_types or folder in self.jobs

    def media_type(self, key: str) -> str:
        """What browsers are told that it is."""
        folder, _, name = key.rpartition("/")
        if name == reference_files.CLIP:
            return self.clip_types[folder]
        return "image/jpeg" if name.endswith(".jpg") else "application/octet-stream"


@dataclass(frozen=True)
class MovedFiles:
    """What came of it.

    Attributes:
        count: Files that are in the bucket now, compared with the source's byte by byte.
        size_bytes: Their size.
        were_there: How many of them an earlier try had brought there.
        not_known: Files of the source that no row knows, and that were left where they are.
        others: Files beside them in the bucket.
    """

    count: int
    size_bytes: int
    were_there: int
    not_known: int
    others: int


async def known_files(connection: AsyncConnection) -> Known:
    """Ask a database which files belong to it."""
    exercises, jobs = schema.exercises.c, schema.jobs.c
    clips = await connection.execute(
        sa.select(exercises.user_id, exercises.clip_sha256, exercises.clip_type)
    )
    waiting = await connection.scalars(sa.select(jobs.id).where(jobs.state.in_(UNFINISHED)))
    return Known(
        {reference_files.key_of(owner_id, sha256): kind for owner_id, sha256, kind in clips},
        frozenset(f"{job_files.FOLDER}/{job_id}" for job_id in waiting),
    )


async def copy_files(known: Known, source: Objects, target: Objects) -> MovedFiles:
    """Copy what rows know and is not there yet, and read each file back to compare it.

    Raises:
        FilesNotMoved: If a clip is missing, or a file came otherwise than it was sent.
        ObjectsError: If one of the two can't be used; also DiskFull and ObjectGone.
    """
    there = await _entries(source)
    wanted = {key: entry for key, entry in there.items() if known.has(key)}
    _require_clips(known, wanted)
    before = await _entries(target)
    were_there = 0
    for key, entry in wanted.items():
        file = await source.fetch(key)
        size_bytes = before[key].size_bytes if key in before else None
        if size_bytes == entry.size_bytes and await _is_same(file, target, key):
            were_there += 1
            continue
        await target.upload(key, file, known.media_type(key))
        if not await _is_same(file, target, key):
            raise FilesNotMoved(
                f"The file {key} is not the same in the bucket. Nothing else was changed. Make "
                "sure that nobody else writes there, and try again."
            )
    return MovedFiles(
        count=len(wanted),
        size_bytes=sum(entry.size_bytes for entry in wanted.values()),
        were_there=were_there,
        not_known=len(there) - len(wanted),
        others=len(before.keys() - wanted.keys()),
    )


def _require_clips(known: Known, wanted: Mapping[str, Entry]) -> None:
    """References and thumbnails may come again; clips can't."""
    clips = {f"{folder}/{reference_files.CLIP}" for folder in known.clip_types}
    if missing := sorted(clips - wanted.keys()):
        raise FilesNotMoved(
            f"Clips that are missing where files are kept: {len(missing)}, such as {missing[0]}. "
            "Nothing was moved. Put them back from a backup, or start the server and delete their "
            "exercises, and try again."
        )


async def _entries(objects: Objects) -> dict[str, Entry]:
    return {entry.key: entry for folder in FOLDERS for entry in await objects.entries(folder)}


async def _is_same(file: Path, objects: Objects, key: str) -> bool:
    try:
        copy = await objects.fetch(key)
    except ObjectGone:
        return False
    return await asyncio.to_thread(_sha256, file) == await asyncio.to_thread(_sha256, copy)


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
