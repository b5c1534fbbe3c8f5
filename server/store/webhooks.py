"""Webhooks, and the queue of what is to be delivered to them."""

import contextlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.errors import PosesimError

from .. import schema
from ..database import Database, new_id, now

Event = Literal["session.ended", "job.done"]
EVENTS: tuple[Event, ...] = get_args(Event)
TEST = "webhook.test"  # told to one webhook alone, also to a disabled one
Scope = Literal["own", "server"]

table = schema.webhooks
deliveries = schema.deliveries

_pending = deliveries.c.next_at.is_not(None)
# What may be sent now, whenever its time comes.
_wanted = sa.and_(_pending, sa.or_(table.c.disabled_at.is_(None), deliveries.c.event == TEST))


class TooManyWebhooks(PosesimError):
    """One user has enough of them."""

    def __init__(self, most: int) -> None:
        super().__init__(f"You have {most} webhooks, and more are not possible. Delete one first.")


class TestWaits(PosesimError):
    """A test while another one has not been delivered."""

    __test__ = False  # for pytest, which goes by names

    def __init__(self) -> None:
        super().__init__("A test is on its way already. Look at what came of it first.")


@dataclass(frozen=True)
class Webhook:
    """An address that is told of events.

    Attributes:
        secret: What signs messages to it.
        scope: "server" is told of everybody's, as long as its user is an admin.
        failing_since: Of the first failure after the last success.
        disabled_at: When it was given up.
    """

    id: str
    user_id: str
    url: str
    secret: str
    events: list[Event]
    scope: Scope
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True)
class Delivery:
    """A message to one webhook.

    Attributes:
        tries: How often it was sent.
        next_at: When it is sent next; None if it was delivered or given up.
        outcome: Of the last try, as a sentence.
    """

    id: str
    webhook_id: str
    event: str
    body: str
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None
    outcome: str | None
    created_at: datetime


