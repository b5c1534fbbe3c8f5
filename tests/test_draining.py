"""A server that is told to stop: nothing new begins, what runs is told and may come to its end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from call_page import appointment
from live_fakes import Client
from live_server import WAIT_S, events_until, needs_address
from live_server import running as running_live
from videos import stick_figure

from posesim_server.draining import drain
from posesim_server.keys import ROOMS, SESSIONS
from posesim_server.live.plan import Limits
from posesim_server.live.server_messages import Draining, Ended, Rep, Welcome
from posesim_server.live.sessions import Draining as NoMore
from server import problem, running


class Runs:
    """Something that runs until it is told that it is over."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.over = asyncio.Event()

    def drain(self, left_s: float) -> None:
        self.told.append(left_s)

    async def idle(self) -> None:
        await self.over.wait()


async def test_all_are_told_and_waited_for():
    those = [Runs(), Runs()]
    waiting = asyncio.create_task(drain(those, 60.0))
    await asyncio.sleep(0)
    assert [each.told for each in those] == [[60.0], [60.0]]
    those[0].over.set()
    await asyncio.sleep(0.01)
    assert not waiting.done()
    those[1].over.set()
    assert await waiting is True


async def test_what_takes_longer_is_not_waited_for():
    assert await drain([Runs()], 0.0) is False


async def test_who_does_not_want_to_wait_does_not():
    again = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(drain([Runs()], 3600.0, again))
    await asyncio.sleep(0)
    again.set_result(None)
    assert await waiting is False


async def test_a_server_that_drains_begins_no_session_and_says_when_to_ask_again(tmp_path):
    async with running(tmp_path / "data") as server:
        clip = await asyncio.to_thread(stick_figure, tmp_path / "clip.mp4", seconds=3.0)
        exercise = await server.ready_exercise(clip)
        server.app[SESSIONS].drain(20.0)
        response = await server.client.post(
            "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
        )
        assert "about to restart" in await problem(response, 503)
        assert int(response.headers["Retry-After"]) > 0
        metrics = await (await server.client.get("/metrics")).text()
        assert 'posesim_session_setup_failures_total{reason="draining"} 1.0' in metrics
        assert "about to stop" in await problem(await server.client.get("/readyz"), 503)
        assert (await server.client.get("/healthcheck")).status == 200
        assert await server.get("/v1/exercises")  # all else goes on


@needs_address
async def test_a_session_is_told_goes_on_and_may_come_to_its_end(tmp_path: Path) -> None:
    async with running_live(tmp_path) as server:
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        waiting = asyncio.create_task(drain([server.sessions], 3600.0))
        told = await events_until(client, Draining)
        assert told[-1].left_s == 3600.0
        with pytest.raises(NoMore):
            server.create(session_id="9f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b99")
        assert server.sessions.live == 1
        client.events.send('{"v":1,"type":"bye"}')
        ended = (await events_until(client, Ended))[-1]
        assert ended.reason == "left"
        async with asyncio.timeout(WAIT_S):
            assert await waiting is True


@needs_address
async def test_a_page_that_comes_while_the_server_stops_is_told(tmp_path: Path) -> None:
    async with running_live(tmp_path) as server:
        assert await drain([server.sessions], 0.0) is False
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        assert (await events_until(client, Draining))[-1].left_s == 0.0


@needs_address
async def test_a_session_that_goes_on_too_long_stays_open_for_the_next_run(tmp_path: Path) -> None:
    async with running_live(tmp_path, Limits(linger_s=0.2)) as server:
        client = Client()
        await server.join(client)
        await events_until(client, Rep)
        assert await drain([server.sessions], 0.05) is False
        await server.sessions.close()
        told = await events_until(client, Draining)
        while told[-1].left_s > 0:
            told += await events_until(client, Draining)
        assert not any(isinstance(each, Ended) for each in told)
        assert server.store.ended == []
        assert server.store.repetitions
        await asyncio.wait_for(server.sessions.idle(), WAIT_S)
        assert server.sessions.live == 0


@needs_address
@pytest.mark.parametrize("plan", [{"call_id": "a-call"}, {}], ids=["of a call", "without a camera"])
async def test_a_session_that_nobody_can_go_on_with_ends_with_the_server(
    tmp_path: Path, plan: dict[str, Any]
) -> None:
    async with running_live(tmp_path, Limits(linger_s=0.2), plan=plan) as server:
        if plan:
            client = Client()
            await server.join(client)
            await events_until(client, Rep)
        await server.sessions.close()
        assert server.store.ended[0][1] == "shutdown"


async def test_who_is_in_a_call_is_told_and_waited_for(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            waiting = asyncio.create_task(drain([server.app[ROOMS]], 3600.0))
            assert (await coach.until("draining")).left_s == 3600.0
            assert not waiting.done()
            async with call.member_page() as member:  # a call that is on can be joined
                await member.until("state")
        async with asyncio.timeout(WAIT_S):
            assert await waiting is True


async def test_no_other_call_begins(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        server.app[ROOMS].drain(20.0)
        async with call.coach_page(welcomed=False) as coach:
            assert (
                await coach.until("bye")
            ).reason == "shutdown"  # after which its page asks again
