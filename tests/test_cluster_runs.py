"""Runs of a call whose node has no place left: their sessions are on another one.

Two nodes in one process, a real Redis, real cameras.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from call_page import Appointment, Page
from fake_engine import SETTINGS
from live_fakes import Client
from live_server import needs_address
from redis_server import Redis, redis_at
from test_call_runs import (
    both_are_told_the_result,
    coach_hears_the_scores_of,
    gap_by_pausing,
    score_of,
    with_program,
)
from test_cluster_processes import node as process_node
from two_nodes import first, node, quick, two, url

from posesim_server.calls.far_sessions import FarSessions
from posesim_server.calls.server_messages import CallReference, LiveMessage
from posesim_server.calls.sessions import CantStart
from posesim_server.cluster import adoption, membership
from posesim_server.database import StoreError
from posesim_server.keys import CALL_SESSIONS, CLUSTER, ROOMS, SESSIONS, STORE
from posesim_server.live.outcomes import EndReason, SummaryValues
from posesim_server.live.server_messages import Ended
from server import WAIT_S, Server

pytestmark = [pytest.mark.redis, needs_address]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    monkeypatch.setattr("posesim_server.calls.course.RENEW_S", 0.2)


@dataclass
class Full:
    """A call on a node whose one place is taken.

    Attributes:
        taken: The session that has it.
    """

    server: Server
    call: Appointment
    exercises: list[str]
    taken: str

    @contextlib.asynccontextmanager
    async def chosen(self) -> AsyncIterator[tuple[Page, Page]]:
        """Both are there, and what is to be done is chosen."""
        assert await self.server.app[CLUSTER].take(self.call.call_id)  # or the other one has it
        async with self.call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=self.exercises)
            await coach.until_state(lambda state: state.program)
            yield coach, member

    async def free(self) -> None:
        """Give the place back."""
        path = f"/v1/sessions/{self.taken}"
        headers = self.server.headers_of(self.call.coach)
        assert (await self.server.client.delete(path, headers=headers)).status == 204


@dataclass
class Other:
    """A node that is another process."""

    node_url: str
    client: aiohttp.ClientSession

    @property
    def config(self) -> "Other":
        return self


class NoRoom:
    """Listens to sessions of which nothing is to be heard."""

    def heard(self, session_id: str, message: LiveMessage) -> None:
        raise AssertionError((session_id, message))

    def reference_is(self, reference: CallReference) -> None:
        raise AssertionError(reference)

    def session_ended(
        self, session_id: str, reason: EndReason, summary: SummaryValues | None
    ) -> None:
        raise AssertionError((session_id, reason, summary))


async def full(a: Server, folder: Path) -> Full:
    """Make it, on the first node."""
    call, exercises = await with_program(a, folder)
    body, headers = {"exercise_id": exercises[0]}, a.headers_of(call.coach)
    made = await a.client.post("/v1/sessions", json=body, headers=headers)
    taken = await made.json()
    assert taken["whip_url"].startswith(url("a"))
    return Full(a, call, exercises, taken["id"])


async def start(coach: Page, member: Page, b: Server | Other) -> tuple[Any, Client]:
    """Start what is chosen, which is done on the other node."""
    await coach.send("start")
    return await followed(coach, member, b)


async def followed(coach: Page, member: Page, at: Server | Other) -> tuple[Any, Client]:
    """The next ticket, which is of a node, and the camera that followed it."""
    ticket = await member.until("ticket")
    assert ticket.whip_url == f"{at.config.node_url}/v1/whip/{ticket.id}"
    camera = await member.camera(ticket, at=at)
    await coach.until_state(
        lambda state: (
            state.run is not None
            and (state.run.session_id, state.run.state) == (ticket.id, "running")
        )
    )
    return ticket, camera


async def both_are_told_that_it_is_lost(coach: Page, member: Page) -> None:
    """As of a session on the call's own node: the coach hears its last message."""
    await coach.until("live", lambda live: live.message.type == "ended")
    said = [live.message for live in coach.heard if live.type == "live"]
    events = [each for each in said if each.type not in ("score", "pose")]
    assert events[-1] == Ended(seq=len(events) - 1, reason="lost", summary=None)
    for page in (coach, member):
        await page.until_state(lambda state: state.run.session_id is None)


