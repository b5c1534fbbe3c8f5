"""What PostgreSQL needs besides: its driver, one writer at a time, and what its refusals mean."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

LOCK = int.from_bytes(b"posesim")  # nobody else's, in a database that is ours
LOCK_TIMEOUT_S = 10  # how long a writer waits for another one
# A program that stands still, or was cut off, in the middle of a transaction holds up all others.
IDLE_TIMEOUT_S = 8
CONNECT_TIMEOUT_S = 10
RECYCLE_S = 300  # before firewalls forget a connection that was idle
COMMAND_TIMEOUT_S = 60  # then the way to the database is lost, and TCP has not noticed

# What a transaction that only reads is begun with: all of it sees the same moment.
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

READ_ONLY, NO_RIGHT = "25006", "42501"  # SQLSTATE, as below
_ADVICE = {
    "28P01": "Check the user and the password in the URL.",
    "28000": "Check the user in the URL, and that PostgreSQL lets it in from this machine.",
    "3D000": "Make it first; docs/deploy.md says how.",
    NO_RIGHT: "Its user needs the right to make tables in it, best by owning it.",
    "53300": "Give PostgreSQL more connections (max_connections): a server takes up to 15.",
    READ_ONLY: "Name the one that takes writes, and not a standby.",
}


def with_driver(url: sa.URL) -> sa.URL:
    """Take a URL as PostgreSQL's own programs do: without a driver, and with `sslmode`."""
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+asyncpg")
    if url.drivername != "postgresql+asyncpg":
        return url
    options = dict(url.query)
    if "sslmode" in options:
        options["ssl"] = options.pop("sslmode")
    # Whatever shows the URL hides its password, but none of its options.
    password = options.pop("password", url.password)
    return url.set(query=options, password=password if isinstance(password, str) else None)


def new_engine(url: sa.URL, writes: str, *, patient: bool = False) -> AsyncEngine:
    """An engine whose connections are renewed if they are gone, or were long in the pool.

    Args:
        url: With the driver.
        writes: The option of a connection whose transaction is going to write. If it is true, the
            transaction has the lock, which makes such transactions come one after the other.
        patient: Whether a statement may take long, and waits for others as long as they take.
    """
    timeouts_s = {
        "lock_timeout": 0 if patient else LOCK_TIMEOUT_S,
        "idle_in_transaction_session_timeout": 0 if patient else IDLE_TIMEOUT_S,
    }
    engine = create_async_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_recycle=RECYCLE_S,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": None if patient else COMMAND_TIMEOUT_S,
            "server_settings": {
                "application_name": "posesim",
                **{name: f"{seconds}s" for name, seconds in timeouts_s.items()},
            },
        },
    )

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def taken(_: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        # The driver has heard of it if the database hung up, so nothing has to be asked.
        if record.driver_connection is not None and record.driver_connection.is_closed():
            raise sa.exc.InvalidatePoolError

    @sa.event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # Whatever such a transaction reads stays true until it ends, as in SQLite.
        if connection.get_execution_options().get(writes):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")

    return engine


def not_usable(connection: sa.Connection) -> str | None:
    """Say why a database can't be used in which statements work; None if it can."""
    encoding, read_only = connection.execute(
        sa.select(
            sa.func.current_setting("server_encoding"),
            sa.or_(
                sa.func.pg_is_in_recovery(),
                sa.func.current_setting("default_transaction_read_only") == "on",
            ),
        )
    ).one()
    if read_only:
        return f"it can only be read. {_ADVICE[READ_ONLY]}"
    if encoding != "UTF8":
        return (
            f"its encoding is {encoding}, in which not every name can be written. Make it with "
            "ENCODING 'UTF8', as docs/deploy.md says."
        )
    return None


async def write_nothing(connection: AsyncConnection) -> None:
    """Write a row as it is."""
    await connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")


async def others_are_connected(connection: AsyncConnection) -> bool:
    """Whether other connections of posesim are open to this database, as far as we may see."""
    found = await connection.execute(
        sa.text(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'posesim' AND pid <> pg_backend_pid()"
        )
    )
    return found.first() is not None


async def wait_for_the_program(connection: AsyncConnection) -> None:
    """Let the transaction that runs stand still for as long as it wants."""
    await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


async def count_on(connection: AsyncConnection, columns: Iterable[sa.Column[int]]) -> None:
    """Give the next rows numbers after those that are there."""
    for column in columns:
        sequence = sa.func.pg_get_serial_sequence(column.table.name, column.name)
        highest = sa.select(sa.func.max(column)).scalar_subquery()
        await connection.execute(sa.select(sa.func.setval(sequence, highest)))


def sqlstate(error: BaseException) -> str | None:
    """What PostgreSQL calls an error; None if it is none of its own."""
    state: Any = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state if isinstance(state, str) else None


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database was not reached, or is about to go or to come."""
    if isinstance(error, OSError):
        return True
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    state = sqlstate(error) or ""
    return state.startswith(("08", "57P"))


def advice(error: BaseException) -> str:
    """What to do about an error at the first connection."""
    if isinstance(error, OSError):
        return "Check host and port, and that PostgreSQL runs there and lets this machine in."
    return _ADVICE.get(sqlstate(error) or "", "Look at PostgreSQL's log.")
