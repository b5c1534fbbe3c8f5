"""A call whose node is killed: it goes on on another one, with all that was noted in it.

Real processes, a real database, a real Redis and real lines.
"""

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import aiohttp
import pytest
from call_page import Page
from redis_server import redis_at
from server_process import Process
from test_cluster_processes import node, until_nodes

from posesim_server.store import Store
from server import PASSWORD, QUICK

pytestmark = [pytest.mark.slow, pytest.mark.redis]

WAIT_S = 60.0  # far more than it takes; a busy machine is no failure


class Human:
    """Somebody with an account, whose page asks any node and talks to the one that it is told."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http  # with a token, which is good on all nodes
        self.line: Page

    @classmethod
    async def signed_in(cls, http: aiohttp.ClientSession, server: Process, name: str) -> "Human":
        form = {"username": name, "password": PASSWORD}
        async with http.post(f"{server.url}/token", data=form) as response:
            assert response.status == 200, await response.text()
            token = (await response.json())["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        return cls(http)

    async def post(self, server: Process, path: str, body: Any = None) -> Any:
        async with self.http.post(f"{server.url}{path}", json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def enters(self, server: Process, call_id: str, where: Process) -> None:
        """Come to a call by what a node says, until that is `where` and lets in."""
        async with asyncio.timeout(WAIT_S):
            while not await self._enters(server, call_id, where):  # noqa: ASYNC110 - polled, as the page does
                await asyncio.sleep(0.25)

    async def _enters(self, server: Process, call_id: str, where: Process) -> bool:
        async with self.http.post(f"{server.url}/v1/calls/{call_id}/token") as response:
            ticket = await response.json()
        port = where.url.rsplit(":", 1)[1]
        if response.status != 200 or f":{port}/" not in ticket["socket_url"]:
            return False
        await self.hello(ticket["socket_url"], ticket["token"])
        return True

    async def enters_by(self, server: Process, call_id: str) -> None:
        """Come to a call by a node, wherever the call is."""
        async with self.http.post(f"{server.url}/v1/calls/{call_id}/token") as response:
            ticket = await response.json()
        await self.hello(f"{server.url}/v1/calls/{call_id}/socket", ticket["token"])

    async def hello(self, address: str, token: str) -> None:
        socket = await self.http.ws_connect(address)
        self.line = Page(None, None, socket)  # type: ignore[arg-type] - it sends no camera
        await self.line.send("hello", token=token, epoch=None)
        await self.line.until("welcome")


async def add_people(folder: Path) -> None:
    store = await Store.open(f"sqlite+aiosqlite:///{folder / 'data' / 'posesim.sqlite3'}")
    await store.users.add("cora", QUICK.hash(PASSWORD), "coach")
    await store.users.add("mia", QUICK.hash(PASSWORD), "member")
    await store.close()


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
async def test_a_call_goes_on_on_another_node_when_its_own_is_killed(
    tmp_path: Path, redis_executable: Path, apart: bool
) -> None:
    with (
        redis_at(redis_executable, tmp_path) as redis,
        node(tmp_path, redis) as first,
        node(tmp_path, redis) as second,
    ):
        await until_nodes(first, 2)
        await add_people(tmp_path)
        async with aiohttp.ClientSession() as one, aiohttp.ClientSession() as other:
            coach = await Human.signed_in(one, first, "cora")
            member = await Human.signed_in(other, second, "mia")
            made = await coach.post(first, "/v1/calls", {"title": "Knee"})
            invitation = {"token": made["token"], "language": "en"}
            await member.post(second, "/v1/calls/join", invitation)
            call_id = made["call"]["id"]

            await coach.enters(first, call_id, where=first)
            if apart:
                await member.enters_by(second, call_id)
            else:
                await member.enters(second, call_id, where=first)
            await coach.line.until_state(lambda state: state.member.present)
            await coach.line.send("admit")
            await coach.line.until("peer")
            await member.line.until("peer")
            await coach.line.send("mark", note="knee inwards", ago_s=3)
            await coach.line.until_state(lambda state: state.marks)

            first.kill()
            assert (await coach.line.closed())[0] is None  # without a last word
            # Who is on the other node is told when that misses the first one.
            assert await member.line.closed() == (("shutdown", 1001) if apart else (None, ANY))
            await asyncio.gather(
                *(each.enters(second, call_id, where=second) for each in (coach, member))
            )
            state = await coach.line.until_state(lambda state: state.member.present)
            assert (state.phase, [mark.note for mark in state.marks]) == (
                "admitted",
                ["knee inwards"],
            )
            await coach.line.until("peer")  # they connect to each other anew
            await member.line.until("peer")
            await coach.line.send("mark", note="better now", ago_s=0)
            state = await member.line.until_state(lambda state: len(state.marks) == 2)
            assert [mark.note for mark in state.marks] == ["knee inwards", "better now"]
