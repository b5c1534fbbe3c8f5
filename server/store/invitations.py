"""Invitations: how somebody comes to have a coach, and a newcomer to have an account."""

import hashlib
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.errors import PosesimError

from .. import schema
from ..database import Database, new_id, now
from .coachings import begin_coaching
from .users import NameTaken, User

TOKEN_BYTES = 32
MOST_OPEN = 200  # of one coach

table = schema.invitations


class NoInvitation(PosesimError):
    """A token that invites nobody: guessed, used, expired or withdrawn, which all look alike."""

    def __init__(self) -> None:
        super().__init__(
            "This invitation is not valid. It may have been used, or its time is over. Ask your "
            "coach for a new one."
        )


class OwnInvitation(PosesimError):
    """A coach tried to accept what they wrote themselves."""

    def __init__(self) -> None:
        super().__init__("This is your own invitation. Send its link to the person you coach.")


class TooManyInvitations(PosesimError):
    """A coach has as many open invitations as one may have."""

    def __init__(self) -> None:
        super().__init__(
            f"You have {MOST_OPEN} open invitations, which is as many as there may be. Delete some "
            "that nobody will use."
        )


@dataclass(frozen=True)
class Invitation:
    """An invitation as its coach sees it. Its token is known to nobody who has not seen it.

    Attributes:
        note: The coach's own words for whom it is.
        member_name: Who accepted it; None again once the coaching has ended.
    """

    id: str
    note: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    member_name: str | None


@dataclass(frozen=True)
class OpenInvitation:
    """An invitation that can be accepted, as the person sees it who has the token."""

    id: str
    coach_id: str
    coach_name: str
    expires_at: datetime


class InvitationRows:
    """The table `invitations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, coach_id: str, *, note: str, lifetime: timedelta) -> tuple[Invitation, str]:
        """Make an invitation; return it with its token, of which only a hash is kept.

        Raises:
            TooManyInvitations: If the coach has `MOST_OPEN` already.
        """
        counted = sa.select(sa.func.count().label("open")).select_from(table)
        row = await self._database.first(counted.where(table.c.coach_id == coach_id, _open()))
        if row is not None and row["open"] >= MOST_OPEN:
            raise TooManyInvitations
        token = secrets.token_urlsafe(TOKEN_BYTES)
        made = now()
        invitation = Invitation(new_id(), note, made, made + lifetime, None, None)
        statement = sa.insert(table).values(
            id=invitation.id,
            coach_id=coach_id,
            token_sha256=_sha256(token),
            note=note,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )
        await self._database.change(statement)
        return invitation, token

    async def of_coach(self, coach_id: str) -> list[Invitation]:
        """The coach's invitations, newest first. Whoever ended the coaching has no name in it."""
        users, coachings = schema.users, schema.coachings
        statement = (
            sa.select(
                table.c.id,
                table.c.note,
                table.c.created_at,
                table.c.expires_at,
                table.c.accepted_at,
                users.c.name.label("member_name"),
            )
            .outerjoin(
                coachings,
                sa.and_(
                    coachings.c.coach_id == table.c.coach_id,
                    coachings.c.member_id == table.c.member_id,
                ),
            )
            .outerjoin(users, users.c.id == coachings.c.member_id)
            .where(table.c.coach_id == coach_id)
            .order_by(table.c.created_at.desc(), table.c.id)
        )
        return [Invitation(**row) for row in await self._database.all(statement)]

    async def delete(self, coach_id: str, invitation_id: str) -> bool:
        """Withdraw or forget an invitation; a coaching that came of it goes on. False if none."""
        statement = sa.delete(table).where(
            table.c.id == invitation_id, table.c.coach_id == coach_id
        )
        return await self._database.change(statement) > 0

    async def delete_open(self, coach_id: str) -> None:
        """Withdraw all open invitations of a coach."""
        await self._database.change(sa.delete(table).where(table.c.coach_id == coach_id, _open()))

    async def find(self, token: str) -> OpenInvitation:
        """What the token invites to.

        Raises:
            NoInvitation: If it can't be accepted, for whatever reason.
        """
        users = schema.users
        statement = (
            sa.select(
                table.c.id,
                table.c.coach_id,
                users.c.name.label("coach_name"),
                table.c.expires_at,
            )
            .join(users, users.c.id == table.c.coach_id)
            .where(table.c.token_sha256 == _sha256(token), _open())
        )
        row = await self._database.first(statement)
        if row is None:
            raise NoInvitation
        return OpenInvitation(**row)

    async def accept(self, token: str, member_id: str) -> str:
        """Begin a coaching by the invitation, which is used up with it; return the coach's id.

        Raises:
            NoInvitation: If it can't be accepted, for whatever reason.
            OwnInvitation: If the member is the coach.
        """
        try:
            async with self._database.transaction() as connection:
                invitation_id, coach_id = await _take(connection, token)
                if coach_id == member_id:
                    raise OwnInvitation  # which gives the invitation back
                await _begin(connection, invitation_id, coach_id, member_id)
        except IntegrityError as error:  # the member's account is gone since the request came
            raise NoInvitation from error
        return coach_id

    async def accept_as_newcomer(self, token: str, user: User) -> str:
        """Make the account and accept in one go, both or neither; return the coach's id.

        Raises:
            NoInvitation: If it can't be accepted, for whatever reason.
            NameTaken: If another user has the name.
        """
        async with self._database.transaction() as connection:
            invitation_id, coach_id = await _take(connection, token)
            try:
                await connection.execute(sa.insert(schema.users).values(asdict(user)))
            except IntegrityError as error:
                raise NameTaken(user.name) from error
            await _begin(connection, invitation_id, coach_id, user.id)
        return coach_id


async def _take(connection: AsyncConnection, token: str) -> tuple[str, str]:
    """Use an invitation up: of several who come at once, one gets it. Its id and its coach's.

    It is the first statement of its transaction, so that the second to come waits for the first.
    """
    taken = await connection.execute(
        sa.update(table)
        .where(table.c.token_sha256 == _sha256(token), _open())
        .values(accepted_at=now())
        .returning(table.c.id, table.c.coach_id)
    )
    row = taken.first()
    if row is None:
        raise NoInvitation
    return row.id, row.coach_id


async def _begin(
    connection: AsyncConnection, invitation_id: str, coach_id: str, member_id: str
) -> None:
    """Write down what an accepted invitation brings; every coaching begins here."""
    await connection.execute(
        sa.update(table).where(table.c.id == invitation_id).values(member_id=member_id)
    )
    await begin_coaching(connection, coach_id, member_id)


def _open() -> sa.ColumnElement[bool]:
    return sa.and_(table.c.accepted_at.is_(None), table.c.expires_at > now())


def _sha256(token: str) -> str:
    # "replace", so that a lone surrogate from JSON is a token nobody has and not a crash.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
