"""Sessions, each with all that was said in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.video_comparison import Comparison

from .. import schema
from ..database import Database, StoreError, new_id, now
from ..live.update_messages import summary_values
from .exercises import LONGEST_NAME, Exercise, Kind
from .parts import Parts, ScoreRow, insert_parts, parts_of, read_parts, without

SessionState = Literal["created", "live", "ended"]
SessionSource = Literal["live", "file"]

table = schema.sessions


@dataclass(frozen=True)
class StoredSession:
    """One try at an exercise. `summary` is the message's `Summary` as JSON.

    Attributes:
        source: Whether it was live, or a file that was compared.
        kind, target: What the exercise was, and how much was aimed at.
        reference_start_s: Where in the clip the reference began: its trim point then, else 0.
        imported_at: When it was read from an export: then it is what its user says it was.
        imported_exercise_id: The exercise where it was exported, if that is not here.
        call_id: The call in which it was made, as long as that is remembered.
        in_call: Whether it was made in a call, also one that is forgotten, or that was elsewhere:
            then coaches don't see it among the member's others.
        corrected_repetitions: How many the call's coach counted, where that is something else.
    """

    id: str
    user_id: str
    exercise_id: str | None
    exercise_name: str
    source: SessionSource
    kind: Kind
    target: int | None
    reference_start_s: float
    state: SessionState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    summary: dict[str, Any] | None
    imported_at: datetime | None = None
    imported_exercise_id: str | None = None
    call_id: str | None = None
    in_call: bool = False
    corrected_repetitions: int | None = None


class Superseded(StoreError):
    """Another run of the server, or another node, goes on with the session."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"The session {session_id} goes on elsewhere, or is gone.")


@dataclass(frozen=True)
class WholeSession:
    """A session and all that was said in it."""

    session: StoredSession
    parts: Parts


def seen_by_coaches(of: sa.FromClause = table) -> sa.ColumnElement[bool]:
    """Which rows of `sessions`, or of it under another name, coaches of its user may see.

    Nothing else decides that.

    What was made in a call is for the two people of that call, who see it there, also when one of
    them coaches the other.
    """
    return ~of.c.in_call


def counted_repetitions() -> sa.ColumnElement[int]:
    """How many repetitions of a row of `sessions` count: as a coach corrected them, if one did."""
    # Summaries of before repetitions were counted have none.
    return sa.func.coalesce(
        table.c.corrected_repetitions, table.c.summary["repetitions"].as_integer(), 0
    )


