"""Limits on what a stranger can send that belong to no other file; see docs/security.md."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from call_page import appointment
from live_fakes import Client, FakeTrack
from live_server import ended, events_until, needs_address
from live_server import running as running_live
from videos import stick_figure

from posesim_server.app import JSON_BYTES
from posesim_server.forwarded import counted
from posesim_server.keys import SESSIONS
from posesim_server.live import conversation
from posesim_server.live.intake import Backlog, Intake
from posesim_server.live.peer import MOST_CANDIDATES
from posesim_server.live.plan import Limits
from posesim_server.live.server_messages import Welcome
from posesim_server.rate import Rate, Rates, Signalling
from server import problem, running

HERE = "10.0.0.9"


def signalling(addresses: int = 1000, users: int = 1000) -> Signalling:
    """Limits that never become free again."""
    return Signalling(Rates(addresses, 0.001), Rates(users, 0.001))


def test_a_bucket_says_how_long_to_wait():
    now_s = 0.0
    rate = Rate(burst=2, a_second=4.0, clock=lambda: now_s)
    assert [rate.wait_s() for _ in range(3)] == [0.0, 0.0, 0.25]
    now_s = 0.25
    assert rate.wait_s() == 0.0


def test_each_key_has_its_bucket_and_memory_is_bounded():
    rates = Rates(1, 1.0, clock=lambda: 0.0, most_keys=2)
    assert rates.wait_s("a") == 0.0
    assert rates.wait_s("a") > 0
    assert rates.wait_s("b") == 0.0
    assert rates.wait_s("c") == 0.0  # and "a" is forgotten
    assert len(rates._rates) == 2


def test_a_network_of_ipv6_counts_as_one_caller():
    assert counted("2001:db8:1:2::7") == counted("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert counted("2001:db8:1:3::7") != counted("2001:db8:1:2::7")
    assert counted("203.0.113.9") == "203.0.113.9"
    assert counted("?") == "?"


# Signalling


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, rates=signalling(addresses=2)) as server:
        for _ in range(2):
            response = await server.client.post("/v1/whip/3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11")
            assert response.status == 401
        response = await server.client.post("/v1/whip/3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11")
        assert "Too many" in await problem(response, 429)
        assert int(response.headers["Retry-After"]) > 0
        assert (await server.client.get("/v1/me", headers=server.headers)).status == 200


async def test_behind_a_proxy_the_address_of_the_client_counts(tmp_path: Path) -> None:
    async with running(
        tmp_path, rates=signalling(addresses=1), trusted_proxies=("127.0.0.1",)
    ) as server:
        asked = []
        for address in (HERE, HERE, "10.0.0.10"):
            headers = {"X-Forwarded-For": address}
            path = "/v1/whip/3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11"
            asked.append((await server.client.post(path, headers=headers)).status)
        assert asked == [401, 429, 401]


async def test_wrong_passwords_count_by_the_forwarded_address_of_a_trusted_proxy_alone(
    tmp_path: Path,
) -> None:
    from posesim_server.auth import Tries

    async def guess(server, address: str) -> int:
        body = {"username": "anna", "password": "wrong password"}
        headers = {"X-Forwarded-For": address}
        return (await server.client.post("/token", json=body, headers=headers)).status

    async with running(
        tmp_path / "a", tries=Tries(address=1), trusted_proxies=("127.0.0.1",)
    ) as server:
        assert [await guess(server, each) for each in (HERE, HERE, "10.0.0.10")] == [401, 429, 401]
    async with running(tmp_path / "b", tries=Tries(address=1)) as server:  # nobody is trusted
        assert [await guess(server, each) for each in (HERE, "10.0.0.10")] == [401, 429]


async def test_a_user_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, rates=signalling(users=1)) as server:
        body = {"exercise_id": "none"}
        ask = {"json": body, "headers": server.headers}
        assert (await server.client.post("/v1/sessions", **ask)).status == 404
        response = await server.client.post("/v1/sessions", **ask)
        await problem(response, 429)
        assert response.headers["Retry-After"]
        other = await server.add_user("berta")
        ask["headers"] = server.headers_of(other)
        assert (await server.client.post("/v1/sessions", **ask)).status == 404


async def test_an_operator_may_allow_less(tmp_path: Path) -> None:
    async with running(tmp_path, requests_per_s=1.0, sign_in_attempts=2) as server:
        ask = {"json": {"exercise_id": "none"}, "headers": server.headers}
        asked = [(await server.client.post("/v1/sessions", **ask)).status for _ in range(6)]
        assert asked == [404] * 5 + [429]  # of a user, a quarter of 20 s of them at once
        wrong = {"json": {"username": "anna", "password": "wrong password"}}
        guessed = [(await server.client.post("/token", **wrong)).status for _ in range(3)]
        assert guessed == [401, 401, 429]


async def test_a_session_s_token_counts_for_its_user(tmp_path: Path) -> None:
    async with running_live(tmp_path, rates=signalling(users=2)) as server:
        assert (await server.post("garbage")).status == 400
        assert (await server.post("garbage")).status == 400
        assert (await server.post("garbage")).status == 429


async def test_sockets_of_calls_count_as_well(tmp_path: Path) -> None:
    async with running(tmp_path, rates=signalling(addresses=1)) as server:
        call = await appointment(server)
        path = f"/v1/calls/{call.call_id}/socket"
        assert (await server.client.get(path)).status == 426
        assert (await server.client.get(path)).status == 429


# Sessions of one user


async def test_a_user_may_have_so_many_sessions_and_no_more(tmp_path: Path) -> None:
    async with running(tmp_path / "data", sessions_per_user=2) as server:
        clip = await asyncio.to_thread(stick_figure, tmp_path / "clip.mp4", seconds=3.0)
        exercise = await server.ready_exercise(clip)

        async def begin():
            body = {"exercise_id": exercise["id"]}
            return await server.client.post("/v1/sessions", json=body, headers=server.headers)

        first, second, third = [await begin() for _ in range(3)]
        assert (first.status, second.status) == (201, 201)
        assert "You have 2 sessions running already" in await problem(third, 429)
        assert third.headers["Retry-After"]
        ticket = await first.json()
        await server.client.delete(f"/v1/sessions/{ticket['id']}", headers=server.headers)
        assert (await begin()).status == 201


async def test_of_two_sessions_that_a_user_begins_at_once_the_last_place_goes_to_one(
    tmp_path: Path,
) -> None:
    async with running(tmp_path / "data", limits=Limits(most_of_user=1)) as server:
        clip = await asyncio.to_thread(stick_figure, tmp_path / "clip.mp4", seconds=3.0)
        exercise = await server.ready_exercise(clip)

        async def begin():
            body = {"exercise_id": exercise["id"]}
            return await server.client.post("/v1/sessions", json=body, headers=server.headers)

        answers = await asyncio.gather(begin(), begin())
        assert sorted(answer.status for answer in answers) == [201, 429]
        assert server.app[SESSIONS].live == 1


# Bodies, candidates, messages, frames


async def test_a_body_above_the_limit_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        body = {"username": "x" * JSON_BYTES, "password": "x"}
        await problem(await server.client.post("/token", json=body), 413)


@needs_address
async def test_a_connection_takes_so_many_candidates_however_they_come(tmp_path: Path) -> None:
    line = "a=candidate:{n} 1 udp 2113937151 192.0.2.1 {port} typ host\r\n"
    async with running_live(tmp_path) as server:
        location = await server.join(Client())
        for first in range(0, MOST_CANDIDATES, 32):
            many = "".join(line.format(n=n, port=2000 + n) for n in range(first, first + 32))
            assert (await server.patch(location, many)).status == 204
        response = await server.patch(location, line.format(n=999, port=9999))
        assert "at most 128 candidates" in await problem(response, 400)


@needs_address
async def test_a_page_that_floods_the_data_channel_loses_its_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "MOST_AT_ONCE", 50)
    async with running_live(tmp_path) as server:
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        for n in range(400):
            if client.events.readyState != "open":
                break
            client.events.send(f'{{"v":1,"type":"ping","id":{n}}}')
            await asyncio.sleep(0)
        assert await ended(server) == "failed"


async def kept(times_s: list[float]) -> tuple[list[float], int]:
    """The times of frames that reach the worker, and how many were left out."""
    backlog = Backlog(longest_wait_s=1e9, most_frames=10_000)
    intake = Intake(backlog, lambda: 0.0, lambda: None)
    await intake.run(FakeTrack(times_s))
    batch = await backlog.take(10_000)
    assert batch is not None
    return [frame.time_s for frame in batch.frames], intake.thinned


@pytest.mark.parametrize("rate", [90, 120, 240, 1000])
async def test_frames_above_60_a_second_are_left_out_evenly_and_keep_their_times(rate) -> None:
    times_s = [n / rate for n in range(2 * rate)]
    left, thinned = await kept(times_s)
    assert len(left) == pytest.approx(120, abs=2)
    assert thinned == len(times_s) - len(left)
    assert all(any(abs(each - sent) < 1e-4 for sent in times_s) for each in left)
    steps = [b - a for a, b in pairwise(left)]
    assert max(steps) < 2.1 / 60  # no hole, at which a movement would jump


async def test_an_uneven_camera_of_60_hz_loses_nothing() -> None:
    times_s = [n / 60 + (0.004 if n % 2 else 0.0) for n in range(240)]
    assert await kept(times_s) == (pytest.approx(times_s, abs=1e-4), 0)
