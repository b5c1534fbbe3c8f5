"""What nodes count together, in a real Redis: tries, requests, sessions of a user."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis_server import redis_at

from posesim_server.cluster.directory import Directory
from posesim_server.cluster.limits import SharedLimits
from posesim_server.cluster.users import UserSessions

pytestmark = pytest.mark.redis

KEEP_S = 60.0


@pytest.fixture
async def nodes(redis, request) -> AsyncIterator[list[Directory]]:
    """Two, with a prefix that no other test has."""
    nodes = [Directory(redis.url, name, prefix=request.node.name) for name in "ab"]
    yield nodes
    for each in nodes:
        await each.close()


def limits_of(nodes: list[Directory]) -> list[SharedLimits]:
    return [SharedLimits(each, away=lambda: False) for each in nodes]


def there() -> bool:
    return False


async def test_of_requests_at_once_as_many_are_taken_on_all_nodes_as_fit_a_bucket(nodes):
    limits = limits_of(nodes)
    waits = await asyncio.gather(
        *(limits[i % 2].bucket_s("user", "anna", 5, 0.001) for i in range(20))
    )
    assert waits.count(0.0) == 5
    assert all(900 < each <= 1000 for each in waits if each)  # until there is one more


async def test_a_bucket_fills_again_and_never_above_its_burst(nodes):
    a, b = limits_of(nodes)
    assert await a.bucket_s("user", "anna", 1, 20.0) == 0
    wait_s = await b.bucket_s("user", "anna", 1, 20.0)
    assert 0 < wait_s <= 0.05
    await asyncio.sleep(4 * wait_s)
    assert await b.bucket_s("user", "anna", 1, 20.0) == 0
    assert await a.bucket_s("user", "anna", 1, 20.0) > 0


async def test_who_waits_takes_nothing(nodes):
    a, _ = limits_of(nodes)
    assert await a.bucket_s("user", "anna", 1, 0.01) == 0
    waits = [await a.bucket_s("user", "anna", 1, 0.01) for _ in range(3)]
    assert waits == sorted(waits, reverse=True)  # it is the same one that all wait for


async def test_buckets_of_others_and_of_other_kinds_are_their_own(nodes):
    a, _ = limits_of(nodes)
    for kind, key in (("user", "anna"), ("user", "ben"), ("address", "anna")):
        assert await a.bucket_s(kind, key, 1, 0.001) == 0
        assert await a.bucket_s(kind, key, 1, 0.001) > 0


async def test_tries_count_on_all_nodes_until_they_are_forgotten(nodes):
    a, b = limits_of(nodes)
    for each in (a, b):
        assert await each.try_s("guess", "anna", 2, 60.0) == 0
    assert 59 < await a.try_s("guess", "anna", 2, 60.0) <= 60
    await b.forget("guess", "anna")
    assert await a.try_s("guess", "anna", 2, 60.0) == 0


async def test_no_address_and_no_user_is_written_down(nodes):
    a, _ = limits_of(nodes)
    await a.bucket_s("address", "192.0.2.7", 1, 0.01)
    await UserSessions(nodes[0], there, dict).take("anna", "session", 1, KEEP_S)
    keys = [each.decode() for each in await nodes[0].redis.keys(f"{nodes[0].prefix}:*")]
    assert len(keys) == 2
    assert not any("192.0.2.7" in each or "anna" in each for each in keys)
    assert all([await nodes[0].redis.pttl(each) > 0 for each in keys])  # none stays for ever


async def test_where_redis_is_away_nobody_is_refused(nodes, redis_executable, tmp_path):
    with redis_at(redis_executable, tmp_path) as own:
        lost = Directory(own.url, "a")
    limits = SharedLimits(lost, away=lambda: False)
    users = UserSessions(lost, there, dict)
    for _ in range(3):
        assert await limits.bucket_s("user", "anna", 1, 0.001) == 0
        assert await limits.try_s("guess", "anna", 1, 60.0) == 0
        assert await users.take("anna", "session", 0, KEEP_S)
    await users.give_back("anna", "session")
    await lost.close()


# Sessions of a user


async def test_of_sessions_begun_at_once_a_user_gets_no_more_than_the_limit(nodes):
    users = [UserSessions(each, there, dict) for each in nodes]
    taken = await asyncio.gather(
        *(users[i % 2].take("anna", f"session {i}", 3, KEEP_S) for i in range(12))
    )
    assert taken.count(True) == 3
    assert await users[0].take("ben", "another", 1, KEEP_S)


async def test_a_session_that_is_asked_for_again_counts_once_and_one_given_back_no_more(nodes):
    a, b = (UserSessions(each, there, dict) for each in nodes)
    for each in (a, b):
        assert await each.take("anna", "first", 1, KEEP_S)
    assert not await b.take("anna", "second", 1, KEEP_S)
    await b.give_back("anna", "first")
    assert await b.take("anna", "second", 1, KEEP_S)


async def test_who_ends_a_session_may_begin_another_at_once_on_any_node(nodes, monkeypatch):
    monkeypatch.setattr("posesim_server.cluster.users.HOLD_EVERY_S", 60.0)
    monkeypatch.setattr("posesim_server.cluster.users.HELD_S", 60.0)
    here = {"first": "anna"}
    a, b = UserSessions(nodes[0], there, lambda: dict(here)), UserSessions(nodes[1], there, dict)
    says = asyncio.create_task(a.run())
    async with asyncio.timeout(10):
        while await b.take("anna", "second", 1, KEEP_S):  # until it is said that there is one
            await b.give_back("anna", "second")
            await asyncio.sleep(0.02)
        here.clear()
        while not await b.take("anna", "second", 1, KEEP_S):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    says.cancel()


async def test_a_session_counts_as_long_as_its_node_says_so(nodes, monkeypatch):
    monkeypatch.setattr("posesim_server.cluster.users.LOOK_S", 0.02)
    monkeypatch.setattr("posesim_server.cluster.users.HOLD_EVERY_S", 0.02)
    monkeypatch.setattr("posesim_server.cluster.users.HELD_S", 0.3)
    here = {"first": "anna"}
    a, b = UserSessions(nodes[0], there, lambda: dict(here)), UserSessions(nodes[1], there, dict)
    assert await b.take("anna", "first", 1, 0.3)  # whose page comes to the other node
    says = asyncio.create_task(a.run())
    await asyncio.sleep(0.5)
    assert not await b.take("anna", "second", 1, KEEP_S)

    here.clear()  # it ends
    async with asyncio.timeout(10):
        while not await b.take("anna", "second", 1, KEEP_S):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    await b.give_back("anna", "second")

    here["third"] = "anna"
    await asyncio.sleep(0.1)
    says.cancel()  # its node dies
    assert not await b.take("anna", "fourth", 1, KEEP_S)
    await asyncio.sleep(0.4)
    assert await b.take("anna", "fourth", 1, KEEP_S)
