"""A server that is stopped or killed under a session, and another one that goes on with it.

Real processes, a real database, and real connections; the network of the scores is a small one.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from live_fakes import Client, Person
from live_server import needs_address
from server_process import Process, serving
from videos import stick_figure

from posesim_server.live.messages import parse_server
from posesim_server.live.server_messages import Draining, Ended, Gap, Rep, Score, Welcome

pytestmark = [needs_address, pytest.mark.slow]

WAIT_S = 60.0  # far more than it takes; a busy machine is no failure


@dataclass
class Page:
    """A page with a session: one connection after the other, and what it has heard over them."""

    exercise_id: str
    ticket: dict[str, Any]
    client: Client = field(default_factory=lambda: Client(Person()))
    heard: list[Any] = field(default_factory=list)  # events
    scores: list[Score] = field(default_factory=list)
    repetitions: dict[int, Rep] = field(default_factory=dict)  # by their number

    @property
    def last_seq(self) -> int:
        return self.heard[-1].seq if self.heard else -1

    async def join(self, http: aiohttp.ClientSession) -> None:
        """Offer a connection, with the session's token alone."""
        headers = {
            "Authorization": f"Bearer {self.ticket['token']}",
            "Content-Type": "application/sdp",
            "If-Match": "*",
        }
        offer = await self.client.offer()
        async with http.post(self.ticket["whip_url"], data=offer, headers=headers) as response:
            assert response.status == 201, await response.text()
            await self.client.accept(await response.text())

    async def rejoin(self, http: aiohttp.ClientSession) -> None:
        """Offer another connection, and tell what has been heard."""
        await self.client.peer.close()
        self.client = Client(Person())
        last_score = self.scores[-1].seq if self.scores else -1
        self.client.hello = (
            f'{{"v":1,"type":"hello","last_seq":{self.last_seq},"last_score":{last_score}}}'
        )
        await self.join(http)

    async def until(self, kind: type, count: int = 1) -> Any:
        """Listen until so many more of a kind have come; return the last."""
        found = 0
        async with asyncio.timeout(WAIT_S):
            while found < count:
                message = parse_server(await self.client.event_messages.get())
                if not isinstance(message, Score) and message.seq > self.last_seq:
                    self._hear(message)
                    found += isinstance(message, kind)
        while not self.client.score_messages.empty():
            message = parse_server(self.client.score_messages.get_nowait())
            if isinstance(message, Score):
                self.scores.append(message)
        return self.heard[-1]

    def _hear(self, message: Any) -> None:
        self.heard.append(message)
        if isinstance(message, Rep):
            self.repetitions[message.number] = message
        if isinstance(message, Welcome):  # what a killed server could not store is forgotten
            counted = message.repetitions + message.attempts
            self.repetitions = {n: rep for n, rep in self.repetitions.items() if n <= counted}


@contextlib.asynccontextmanager
async def page_of(server: Process, folder: Path) -> AsyncIterator[Page]:
    """A page with a session that has scores."""
    clip = await asyncio.to_thread(stick_figure, folder / "clip.mp4", 4.0)
    async with server.signed_in() as http:
        form = aiohttp.FormData({"name": "Squat"})
        form.add_field("clip", await asyncio.to_thread(clip.read_bytes), filename="clip.mp4")
        async with http.post("/v1/exercises", data=form) as response:
            exercise = await response.json()
        while exercise["state"] == "embedding":
            await asyncio.sleep(0.05)
            async with http.get(f"/v1/exercises/{exercise['id']}") as response:
                exercise = await response.json()
        async with http.post("/v1/sessions", json={"exercise_id": exercise["id"]}) as response:
            page = Page(exercise["id"], await response.json())
        try:
            await page.join(http)
            yield page
        finally:
            await page.client.peer.close()


async def record(http: aiohttp.ClientSession, page: Page) -> dict[str, Any]:
    """What is stored of the session."""
    async with http.get(f"/v1/sessions/{page.ticket['id']}/record") as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
        return found


async def stored_repetition(server: Process, page: Page) -> dict[str, Any]:
    """Wait until a repetition that the page was told of is stored; return what is."""
    told = await page.until(Rep)
    async with server.signed_in() as http, asyncio.timeout(WAIT_S):
        while True:
            found = await record(http, page)
            if any(each["number"] == told.number for each in found["repetitions"]):
                return found
            await asyncio.sleep(0.02)


