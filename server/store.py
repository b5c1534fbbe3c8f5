"""Users, exercises, sessions and scores in a database.

Every method that reads or changes something of a user takes that user's id and finds nothing of
anybody else's. Nothing here is known to SQLite alone.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, cast

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from posesim.errors import PosesimError

from . import schema

ExerciseState = Literal["embedding", "ready", "failed"]
SessionState = Literal["created", "live", "ended"]

BUSY_TIMEOUT_S = 10  # how long a writer waits for another one, e.g. `posesim user add`


class StoreError(PosesimError):
    """The database can't be used."""


class DatabaseTooNew(StoreError):
    """The database was written by a later version of posesim."""


class NameTaken(PosesimError):
    """There is a user of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is already a user {name!r}. Choose another name.")


@dataclass(frozen=True)
class User:
    """An account; `password_hash` is argon2's encoded form."""

    id: str
    name: str
    password_hash: str
    created_at: datetime


@dataclass(frozen=True)
class Exercise:
    """A reference of a user; its files are named by `clip_sha256`."""

    id: str
    user_id: str
    name: str
    state: ExerciseState
    error: str | None
    duration_s: float | None
    clip_sha256: str
    clip_type: str
    created_at: datetime


@dataclass(frozen=True)
class StoredSession:
    """One try at an exercise. `summary` is the message's `Summary` as JSON."""

    id: str
    user_id: str
    exercise_id: str | None
    exercise_name: str
    state: SessionState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    summary: dict[str, Any] | None


@dataclass(frozen=True)
class ScoreRow:
    """One score of a session; `seq` counts its score messages, times are seconds."""

    seq: int
    t_s: float
    score: float | None
    state: str
    movement: float | None
    timing: float | None
    range: float | None
    reference_s: float | None
    tempo: float | None