async def test_a_run_that_has_no_place_on_its_calls_node_is_done_on_another(
    tmp_path: Path, redis: Redis
) -> None:
    async with two(tmp_path, redis, max_sessions=1) as (a, b):
        there = await full(a, tmp_path)
        async with there.chosen() as (coach, member):
            ticket, camera = await start(coach, member, b)
            assert (ticket.purpose, ticket.name) == ("score", "Squat")
            assert b.app[SESSIONS].get(ticket.id)

            await coach_hears_the_scores_of(camera, coach, ticket.id)

            await coach.send("mark", note="knee inwards")
            (mark,) = (await member.until_state(lambda state: state.marks)).marks
            assert mark.session_id == ticket.id
            assert mark.t_s == pytest.approx(b.app[SESSIONS].get(ticket.id).time_s, abs=2.0)

            assert (await gap_by_pausing(coach)).reason == "paused"

            headers = a.headers_of(there.call.member)
            path = f"/v1/sessions/{ticket.id}/token"  # of the node that the page is from
            assert (await a.client.post(path, headers=headers)).status == 200

            await coach.send("next")
            await both_are_told_the_result(coach, member, ticket.id)
            assert (await a.client.post(path, headers=headers)).status == 409

        path = f"/v1/calls/{there.call.call_id}/record"
        record = await a.get(path, there.call.coach)
        assert [each["id"] for each in record["sessions"]] == [ticket.id]
        (session,) = await a.app[STORE].calls.sessions(there.call.call_id)
        assert (session.user_id, session.end_reason) == (there.call.member.id, "coach_stopped")
        assert session.exercise_id == there.exercises[0]