class SessionRows:
    """The table `sessions`, and those of what was said in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        user_id: str,
        exercise: Exercise,
        *,
        call_id: str | None = None,
        sign_in_id: str | None = None,
        session_id: str | None = None,
    ) -> StoredSession:
        """Keep a new session, in state `created`; one that is made in a call belongs to it.

        Args:
            user_id: Whose it is.
            exercise: What it is against.
            call_id: The call, if it is made in one.
            sign_in_id: In which sign-in it is made; remembered while it is open.
            session_id: Its id; None for a new one.

        Raises:
            StoreError: If the exercise or the call was deleted meanwhile.
        """
        return await self._add(
            sign_in_id=sign_in_id,
            session=StoredSession(
                user_id=user_id,
                exercise_id=exercise.id,
                exercise_name=exercise.name,
                kind=exercise.kind,
                target=exercise.target,
                reference_start_s=exercise.start_s or 0.0,
                call_id=call_id,
                in_call=call_id is not None,
                **_new(session_id),
            ),
        )

    async def add_demonstrated(self, user_id: str, name: str, *, call_id: str) -> StoredSession:
        """Keep a new session of a call against what its coach shows live, in state `created`.

        Args:
            user_id: The member's.
            name: What it is called where others have their exercise's name.
            call_id: The call.

        Raises:
            StoreError: If the call was deleted meanwhile.
        """
        return await self._add(
            StoredSession(
                user_id=user_id,
                exercise_id=None,
                exercise_name=_as_name(name),
                kind="repetitions",
                target=None,
                reference_start_s=0.0,
                call_id=call_id,
                in_call=True,
                **_new(),
            )
        )

    # `run` below: in which run of a server, or on which node, that is. As `OpenSessionRows.take`
    # gave it; None where nobody else could go on with the session. What a run does after another
    # one has taken the session raises `Superseded` and changes nothing.

    async def start(self, session_id: str, *, run: int | None = None) -> bool:
        """Note that the camera arrived; False unless the session was `created`."""
        statement = sa.update(table).where(table.c.id == session_id, table.c.state == "created")
        async with self._database.transaction(alone=False) as connection:
            await _require_run(connection, session_id, run)
            done = await connection.execute(
                statement.values(state="live", started_at=now()).returning(table.c.id)
            )
            return done.first() is not None

    async def end(
        self,
        session_id: str,
        reason: str,
        summary: dict[str, Any] | None,
        *,
        run: int | None = None,
    ) -> bool:
        """Note the end. The first end counts: False if the session had ended before."""
        statement = (
            sa.update(table)
            .where(table.c.id == session_id, table.c.state != "ended")
            .values(state="ended", ended_at=now(), end_reason=reason, summary=summary)
        )
        was_open = schema.open_sessions
        async with self._database.transaction(alone=False) as connection:
            await _require_run(connection, session_id, run, ended_too=True)
            ended = await connection.execute(statement.returning(table.c.id))
            first = ended.first() is not None
            await connection.execute(sa.delete(was_open).where(was_open.c.session_id == session_id))
        return first

    async def held(self, session_id: str, held_s: float, *, run: int | None = None) -> None:
        """Note the longest that a posture was held so far; of use while the session is open."""
        held = schema.open_sessions
        statement = sa.update(held).where(held.c.session_id == session_id)
        if run is not None:
            statement = statement.where(held.c.restarts == run)
        await self._database.change(statement.values(held_s=held_s), alone=False)

    async def get(self, user_id: str, session_id: str) -> StoredSession | None:
        """One session of the user."""
        statement = sa.select(table).where(table.c.id == session_id, table.c.user_id == user_id)
        row = await self._database.first(statement)
        return StoredSession(**row) if row else None

    async def of_user(
        self,
        user_id: str,
        *,
        limit: int,
        before: datetime | None = None,
        exercise_id: str | None = None,
        by_coach: bool = False,
    ) -> list[StoredSession]:
        """At most `limit` sessions of the user, newest first, made before `before`.

        With `by_coach`, those that coaches of theirs may see.
        """
        statement = sa.select(table).where(table.c.user_id == user_id)
        if by_coach:
            statement = statement.where(seen_by_coaches())
        if before is not None:
            statement = statement.where(table.c.created_at < before)
        if exercise_id is not None:
            statement = statement.where(table.c.exercise_id == exercise_id)
        statement = statement.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        return [StoredSession(**row) for row in await self._database.all(statement)]

    async def remove(self, user_id: str, session_id: str) -> bool:
        """Remove an ended session of the user for ever; False if there is none."""
        mine = sa.and_(
            table.c.id == session_id, table.c.user_id == user_id, table.c.state == "ended"
        )
        jobs = schema.jobs  # the job that made it holds the same once more
        of_it = jobs.c.session_id.in_(sa.select(table.c.id).where(mine))
        async with self._database.transaction() as connection:
            await connection.execute(sa.update(jobs).where(of_it).values(result=None))
            removed = await connection.execute(sa.delete(table).where(mine).returning(table.c.id))
            if removed.first() is None:
                return False
        await self._database.forget_traces()
        return True

    # What was said

    async def add_parts(self, session_id: str, parts: Parts, *, run: int | None = None) -> None:
        """Append what was said, all or none. Who is not sure may do it again: nothing is doubled.

        Raises:
            StoreError: If the session is gone, or a number stands for something else.
            Superseded: See above.
        """
        if not len(parts):
            return
        try:
            async with self._database.transaction(alone=False) as connection:
                await _require_run(connection, session_id, run)
                await insert_parts(connection, session_id, parts)
        except IntegrityError:  # perhaps an earlier try succeeded and its answer did not come
            await self._add_rest(session_id, parts, run)

    async def scores(self, user_id: str, session_id: str) -> tuple[ScoreRow, ...]:
        """The scores of a session of the user, in order; empty if it isn't theirs."""
        whole = await self.whole(user_id, session_id)
        return whole.parts.scores if whole else ()

    async def whole(
        self, user_id: str, session_id: str, *, by_coach: bool = False
    ) -> WholeSession | None:
        """A session of the user with all that was said in it.

        With `by_coach`, if coaches of theirs may see it.
        """
        mine = sa.select(table).where(table.c.id == session_id, table.c.user_id == user_id)
        found = await self._whole(mine.where(seen_by_coaches()) if by_coach else mine)
        return found[0] if found else None

    async def of_call(self, call_id: str) -> list[WholeSession]:
        """The sessions of a call that have ended, with all that was said in them, oldest first."""
        ended = sa.and_(table.c.call_id == call_id, table.c.state == "ended")
        order = table.c.created_at, table.c.id
        return await self._whole(sa.select(table).where(ended).order_by(*order))

    async def ended(
        self, user_id: str, *, limit: int, after: StoredSession | None = None
    ) -> list[WholeSession]:
        """The user's next ended sessions, oldest first, with all that was said in them."""
        return await self._whole(_ended(user_id, limit, after))

    async def ended_alone(
        self, user_id: str, *, limit: int, after: StoredSession | None = None
    ) -> list[StoredSession]:
        """As `ended`, without what was said."""
        rows = await self._database.all(_ended(user_id, limit, after))
        return [StoredSession(**row) for row in rows]

    # Sessions that come whole

    async def add_finished(
        self, user_id: str, exercise: Exercise | None, name: str, comparison: Comparison
    ) -> StoredSession:
        """Keep a file's comparison as a session that has ended, without a reason.

        Args:
            user_id: Whose it is.
            exercise: What it was compared with; None for a reference that is not kept. If it was
                deleted meanwhile, the session keeps its name.
            name: What the reference is called, where there is no exercise.
            comparison: With all its updates.

        Raises:
            StoreError: If the account was removed meanwhile.
        """
        at = now()
        held = comparison.summary.held_s is not None
        session = StoredSession(
            id=new_id(),
            user_id=user_id,
            exercise_id=exercise.id if exercise else None,
            exercise_name=exercise.name if exercise else _as_name(name),
            source="file",
            kind=exercise.kind if exercise else ("hold" if held else "repetitions"),
            target=exercise.target if exercise else None,
            reference_start_s=(exercise.start_s or 0.0) if exercise else 0.0,
            state="ended",
            created_at=at,
            started_at=at,
            ended_at=at,
            end_reason=None,
            summary=summary_values(comparison.summary).model_dump(mode="json"),
        )
        parts = parts_of(comparison.updates)
        try:
            await self.add_whole([WholeSession(session, parts)])
        except StoreError:
            session = replace(session, exercise_id=None)
            await self.add_whole([WholeSession(session, parts)])
        return session

    async def add_whole(self, sessions: Sequence[WholeSession]) -> None:
        """Keep sessions with all that was said in them, all or none.

        Raises:
            StoreError: If an id is taken, or a user or an exercise is gone.
        """
        try:
            async with self._database.transaction() as connection:
                for whole in sessions:
                    await connection.execute(sa.insert(table).values(vars(whole.session)))
                    await insert_parts(connection, whole.session.id, whole.parts)
        except IntegrityError as error:
            raise StoreError(
                "A session could not be kept: the account or the exercise was deleted."
            ) from error

    async def owners(self, session_ids: Sequence[str]) -> dict[str, str]:
        """Whose the sessions with these ids are, as far as there are such sessions."""
        statement = sa.select(table.c.id, table.c.user_id).where(table.c.id.in_(session_ids))
        return {row["id"]: row["user_id"] for row in await self._database.all(statement)}

    # Steps

    async def _add(self, session: StoredSession, sign_in_id: str | None = None) -> StoredSession:
        open_row = {"session_id": session.id, "sign_in_id": sign_in_id}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(sa.insert(table).values(vars(session)))
                if session.call_id is None:
                    await connection.execute(sa.insert(schema.open_sessions).values(open_row))
        except IntegrityError as error:
            if session.call_id is None:
                raise StoreError("This exercise was deleted. Choose another one.") from error
            raise StoreError(
                "This exercise was deleted, or the call. Choose another one."
            ) from error
        return session

    async def _whole(self, statement: sa.Select[Any]) -> list[WholeSession]:
        async with self._database.snapshot() as connection:
            rows = (await connection.execute(statement)).mappings().all()
            sessions = [StoredSession(**row) for row in rows]
            parts = await read_parts(connection, [session.id for session in sessions])
        return [WholeSession(session, parts[session.id]) for session in sessions]

    async def _add_rest(self, session_id: str, parts: Parts, run: int | None) -> None:
        try:
            async with self._database.transaction(alone=False) as connection:
                await _require_run(connection, session_id, run)
                stored = await read_parts(connection, [session_id], within=parts)
                await insert_parts(connection, session_id, without(parts, stored[session_id]))
        except IntegrityError as error:
            raise StoreError(
                f"What was said does not fit the session {session_id}: it is gone, or something "
                "else was stored under the same numbers."
            ) from error


