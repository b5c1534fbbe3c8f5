"""A call whose coach and member are on different nodes: what the room says goes through Redis.

Two nodes in one process, with a real Redis and real sockets.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from call_page import Appointment, Page, appointment, call_token, page
from live_fakes import Client, MovingPicture
from live_server import needs_address
from redis_server import Redis
from test_call_runs import score_of, scores_of
from test_cluster_lines import Wire
from test_cluster_lines import node as wired
from two_nodes import exercise, quick, two, url

from posesim_server.calls.far_seat import FarSeat
from posesim_server.cluster.lines import Line
from posesim_server.keys import CLUSTER, ROOMS, SESSIONS, TOKENS
from posesim_server.store.users import User
from server import WAIT_S, Server

pytestmark = pytest.mark.redis

OFFER = {"kind": "offer", "sdp": "v=0\r\n"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    quick(monkeypatch)


@dataclass
class Apart:
    """A call with its room on one node, where one of the two is; the other one is elsewhere."""

    call: Appointment
    home: Server
    other: Server
    coach: Page
    member: Page


@contextlib.asynccontextmanager
async def apart(folder: Path, redis: Redis, *, far: str = "member") -> AsyncIterator[Apart]:
    """The two, admitted."""
    async with two(folder, redis) as (home, other):
        call = await appointment(home)
        for user in (call.coach, call.member):
            other.tokens[user.id] = home.tokens[user.id]
        people = [call.coach, call.member] if far == "member" else [call.member, call.coach]
        async with (
            page(home, people[0], call.call_id) as here,
            page(other, people[1], call.call_id) as there,
        ):
            coach, member = (here, there) if far == "member" else (there, here)
            assert (home.app[ROOMS].open, other.app[ROOMS].open) == ({call.call_id}, set())
            await coach.until_state(lambda state: state.member.present)
            assert member.state is None or member.state.phase == "waiting"
            await coach.send("admit")
            for each in (coach, member):
                await each.until("peer")
                await each.send("media", camera=True, microphone=True)
            for each in (coach, member):
                await each.until_state(lambda state: state.member.camera and state.coach.camera)
            yield Apart(call, home, other, coach, member)


async def test_they_meet_and_signal_as_on_one_node(tmp_path, redis):
    async with apart(tmp_path, redis) as both:
        coach, member = both.coach, both.member
        assert coach.epoch == member.epoch
        welcome = next(each for each in member.heard if each.type == "welcome")
        assert (welcome.role, welcome.name) == ("member", "mia")
        for number in range(30):
            await coach.send(
                "description", epoch=coach.epoch, kind="offer", sdp=f"v=0\r\nno={number}\r\n"
            )
        for number in range(30):
            assert f"no={number}\r" in (await member.until("description")).sdp
        await member.send("description", epoch=member.epoch, kind="answer", sdp="v=1\r\n")
        assert (await coach.until("description")).sdp == "v=1\r\n"


async def test_the_member_has_nothing_of_the_coach_s_to_operate_there_either(tmp_path, redis):
    async with apart(tmp_path, redis) as both:
        for wish in ("start", "end", "dismiss"):
            assert "Only the coach" in await both.member.refusal(wish)


@needs_address
async def test_a_coach_elsewhere_hears_the_scores_of_the_member(tmp_path, redis):
    async with apart(tmp_path, redis, far="coach") as both:
        coach, member = both.coach, both.member
        both.home.user = both.call.coach
        exercise_id = await exercise(both.home, tmp_path)
        await coach.send("program", exercise_ids=[exercise_id])
        await member.until_state(lambda state: state.program)
        await coach.send("start")
        ticket = await member.until("ticket")
        camera = Client(MovingPicture())
        try:
            response = await both.home.client.post(
                ticket.whip_url.removeprefix(url("a")),
                data=await camera.offer(),
                headers={
                    "Authorization": f"Bearer {ticket.token}",
                    "Content-Type": "application/sdp",
                },
            )
            assert response.status == 201, await response.text()
            await camera.accept(await response.text())
            theirs = [await score_of(coach, ticket.id) for _ in range(3)]
            mine = {score.t_s: score for score in await scores_of(camera, 3)}
            same = {"t_s", "state", "score", "repetitions"}
            for each in theirs:
                assert each.model_dump(include=same) == mine[each.t_s].model_dump(include=same)
            await coach.send("stop")
            results = [await each.until("result") for each in (coach, member)]
            assert results[0] == results[1]
        finally:
            await camera.peer.close()


async def test_the_token_of_what_a_coach_elsewhere_shows_is_renewed_there(tmp_path, redis):
    async with apart(tmp_path, redis, far="coach") as both:
        await both.coach.send("live_reference", on=True)
        shown = await both.coach.until("ticket")
        assert shown.purpose == "reference"
        directory = both.other.app[CLUSTER].directory
        async with asyncio.timeout(WAIT_S):
            while await directory.owner(shown.id) is None:  # noqa: ASYNC110 - told with a beat
                await asyncio.sleep(0.02)

        async def renewed(user: User) -> int:
            path, headers = f"/v1/sessions/{shown.id}/token", both.other.headers_of(user)
            response = await both.other.client.post(path, headers=headers)
            if response.status == 200:
                token = (await response.json())["token"]
                tokens = both.home.app[TOKENS]
                assert tokens.verify_session(token, datetime.now(UTC)).session_id == shown.id
            return response.status

        assert await renewed(both.call.coach) == 200
        assert await renewed(both.call.member) == 404
        await both.coach.send("live_reference", on=False)
        await both.home.until_true(lambda: not both.home.app[SESSIONS].live)
        assert await renewed(both.call.coach) == 404


async def test_who_comes_back_on_either_node_keeps_the_peer_connection(tmp_path, redis):
    async with apart(tmp_path, redis) as both:
        coach, epoch = both.coach, both.coach.epoch
        for server in (both.home, both.other):
            before = len(coach.heard)
            async with page(server, both.call.member, both.call.call_id, epoch=epoch) as back:
                await coach.send("description", epoch=epoch, **OFFER)
                await back.until("description")
                assert not [each for each in coach.heard[before:] if each.type == "peer"]
        assert await both.member.closed() == ("replaced", 4409)


async def test_who_is_put_out_by_the_room_is_told_why_and_who_leaves_is_gone(tmp_path, redis):
    async with apart(tmp_path, redis) as both:
        await both.coach.send("dismiss")
        assert await both.member.closed() == ("dismissed", 1000)
        async with page(both.other, both.call.member, both.call.call_id) as again:
            await both.coach.until_state(lambda state: state.member.present)
            await again.send("leave")
            assert await again.closed() == (None, 1000)
            await both.coach.until_state(lambda state: not state.member.present)
        async with page(both.other, both.call.member, both.call.call_id) as again:
            await again.until("state")
            await both.coach.send("end")
            assert await again.closed() == ("ended", 4410)


@pytest.mark.parametrize("where", ["home", "other"])
async def test_who_signs_out_on_any_node_is_put_out(tmp_path, redis, where):
    async with apart(tmp_path, redis) as both:
        server: Server = getattr(both, where)
        headers = server.headers_of(both.call.member)
        assert (await server.client.delete("/v1/sign-in", headers=headers)).status == 204
        assert await both.member.closed() == ("signed_out", 4401)
        await both.coach.until_state(lambda state: not state.member.present)


async def test_who_brings_another_token_stays_and_a_guess_is_refused(tmp_path, redis):
    async with apart(tmp_path, redis) as both:
        assert await both.member.refusal("renew", token="guess")
        await both.member.send(
            "renew", token=await call_token(both.other, both.call.member, both.call.call_id)
        )
        await both.member.until("renewed")
        await both.coach.send("mark", note="better")
        await both.member.until_state(lambda state: state.marks)


class Told:
    """A page that notes what it is told."""

    sign_in_id = None

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.why: list[str] = []

    def send_text(self, text: str, *, lossy: bool = False) -> None:
        self.texts.append(text + "")  # it must be one

    def put_out(self, reason: str) -> None:
        self.why.append(reason)


async def test_a_page_is_sent_away_from_a_room_that_says_what_is_no_message():
    async def confused(line: Line, _opening: dict[str, Any]) -> None:
        for message in ({"in": None}, {"send": "welcome", "lossy": False}, {"send": 5, "lossy": 1}):
            line.say(message)
        async for _ in line:
            pass

    wire, told = Wire(), Told()
    async with wired(wire, "a") as a, wired(wire, "b", seat=confused):
        seat = FarSeat(told, a.call("b", "seat"))
        assert await seat.entered() is None
        async with asyncio.timeout(WAIT_S):
            await seat.listen()
    assert (told.texts, told.why) == (["welcome"], ["shutdown"])


async def test_a_node_that_is_full_leaves_a_call_to_others(tmp_path, redis, monkeypatch):
    monkeypatch.setattr("posesim_server.calls.rooms.MOST_ROOMS", 0)
    async with two(tmp_path, redis) as (a, b):
        call = await appointment(a)
        token = a.app[TOKENS].issue_call(call.call_id, call.coach.id, None, datetime.now(UTC))
        async with page(a, call.coach, call.call_id, token=token, welcomed=False) as coach:
            assert await coach.closed() == ("full", 1013)
        assert await b.app[CLUSTER].take(call.call_id)


async def test_a_stranger_is_let_in_by_no_node(tmp_path, redis):
    async with apart(tmp_path, redis) as both:
        stranger = await both.other.add_user("sam")
        token = both.other.tokens[stranger.id]
        async with page(
            both.other, stranger, both.call.call_id, token=token, welcomed=False
        ) as guess:
            assert await guess.closed() == ("expired", 4401)
        assert both.coach.state.member.present


@pytest.mark.parametrize("ends", ["home", "other"])
async def test_when_the_line_is_ended_at_either_node_the_page_is_sent_away(tmp_path, redis, ends):
    async with apart(tmp_path, redis) as both:
        await getattr(both, ends).app[CLUSTER].lines.close()
        assert await both.member.closed() == ("shutdown", 1001)
        await both.coach.until_state(lambda state: not state.member.present)


async def test_without_redis_the_far_page_is_sent_away_and_comes_back_when_it_is_there(
    tmp_path, redis
):
    async with apart(tmp_path, redis) as both:
        epoch = both.coach.epoch
        redis.stop()
        try:
            assert await both.member.closed() == ("shutdown", 1001)
            await both.coach.until_state(lambda state: not state.member.present)
            token = await call_token(both.home, both.call.member, both.call.call_id)
            async with page(
                both.other, both.call.member, both.call.call_id, token=token, welcomed=False
            ) as early:
                assert await early.closed() == ("shutdown", 1001)
        finally:
            redis.start()
        await both.home.until_true(
            lambda: all(
                each.app[CLUSTER].membership.away is None for each in (both.home, both.other)
            )
        )

        async def comes_back() -> bool:
            async with page(
                both.other, both.call.member, both.call.call_id, epoch=epoch, welcomed=False
            ) as back:
                return (await back.next()).type == "welcome"

        while not await comes_back():  # the channel is opened again a second later
            pass
