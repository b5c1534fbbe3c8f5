"""Two nodes in one process, with a real Redis; see test_cluster_processes.py for more."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from fake_engine import CALIBRATION
from redis.exceptions import OutOfMemoryError
from redis_server import Redis, redis_at
from two_nodes import exercise, first, node, nodes, quick, two, url

from posesim import __version__
from posesim_server import schema
from posesim_server.auth import Tries
from posesim_server.cluster import users
from posesim_server.cluster.directory import connect
from posesim_server.database import new_id
from posesim_server.keys import CLUSTER, JOBS, ROOMS, SESSIONS, STORE, TOKENS
from posesim_server.live.plan import Limits
from server import WAIT_S, Server, problem

pytestmark = pytest.mark.redis


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    quick(monkeypatch)
    monkeypatch.setattr(users, "HOLD_EVERY_S", 0.05)
    monkeypatch.setattr(users, "LOOK_S", 0.05)


@pytest.fixture
def patient(monkeypatch) -> None:
    """How late the loop of a busy machine is, is no part of what is claimed."""
    monkeypatch.setattr("posesim_server.readiness.MOST_LOOP_LAG_S", 60.0)


HELLO = {"v": 1, "type": "hello", "epoch": None}


@contextlib.asynccontextmanager
async def filled(redis: Redis) -> AsyncIterator[None]:
    """Somebody else has filled the memory of a Redis; afterwards it is empty."""
    client = connect(redis.url)
    with contextlib.suppress(OutOfMemoryError):
        for number in itertools.count():
            await client.set(f"of somebody else {number}", bytes(20_000))
    # Its use goes up and down with what is asked; this is above the limit for certain.
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", used // 2)
    try:
        yield
    finally:
        await client.flushall()
        await client.config_set("maxmemory", 2 * used)
        await client.aclose()


async def figures(server: Server) -> str:
    return await (await server.client.get("/metrics")).text()


async def figure(server: Server, name: str) -> float:
    (line,) = (each for each in (await figures(server)).splitlines() if each.startswith(name))
    return float(line.split()[-1])


async def create(server: Server, exercise_id: str) -> dict:
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise_id}, headers=server.headers
    )
    assert response.status == 201, await response.text()
    return await response.json()


async def offer(server: Server, ticket: dict) -> aiohttp.ClientResponse:
    """An offer that makes no connection, but needs the session: 422 where it is."""
    headers = {
        "Authorization": f"Bearer {ticket['token']}",
        "Content-Type": "application/sdp",
    }
    path = f"/v1/whip/{ticket['id']}"
    return await server.client.post(path, data="v=0\r\ns=-\r\n", headers=headers)


async def place(server: Server, ticket: dict) -> aiohttp.ClientResponse:
    headers = {"Authorization": f"Bearer {ticket['token']}"}
    return await server.client.get(f"/v1/whip/{ticket['id']}/node", headers=headers)


async def test_any_node_makes_sessions_on_the_node_with_room(tmp_path, redis):
    async with two(tmp_path, redis, max_sessions=1) as (a, b):
        exercise_id = await exercise(a, tmp_path)
        here = await create(a, exercise_id)
        assert here["whip_url"] == f"{url('a')}/v1/whip/{here['id']}"
        assert here["nodes"] == [url("b")]
        there = await create(a, exercise_id)
        assert there["whip_url"] == f"{url('b')}/v1/whip/{there['id']}"
        response = await a.client.post(
            "/v1/sessions", json={"exercise_id": exercise_id}, headers=a.headers
        )
        assert "All places on all nodes are taken" in await problem(response, 503)

        assert b.app[SESSIONS].live == 0  # its page has not come
        assert (await offer(b, there)).status in (400, 422)
        assert b.app[SESSIONS].live == 1
        assert "on another node" in await problem(await offer(b, here), 503)
        assert (await (await place(b, here)).json())["whip_url"] == here["whip_url"]
        assert a.app[SESSIONS].get(here["id"]).contact == "good"


async def test_what_one_node_has_any_other_renews_and_ends(tmp_path, redis):
    async with two(tmp_path, redis) as (a, b):
        ticket = await create(a, await exercise(a, tmp_path))
        path = f"/v1/sessions/{ticket['id']}"
        response = await b.client.post(f"{path}/token", headers=b.headers)
        assert response.status == 200
        assert (await b.client.delete(path, headers=b.headers)).status == 204
        session = await a.get(path)
        assert (session["state"], session["end_reason"]) == ("ended", "deleted")
        assert a.app[SESSIONS].live == 0
        assert (await b.client.post(f"{path}/token", headers=b.headers)).status == 409
        assert (await place(b, ticket)).status == 404


async def test_who_signs_out_anywhere_is_out_everywhere(tmp_path, redis):
    async with two(tmp_path, redis) as (a, b):
        ticket = await create(a, await exercise(a, tmp_path))
        response = await b.client.delete("/v1/sign-in", headers=a.headers)
        assert response.status == 204
        assert (await a.client.get("/v1/me", headers=a.headers)).status == 401
        await a.until_true(lambda: not a.app[SESSIONS].unended)
        stored = await a.app[STORE].sessions.get(a.user.id, ticket["id"])
        assert stored.end_reason == "signed_out"


async def test_a_node_that_drains_begins_sessions_on_the_other(tmp_path, redis):
    async with two(tmp_path, redis) as (a, b):
        exercise_id = await exercise(a, tmp_path)
        a.app[SESSIONS].drain(60.0)
        await a.until_true(lambda: not all(each.takes for each in nodes(b)))
        ticket = await create(a, exercise_id)
        assert ticket["whip_url"].startswith(url("b"))
        assert "about to restart" in await problem(await offer(a, ticket), 503)


async def test_a_session_that_no_node_has_is_taken_by_one_and_ended_in_time(
    tmp_path, redis, monkeypatch
):
    monkeypatch.setattr("posesim_server.cluster.adoption.LOOK_S", 0.05)
    monkeypatch.setattr("posesim_server.cluster.adoption.ORPHAN_S", 0.2)
    async with two(tmp_path, redis, limits=Limits(resume_s=0.2)) as (a, _):
        stored = await a.app[STORE].exercises.visible(a.user.id, await exercise(a, tmp_path))
        left = [await a.app[STORE].sessions.add(a.user.id, stored) for _ in range(2)]
        await a.app[STORE].sessions.start(left[1].id)
        async with asyncio.timeout(WAIT_S):
            while await a.app[STORE].open_sessions.ids():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        reasons = [(await a.app[STORE].sessions.get(a.user.id, each.id)) for each in left]
        assert [each.end_reason for each in reasons] == ["never_joined", "lost"]


async def test_with_a_redis_that_is_full_each_node_goes_on_alone_and_says_so(
    redis_executable, tmp_path, patient
):
    """Not away: it answers, and refuses what would take memory."""
    limits = ("--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
    with redis_at(redis_executable, tmp_path, *limits) as own:
        async with two(tmp_path, own, tries=Tries(name=1)) as (a, b):
            exercise_id = await exercise(a, tmp_path)
            before = await create(a, exercise_id)
            async with filled(own):
                for each in (a, b):
                    await a.until_true(lambda each=each: each.app[CLUSTER].membership.away)
                ready = await a.client.get("/readyz")
                assert ready.status == 200
                assert "no memory left. Raise its maxmemory" in (await ready.json())["degraded"]
                assert "posesim_cluster_away 1.0" in await figures(a)
                assert a.app[SESSIONS].get(before["id"])
                ticket = await create(b, exercise_id)
                assert ticket["whip_url"].startswith(url("b"))
                wrong = {"username": "anna", "password": "not this one"}
                for status in (401, 429):  # limits count on each node
                    assert (await a.client.post("/token", json=wrong)).status == status

            await a.until_true(
                lambda: not any(each.app[CLUSTER].membership.away for each in (a, b))
            )
            assert "posesim_cluster_away 0.0" in await figures(a)
            for each in (before, ticket):
                found = await (await place(b, each)).json()
                assert found["whip_url"] == each["whip_url"]


async def test_without_redis_each_node_goes_on_alone_and_says_so(
    redis_executable, tmp_path, patient
):
    with redis_at(redis_executable, tmp_path) as own:
        async with two(tmp_path, own) as (a, b):
            exercise_id = await exercise(a, tmp_path)
            before = await create(a, exercise_id)
            own.stop()
            await a.until_true(lambda: all(each.app[CLUSTER].membership.away for each in (a, b)))
            ready = await a.client.get("/readyz")
            assert "Sessions that run go on" in (await ready.json())["degraded"]
            assert "posesim_cluster_away 1.0" in await figures(a)
            assert a.app[SESSIONS].get(before["id"])
            ticket = await create(b, exercise_id)
            assert ticket["whip_url"].startswith(url("b"))
            assert (await place(a, ticket)).status == 503

            own.start()
            await a.until_true(
                lambda: not any(each.app[CLUSTER].membership.away for each in (a, b))
            )
            await a.until_true(lambda: all(len(nodes(each)) == 2 for each in (a, b)))
            for each in (before, ticket):  # each is where it was
                found = await (await place(b, each)).json()
                assert found["whip_url"] == each["whip_url"]
            assert (await (await a.client.get("/readyz")).json())["degraded"] is None


@pytest.mark.parametrize(
    "other", [{"weights": "others"}, {"calibration": replace(CALIBRATION, valid_range=0.6)}]
)
async def test_a_node_that_does_not_fit_is_not_ready_and_begins_nothing(
    tmp_path, redis, patient, other
):
    async with first(tmp_path, redis) as a:
        exercise_id = await exercise(a, tmp_path)
        ticket = await create(a, exercise_id)
        left = await a.app[STORE].exercises.add(  # by a node that died
            a.user.id, name="Left", clip_sha256="x", clip_type="video/mp4", duration_s=3.0
        )
        async with node(tmp_path, redis, "c", **other) as c:
            await a.until_true(lambda: c.app[CLUSTER].membership.refused is not None)
            said = await problem(await c.client.get("/readyz"), 503)
            assert "another network, other weights or another calibration" in said
            assert "posesim_cluster_takes 0.0" in await figures(c)
            wanted = {"exercise_id": exercise_id}
            for asked in (
                await c.client.post("/v1/sessions", json=wanted, headers=c.headers),
                await c.upload(tmp_path / "clip.mp4", "Lunge"),
                await c.client.post("/predict", data=aiohttp.FormData(), headers=c.headers),
            ):
                assert await problem(asked, 503) == said
            stored = await a.app[STORE].exercises.visible(a.user.id, exercise_id)
            waiting = await a.app[STORE].sessions.add(a.user.id, stored)
            token = a.app[TOKENS].issue_session(waiting.id, a.user.id, datetime.now(UTC))
            assert await problem(await offer(c, {"id": waiting.id, "token": token}), 503) == said
            assert (await place(c, ticket)).status == 200  # which another one has
            call_id = new_id()
            assert not await c.app[CLUSTER].take(call_id)
            assert await a.app[CLUSTER].take(call_id)
            assert (await a.get(f"/v1/exercises/{exercise_id}"))["state"] == "ready"
            assert (await a.get(f"/v1/exercises/{left.id}"))["state"] == "embedding"  # not its turn

            await a.until_true(lambda: len(nodes(a)) == 2)
            ready = await a.client.get("/readyz")
            assert ready.status == 200
            assert f"another calibration on {url('c')}" in (await ready.json())["degraded"]
            assert 'posesim_cluster_unlike_nodes{by="network"} 1.0' in await figures(a)


async def test_a_node_of_another_version_is_ready_and_all_say_so(
    tmp_path, redis, patient, monkeypatch
):
    async with first(tmp_path, redis, max_sessions=1) as a:
        monkeypatch.setattr("posesim_server.clustered.__version__", "9.9.9")
        async with node(tmp_path, redis, "c", max_sessions=1) as c:
            await a.until_true(lambda: all(len(nodes(each)) == 2 for each in (a, c)))
            await a.until_true(lambda: all(each.takes for each in nodes(a)))
            said = []
            for each in (a, c):
                ready = await each.client.get("/readyz")
                assert ready.status == 200
                said.append((await ready.json())["degraded"])
                assert 'posesim_cluster_unlike_nodes{by="version"} 1.0' in await figures(each)
            assert f"Version 9.9.9 runs on {url('c')}, and {__version__} here." in said[0]
            assert f"Version {__version__} runs on {url('a')}, and 9.9.9 here" in said[1]
            exercise_id = await exercise(a, tmp_path)
            began = [(await create(a, exercise_id))["whip_url"] for _ in range(2)]
            assert began[0].startswith(url("a"))
            assert began[1].startswith(url("c"))  # when the other one is full


async def test_a_node_whose_clock_is_wrong_is_not_ready_and_begins_nothing(
    tmp_path, redis, patient
):
    async with first(tmp_path, redis) as a, contextlib.AsyncExitStack() as stack:
        exercise_id = await exercise(a, tmp_path)
        member = a.app[CLUSTER].membership
        wall = member._wall
        member._wall = lambda: wall() + 60.0
        await a.until_true(lambda: member.degraded is not None)
        ready = await a.client.get("/readyz")  # it is alone: that of Redis may be wrong as well
        assert ready.status == 200
        assert "clock of Redis is 60 s behind that of all nodes" in (await ready.json())["degraded"]
        await create(a, exercise_id)
        b = await stack.enter_async_context(node(tmp_path, redis, "b"))
        await a.until_true(lambda: member.refused is not None)
        said = await problem(await a.client.get("/readyz"), 503)
        assert "60 s ahead" in said
        asked = await a.client.post(
            "/v1/sessions", json={"exercise_id": exercise_id}, headers=a.headers
        )
        assert await problem(asked, 503) == said
        assert await figure(a, "posesim_cluster_clock_skew_seconds") == pytest.approx(60, abs=1)
        ready = await b.client.get("/readyz")
        assert (ready.status, (await ready.json())["degraded"]) == (200, None)


async def test_both_of_a_call_are_sent_to_one_node_and_another_lets_in_by_it(tmp_path, redis):
    async with two(tmp_path, redis) as (a, b):
        coach = await a.add_user("carla", "coach")
        b.tokens[coach.id] = a.tokens[coach.id]
        headers = a.headers_of(coach)
        response = await a.client.post("/v1/calls", json={"title": "Knee"}, headers=headers)
        assert response.status == 201, await response.text()
        path = f"/v1/calls/{(await response.json())['call']['id']}/token"
        tickets = []
        for each in (a, b):
            response = await each.client.post(path, headers=each.headers_of(coach))
            tickets.append(await response.json())
        assert tickets[0]["socket_url"] == tickets[1]["socket_url"]
        has, other = (a, b) if tickets[0]["socket_url"].startswith(url("a")) else (b, a)
        local = tickets[0]["socket_url"].removeprefix(url("a")).removeprefix(url("b"))
        for server in (other, has):
            async with server.client.ws_connect(local) as line:
                await line.send_json(HELLO | {"token": tickets[0]["token"]})
                heard = await line.receive_json()
                assert heard["type"] == "welcome", heard
                assert (bool(has.app[ROOMS].open), other.app[ROOMS].open) == (True, set())


async def test_a_job_is_done_once_by_the_node_that_has_its_video_and_followed_on_another(
    tmp_path, redis
):
    async with two(tmp_path, redis) as (a, b):
        exercise_id = await exercise(a, tmp_path)
        a.engine.gate.clear()
        form = aiohttp.FormData({"reference_id": exercise_id})
        video = await asyncio.to_thread((tmp_path / "clip.mp4").read_bytes)
        form.add_field("video", video, filename="clip.mp4")
        response = await a.client.post("/predict", data=form, headers=a.headers)
        assert response.status == 202, await response.text()
        job = await response.json()
        await a.until_true(a.engine.reached.is_set)
        b.engine.reached.clear()
        await b.until_true(lambda: b.app[JOBS].board.get(job["id"]) is not None)
        b.app[JOBS]._changed.set()  # it looks for something to do
        async with b.client.get(f"/v1/jobs/{job['id']}/events", headers=b.headers) as events:
            await events.content.readuntil(b"event: progress")
            a.engine.gate.set()
            assert b"event: done" in await events.content.read()
        assert not b.engine.reached.is_set()
        assert len((await b.get("/v1/sessions"))["sessions"]) == 1


async def test_a_webhook_is_told_once_by_one_of_the_nodes(tmp_path, redis):
    told: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        told.append(request.headers["webhook-id"])
        return web.Response()

    receiver = web.Application()
    receiver.router.add_post("/", hear)
    async with (
        TestServer(receiver) as listening,
        two(tmp_path, redis, allow_private_webhooks=True) as (a, b),
    ):
        address = {"url": str(listening.make_url("/")), "events": ["job.done"]}
        for _ in range(3):
            response = await a.client.post("/v1/webhooks", json=address, headers=a.headers)
            assert response.status == 201, await response.text()
            path = f"/v1/webhooks/{(await response.json())['id']}/test"
            assert (await b.client.post(path, headers=b.headers)).status in (200, 202, 204)
        await a.until_true(lambda: len(told) >= 3)
        await asyncio.sleep(0.3)  # for one that should not come
        assert len(told) == len(set(told)) == 3


async def test_guesses_count_over_all_nodes(tmp_path, redis):
    async with two(tmp_path, redis, tries=Tries(name=3)) as (a, b):
        wrong = {"username": "anna", "password": "not this one"}
        for server in (a, b, a):
            assert (await server.client.post("/token", json=wrong)).status == 401
        assert (await b.client.post("/token", json=wrong)).status == 429


async def test_requests_count_over_all_nodes(tmp_path, redis):
    """A user has five at once, and each node gets only four of these."""
    async with two(tmp_path, redis, requests_per_s=1) as (a, b):
        wanted = {"exercise_id": new_id()}
        asked = [
            await each.client.post("/v1/sessions", json=wanted, headers=each.headers)
            for each in 4 * (a, b)
        ]
        assert [each.status for each in asked[:5]] == [404] * 5
        assert "Too many tries" in await problem(asked[-1], 429)


async def test_a_user_has_as_many_sessions_on_all_nodes_as_on_one(tmp_path, redis):
    async with two(tmp_path, redis, sessions_per_user=2) as (a, b):
        wanted = {"exercise_id": await exercise(a, tmp_path)}

        async def asked(server: Server) -> aiohttp.ClientResponse:
            return await server.client.post("/v1/sessions", json=wanted, headers=server.headers)

        found = await asyncio.gather(*(asked((a, b)[i % 2]) for i in range(6)))
        assert sorted(each.status for each in found) == [201, 201, 429, 429, 429, 429]
        refused = next(each for each in found if each.status == 429)
        assert "You have 2 sessions running already" in await problem(refused, 429)

        begun = [await each.json() for each in found if each.status == 201]
        assert (await offer(*_there(begun[0], a, b))).status in (400, 422)
        await asyncio.sleep(0.2)  # in which each node says what it has
        assert (await asked(b)).status == 429
        other = b if begun[0]["whip_url"].startswith(url("a")) else a
        path = f"/v1/sessions/{begun[0]['id']}"
        assert (await other.client.delete(path, headers=other.headers)).status == 204
        assert (await asked(other)).status == 201


def _there(ticket: dict, *servers: Server) -> tuple[Server, dict]:
    """A session, after the node that has it."""
    has = next(each for each in servers if ticket["whip_url"].startswith(each.config.node_url))
    return has, ticket


async def test_a_page_of_another_node_may_talk_to_whip_and_to_nothing_else(tmp_path, redis):
    origin = "https://pose.example"
    async with two(tmp_path, redis, cluster_origins=(origin,)) as (a, _):
        ticket = await create(a, await exercise(a, tmp_path))
        path = f"/v1/whip/{ticket['id']}"
        asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = await a.client.options(path, headers=asks)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "If-Match" in answer.headers["Access-Control-Allow-Headers"]
        for other in ("/v1/sessions", "/token"):
            answer = await a.client.options(other, headers=asks)
            assert "Access-Control-Allow-Origin" not in answer.headers
        stranger = await a.client.options(path, headers=asks | {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in stranger.headers
        policy = (await a.client.get("/")).headers["Content-Security-Policy"]
        assert f"connect-src 'self' {url('a')} {origin} " in policy
        assert "wss://pose.example" in policy


async def test_an_exercise_that_a_node_left_unfinished_is_embedded_once_by_one_that_runs(
    tmp_path, redis, monkeypatch
):
    monkeypatch.setattr("posesim_server.cluster.turns.LOOK_S", 0.2)
    async with two(tmp_path, redis) as (a, b):
        exercise_id = await exercise(a, tmp_path)
        for each in (a, b):
            each.engine.reached.clear()
        left = sa.update(schema.exercises).where(schema.exercises.c.id == exercise_id)
        await a.app[STORE].database.change(left.values(state="embedding"))
        await b.until(exercise_id, "ready")
        assert a.engine.reached.is_set() != b.engine.reached.is_set()
