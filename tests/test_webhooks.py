"""What is told to other programs, when, and what happens if they don't listen."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from receiver import Received, receiving

from posesim_server.background import webhooks as webhooks_module
from posesim_server.background.outbound import Outbound
from posesim_server.background.standard_webhooks import new_secret
from posesim_server.background.webhooks import PAUSES_S, Webhooks
from posesim_server.database import StoreError, new_id
from posesim_server.live.plan import SessionPlan
from posesim_server.store import Store
from posesim_server.store.jobs import Job
from posesim_server.store.webhooks import TestWaits
from server import WAIT_S

SESSION, EXERCISE = new_id(), new_id()


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


class World:
    """Webhooks that deliver, their database and their time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()

    @contextlib.asynccontextmanager
    async def delivering(self, *, allow_private: bool = True, **options):
        outbound = Outbound(allow_private=allow_private, at_once=16, **options)
        webhooks = Webhooks(self.store, outbound, clock=self.clock)
        webhooks.start()
        try:
            yield webhooks
        finally:
            await webhooks.close()

    async def user(self, name: str, role="member"):
        return await self.store.users.add(name, "hash", role)

    async def webhook(self, user, url, events=("session.ended", "job.done"), scope="own"):
        return await self.store.webhooks.add(
            user.id, url=url, secret=new_secret(), events=list(events), scope=scope, most=10
        )

    async def end_session(self, webhooks: Webhooks, user, session_id: str = SESSION) -> None:
        plan = SessionPlan(
            session_id=session_id,
            user_id=user.id,
            exercise_id=EXERCISE,
            exercise_name="Squat",
            reference_duration_s=4.0,
            open_comparator=lambda network: None,
        )
        await webhooks.session_ended(plan, "left")

    async def newest(self, webhook):
        return (await self.store.webhooks.deliveries(webhook.user_id, webhook.id, limit=1))[0]

    async def tried(self, webhook, times: int):
        """The newest delivery, when it has been tried so often."""

        async def enough() -> bool:
            return (await self.newest(webhook)).tries == times

        await until(enough)
        return await self.newest(webhook)

    async def seen(self, webhook):
        return await self.store.webhooks.get(webhook.user_id, webhook.id)

    def forward(self, webhooks: Webhooks, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)
        webhooks.look()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await holds():  # noqa: ASYNC110 - the database has no event to wait for
            await asyncio.sleep(0.01)


@pytest.fixture
async def world(database_url):
    store = await Store.open(database_url)
    yield World(store)
    await store.close()


# What is told


async def test_the_end_of_a_session_is_told_signed_and_without_scores(world):
    anna = await world.user("anna")
    async with receiving() as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        received = await receiver.next()
    received.verify(webhook.secret)
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("posesim/")
    assert received.headers["webhook-timestamp"] == str(int(world.clock.at.timestamp()))
    assert received.message == {
        "type": "session.ended",
        "timestamp": "2026-11-25T12:00:00Z",
        "data": {
            "user_id": anna.id,
            "session_id": SESSION,
            "job_id": None,
            "exercise_id": EXERCISE,
            "state": "ended",
            "end_reason": "left",
        },
    }


async def test_the_end_of_a_job_is_told(world):
    anna = await world.user("anna")
    job = Job(
        id=new_id(),
        user_id=anna.id,
        state="failed",
        video_name="me.mp4",
        exercise_id=None,
        reference_name="squat",
        created_at=world.clock.at,
        started_at=None,
        ended_at=None,
        error="Not told.",
        result=None,
        session_id=None,
    )
    async with receiving() as receiver, world.delivering() as webhooks:
        await world.webhook(anna, receiver.url)
        await webhooks.job_over(job)
        message = (await receiver.next()).message
    assert message["type"] == "job.done"
    assert message["data"] == {
        "user_id": anna.id,
        "session_id": None,
        "job_id": job.id,
        "exercise_id": None,
        "state": "failed",
        "end_reason": None,
    }


