"""Tells other programs what happened: messages from a queue, signed, and sent again if need be.

The queue is in the database, so that a stop loses nothing. What arrived this very moment may be
sent again after one: receivers know a message by its `webhook-id`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import AwareDatetime, BaseModel

from posesim import __version__
from posesim.errors import PosesimError

from ..database import StoreError, now
from ..live.outcomes import EndReason
from ..live.plan import SessionPlan
from ..store import Store
from ..store.jobs import Job
from ..store.webhooks import TEST, Delivery, Event, Webhook
from .outbound import Outbound
from .standard_webhooks import signed_headers
from .turns import EveryTurn, Turns

logger = structlog.get_logger(__name__)

TURN = "webhooks"  # which one node has

# Before each try, the first one included; after the last one a message is given up.
PAUSES_S = (0.0, 30.0, 300.0, 3600.0, 21_600.0, 86_400.0)
DISABLED_AFTER_S = 5 * 86_400.0  # without a success
MOST_AT_ONCE = 16
MOST_OF_A_USER = 2  # at once; the others' are not to wait for what never answers
MOST_KEPT = 200  # messages to one webhook
LONGEST_WAIT_S = 3600.0  # then the clock is looked at again, which may have been set
STORE_PAUSE_S = 10.0  # after the database could not be used
GONE = 410  # a receiver's way to say that it wants no more
UNEXPECTED = "Something went wrong on this server, whose log says what."
AGENT = f"posesim/{__version__}"


class Happened(BaseModel):
    """What a message says: what it is about, and how that ended; null is not. Nobody's scores."""

    user_id: str
    session_id: str | None = None
    job_id: str | None = None
    exercise_id: str | None = None
    state: str | None = None
    end_reason: str | None = None


class Message(BaseModel):
    """The body of a delivery."""

    type: str
    timestamp: AwareDatetime
    data: Happened


@dataclass(frozen=True)
class Schedule:
    """When something is sent again."""

    pauses_s: Sequence[float] = PAUSES_S
    disabled_after_s: float = DISABLED_AFTER_S

    def next_at(self, tries: int, at: datetime) -> datetime | None:
        """When to try again, after `tries` in vain; None if never."""
        if tries >= len(self.pauses_s):
            return None
        return at + timedelta(seconds=self.pauses_s[tries])


