"""Everything that is kept of a user, in one archive."""

import zipfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json

from .. import schema
from ..database import Database

DOWNLOADS = "downloads"  # folder of archives that are being sent

# Proofs, of use to a thief alone.
SECRETS = frozenset({"password_hash", "secret_sha256", "previous_sha256", "token_sha256", "secret"})
# What was said in sessions is long, and in `history.json`, from which it can be read back.
IN_HISTORY = (schema.scores, schema.repetitions, schema.gaps, schema.cues)
# These hold no id of a user but one of something that has.
_PARTS = {
    schema.deliveries: schema.webhooks,
    schema.call_exercises: schema.calls,
    schema.call_marks: schema.calls,
    schema.open_sessions: schema.sessions,
}


def tables_of_users() -> list[sa.Table]:
    """Every table with something of a user; a new one is among them by its foreign key."""
    return [table for table in schema.metadata.sorted_tables if _condition(table, "") is not None]


def _condition(table: sa.Table, user_id: str) -> sa.ColumnElement[bool] | None:
    """Which rows of a table are of, or about, a user; None if no row is anybody's."""
    if table is schema.users:
        return schema.users.c.id == user_id
    if table is schema.audit:
        return sa.or_(schema.audit.c.actor_id == user_id, schema.audit.c.subject_id == user_id)
    if table in _PARTS:
        owner = _PARTS[table]
        (reference,) = (key for key in table.foreign_keys if key.column.table is owner)
        condition = _condition(owner, user_id)
        assert condition is not None
        return sa.Column.in_(reference.parent, sa.select(owner.c.id).where(condition))
    columns = [key.parent for key in table.foreign_keys if key.column.table is schema.users]
    return sa.or_(*(column == user_id for column in columns)) if columns else None


async def rows_of(database: Database, user_id: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of, or about, a user, by table, without secrets."""
    found = {}
    for table in tables_of_users():
        condition = _condition(table, user_id)
        assert condition is not None
        columns = [column for column in table.c if column.name not in SECRETS]
        order = list(table.primary_key)
        found[table.name] = await database.all(
            sa.select(*columns).where(condition).order_by(*order)
        )
    return found


def write_archive(
    path: Path,
    rows: dict[str, list[dict[str, Any]]],
    history: Path,
    clips: Path,
) -> None:
    """Write a ZIP: `data.json` with all rows, `history.json`, clips and what was made of them.

    Args:
        path: Where to.
        rows: By table.
        history: The whole history, as `exports.whole_history` writes it.
        clips: Each folder in it becomes a folder of its name; it may not be there.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", to_json(rows, indent=1))
        archive.write(history, "history.json")
        for folder in sorted(clips.glob("*")):
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    # Video and references are compressed already.
                    name = f"{folder.name}/{file.relative_to(folder).as_posix()}"
                    archive.write(file, name, compress_type=zipfile.ZIP_STORED)