async def test_a_webhook_hears_of_what_it_was_made_for(world):
    anna = await world.user("anna")
    async with receiving() as receiver, world.delivering() as webhooks:
        await world.webhook(anna, receiver.url + "/jobs", ["job.done"])
        sessions = await world.webhook(anna, receiver.url + "/sessions", ["session.ended"])
        await world.end_session(webhooks, anna)
        (await receiver.next()).verify(sessions.secret)
        await world.tried(sessions, 1)
        assert receiver.requests.empty()


async def test_a_webhook_hears_of_its_own_users_events_alone(world):
    anna, ben = await world.user("anna"), await world.user("ben")
    async with receiving() as receiver, world.delivering() as webhooks:
        await world.webhook(anna, receiver.url)
        bens = await world.webhook(ben, receiver.url)
        await world.end_session(webhooks, ben)
        (await receiver.next()).verify(bens.secret)
        await world.tried(bens, 1)
        assert receiver.requests.empty()


async def test_an_admins_webhook_can_hear_of_everybodys_events(world):
    admin, anna = await world.user("root", "admin"), await world.user("anna")
    async with receiving() as receiver, world.delivering() as webhooks:
        everybodys = await world.webhook(admin, receiver.url, scope="server")
        await world.webhook(admin, receiver.url)
        await world.end_session(webhooks, anna)
        received = await receiver.next()
        received.verify(everybodys.secret)
        assert received.message["data"]["user_id"] == anna.id
        await world.tried(everybodys, 1)
        assert receiver.requests.empty()


async def test_who_is_no_admin_any_more_hears_of_their_own_events_alone(world):
    admin, anna = await world.user("root", "admin"), await world.user("anna")
    await world.user("other", "admin")
    async with receiving() as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(admin, receiver.url, scope="server")
        await world.store.users.change_role(admin.id, "member")
        await world.end_session(webhooks, anna)
        await world.end_session(webhooks, admin)
        assert (await receiver.next()).message["data"]["user_id"] == admin.id
        assert len(await world.store.webhooks.deliveries(admin.id, webhook.id, limit=10)) == 1


# What is sent again


async def test_what_fails_is_sent_again_after_longer_and_longer_pauses_then_given_up(world):
    anna = await world.user("anna")
    async with receiving(500) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        received: list[Received] = [await receiver.next()]
        for tries, pause_s in enumerate(PAUSES_S[1:], 1):
            delivery = await world.tried(webhook, tries)
            assert delivery.outcome == "It answered with status 500."
            assert delivery.next_at == world.clock.at + timedelta(seconds=pause_s)
            world.forward(webhooks, pause_s - 1)
            world.forward(webhooks, 1)
            received.append(await receiver.next())
        delivery = await world.tried(webhook, len(PAUSES_S))
        assert (delivery.next_at, delivery.delivered_at) == (None, None)
    assert {each.id for each in received} == {delivery.id}
    assert len({each.body for each in received}) == 1
    times = [int(each.headers["webhook-timestamp"]) for each in received]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [
        30, 300, 3600, 21_600, 86_400,
    ]  # fmt: skip
    for each in received:
        each.verify(webhook.secret)


async def test_nothing_is_sent_again_before_its_time(world):
    anna = await world.user("anna")
    async with receiving(500) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        await receiver.next()
        await world.tried(webhook, 1)
        world.forward(webhooks, 29)
        other = await world.webhook(anna, receiver.url)
        await webhooks.test(other)
        (await receiver.next()).verify(other.secret)
        assert (await world.newest(webhook)).tries == 1


async def test_what_arrives_at_last_is_delivered_and_the_webhook_works(world):
    anna = await world.user("anna")
    async with receiving(503) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        await world.tried(webhook, 1)
        assert (await world.seen(webhook)).failing_since == world.clock.at
        receiver.status = 200
        world.forward(webhooks, 30)
        delivery = await world.tried(webhook, 2)
        assert (delivery.next_at, delivery.delivered_at) == (None, world.clock.at)
        assert (await world.seen(webhook)).failing_since is None


