"""A whole move: what is checked, what comes first, and when it counts."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from posesim.errors import PosesimError

from .. import postgresql
from ..config import ServerConfig
from ..database import Database, parse
from ..objects.opening import open_objects
from .files import Known, MovedFiles, copy_files, known_files
from .rows import copy_rows, require_empty
from .source import opened


class SamePlace(PosesimError):
    """A move from somewhere to the very same."""


@dataclass(frozen=True)
class Moved:
    """What was moved: rows by table, and files if there was a bucket for them."""

    rows: Mapping[str, int]
    files: MovedFiles | None


async def move(source: ServerConfig, target: ServerConfig) -> Moved:
    """Copy all rows to another, empty database; before them all files, if `target` has a bucket.

    The rows are there whole or not at all. Files that were copied before a failure stay; the next
    try finds them. Nothing in the source is changed.

    Args:
        source: Where all is: its `data`, `database` and `objects` count.
        target: Where to: its `database` and `objects` count; without the latter files stay.

    Raises:
        PosesimError: If it can't be done; the sentence says what to do.
    """
    where = parse(target.database)
    if parse(source.database) == where:
        raise SamePlace("Source and target are one database. Name an empty one: --to-database URL")
    if target.objects is not None and target.objects == source.objects:
        raise SamePlace("The files are in that bucket already. Leave out --to-objects.")
    shown = where.render_as_string(hide_password=True)
    async with opened(source.database) as reading:
        database = await Database.open(target.database)
        try:
            async with database.snapshot() as connection:  # before files are copied
                await require_empty(connection, shown)
            files = None
            if target.objects is not None:
                files = await _move_files(source, target, await known_files(reading))
            async with database.transaction() as writing:
                if writing.dialect.name == "postgresql":
                    await postgresql.wait_for_the_program(writing)
                await require_empty(writing, shown)
                rows = await copy_rows(reading, writing)
        finally:
            await database.close()
    return Moved(rows, files)


async def _move_files(source: ServerConfig, target: ServerConfig, known: Known) -> MovedFiles:
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        from_, to = [
            await open_objects(
                config.data, config.objects, endpoint=config.objects_endpoint, cache=cache
            )
            for config, cache in ((source, here), (target, there))
        ]
        try:
            return await copy_files(known, from_, to)
        finally:
            await from_.close()
            await to.close()