async def test_the_place_that_a_run_gives_up_is_there_for_the_next_at_once(
    tmp_path: Path, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(tmp_path, redis, max_sessions=1) as (a, b):
        there = await full(a, tmp_path)
        async with there.chosen() as (coach, member):
            before, _ = await start(coach, member, b)
            monkeypatch.setattr(membership, "BEAT_S", 1.0)  # so late the others hear of it
            await coach.send("stop")
            await coach.send("start")
            after, _ = await followed(coach, member, b)
            assert after.id != before.id
            await member.socket.close()
            async with there.call.member_page() as again:  # the page is loaded again
                await again.send("media", camera=True, microphone=True)
                last, _ = await followed(coach, again, b)
                await score_of(coach, last.id)
        sessions = await a.app[STORE].calls.sessions(there.call.call_id)
        assert [each.id for each in sessions] == [before.id, after.id, last.id]


async def test_with_no_place_on_any_node_there_is_no_run(tmp_path: Path, redis: Redis) -> None:
    async with two(tmp_path, redis, max_sessions=1) as (a, b):
        there = await full(a, tmp_path)
        async with there.chosen() as (coach, member):
            ticket, _ = await start(coach, member, b)
            await coach.send("stop")
            await coach.until("result")
            b.app[SESSIONS].drain(60.0)
            # Until the others know, it is asked, and refuses; afterwards it is not asked.
            assert (await coach.refusal("start")).startswith("All places on all nodes are taken.")
            await a.until_true(lambda: not _entry_of(a, b).takes)
            assert (await coach.refusal("start")).startswith("All places on all nodes are taken.")
            assert coach.state.run is None
        (session,) = await a.app[STORE].calls.sessions(there.call.call_id)
        assert session.id == ticket.id


def _entry_of(a: Server, b: Server) -> Any:
    (entry,) = (each for each in a.app[CLUSTER].membership.nodes if each.url == b.config.node_url)
    return entry


async def test_why_there_can_be_no_session_is_said_and_its_place_given_back(
    tmp_path: Path, redis: Redis
) -> None:
    async with two(tmp_path, redis, max_sessions=1) as (a, b):
        there = await full(a, tmp_path)
        call = await a.app[STORE].calls.get(there.call.coach.id, there.call.call_id)
        far = FarSessions(a.app[CALL_SESSIONS], NoRoom())
        for _ in range(2):  # the second one is promised the same place
            with pytest.raises(CantStart, match="This exercise is not there any more"):
                await far.score(call, "deleted meanwhile", sign_in_id=None)
        assert await a.app[STORE].calls.sessions(there.call.call_id) == []
        assert b.app[SESSIONS].live == 0


async def test_a_run_on_another_node_ends_with_its_room_and_with_its_call(
    tmp_path: Path, redis: Redis
) -> None:
    async with two(tmp_path, redis, max_sessions=1) as (a, b):
        there = await full(a, tmp_path)
        async with there.chosen() as (coach, member):
            await start(coach, member, b)
            a.app[ROOMS].give_up(there.call.call_id)  # as when the call goes on elsewhere
            assert await coach.closed() == ("shutdown", 1001)
            await a.until_true(lambda: not b.app[SESSIONS].unended and not _entry_of(a, b).placed)
        async with there.chosen() as (coach, member):
            await start(coach, member, b)
            await coach.send("end")
            assert await member.closed() == ("ended", 4410)
            await b.until_true(lambda: not b.app[SESSIONS].unended)
        sessions = await a.app[STORE].calls.sessions(there.call.call_id)
        assert [each.end_reason for each in sessions] == ["shutdown", "call_ended"]


async def test_when_the_node_of_a_run_stops_the_run_goes_on_as_another_session(
    tmp_path: Path, redis: Redis
) -> None:
    async with first(tmp_path, redis, max_sessions=1) as a, contextlib.AsyncExitStack() as stack:
        b = await stack.enter_async_context(node(tmp_path, redis, "b", max_sessions=1))
        await a.until_true(lambda: sum(n.takes for n in a.app[CLUSTER].membership.nodes) == 2)
        there = await full(a, tmp_path)
        async with there.chosen() as (coach, member):
            before, _ = await start(coach, member, b)
            await score_of(coach, before.id)
            await there.free()
            await stack.aclose()
            after, _ = await followed(coach, member, a)
            await score_of(coach, after.id)
            assert coach.state.run.number == 2
            assert [each.session_id for each in coach.state.results] == [before.id]
        left, _ = await a.app[STORE].calls.sessions(there.call.call_id)
        assert (left.id, left.end_reason) == (before.id, "shutdown")


@pytest.mark.slow
async def test_when_the_node_of_a_run_is_killed_both_are_told_and_the_run_goes_on(
    tmp_path: Path, redis: Redis
) -> None:
    """The other node is a process of its own."""
    async with first(tmp_path, redis, max_sessions=1, weights=SETTINGS.weights) as a:
        there = await full(a, tmp_path)
        with process_node(tmp_path, redis, max_sessions=1) as b:
            await a.until_true(lambda: sum(n.takes for n in a.app[CLUSTER].membership.nodes) == 2)
            node_url = b.url.replace("localhost", "127.0.0.1")
            async with aiohttp.ClientSession(node_url) as to_b, there.chosen() as (coach, member):
                before, _ = await start(coach, member, Other(node_url, to_b))
                await score_of(coach, before.id)
                await there.free()
                b.kill()
                await both_are_told_that_it_is_lost(coach, member)
                after, _ = await followed(coach, member, a)
                await score_of(coach, after.id)
                assert coach.state.run.number == 2


async def test_when_the_nodes_lose_each_other_the_session_ends_and_another_is_made(
    tmp_path: Path, redis_executable: Path
) -> None:
    with redis_at(redis_executable, tmp_path) as own:
        async with two(tmp_path, own, max_sessions=1) as (a, b):
            there = await full(a, tmp_path)
            async with there.chosen() as (coach, member):
                before, _ = await start(coach, member, b)
                await score_of(coach, before.id)
                await there.free()
                own.stop()
                await both_are_told_that_it_is_lost(coach, member)
                after, _ = await followed(coach, member, a)
                await score_of(coach, after.id)
                await b.until_true(lambda: not b.app[SESSIONS].unended)
            left, _ = await a.app[STORE].calls.sessions(there.call.call_id)
            assert (left.id, left.end_reason) == (before.id, "lost")
            assert left.summary is not None


async def test_a_session_whose_node_died_is_ended_by_another(
    tmp_path: Path, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "LOOK_S", 0.05)
    monkeypatch.setattr(adoption, "ORPHAN_S", 0.2)
    async with first(tmp_path, redis) as a:
        call, (exercise_id, _) = await with_program(a, tmp_path)
        store = a.app[STORE]
        exercise = await store.exercises.visible(call.coach.id, exercise_id)
        left = [
            await store.sessions.add(call.member.id, exercise, call_id=call.call_id)
            for _ in range(2)
        ]
        await store.sessions.start(left[1].id)
        take, failed = store.open_sessions.take, asyncio.Event()

        async def take_later(session_id: str) -> Any:
            if not failed.is_set():
                failed.set()
                raise StoreError("planted")
            return await take(session_id)

        monkeypatch.setattr(store.open_sessions, "take", take_later)  # and it is tried again
        async with asyncio.timeout(WAIT_S):
            while await store.open_sessions.ids():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        sessions = await store.calls.sessions(call.call_id)
        assert [each.end_reason for each in sessions] == ["never_joined", "lost"]