async def test_a_webhook_that_fails_for_five_days_is_disabled_and_told_nothing_more(world):
    anna = await world.user("anna")
    async with receiving(500) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        await world.tried(webhook, 1)
        world.forward(webhooks, 5 * 86_400 - 1)
        await world.tried(webhook, 2)
        assert (await world.seen(webhook)).disabled_at is None
        world.forward(webhooks, 300)
        await world.tried(webhook, 3)
        assert (await world.seen(webhook)).disabled_at == world.clock.at
        await world.end_session(webhooks, anna, new_id())
        assert len(await world.store.webhooks.deliveries(anna.id, webhook.id, limit=10)) == 1
        assert receiver.requests.qsize() == 3
        world.forward(webhooks, 86_400)
        other = await world.webhook(anna, receiver.url)
        await webhooks.test(other)
        await world.tried(other, 1)
        assert (await world.newest(webhook)).tries == 3


async def test_a_test_that_arrives_lets_a_disabled_webhook_work_again(world):
    anna = await world.user("anna")
    async with receiving(410) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        await world.tried(webhook, 1)
        assert (await world.seen(webhook)).disabled_at == world.clock.at
        await receiver.next()
        receiver.status = 204
        await webhooks.test(webhook)
        received = await receiver.next()
        assert received.message["type"] == "webhook.test"
        await world.tried(webhook, 1)

        async def works() -> bool:
            return (await world.seen(webhook)).disabled_at is None

        await until(works)


async def test_a_receiver_that_says_it_is_gone_is_told_nothing_more(world):
    anna = await world.user("anna")
    async with receiving(410) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        delivery = await world.tried(webhook, 1)
        assert delivery.next_at is None
        assert (await world.seen(webhook)).disabled_at == world.clock.at


async def test_a_test_that_fails_is_not_sent_again_and_another_may_follow(world):
    anna = await world.user("anna")
    async with receiving(500) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await webhooks.test(webhook)
        delivery = await world.tried(webhook, 1)
        assert delivery.next_at is None
        await webhooks.test(webhook)


async def test_one_test_waits_at_a_time(world):
    anna = await world.user("anna")
    async with receiving(talks=False) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await webhooks.test(webhook)
        await receiver.next()
        with pytest.raises(TestWaits):
            await webhooks.test(webhook)


# Who does not answer


async def test_a_receiver_that_never_answers_delays_no_other(world):
    anna, ben = await world.user("anna"), await world.user("ben")
    async with (
        receiving(talks=False) as silent,
        receiving() as receiver,
        world.delivering() as webhooks,
    ):
        for _ in range(5):
            await world.webhook(anna, silent.url)
        await world.webhook(ben, receiver.url)
        await world.end_session(webhooks, anna)
        await silent.next()
        await silent.next()
        await world.end_session(webhooks, ben)
        await receiver.next()
        assert silent.requests.empty()  # two at once, and the others of this user wait


async def test_messages_to_one_webhook_are_sent_one_after_the_other(world):
    anna = await world.user("anna")
    ids = [new_id() for _ in range(3)]
    async with receiving(talks=False) as receiver, world.delivering() as webhooks:
        await world.webhook(anna, receiver.url)
        for session_id in ids:
            world.clock.at += timedelta(seconds=1)
            await world.end_session(webhooks, anna, session_id)
        first = await receiver.next()
        assert receiver.requests.empty()
        receiver.talks.set()
        received = [first, await receiver.next(), await receiver.next()]
    assert [each.message["data"]["session_id"] for each in received] == ids


async def test_a_redirect_into_the_network_is_a_failure(world):
    anna = await world.user("anna")
    async with receiving() as inside, receiving(302) as receiver, world.delivering() as webhooks:
        receiver.headers = {"Location": inside.url}
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        delivery = await world.tried(webhook, 1)
        assert delivery.outcome == "It answered with status 302. Redirects are not followed."
        assert inside.requests.empty()


