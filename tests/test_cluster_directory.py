"""What nodes decide together, in a real Redis: places, leases, the death of a node."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis_server import Redis, redis_at

from posesim_server.cluster.directory import Directory
from posesim_server.cluster.errors import ClusterAway
from posesim_server.cluster.node import (
    MOST_SKEW_S,
    Kind,
    Node,
    in_words,
    odd_redis,
    unlike,
    why_not,
)

pytestmark = pytest.mark.redis

KEEP_S = 60.0
WAIT_S = 5.0  # an answer takes a thousandth of it
KIND = Kind(settings="network", secret="secret")


def node(name: str, **changes) -> Node:
    values = {"most": 4, "placed": 0, "takes": True, "version": "1", "kind": KIND, "began_s": 0.0}
    return Node(id=name, url=f"https://{name}.example", **(values | changes))


class Nodes(dict[str, Directory]):
    """Directories by their nodes' names, all with one prefix that no other test has."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        super().__init__()
        self._redis, self._prefix = redis, prefix

    async def comes(self, name: str, *, node_s: float = 60.0, **changes) -> Directory:
        self[name] = Directory(self._redis.url, name, prefix=self._prefix, node_s=node_s)
        await self[name].beat(node(name, **changes))
        return self[name]


@pytest.fixture
async def nodes(redis, request) -> AsyncIterator[Nodes]:
    nodes = Nodes(redis, request.node.name)
    yield nodes
    for each in nodes.values():
        await each.close()


async def placed(directory: Directory, session: str) -> str | None:
    found = await directory.place(session, KEEP_S)
    return found.id if found else None


async def test_an_entry_comes_back_as_it_was_written(nodes):
    a = await nodes.comes("a", most=7, placed=3, takes=False)
    assert await a.nodes() == [node("a", most=7, placed=3, takes=False)]


async def test_most_room_wins_and_who_is_asked_on_a_tie(nodes):
    a, b = await nodes.comes("a", placed=2), await nodes.comes("b", placed=1)
    assert await placed(a, "first") == "b"  # 3 free against 2
    assert await placed(a, "second") == "a"  # the promise counts: 2 and 2
    assert await placed(b, "third") == "b"
    assert await placed(b, "first") == "b"  # it is there already


async def test_promises_at_the_same_time_never_exceed_the_places(nodes):
    a, b = await nodes.comes("a", most=3), await nodes.comes("b", most=2)
    asked = [placed((a, b)[i % 2], f"session {i}") for i in range(12)]
    found = await asyncio.gather(*asked)
    assert sorted(each for each in found if each) == ["a", "a", "a", "b", "b"]


async def test_a_promise_that_is_not_used_runs_out_and_one_that_is_counts_once(nodes):
    a = await nodes.comes("a", most=1)
    assert await a.place("first", 0.05)
    assert await placed(a, "second") is None
    await asyncio.sleep(0.06)
    assert await placed(a, "second") == "a"
    await a.beat(node("a", most=2, placed=1), ["second"])
    assert await placed(a, "third") == "a"


@pytest.mark.parametrize(
    "changes",
    [{"takes": False}, {"kind": replace(KIND, settings="x")}, {"kind": replace(KIND, secret="x")}],
)
async def test_a_node_that_drains_or_does_not_fit_gets_no_session(nodes, changes):
    a = await nodes.comes("a", placed=4)
    await nodes.comes("b", **changes)
    assert await placed(a, "session") is None


@pytest.mark.parametrize("changes", [{"takes": False}, {"version": "2"}, {"placed": 4}])
async def test_a_place_elsewhere_is_on_another_node_of_the_same_version(nodes, changes):
    a, b = await nodes.comes("a", placed=0), await nodes.comes("b", placed=3)
    found = await a.place("session", KEEP_S, elsewhere=True)
    assert found is not None
    assert found.id == "b"
    assert await a.place("no room there", KEEP_S, elsewhere=True) is None
    await b.release("session")
    await b.beat(node("b", **changes))
    assert await a.place("another", KEEP_S, elsewhere=True) is None


async def test_a_node_of_another_version_is_the_last_resort(nodes):
    a = await nodes.comes("a", placed=3)
    await nodes.comes("b", version="2")
    assert await placed(a, "first") == "a"
    assert await placed(a, "second") == "b"


async def test_of_many_that_want_a_session_one_gets_it(nodes):
    all_nodes = [await nodes.comes(name) for name in "abcdefgh"]
    for session in ("first", "second", "third"):
        won = await asyncio.gather(*(each.claim(session) for each in all_nodes))
        assert won.count(True) == 1
        owner = await all_nodes[0].owner(session)
        assert won[[each.node_id for each in all_nodes].index(owner.id)]


async def test_the_sessions_of_a_node_that_is_not_heard_of_are_nobody_s(nodes):
    a = await nodes.comes("a", node_s=0.2)
    b = await nodes.comes("b")
    await a.beat(node("a"), ["session"])
    assert not await b.claim("session")
    assert await b.orphans(["session", "another"]) == ["another"]
    await asyncio.sleep(0.25)
    assert await b.orphans(["session"]) == ["session"]
    assert [each.id for each in await b.nodes()] == ["b"]
    assert await b.claim("session")
    assert (await a.beat(node("a"), ["session"])).lost == {"session"}  # it was only slow
    assert (await b.owner("session")).id == "b"