async def comes_back(server: Process, page: Page, acknowledged: dict[str, Any]) -> None:
    """Join another run of the server: it is the same session, after a gap."""
    epoch, newest = page.heard[-1].epoch, page.scores[-1]
    page.scores.clear()
    heard = len(page.heard)
    async with server.signed_in() as http:
        await page.rejoin(http)
    welcome = await page.until(Welcome)
    assert welcome.session_id == page.ticket["id"]
    assert welcome.epoch > epoch
    assert welcome.repetitions + welcome.attempts >= len(acknowledged["repetitions"])
    told = [each for each in page.heard[heard:] if isinstance(each, Gap)]  # of pictures before it
    gap = told[-1] if told else await page.until(Gap)
    assert gap.reason == "restart"
    await page.until(Rep)
    assert min(score.seq for score in page.scores) > newest.seq
    assert min(score.t_s for score in page.scores) >= gap.end_s


async def assert_kept(http: aiohttp.ClientSession, page: Page, acknowledged: Any) -> dict[str, Any]:
    """Nothing that was acknowledged is missing, nothing is twice, nothing but gaps is a hole."""
    found = await record(http, page)
    for kind in ("scores", "repetitions", "cues"):
        assert found[kind][: len(acknowledged[kind])] == acknowledged[kind]
    times_s = [each["t_s"] for each in found["scores"]]
    assert times_s == sorted(set(times_s))
    for gap in found["gaps"]:
        assert gap["reason"] == "restart"
        assert not any(gap["start_s"] < t_s < gap["end_s"] for t_s in times_s)
        assert max(t_s for t_s in times_s if t_s <= gap["start_s"]) > gap["start_s"] - 0.5
    numbers = [each["number"] for each in found["repetitions"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > len(acknowledged["repetitions"])
    return found


async def test_a_session_outlives_a_server_that_is_killed_and_one_that_is_told_to_stop(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with serving(data) as first:
        async with page_of(first, tmp_path) as page:
            acknowledged = await stored_repetition(first, page)
            first.kill()
            await first.exit_code()

            with serving(data, drain_s=0.5) as second:
                await comes_back(second, page, acknowledged)
                later = await stored_repetition(second, page)
                assert later["session"]["state"] == "live"
                second.tell()
                assert (await page.until(Draining)).left_s == 0.5
                assert (await page.until(Draining)).left_s == 0.0  # and hangs up
                assert await second.exit_code() == 0

            with serving(data) as third:
                await comes_back(third, page, later)
                page.client.events.send('{"v":1,"type":"bye"}')
                ended = await page.until(Ended)
                async with third.signed_in() as http:
                    await assert_kept(http, page, acknowledged)
                    found = await assert_kept(http, page, later)

    assert ended.reason == found["session"]["end_reason"] == "left"
    assert len(found["gaps"]) == found["session"]["summary"]["gaps"] == 2
    stored = {each["number"]: each["start_s"] for each in found["repetitions"]}
    assert {number: rep.start_s for number, rep in page.repetitions.items()} == stored
    summary = found["session"]["summary"]
    assert summary["repetitions"] + summary["attempts"] == len(stored)


async def test_while_it_drains_a_server_begins_nothing_and_a_second_signal_ends_it_at_once(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "data", drain_s=3600.0) as server:
        async with page_of(server, tmp_path) as page, server.signed_in() as http:
            await page.until(Welcome)
            server.tell()
            assert (await page.until(Draining)).left_s == 3600.0
            async with http.post("/v1/sessions", json={"exercise_id": "any"}) as response:
                assert response.status == 404  # all else goes on
            body = {"exercise_id": page.exercise_id}
            async with http.post("/v1/sessions", json=body) as response:
                assert response.status == 503
                assert "about to restart" in (await response.json())["detail"]
                assert int(response.headers["Retry-After"]) > 0
            await page.rejoin(http)  # a page that says hello only now is told as well
            await page.until(Welcome)
            assert 0 < (await page.until(Draining)).left_s < 3600.0
            server.tell(signal.SIGINT)
            assert await server.exit_code() == 0
