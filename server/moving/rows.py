"""The rows of all tables, from one database to another."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.errors import PosesimError

from .. import postgresql, schema

ROWS_A_STATEMENT = 500  # so many are in memory


class RowsNotMoved(PosesimError):
    """What keeps rows from being moved. The target's transaction ends with it."""


async def require_empty(connection: AsyncConnection, shown: str) -> None:
    """Make sure that nothing is in a database.

    Raises:
        RowsNotMoved: If there is a row in any table.
    """
    for table in schema.metadata.sorted_tables:
        if count := await _count(connection, table):
            raise RowsNotMoved(
                f"The database {shown} is not empty (rows in {table.name}: {count}). "
                "Nothing in it was changed. Make a new one, as docs/deploy.md says, and name that."
            )


async def copy_rows(source: AsyncConnection, target: AsyncConnection) -> dict[str, int]:
    """Copy all rows of all tables; return how many, by table. Whose they are comes before them.

    Raises:
        RowsNotMoved: If the target does not take one, or has not as many in the end.
    """
    counts = {}
    for table in schema.metadata.sorted_tables:
        try:
            counts[table.name] = await _copy(source, target, table)
        except (SQLAlchemyError, OSError, ValueError) as error:  # also what can't be read as it is
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise RowsNotMoved(
                f"The table {table.name} can't be moved: {reason}. The target is empty as before, "
                "and nothing in the source was changed. Mend that, and try again."
            ) from error
    if target.dialect.name == "postgresql":
        await postgresql.count_on(target, _counted(schema.metadata.sorted_tables))
    return counts


async def _copy(source: AsyncConnection, target: AsyncConnection, table: sa.Table) -> int:
    rows = sa.select(table).order_by(*table.primary_key)
    async with source.stream(rows, execution_options={"yield_per": ROWS_A_STATEMENT}) as found:
        async for some in found.mappings().partitions():
            await target.execute(sa.insert(table), [dict(row) for row in some])
    wanted, there = await _count(source, table), await _count(target, table)
    if wanted != there:
        raise RowsNotMoved(
            f"Of {wanted} rows of the table {table.name} {there} arrived. The target is empty as "
            "before, and nothing in the source was changed. Please report this."
        )
    return there


async def _count(connection: AsyncConnection, table: sa.Table) -> int:
    count = await connection.scalar(sa.select(sa.func.count()).select_from(table))
    return count or 0


def _counted(tables: Iterable[sa.Table]) -> list[sa.Column[int]]:
    """The columns to which the database gives numbers."""
    return [
        table.autoincrement_column for table in tables if table.autoincrement_column is not None
    ]