async def test_a_name_that_leads_into_the_network_is_a_failure(world):
    anna = await world.user("anna")
    async with (
        receiving() as inside,
        world.delivering(allow_private=False, look_up=lambda _: ["127.0.0.1"]) as webhooks,
    ):
        port = inside.url.split(":")[2]
        webhook = await world.webhook(anna, f"https://receiver.example:{port}")
        await world.end_session(webhooks, anna)
        delivery = await world.tried(webhook, 1)
        assert delivery.outcome == ("Its name has no public address. Check it, or use another one.")
        assert inside.requests.empty()


async def test_an_address_that_the_operator_no_longer_allows_is_not_asked(world):
    anna = await world.user("anna")
    async with receiving() as inside, world.delivering(allow_private=False) as webhooks:
        webhook = await world.webhook(anna, inside.url)
        await world.end_session(webhooks, anna)
        delivery = await world.tried(webhook, 1)
        assert "begins with https://" in delivery.outcome
        assert inside.requests.empty()


# Stops, and what is kept


async def test_what_a_stop_interrupted_is_sent_by_the_next_start(world):
    anna = await world.user("anna")
    async with receiving(talks=False) as receiver:
        webhook = await world.webhook(anna, receiver.url)
        async with world.delivering() as webhooks:
            await world.end_session(webhooks, anna)
            first = await receiver.next()
        receiver.talks.set()
        async with world.delivering():
            again = await receiver.next()
            await world.tried(webhook, 1)
    assert again.id == first.id
    assert again.body == first.body


async def test_what_waits_for_its_time_survives_a_stop(world):
    anna = await world.user("anna")
    async with receiving(500) as receiver:
        webhook = await world.webhook(anna, receiver.url)
        async with world.delivering() as webhooks:
            await world.end_session(webhooks, anna)
            await world.tried(webhook, 1)
        world.clock.at += timedelta(seconds=30)
        async with world.delivering():
            await world.tried(webhook, 2)


async def test_only_the_newest_messages_to_a_webhook_are_kept(world, monkeypatch):
    monkeypatch.setattr(webhooks_module, "MOST_KEPT", 2)
    anna = await world.user("anna")
    async with receiving(talks=False) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        ids = [new_id() for _ in range(4)]
        for session_id in ids:
            world.clock.at += timedelta(seconds=1)
            await world.end_session(webhooks, anna, session_id)
        kept = await world.store.webhooks.deliveries(anna.id, webhook.id, limit=10)
        assert [ids[3] in kept[0].body, ids[2] in kept[1].body, len(kept)] == [True, True, 2]


async def test_a_webhook_that_is_deleted_while_it_is_told_something_is_forgotten(world):
    anna = await world.user("anna")
    async with receiving(talks=False) as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        await receiver.next()
        assert await world.store.webhooks.remove(anna.id, webhook.id)
        receiver.talks.set()
        other = await world.webhook(anna, receiver.url)
        await webhooks.test(other)
        (await receiver.next()).verify(other.secret)


async def test_an_outcome_that_can_not_be_stored_ends_nothing(world, monkeypatch):
    monkeypatch.setattr(webhooks_module, "STORE_PAUSE_S", 0.0)
    rows, failures = world.store.webhooks, []
    note = rows.delivered

    async def fail_once(*args):
        if not failures:
            failures.append(args)
            raise StoreError("The disk is full.")
        await note(*args)

    monkeypatch.setattr(rows, "delivered", fail_once)
    anna = await world.user("anna")
    async with receiving() as receiver, world.delivering() as webhooks:
        webhook = await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        first, again = await receiver.next(), await receiver.next()
        await world.tried(webhook, 1)
    assert first.id == again.id


async def test_closing_ends_every_task(world):
    anna = await world.user("anna")
    async with receiving(talks=False) as receiver, world.delivering() as webhooks:
        await world.webhook(anna, receiver.url)
        await world.end_session(webhooks, anna)
        await receiver.next()
        await webhooks.close()
        names = {task.get_name().split()[0] for task in asyncio.all_tasks()}
        assert not names & {"webhooks", "delivery", "request"}