class Store:
    """The database. Made by `open`, given back by `close`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to `url` and bring its tables to this version's form.

        Raises:
            DatabaseTooNew: If a later version wrote it; nothing is changed then.
            StoreError: If it can't be opened.
        """
        try:
            engine = create_async_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(
                "The database URL can't be used; it looks like sqlite+aiosqlite:////folder/file: "
                f"{error}"
            ) from error
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_migrate)
        except (SQLAlchemyError, OSError) as error:
            await engine.dispose()
            shown = engine.url.render_as_string(hide_password=True)
            reason = getattr(error, "orig", None) or error
            raise StoreError(
                f"The database {shown} can't be opened: {reason}. "
                "Check that it is a posesim database and that this user may write to it."
            ) from error
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise StoreError(
                "The database can't be used at the moment. Try again; if it stays so, look at the "
                "server's log."
            ) from error

    # Users

    async def add_user(self, name: str, password_hash: str) -> User:
        """Make an account.

        Raises:
            NameTaken: If another user has this name.
        """
        user = User(_new_id(), name, password_hash, _now())
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.insert(schema.users).values(asdict(user)))
        except IntegrityError as error:
            raise NameTaken(name) from error
        return user

    async def users(self) -> list[User]:
        """All accounts, by name."""
        async with self._transaction() as connection:
            rows = await connection.execute(sa.select(schema.users).order_by(schema.users.c.name))
        return [User(**row) for row in rows.mappings()]

    async def user(self, user_id: str) -> User | None:
        """The account with this id."""
        return await self._one_user(schema.users.c.id == user_id)

    async def user_by_name(self, name: str) -> User | None:
        """The account with this name."""
        return await self._one_user(schema.users.c.name == name)

    async def _one_user(self, condition: sa.ColumnElement[bool]) -> User | None:
        async with self._transaction() as connection:
            rows = await connection.execute(sa.select(schema.users).where(condition))
        row = rows.mappings().first()
        return User(**row) if row else None

    async def set_password(self, name: str, password_hash: str) -> bool:
        """Replace a password; False if there is no such user."""
        users = schema.users
        statement = sa.update(users).where(users.c.name == name)
        return await self._changed(statement.values(password_hash=password_hash))

    async def remove_user(self, name: str) -> bool:
        """Remove an account with its exercises, sessions and scores; False if there is none."""
        return await self._changed(sa.delete(schema.users).where(schema.users.c.name == name))

    # Exercises

    async def add_exercise(
        self,
        user_id: str,
        *,
        name: str,
        clip_sha256: str,
        clip_type: str,
        duration_s: float | None,
    ) -> Exercise:
        """Keep a new exercise, in state `embedding`."""
        exercise = Exercise(
            id=_new_id(),
            user_id=user_id,
            name=name,
            state="embedding",
            error=None,
            duration_s=duration_s,
            clip_sha256=clip_sha256,
            clip_type=clip_type,
            created_at=_now(),
        )
        async with self._transaction() as connection:
            await connection.execute(sa.insert(schema.exercises).values(asdict(exercise)))
        return exercise

    async def exercises(self, user_id: str) -> list[Exercise]:
        """The user's exercises, newest first."""
        table = schema.exercises
        statement = (
            sa.select(table)
            .where(table.c.user_id == user_id)
            .order_by(table.c.created_at.desc(), table.c.id)
        )
        async with self._transaction() as connection:
            rows = await connection.execute(statement)
        return [Exercise(**row) for row in rows.mappings()]

    async def exercise(self, user_id: str, exercise_id: str) -> Exercise | None:
        """One exercise of the user."""
        table = schema.exercises
        statement = sa.select(table).where(table.c.id == exercise_id, table.c.user_id == user_id)
        async with self._transaction() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return Exercise(**row) if row else None

    async def unfinished_exercises(self) -> list[Exercise]:
        """Everybody's exercises that were still embedding when the server stopped, oldest first."""
        table = schema.exercises
        statement = (
            sa.select(table).where(table.c.state == "embedding").order_by(table.c.created_at)
        )
        async with self._transaction() as connection:
            rows = await connection.execute(statement)
        return [Exercise(**row) for row in rows.mappings()]

    async def exercise_embedding(self, exercise_id: str) -> None:
        """Note that the exercise is to be embedded again."""
        table = schema.exercises
        statement = sa.update(table).where(table.c.id == exercise_id)
        await self._changed(statement.values(state="embedding", error=None))

    async def exercise_ready(self, exercise_id: str, duration_s: float) -> None:
        """Note that the exercise can be trained against."""
        table = schema.exercises
        statement = sa.update(table).where(table.c.id == exercise_id)
        await self._changed(statement.values(state="ready", error=None, duration_s=duration_s))

    async def exercise_failed(self, exercise_id: str, error: str) -> None:
        """Note why the exercise can't be used, as a sentence for its user."""
        table = schema.exercises
        statement = sa.update(table).where(table.c.id == exercise_id)
        await self._changed(statement.values(state="failed", error=error))

    async def delete_exercise(self, user_id: str, exercise_id: str) -> bool:
        """Remove an exercise; its sessions stay and keep its name. False if there is none."""
        table = schema.exercises
        return await self._changed(
            sa.delete(table).where(table.c.id == exercise_id, table.c.user_id == user_id)
        )

    async def uses_clip(self, user_id: str, clip_sha256: str) -> bool:
        """Whether an exercise of the user needs the files of this content."""
        table = schema.exercises
        statement = sa.select(table.c.id).where(
            table.c.user_id == user_id, table.c.clip_sha256 == clip_sha256
        )
        async with self._transaction() as connection:
            return (await connection.execute(statement.limit(1))).first() is not None

    # Sessions

    async def add_session(self, user_id: str, exercise: Exercise) -> StoredSession:
        """Keep a new session, in state `created`.

        Raises:
            StoreError: If the exercise was deleted meanwhile.
        """
        session = StoredSession(
            id=_new_id(),
            user_id=user_id,
            exercise_id=exercise.id,
            exercise_name=exercise.name,
            state="created",
            created_at=_now(),
            started_at=None,
            ended_at=None,
            end_reason=None,
            summary=None,
        )
        try:
            async with self._transaction() as connection:
                await connection.execute(sa.insert(schema.sessions).values(asdict(session)))
        except IntegrityError as error:
            raise StoreError("This exercise was deleted. Choose another one.") from error
        return session

    async def start_session(self, session_id: str) -> bool:
        """Note that the camera arrived; False unless the session was `created`."""
        table = schema.sessions
        statement = sa.update(table).where(table.c.id == session_id, table.c.state == "created")
        return await self._changed(statement.values(state="live", started_at=_now()))

    async def end_session(
        self, session_id: str, reason: str, summary: dict[str, Any] | None
    ) -> bool:
        """Note the end. The first end counts: False if the session had ended before."""
        table = schema.sessions
        statement = sa.update(table).where(table.c.id == session_id, table.c.state != "ended")
        return await self._changed(
            statement.values(state="ended", ended_at=_now(), end_reason=reason, summary=summary)
        )

    async def end_lost_sessions(self) -> int:
        """End what a server that is gone left open; return how many there were."""
        table = schema.sessions
        statement = sa.update(table).where(table.c.state != "ended")
        async with self._transaction() as connection:
            done = await connection.execute(
                statement.values(state="ended", ended_at=_now(), end_reason="lost")
            )
        return cast("sa.CursorResult[Any]", done).rowcount

    async def session(self, user_id: str, session_id: str) -> StoredSession | None:
        """One session of the user."""
        table = schema.sessions
        statement = sa.select(table).where(table.c.id == session_id, table.c.user_id == user_id)
        async with self._transaction() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return StoredSession(**row) if row else None

    async def sessions(
        self, user_id: str, *, limit: int, before: datetime | None = None
    ) -> list[StoredSession]:
        """At most `limit` sessions of the user, newest first, made before `before`."""
        table = schema.sessions
        statement = sa.select(table).where(table.c.user_id == user_id)
        if before is not None:
            statement = statement.where(table.c.created_at < before)
        statement = statement.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        async with self._transaction() as connection:
            rows = await connection.execute(statement)
        return [StoredSession(**row) for row in rows.mappings()]

    async def add_scores(self, session_id: str, rows: Sequence[ScoreRow]) -> None:
        """Append scores, all or none.

        Raises:
            StoreError: If the session is gone or a `seq` was used before.
        """
        if not rows:
            return
        try:
            async with self._transaction() as connection:
                await connection.execute(
                    sa.insert(schema.scores),
                    [{"session_id": session_id, **asdict(row)} for row in rows],
                )
        except IntegrityError as error:
            raise StoreError(
                f"Scores {rows[0].seq} to {rows[-1].seq} don't fit the session {session_id}."
            ) from error

    async def scores(self, user_id: str, session_id: str) -> list[ScoreRow]:
        """The scores of a session of the user, in order; empty if it isn't theirs."""
        scores, sessions = schema.scores, schema.sessions
        columns = [column for column in scores.c if column.name != "session_id"]
        statement = (
            sa.select(*columns)
            .join(sessions, sessions.c.id == scores.c.session_id)
            .where(scores.c.session_id == session_id, sessions.c.user_id == user_id)
            .order_by(scores.c.seq)
        )
        async with self._transaction() as connection:
            rows = await connection.execute(statement)
        return [ScoreRow(**row) for row in rows.mappings()]

    async def _changed(self, statement: sa.Update | sa.Delete) -> bool:
        async with self._transaction() as connection:
            done = await connection.execute(statement)
        return cast("sa.CursorResult[Any]", done).rowcount > 0


def _new_id() -> str:
    return str(uuid.uuid4())


def _now() -> datetime:
    return datetime.now(UTC)


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Give SQLite what other databases have by themselves: foreign keys and real transactions."""

    @sa.event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # Python's driver begins transactions late and never for DDL; "begin" below does instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes.update(connection=connection, metadata=schema.metadata)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise DatabaseTooNew(
            f"The database was written by a newer posesim (revision {current}). Install that "
            "version again, or start with another --data folder."
        )
    command.upgrade(config, "head")