class WebhookRows:
    """The tables `webhooks` and `deliveries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, user_id: str, *, url: str, secret: str, events: list[Event], scope: Scope, most: int
    ) -> Webhook:
        """Keep a webhook.

        Raises:
            TooManyWebhooks: If the user has `most` already.
        """
        webhook = Webhook(new_id(), user_id, url, secret, events, scope, now(), None, None)
        mine = sa.select(sa.func.count()).select_from(table).where(table.c.user_id == user_id)
        async with self._database.transaction() as connection:
            # The write comes first, so that of two at once the second waits here.
            await connection.execute(sa.insert(table).values(asdict(webhook)))
            if (await connection.execute(mine)).scalar_one() > most:
                raise TooManyWebhooks(most)
        return webhook

    async def of_user(self, user_id: str) -> list[Webhook]:
        """The user's webhooks, newest first."""
        statement = sa.select(table).where(table.c.user_id == user_id)
        statement = statement.order_by(table.c.created_at.desc(), table.c.id)
        return [Webhook(**row) for row in await self._database.all(statement)]

    async def get(self, user_id: str, webhook_id: str) -> Webhook | None:
        """One of the user's webhooks."""
        statement = sa.select(table).where(table.c.id == webhook_id, table.c.user_id == user_id)
        row = await self._database.first(statement)
        return Webhook(**row) if row else None

    async def remove(self, user_id: str, webhook_id: str) -> bool:
        """Forget a webhook with its deliveries; False if the user has no such one."""
        statement = sa.delete(table).where(table.c.id == webhook_id, table.c.user_id == user_id)
        return await self._database.change(statement) > 0

    async def deliveries(self, user_id: str, webhook_id: str, *, limit: int) -> list[Delivery]:
        """At most `limit` deliveries to one of the user's webhooks, newest first."""
        statement = (
            sa.select(deliveries)
            .join(table, table.c.id == deliveries.c.webhook_id)
            .where(deliveries.c.webhook_id == webhook_id, table.c.user_id == user_id)
            .order_by(deliveries.c.created_at.desc(), deliveries.c.id)
            .limit(limit)
        )
        return [Delivery(**row) for row in await self._database.all(statement)]

    # The queue

    async def enqueue(self, user_id: str, event: Event, body: str, at: datetime, keep: int) -> int:
        """Queue a message to everybody's webhooks that are told of this user's event.

        Of each webhook, all but the newest `keep` messages are forgotten.

        Returns:
            To how many it goes.
        """
        users = schema.users
        servers = sa.and_(table.c.scope == "server", users.c.role == "admin")
        statement = (
            sa.select(table.c.id, table.c.events)
            .join(users, users.c.id == table.c.user_id)
            .where(sa.or_(table.c.user_id == user_id, servers), table.c.disabled_at.is_(None))
        )
        found = await self._database.all(statement)
        told = [row["id"] for row in found if event in row["events"]]
        for webhook_id in told:
            with contextlib.suppress(IntegrityError):  # it was deleted this very moment
                async with self._database.transaction() as connection:
                    await _add(connection, _delivery(webhook_id, event, body, at), keep)
        return len(told)

    async def enqueue_test(self, webhook_id: str, body: str, at: datetime, keep: int) -> None:
        """Queue a test to one webhook.

        Raises:
            TestWaits: If one is queued already.
        """
        waiting = (
            sa.select(sa.func.count())
            .select_from(deliveries)
            .where(deliveries.c.webhook_id == webhook_id, deliveries.c.event == TEST, _pending)
        )
        with contextlib.suppress(IntegrityError):  # it was deleted this very moment
            async with self._database.transaction() as connection:
                await _add(connection, _delivery(webhook_id, TEST, body, at), keep)
                if (await connection.execute(waiting)).scalar_one() > 1:
                    raise TestWaits

    async def due(
        self, at: datetime, *, not_to: Collection[str], not_of: Collection[str]
    ) -> tuple[Webhook, Delivery] | None:
        """What is to be sent next of what is due.

        Args:
            at: Now.
            not_to: Ids of webhooks that are not told anything now.
            not_of: Ids of users whose webhooks are not.
        """
        columns = [column.label(f"of_{column.name}") for column in table.c]
        statement = (
            sa.select(deliveries, *columns)
            .join(table, table.c.id == deliveries.c.webhook_id)
            .where(
                _wanted,
                deliveries.c.next_at <= at,
                table.c.id.not_in(not_to),
                table.c.user_id.not_in(not_of),
            )
            .order_by(deliveries.c.next_at, deliveries.c.created_at, deliveries.c.id)
            .limit(1)
        )
        row = await self._database.first(statement)
        if row is None:
            return None
        delivery = Delivery(**{column.name: row[column.name] for column in deliveries.c})
        webhook = Webhook(**{column.name: row[f"of_{column.name}"] for column in table.c})
        return webhook, delivery

    async def next_at(self, *, not_to: Collection[str], not_of: Collection[str]) -> datetime | None:
        """When something is due next; arguments as for `due`."""
        statement = (
            sa.select(deliveries.c.next_at)
            .join(table, table.c.id == deliveries.c.webhook_id)
            .where(_wanted, table.c.id.not_in(not_to), table.c.user_id.not_in(not_of))
            .order_by(deliveries.c.next_at)
            .limit(1)
        )
        row = await self._database.first(statement)
        return None if row is None else row["next_at"]

    async def delivered(self, delivery: Delivery, at: datetime, outcome: str) -> None:
        """Note a success: the webhook works, again or still."""
        async with self._database.transaction() as connection:
            await _note(connection, delivery, outcome, delivered_at=at, next_at=None)
            works = sa.update(table).where(table.c.id == delivery.webhook_id)
            await connection.execute(works.values(failing_since=None, disabled_at=None))

    async def failed(
        self,
        delivery: Delivery,
        at: datetime,
        outcome: str,
        *,
        next_at: datetime | None,
        disable_since: datetime,
    ) -> None:
        """Note a failure.

        Args:
            delivery: What was sent.
            at: Now.
            outcome: What went wrong, as a sentence.
            next_at: When it is sent again; None if it is given up.
            disable_since: A webhook that has failed since then is disabled.
        """
        webhook = sa.update(table).where(table.c.id == delivery.webhook_id)
        fails = webhook.where(table.c.failing_since.is_(None)).values(failing_since=at)
        ends = webhook.where(table.c.disabled_at.is_(None), table.c.failing_since <= disable_since)
        async with self._database.transaction() as connection:
            await _note(connection, delivery, outcome, next_at=next_at)
            await connection.execute(fails)
            await connection.execute(ends.values(disabled_at=at))


async def _note(
    connection: AsyncConnection, delivery: Delivery, outcome: str, **values: Any
) -> None:
    statement = sa.update(deliveries).where(deliveries.c.id == delivery.id)
    values |= {"tries": delivery.tries + 1, "outcome": outcome}
    await connection.execute(statement.values(**values))


async def _add(connection: AsyncConnection, delivery: Delivery, keep: int) -> None:
    """Queue a message; forget all but the newest `keep` to its webhook."""
    await connection.execute(sa.insert(deliveries).values(asdict(delivery)))
    newest_first = (
        sa.select(deliveries.c.id)
        .where(deliveries.c.webhook_id == delivery.webhook_id)
        .order_by(deliveries.c.created_at.desc(), deliveries.c.id)
    )
    old = (await connection.execute(newest_first.offset(keep))).scalars().all()
    await connection.execute(sa.delete(deliveries).where(deliveries.c.id.in_(old)))


def _delivery(webhook_id: str, event: str, body: str, at: datetime) -> Delivery:
    return Delivery(new_id(), webhook_id, event, body, 0, at, None, None, at)