class Webhooks:
    """Queues messages and delivers them. `run` by one task; `close` afterwards.

    Args:
        store: The database.
        outbound: Sends requests.
        schedule: When something is sent again.
        clock: The time.

    Attributes:
        turns: Whether another node delivers.
    """

    def __init__(
        self,
        store: Store,
        outbound: Outbound,
        schedule: Schedule | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.turns: Turns = EveryTurn()
        self._rows = store.webhooks
        self._outbound = outbound
        self._schedule = schedule or Schedule()
        self._clock = clock
        self._changed = asyncio.Event()  # the queue, or the clock
        self._closed = asyncio.Event()
        self._under_way: dict[str, str] = {}  # webhooks that are being told something: their users
        self._requests: set[asyncio.Task[int]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver, also what an earlier run left."""
        self._task = asyncio.create_task(self._deliver_all(), name="webhooks")

    async def close(self) -> None:
        """Stop delivering; what is under way is sent again by the next run."""
        self._closed.set()
        self._changed.set()
        for request in self._requests:
            request.cancel()
        if self._task:
            await self._task
        self._outbound.close()

    def look(self) -> None:
        """Look at the queue and the clock now."""
        self._changed.set()
        self.turns.tell("look_webhooks")

    async def look_here(self) -> None:
        """Another node has queued something."""
        self._changed.set()

    # What happened

    async def session_ended(self, plan: SessionPlan, reason: EndReason) -> None:
        """A live session ended, and that is stored."""
        await self._tell(
            "session.ended",
            Happened(
                user_id=plan.user_id,
                session_id=plan.session_id,
                exercise_id=plan.exercise_id,
                state="ended",
                end_reason=reason,
            ),
        )

    async def job_over(self, job: Job) -> None:
        """An offline comparison is over."""
        await self._tell(
            "job.done",
            Happened(
                user_id=job.user_id,
                job_id=job.id,
                session_id=job.session_id,
                exercise_id=job.exercise_id,
                state=job.state,
            ),
        )

    async def test(self, webhook: Webhook) -> None:
        """Send something to one webhook; if it arrives, a disabled one works again.

        Raises:
            TestWaits: If the test before it has not been delivered or given up.
        """
        at = self._clock()
        body = _body(TEST, at, Happened(user_id=webhook.user_id))
        await self._rows.enqueue_test(webhook.id, body, at, MOST_KEPT)
        self.look()

    async def _tell(self, event: Event, what: Happened) -> None:
        at = self._clock()
        if await self._rows.enqueue(what.user_id, event, _body(event, at, what), at, MOST_KEPT):
            self.look()

    # The one task

    async def _deliver_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            while not self._closed.is_set():
                self._changed.clear()
                try:
                    if await self.turns.claim(TURN):
                        await self._begin_due(group)
                        pause_s = await self._until_next_s()
                    else:
                        pause_s = self.turns.look_s or LONGEST_WAIT_S
                except Exception:  # of the database, which may recover
                    logger.exception("webhooks have to wait")
                    pause_s = STORE_PAUSE_S
                if not self._closed.is_set():
                    await _within(pause_s, self._changed)

    async def _begin_due(self, group: asyncio.TaskGroup) -> None:
        """Begin to deliver what is due, as far as there is room."""
        while len(self._under_way) < MOST_AT_ONCE and not self._closed.is_set():
            due = await self._rows.due(self._clock(), not_to=self._under_way, not_of=self._busy())
            if due is None:
                return
            webhook, delivery = due
            self._under_way[webhook.id] = webhook.user_id
            group.create_task(self._deliver(webhook, delivery), name=f"delivery {delivery.id}")

    async def _until_next_s(self) -> float:
        if len(self._under_way) >= MOST_AT_ONCE:
            return LONGEST_WAIT_S
        next_at = await self._rows.next_at(not_to=self._under_way, not_of=self._busy())
        if next_at is None:
            return LONGEST_WAIT_S
        wait_s = (next_at - self._clock()).total_seconds()
        return min(max(wait_s, 0.0), LONGEST_WAIT_S)

    def _busy(self) -> set[str]:
        """Users who have as many requests under way as they may."""
        users = list(self._under_way.values())
        return {user for user in users if users.count(user) >= MOST_OF_A_USER}

    async def _deliver(self, webhook: Webhook, delivery: Delivery) -> None:
        """Send one message once, and note what came of it."""
        try:
            sent = await self._sent(webhook, delivery)
            if sent is not None:
                await self._note(delivery, *sent)
        except StoreError:
            logger.exception("the outcome of a delivery can't be stored", delivery_id=delivery.id)
            await _within(STORE_PAUSE_S, self._closed)  # else it would be sent again at once
        finally:
            del self._under_way[webhook.id]
            self._changed.set()

    async def _sent(self, webhook: Webhook, delivery: Delivery) -> tuple[int, str] | None:
        """Send a message.

        Returns:
            The answer's status, 0 if there is none, and what came of it; None if the server stops.
        """
        if self._closed.is_set():
            return None
        signed = signed_headers(webhook.secret, delivery.id, self._clock(), delivery.body)
        request = asyncio.create_task(
            self._outbound.post(webhook.url, delivery.body, {"User-Agent": AGENT, **signed}),
            name=f"request {delivery.id}",
        )
        self._requests.add(request)
        await asyncio.wait({request})
        self._requests.remove(request)
        if request.cancelled():
            return None
        match request.exception():
            case None:
                status = request.result()
                followed = " Redirects are not followed." if 300 <= status < 400 else ""
                return status, f"It answered with status {status}.{followed}"
            case PosesimError() as error:
                return 0, str(error)
            case error:  # this message's; the others go on
                logger.error("delivery failed", delivery_id=delivery.id, exc_info=error)
                return 0, UNEXPECTED

    async def _note(self, delivery: Delivery, status: int, outcome: str) -> None:
        at = self._clock()
        if 200 <= status < 300:
            await self._rows.delivered(delivery, at, outcome)
            return
        logger.info("webhook failed", webhook_id=delivery.webhook_id, outcome=outcome)
        once = status == GONE or delivery.event == TEST
        patience_s = 0.0 if status == GONE else self._schedule.disabled_after_s
        await self._rows.failed(
            delivery,
            at,
            outcome,
            next_at=None if once else self._schedule.next_at(delivery.tries + 1, at),
            disable_since=at - timedelta(seconds=patience_s),
        )


def _body(event: str, at: datetime, what: Happened) -> str:
    return Message(type=event, timestamp=at, data=what).model_dump_json()


async def _within(longest_s: float, event: asyncio.Event) -> None:
    """Wait for an event, but no longer than this."""
    try:
        async with asyncio.timeout(longest_s):
            await event.wait()
    except TimeoutError:
        return
