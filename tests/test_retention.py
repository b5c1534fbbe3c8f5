"""What is too old is deleted, kind by kind, and nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from posesim_server import schema
from posesim_server.privacy.periods import DEFAULTS, KINDS, parse_retention
from posesim_server.privacy.retention import RULES, Steadiness, enforce, keep_house
from posesim_server.store import Store
from posesim_server.store.parts import Parts, ScoreRow

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCORE = ScoreRow(0, 2.56, 80.0, "scoring", 0.9, 0.8, 0.7, 1.5, 1.1)


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


async def ended_session(store, user, days_ago):
    exercise = await store.exercises.add(
        user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )
    session = await store.sessions.add(user.id, exercise)
    await store.sessions.add_parts(session.id, Parts(scores=(SCORE,)))
    await store.sessions.end(session.id, "left", None)
    await store.database.change(
        sa.update(schema.sessions)
        .where(schema.sessions.c.id == session.id)
        .values(ended_at=AT - timedelta(days=days_ago))
    )
    return session


async def ids(store, table):
    return {row["id"] for row in await store.database.all(sa.select(table.c.id))}


def test_every_kind_has_a_rule_and_a_period():
    assert {rule.kind for rule in RULES} == set(KINDS) == set(DEFAULTS)


async def test_a_timeline_goes_before_its_session(store):
    user = await store.users.add("anna", "hash")
    old, new = await ended_session(store, user, 11), await ended_session(store, user, 9)
    await enforce(store.database, {"timelines": 10}, AT)
    assert await store.sessions.scores(user.id, old.id) == ()
    assert await store.sessions.scores(user.id, new.id) == (SCORE,)
    assert await ids(store, schema.sessions) == {old.id, new.id}


async def test_an_old_session_goes_with_all_that_was_said_in_it(store):
    user = await store.users.add("anna", "hash")
    await ended_session(store, user, 11)
    new = await ended_session(store, user, 9)
    await enforce(store.database, {"sessions": 10}, AT)
    assert await ids(store, schema.sessions) == {new.id}
    left = await store.database.all(sa.select(schema.scores.c.session_id))
    assert left == [{"session_id": new.id}]


async def test_a_session_that_runs_is_never_too_old(store):
    user = await store.users.add("anna", "hash")
    exercise = await store.exercises.add(
        user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )
    session = await store.sessions.add(user.id, exercise)
    await enforce(store.database, {"sessions": 1}, AT + timedelta(days=400))
    assert await ids(store, schema.sessions) == {session.id}


async def call(store, **moments):
    """A call that somebody joined, of which these things were as many days ago."""
    coach = await store.users.by_name("carla") or await store.users.add("carla", "h", "coach")
    made, token = await store.calls.add(
        coach.id, title="Knee", starts_at=None, lifetime=timedelta(days=7)
    )
    member = await store.users.by_name("anna") or await store.users.add("anna", "h")
    await store.calls.accept(token, member.id)
    values = {name: AT - timedelta(days=days) for name, days in moments.items()}
    statement = sa.update(schema.calls).where(schema.calls.c.id == made.id)
    await store.database.change(statement.values(**{"accepted_at": AT, **values}))
    return made


async def test_an_old_call_goes_with_its_marks_and_leaves_its_sessions(store):
    old, new = await call(store, ended_at=11), await call(store, ended_at=9)
    member = await store.users.by_name("anna")
    session = await store.sessions.add_demonstrated(member.id, "Squat", call_id=old.id)
    for each in (old, new):
        await store.calls.add_mark(each.id, note="x")
    await enforce(store.database, {"calls": 10}, AT)
    assert await ids(store, schema.calls) == {new.id}
    assert len(await ids(store, schema.call_marks)) == 1
    kept = await store.sessions.get(member.id, session.id)
    assert (kept.call_id, kept.in_call) == (None, True)


async def test_a_call_that_nobody_ended_goes_when_nothing_happened_for_as_long(store):
    await call(store, accepted_at=11)
    await call(store, accepted_at=12, admitted_at=11)
    lately = await call(store, accepted_at=12, admitted_at=9)
    planned = await call(store, accepted_at=12, starts_at=-3)
    await enforce(store.database, {"calls": 10}, AT)
    assert await ids(store, schema.calls) == {lately.id, planned.id}


async def test_calls_are_kept_for_ever_unless_the_operator_says_otherwise(store):
    old = await call(store, ended_at=5000)
    await enforce(store.database, {}, AT)
    assert await ids(store, schema.calls) == {old.id}


async def test_a_link_that_nobody_used_goes_with_the_invitations(store):
    await call(store, ended_at=1)
    coach = await store.users.by_name("carla")
    for days in (-11, -9):
        await store.calls.add(
            coach.id, title=f"{days}", starts_at=None, lifetime=timedelta(days=days)
        )
    await enforce(store.database, {"invitations": 10}, datetime.now(UTC))
    titles = [row["title"] for row in await store.database.all(sa.select(schema.calls))]
    assert sorted(titles) == ["-9", "Knee"]


async def test_zero_days_keep_for_ever(store):
    user = await store.users.add("anna", "hash")
    old = await ended_session(store, user, 5000)
    deleted = await enforce(store.database, dict.fromkeys(KINDS, 0), AT)
    assert deleted == {}
    assert await store.sessions.scores(user.id, old.id) == (SCORE,)


async def test_an_audit_entry_goes_when_it_is_too_old(store):
    user = await store.users.add("anna", "hash")
    await store.audit.note(user.id, "results.read", user.id)
    await enforce(store.database, {"audit": 10}, datetime.now(UTC) + timedelta(days=9))
    assert len(await store.audit.all(limit=10)) == 1
    await enforce(store.database, {"audit": 10}, datetime.now(UTC) + timedelta(days=11))
    assert await store.audit.all(limit=10) == []


def test_a_clock_that_was_set_is_noticed_once():
    steadiness = Steadiness(AT, 100.0)
    assert steadiness.look(AT + timedelta(hours=1), 3700.0)
    assert not steadiness.look(AT + timedelta(days=4000), 7300.0)
    assert steadiness.look(AT + timedelta(days=4000, hours=1), 10900.0)


async def test_nothing_is_deleted_when_the_clock_jumped(store):
    user = await store.users.add("anna", "hash")
    await ended_session(store, user, 1)
    looks = 0
    seen = asyncio.Event()

    def clock():
        nonlocal looks
        looks += 1
        if looks > 4:  # the second run begins when the first is over, whatever that did
            seen.set()
        return AT if looks == 1 else AT + timedelta(days=4000 * looks)

    house = asyncio.create_task(
        keep_house(
            store.database, {"sessions": 10}, every_s=0.0, clock=clock, steady_clock=lambda: 0.0
        )
    )
    await seen.wait()
    house.cancel()
    await asyncio.gather(house, return_exceptions=True)
    assert len(await ids(store, schema.sessions)) == 1


async def test_the_task_deletes_what_is_too_old(store):
    user = await store.users.add("anna", "hash")
    await ended_session(store, user, 11)
    house = asyncio.create_task(
        keep_house(store.database, {"sessions": 10}, every_s=0.0, clock=lambda: AT)
    )
    async with asyncio.timeout(20):
        while await ids(store, schema.sessions):  # noqa: ASYNC110 - rows have no event
            await asyncio.sleep(0.01)
    house.cancel()
    await asyncio.gather(house, return_exceptions=True)


def test_an_operator_sets_the_days_of_a_kind():
    assert parse_retention(["jobs=7", "audit=0"]) == {"jobs": 7, "audit": 0}


@pytest.mark.parametrize("word", ["jobs", "jobs=", "jobs=-1", "jobs=x", "pictures=3", "jobs=99999"])
def test_a_period_that_makes_no_sense_is_refused(word):
    with pytest.raises(ValueError, match=r"--retain must look like KIND=DAYS, with a kind of"):
        parse_retention([word])