async def test_a_node_that_leaves_and_a_session_that_is_over_free_what_they_had(nodes):
    a, b = await nodes.comes("a"), await nodes.comes("b")
    await a.beat(node("a"), ["first", "second"])
    await a.beat(node("a"), ["second"], ["first"])
    assert await b.orphans(["first", "second"]) == ["first"]
    await a.leave()
    assert await b.orphans(["second"]) == ["second"]


async def test_a_redis_that_forgot_everything_is_told_again(nodes):
    a, b = await nodes.comes("a"), await nodes.comes("b")
    await a.beat(node("a"), ["session"])
    await a.redis.flushall()
    beat = await a.beat(node("a"), ["session"])
    assert beat.lost == set()
    assert not await b.claim("session")


async def test_a_redis_that_is_away_or_has_no_memory_is_an_error_in_words(
    redis_executable, tmp_path
):
    with redis_at(redis_executable, tmp_path, "--maxmemory", "1") as redis:
        full = Directory(redis.url, "a")
        with pytest.raises(ClusterAway, match=r"no memory left. Raise its maxmemory, or"):
            await full.beat(node("a"))
        assert await full.nodes() == []  # which takes none
        redis.stop()
        with pytest.raises(ClusterAway, match="Sessions that run go on"):
            await full.nodes()
        await full.close()


async def test_a_redis_that_takes_no_writes_or_no_password_is_said_so(redis_executable, tmp_path):
    (tmp_path / "copy").mkdir()
    with (
        redis_at(redis_executable, tmp_path, "--requirepass", "right") as redis,
        redis_at(redis_executable, tmp_path / "copy", "--replicaof", "127.0.0.1 1") as copy,
    ):
        for url, said in (
            (copy.url, "only copies another one. Name that, which takes writes. Sessions that run"),
            (redis.url, "refuses the password in the URL, or wants one"),
            (redis.url.replace("//", "//:wrong@"), "refuses the password in the URL, or wants one"),
        ):
            directory = Directory(url, "a")
            with pytest.raises(ClusterAway, match=re.escape(said)):
                await directory.beat(node("a"))
            await directory.close()


def test_an_entry_of_another_version_that_says_more_or_less_can_be_read():
    entry = json.loads(node("a").to_json())
    assert Node.from_json(json.dumps(entry | {"zone": "north"})) == node("a")
    del entry["skew_s"]
    assert Node.from_json(json.dumps(entry)) == node("a")


def test_clocks_that_differ_and_nodes_that_do_not_fit_are_told():
    me, older = node("b", began_s=2.0), node("a", began_s=1.0)
    assert why_not(me, [older, me], MOST_SKEW_S) is None
    right = replace(older, skew_s=0.0)
    assert "60 s ahead of" in why_not(me, [right, me], 60.0)
    assert "60 s behind" in why_not(me, [right, me], -60.0)
    assert why_not(me, [replace(older, version="2")], 0.0) is None
    other = replace(older, kind=replace(KIND, settings="x"))
    assert "another calibration than https://a.example" in why_not(me, [other], 0.0)
    assert why_not(other, [me], 0.0) is None  # who was there first goes on
    secret = replace(older, kind=replace(KIND, secret="x"))
    assert "another secret than https://a.example" in why_not(me, [secret], 0.0)


async def test_who_is_cancelled_at_any_moment_of_a_question_has_not_missed_it(nodes):
    a = await nodes.comes("a")

    async def ask_for_ever():
        while True:
            await a.nodes()

    for moment in range(40):  # a question takes about a dozen turns of the loop
        asking = asyncio.create_task(ask_for_ever())
        for _ in range(moment):
            await asyncio.sleep(0)
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=WAIT_S)
        while not asking.done():  # leave none behind, whatever came of it
            asking.cancel()
            await asyncio.sleep(0.01)
        assert done, moment


def test_the_clock_of_redis_is_wrong_where_it_is_far_from_that_of_all_nodes():
    me, alike = node("b"), node("a", skew_s=58.0)
    assert why_not(me, [me], 60.0) is None
    assert why_not(me, [me, alike], 60.0) is None
    assert why_not(me, [me, alike, node("c")], 60.0) is None  # which has not asked yet
    assert "60 s ahead of" in why_not(me, [me, alike, node("c", skew_s=0.0)], 60.0)
    assert odd_redis(60.0).startswith("The clock of Redis is 60 s behind that of all nodes.")
    assert odd_redis(MOST_SKEW_S) is None


def test_nodes_that_are_not_alike_are_told_by_what_is_gravest():
    me, newer = node("a"), node("b", version="2")
    retrained = node("c", version="2", kind=replace(KIND, settings="x"))
    stranger = node("d", version="2", kind=Kind(settings="x", secret="x"))
    found = unlike(me, [me, newer, retrained, stranger])
    assert found == {"version": [newer], "network": [retrained], "secret": [stranger]}
    said = in_words(me, found)
    assert "Version 2 runs on https://b.example, and 1 here." in said
    assert "another calibration on https://c.example," in said
    assert "Another secret signs tokens on https://d.example." in said
    assert in_words(me, unlike(me, [me, node("b")])) is None