async def _require_run(
    connection: AsyncConnection, session_id: str, run: int | None, *, ended_too: bool = False
) -> None:
    """Make sure that nobody has taken the session since; nobody can until the transaction ends."""
    if run is None:
        return
    was_open = schema.open_sessions
    wanted = sa.select(was_open.c.restarts).where(was_open.c.session_id == session_id)
    found = (await connection.execute(wanted.with_for_update())).scalar()
    if found != run and not (found is None and ended_too):
        raise Superseded(session_id)


def _new(session_id: str | None = None) -> dict[str, Any]:
    """What every session has that waits for its camera."""
    return {
        "id": session_id or new_id(),
        "source": "live",
        "state": "created",
        "created_at": now(),
        "started_at": None,
        "ended_at": None,
        "end_reason": None,
        "summary": None,
    }


def _ended(user_id: str, limit: int, after: StoredSession | None) -> sa.Select[Any]:
    statement = sa.select(table).where(table.c.user_id == user_id, table.c.state == "ended")
    if after is not None:
        later = table.c.created_at > after.created_at
        same = sa.and_(table.c.created_at == after.created_at, table.c.id > after.id)
        statement = statement.where(sa.or_(later, same))
    return statement.order_by(table.c.created_at, table.c.id).limit(limit)


def _as_name(name: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(printable.split())[:LONGEST_NAME].strip() or "?"
