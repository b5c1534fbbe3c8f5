"""Bringing a database to this version's form, over a connection that is open."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from . import postgresql, schema

MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationFailed(Exception):
    """What went wrong; whoever opened the database knows which one it is."""


class NotUsable(Exception):
    """Why a database that answers is none for us; as above."""


class WrittenByNewer(Exception):
    """The revision of a later version."""


def is_current(connection: sa.Connection, migrations: Path) -> bool:
    """Whether a PostgreSQL has this version's form.

    Raises:
        NotUsable: If it can never have.
    """
    if why := postgresql.not_usable(connection):
        raise NotUsable(why)
    return has_this_form(connection, migrations)


def has_this_form(connection: sa.Connection, migrations: Path) -> bool:
    """Whether a database of either kind has this version's form."""
    head = ScriptDirectory.from_config(_config(migrations)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def migrate(connection: sa.Connection, migrations: Path) -> None:
    """Make, or change, all tables, in the transaction that runs.

    Raises:
        WrittenByNewer: Then nothing was tried.
        NotUsable: If this user may not make tables.
        MigrationFailed: If a step can't be done.
    """
    config = _config(migrations)
    config.attributes.update(connection=connection, metadata=schema.metadata)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise WrittenByNewer(current)
    try:
        command.upgrade(config, "head")
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        if postgresql.sqlstate(error) == postgresql.NO_RIGHT:
            raise NotUsable(f"{reason}. {postgresql.advice(error)}") from error
        raise MigrationFailed(reason) from error


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config
