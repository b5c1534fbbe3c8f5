"""Calls: appointments of a coach with one member, what is done in them and what remains of them.

Who is neither a call's coach nor its member finds nothing of it. Who lost the role of a coach is
no call's coach any more.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.errors import PosesimError

from .. import schema
from ..database import Database, StoreError, new_id, now
from .exercises import EXERCISE_ROWS, Exercise, may_see
from .sessions import StoredSession
from .users import NameTaken, User

TOKEN_BYTES = 32
MOST_OPEN = 200  # links of one coach that nobody used yet
MOST_EXERCISES = 30  # in the program of a call
MOST_MARKS = 500  # of one call

table = schema.calls
_marks = schema.call_marks
_programs = schema.call_exercises
_coaches = schema.users.alias("coaches")
_members = schema.users.alias("members")


class NoCall(PosesimError):
    """A token that leads into no call: guessed, used, expired or withdrawn, which look alike."""

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid. It may have been used, or its time is over. Ask who sent it "
            "for a new one; a call that you joined before is under Calls."
        )


class OwnCall(PosesimError):
    """A coach tried to join their own call as its member."""

    def __init__(self) -> None:
        super().__init__("This is your own call. Send its link to the person you want to see.")


class TooManyCalls(PosesimError):
    """A coach has as many open links as one may have."""

    def __init__(self) -> None:
        super().__init__(
            f"You have {MOST_OPEN} calls that nobody joined yet, which is as many as there may be. "
            "Delete some that nobody will join."
        )


class TooManyMarks(PosesimError):
    """A call has as many marks as one may have."""

    def __init__(self) -> None:
        super().__init__(f"A call has at most {MOST_MARKS} marks. Delete one first.")


class NotToShow(PosesimError):
    """An exercise that the call's coach may not show to others, or that is gone."""

    def __init__(self) -> None:
        super().__init__(
            "An exercise of this program was deleted, or it is somebody else's who does not show "
            "it to everyone. Choose one of your own."
        )


@dataclass(frozen=True)
class Call:
    """An appointment of a coach with one member.

    Attributes:
        member_id, member_name: None until somebody used the link.
        starts_at: When the two want to meet; nothing is refused before or after.
        expires_at: When the link does. A call that was joined does not expire.
        admitted_at: When the member was let in the last time; None while the member is not.
        notes: The coach's words, for both.
    """

    id: str
    coach_id: str
    coach_name: str
    member_id: str | None
    member_name: str | None
    title: str
    starts_at: datetime | None
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    admitted_at: datetime | None
    ended_at: datetime | None
    notes: str


@dataclass(frozen=True)
class OpenCall:
    """A call that can be joined, as the person sees it who has the link."""

    id: str
    coach_id: str
    coach_name: str
    title: str
    starts_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True)
class Mark:
    """A moment of a call with a note.

    Attributes:
        session_id: The run that was on; None if none was, or if its member deleted it.
        at: When it was made.
        t_s: The moment on the time of that session, in seconds.
    """

    id: str
    call_id: str
    session_id: str | None
    at: datetime
    t_s: float | None
    note: str


class CallRows:
    """The tables `calls`, `call_exercises` and `call_marks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # The link

    async def add(
        self, coach_id: str, *, title: str, starts_at: datetime | None, lifetime: timedelta
    ) -> tuple[Call, str]:
        """Make a call; return it with the token of its link, of which only a hash is kept.

        Raises:
            TooManyCalls: If `MOST_OPEN` of the coach wait for somebody already.
        """
        token, call_id, made = secrets.token_urlsafe(TOKEN_BYTES), new_id(), now()
        statement = sa.insert(table).values(
            id=call_id,
            coach_id=coach_id,
            title=title,
            starts_at=starts_at,
            token_sha256=_sha256(token),
            created_at=made,
            expires_at=made + lifetime,
        )
        async with self._database.transaction() as connection:
            await connection.execute(statement)
            counted = sa.select(sa.func.count()).select_from(table)
            open_ones = await connection.execute(
                counted.where(table.c.coach_id == coach_id, _open())
            )
            if open_ones.scalar_one() > MOST_OPEN:
                raise TooManyCalls
            row = await connection.execute(_SELECT.where(table.c.id == call_id))
            return Call(**row.mappings().one()), token

    async def find(self, token: str) -> OpenCall:
        """What the token leads to.

        Raises:
            NoCall: If it can't be joined, for whatever reason.
        """
        statement = (
            sa.select(
                table.c.id,
                table.c.coach_id,
                _coaches.c.name.label("coach_name"),
                table.c.title,
                table.c.starts_at,
                table.c.expires_at,
            )
            .join(_coaches, _coaches.c.id == table.c.coach_id)
            .where(table.c.token_sha256 == _sha256(token), _open())
        )
        row = await self._database.first(statement)
        if row is None:
            raise NoCall
        return OpenCall(**row)

    async def accept(self, token: str, member_id: str) -> Call:
        """Join a call as its member, by its link, which is used up with it.

        Raises:
            NoCall: If it can't be joined, for whatever reason.
            OwnCall: If the member is the coach; the link stays open.
        """
        try:
            async with self._database.transaction() as connection:
                return await _take(connection, token, member_id)
        except IntegrityError as error:  # the member's account is gone since the request came
            raise NoCall from error

    async def accept_as_newcomer(self, token: str, user: User) -> Call:
        """Make the account and join in one go, both or neither.

        Raises:
            NoCall: If it can't be joined, for whatever reason.
            NameTaken: If another user has the name.
        """
        async with self._database.transaction() as connection:
            try:
                await connection.execute(sa.insert(schema.users).values(asdict(user)))
            except IntegrityError as error:
                raise NameTaken(user.name) from error
            return await _take(connection, token, user.id)

    # One's own

    async def of(self, user_id: str, *, limit: int, before: datetime | None = None) -> list[Call]:
        """At most `limit` calls of a user, as coach or member, newest first."""
        statement = _SELECT.where(_mine(user_id))
        if before is not None:
            statement = statement.where(table.c.created_at < before)
        statement = statement.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        return [Call(**row) for row in await self._database.all(statement)]

    async def get(self, user_id: str, call_id: str) -> Call | None:
        """One call, for its coach or its member; None for everybody else."""
        row = await self._database.first(_SELECT.where(table.c.id == call_id, _mine(user_id)))
        return Call(**row) if row else None

    async def change(self, coach_id: str, call_id: str, values: Mapping[str, Any]) -> Call | None:
        """Set `title`, `starts_at` or `notes` of a call of the coach; None if there is none."""
        mine = sa.and_(table.c.id == call_id, _coached_by(coach_id))
        # A statement needs something to set; the id stays what it is.
        statement = sa.update(table).where(mine).values(values or {"id": call_id})
        if not await self._database.change(statement):
            return None
        return await self.get(coach_id, call_id)

    async def delete(self, user_id: str, call_id: str) -> bool:
        """Forget a call with its marks, for its coach or its member; False if there is none.

        Its sessions stay the member's, and nobody else sees them any more.
        """
        statement = sa.delete(table).where(table.c.id == call_id, _mine(user_id))
        if not await self._database.change(statement):
            return False
        await self._database.forget_traces()
        return True

    # Its course

    async def admit(self, call_id: str) -> None:
        """Note that the coach let the member in."""
        statement = sa.update(table).where(table.c.id == call_id, table.c.ended_at.is_(None))
        await self._database.change(statement.values(admitted_at=now()))

    async def dismiss(self, call_id: str) -> None:
        """Note that the coach sent the member out of the room; both may come again."""
        statement = sa.update(table).where(table.c.id == call_id, table.c.ended_at.is_(None))
        await self._database.change(statement.values(admitted_at=None))

    async def end(self, call_id: str) -> bool:
        """Note the end; False if it had ended before, or is gone. A link is withdrawn by it."""
        statement = sa.update(table).where(table.c.id == call_id, table.c.ended_at.is_(None))
        ended = statement.values(ended_at=now(), token_sha256=None)
        return await self._database.change(ended) > 0

    async def end_of_coach(self, coach_id: str) -> dict[str, str | None]:
        """End all calls of who is no coach any more, links and all; return whose they were."""
        return await self._end_all(table.c.coach_id == coach_id)

    async def end_of_member(self, member_id: str) -> list[str]:
        """End all calls of a member who takes no part in calls any more; return their ids."""
        return list(await self._end_all(table.c.member_id == member_id))

    # What is done in it

    async def set_program(self, call_id: str, exercise_ids: Sequence[str]) -> None:
        """Set which exercises are to be done, in order; the member sees them while it is open.

        Raises:
            ValueError: For more than `MOST_EXERCISES`.
            NotToShow: If one is neither the coach's own nor shown to everyone, or is gone.
            StoreError: If the call is gone.
        """
        if len(exercise_ids) > MOST_EXERCISES:
            raise ValueError(f"a program has at most {MOST_EXERCISES}, got {len(exercise_ids)}")
        try:
            async with self._database.transaction() as connection:
                gone = sa.delete(_programs).where(_programs.c.call_id == call_id)
                await connection.execute(gone)
                await _require_shown(connection, call_id, set(exercise_ids))
                if exercise_ids:
                    rows = [
                        {"call_id": call_id, "position": position, "exercise_id": exercise_id}
                        for position, exercise_id in enumerate(exercise_ids)
                    ]
                    await connection.execute(sa.insert(_programs), rows)
        except IntegrityError as error:
            raise StoreError("This call was deleted.") from error

    async def program(self, call_id: str) -> list[Exercise]:
        """Which exercises are to be done, in order; those that were deleted are left out."""
        statement = (
            EXERCISE_ROWS.join(_programs, _programs.c.exercise_id == schema.exercises.c.id)
            .where(_programs.c.call_id == call_id)
            .order_by(_programs.c.position)
        )
        return [Exercise(**row) for row in await self._database.all(statement)]

    async def add_mark(
        self,
        call_id: str,
        *,
        note: str,
        session_id: str | None = None,
        t_s: float | None = None,
        at: datetime | None = None,
    ) -> Mark:
        """Keep a moment with a note, of now unless `at` says when.

        Raises:
            TooManyMarks: If it is one too many.
            StoreError: If the call is gone, or the session is none of it.
        """
        mark = Mark(new_id(), call_id, session_id, at or now(), t_s, note)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(sa.insert(_marks).values(asdict(mark)))
                counted = sa.select(sa.func.count()).select_from(_marks)
                marks = await connection.execute(counted.where(_marks.c.call_id == call_id))
                if marks.scalar_one() > MOST_MARKS:
                    raise TooManyMarks
                if session_id is not None:
                    await _require_session(connection, call_id, session_id)
        except IntegrityError as error:
            raise StoreError("This call was deleted, or the session that is marked.") from error
        return mark

    async def marks(self, call_id: str) -> list[Mark]:
        """All marks of a call, oldest first."""
        statement = (
            sa.select(_marks).where(_marks.c.call_id == call_id).order_by(_marks.c.at, _marks.c.id)
        )
        return [Mark(**row) for row in await self._database.all(statement)]

    async def delete_mark(self, call_id: str, mark_id: str) -> bool:
        """Remove a mark; False if there is none."""
        statement = sa.delete(_marks).where(_marks.c.id == mark_id, _marks.c.call_id == call_id)
        return await self._database.change(statement) > 0

    async def sessions(self, call_id: str) -> list[StoredSession]:
        """The member's sessions that were made in a call, oldest first."""
        sessions = schema.sessions
        statement = (
            sa.select(sessions)
            .where(sessions.c.call_id == call_id)
            .order_by(sessions.c.created_at, sessions.c.id)
        )
        return [StoredSession(**row) for row in await self._database.all(statement)]

    async def correct(self, call_id: str, session_id: str, repetitions: int | None) -> bool:
        """Set how many repetitions the coach counted, None for the server's own count.

        False if there is no such session in the call.
        """
        sessions = schema.sessions
        statement = sa.update(sessions).where(
            sessions.c.id == session_id, sessions.c.call_id == call_id
        )
        return await self._database.change(statement.values(corrected_repetitions=repetitions)) > 0

    async def _end_all(self, whose: sa.ColumnElement[bool]) -> dict[str, str | None]:
        """End those that have not ended; return their members by their ids."""
        async with self._database.transaction() as connection:
            ended = await connection.execute(
                sa.update(table)
                .where(whose, table.c.ended_at.is_(None))
                .values(ended_at=now(), token_sha256=None)
                .returning(table.c.id, table.c.member_id)
            )
            return {row.id: row.member_id for row in ended}


_SELECT = (
    sa.select(
        *(column for column in table.c if column.name != "token_sha256"),
        _coaches.c.name.label("coach_name"),
        _members.c.name.label("member_name"),
    )
    .select_from(table)
    .join(_coaches, _coaches.c.id == table.c.coach_id)
    .outerjoin(_members, _members.c.id == table.c.member_id)
)


async def _take(connection: AsyncConnection, token: str, member_id: str) -> Call:
    """Use a link up: of several who come at once, one gets the call."""
    taken = await connection.execute(
        sa.update(table)
        .where(table.c.token_sha256 == _sha256(token), _open())
        .values(accepted_at=now(), token_sha256=None, member_id=member_id)
        .returning(table.c.id, table.c.coach_id)
    )
    row = taken.first()
    if row is None:
        raise NoCall
    if row.coach_id == member_id:
        raise OwnCall  # which gives the link back
    call = await connection.execute(_SELECT.where(table.c.id == row.id))
    return Call(**call.mappings().one())


async def _require_shown(connection: AsyncConnection, call_id: str, exercise_ids: set[str]) -> None:
    """Make sure that the coach of a call may show these exercises to its member."""
    found = await connection.execute(sa.select(table.c.coach_id).where(table.c.id == call_id))
    coach_id = found.scalar_one_or_none()
    if coach_id is None:
        raise StoreError("This call was deleted.")
    exercises = schema.exercises
    shown = sa.or_(exercises.c.user_id == coach_id, exercises.c.visibility == "everyone")
    statement = sa.select(sa.func.count()).where(
        exercises.c.id.in_(exercise_ids), shown, may_see(coach_id)
    )
    if (await connection.execute(statement)).scalar_one() != len(exercise_ids):
        raise NotToShow


async def _require_session(connection: AsyncConnection, call_id: str, session_id: str) -> None:
    sessions = schema.sessions
    of_it = sa.select(sessions.c.id).where(
        sessions.c.id == session_id, sessions.c.call_id == call_id
    )
    if (await connection.execute(of_it)).first() is None:
        raise StoreError("This session is none of the call. Mark one that was made in it.")


def _mine(user_id: str) -> sa.ColumnElement[bool]:
    return sa.or_(table.c.member_id == user_id, _coached_by(user_id))


def _coached_by(user_id: str) -> sa.ColumnElement[bool]:
    """Calls of a coach who still is one."""
    users = schema.users.alias("own")
    is_coach = sa.exists().where(users.c.id == user_id, users.c.role.in_(("coach", "admin")))
    return sa.and_(table.c.coach_id == user_id, is_coach)


def _open() -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.accepted_at.is_(None), table.c.ended_at.is_(None), table.c.expires_at > now()
    )


def _sha256(token: str) -> str:
    # "replace", so that a lone surrogate from JSON is a token nobody has and not a crash.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
