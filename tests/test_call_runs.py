"""Runs of a call with real cameras: what the member is told, the coach is told as well."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from call_page import Appointment, Page, appointment
from live_fakes import Client, MovingPicture
from live_server import needs_address
from videos import stick_figure

from posesim_server.calls.server_messages import CallLive
from posesim_server.keys import SESSIONS, STORE
from posesim_server.live.messages import parse_server
from posesim_server.live.server_messages import Ended, Gap, Score
from server import WAIT_S, Server, problem, running

pytestmark = [needs_address, pytest.mark.slow, pytest.mark.shares]


async def with_program(server: Server, tmp_path: Path) -> tuple[Appointment, list[str]]:
    """A call whose coach has two exercises of their own."""
    call = await appointment(server)
    clip = await asyncio.to_thread(stick_figure, tmp_path / "squats.mp4", seconds=4.0)
    made = [await server.ready_exercise(clip, name, call.coach) for name in ("Squat", "Lunge")]
    return call, [exercise["id"] for exercise in made]


async def start(coach: Page, member: Page) -> tuple[Any, Client]:
    """Start what is chosen; return the ticket and the camera that followed it."""
    await coach.send("start")
    ticket = await member.until("ticket")
    camera = await member.camera(ticket)
    await coach.until_state(lambda state: state.run is not None and state.run.state == "running")
    return ticket, camera


async def score_of(coach: Page, session_id: str) -> Score:
    """The next score that the coach is told."""
    live = await coach.until(
        "live", lambda live: live.message.type == "score" and live.session_id == session_id
    )
    return live.message


async def scores_of(camera: Client, count: int) -> list[Score]:
    found: list[Score] = []
    async with asyncio.timeout(WAIT_S):
        while len(found) < count:
            message = parse_server(await camera.score_messages.get())
            if isinstance(message, Score):
                found.append(message)
    return found


async def coach_hears_the_scores_of(camera: Client, coach: Page, session_id: str) -> None:
    """The first three are what the member's page is told."""
    theirs = [await score_of(coach, session_id) for _ in range(3)]
    mine = {score.t_s: score for score in await scores_of(camera, 3)}
    for score in theirs:
        same = mine[score.t_s]
        assert score.model_dump(exclude={"seq", "age_s"}) == (
            same.model_dump(exclude={"seq", "age_s"})
        )
    assert [score.seq for score in theirs] == [0, 1, 2]


async def gap_by_pausing(coach: Page) -> Gap:
    """Pause and go on until a picture was left out by it; return what the coach is told of that."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for wish, state in (("pause", "paused"), ("resume", "running")):
                await coach.send(wish)
                await coach.until_state(lambda told, state=state: told.run.state == state)
                await asyncio.sleep(0.1)
            for each in coach.heard:
                if isinstance(each, CallLive) and isinstance(each.message, Gap):
                    return each.message


async def both_are_told_the_result(coach: Page, member: Page, session_id: str) -> None:
    """The coach has gone on to the next exercise, the second one."""
    results = [await each.until("result") for each in (coach, member)]
    assert results[0] == results[1]
    assert results[0].session_id == session_id
    assert results[0].summary.duration_s > 0
    await coach.until_state(lambda state: state.results)
    assert (coach.state.run, coach.state.current) == (None, 1)
    ended = [
        m.message for m in coach.heard if isinstance(m, CallLive) and isinstance(m.message, Ended)
    ]
    assert [each.reason for each in ended] == ["coach_stopped"]


async def test_both_are_told_the_scores_of_the_member(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            state = await member.until_state(lambda state: len(state.program) == 2)
            assert ([item.name for item in state.program], state.current) == (
                ["Squat", "Lunge"],
                0,
            )
            ticket, camera = await start(coach, member)
            assert (ticket.purpose, ticket.name) == ("score", "Squat")
            assert member.state.run is not None or await member.until_state(
                lambda state: state.run is not None
            )
            await coach_hears_the_scores_of(camera, coach, ticket.id)

            await coach.send("mark", note="knee inwards")
            (mark,) = (await member.until_state(lambda state: state.marks)).marks
            assert mark.session_id == ticket.id
            assert mark.t_s > 0

            await coach.send("next")
            await both_are_told_the_result(coach, member, ticket.id)

            await coach.send("correct", session_id=ticket.id, repetitions=7)
            state = await member.until_state(
                lambda state: state.results and state.results[0].corrected == 7
            )
        (session,) = await server.app[STORE].calls.sessions(call.call_id)
        assert (session.id, session.user_id) == (ticket.id, call.member.id)
        assert (session.end_reason, session.corrected_repetitions) == ("coach_stopped", 7)
        assert session.exercise_id == exercises[0]
        (stored,) = await server.app[STORE].calls.marks(call.call_id)
        assert stored.t_s == mark.t_s or abs(stored.t_s - mark.t_s) < 1e-3


async def test_a_pause_is_a_gap_and_ends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            ticket, _ = await start(coach, member)
            await score_of(coach, ticket.id)
            assert (await gap_by_pausing(coach)).reason == "paused"
            await score_of(coach, ticket.id)


async def test_a_member_who_reloads_is_scored_on_in_the_same_run(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            first, camera = await start(coach, member)
            await score_of(coach, first.id)
            await member.socket.close()
            await camera.peer.close()
            async with call.member_page() as again:
                second = await again.until("ticket")
                assert second.id != first.id
                await again.send("media", camera=True, microphone=True)
                await again.camera(second)
                await score_of(coach, second.id)
                state = await again.until_state(
                    lambda state: state.run is not None and state.run.state == "running"
                )
                assert (state.run.session_id, state.run.number) == (second.id, 2)
                await coach.send("stop")
                assert (await again.until("result")).session_id == second.id
        sessions = await server.app[STORE].calls.sessions(call.call_id)
        assert [session.id for session in sessions] == [first.id, second.id]


async def test_a_coach_who_reloads_finds_the_run_going_on(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            ticket, _ = await start(coach, member)
            await coach.socket.close()
            async with call.coach_page() as again:
                state = await again.until_state(lambda state: state.run is not None)
                assert (state.run.state, state.run.session_id) == ("running", ticket.id)
                assert [item.name for item in state.program] == ["Squat", "Lunge"]
                await score_of(again, ticket.id)


async def test_a_camera_that_is_lost_is_asked_for_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            first, camera = await start(coach, member)
            await score_of(coach, first.id)
            await camera.peer.close()
            second = await member.until("ticket")
            await member.camera(second)
            await score_of(coach, second.id)


async def test_a_member_who_takes_a_consent_back_is_not_scored(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            ticket, _ = await start(coach, member)
            headers = server.headers_of(call.member)
            for consent in await server.app[STORE].consents.given(call.member.id, "scoring"):
                path = f"/v1/consents/{consent.id}"
                assert (await server.client.delete(path, headers=headers)).status == 204
            assert (await member.until("result")).session_id == ticket.id
            detail = await coach.refusal("start")
            assert detail == (
                "The other person has not allowed that movements are analysed. They can, under "
                "Account, Privacy."
            )
            assert coach.state.run is None


async def test_without_a_free_place_there_is_no_run(tmp_path: Path) -> None:
    async with running(tmp_path, max_sessions=1) as server:
        call, exercises = await with_program(server, tmp_path)
        body = {"exercise_id": exercises[0]}
        headers = server.headers_of(call.coach)
        taken = await server.client.post("/v1/sessions", json=body, headers=headers)
        assert taken.status == 201
        async with call.admitted() as (coach, _):
            await coach.send("program", exercise_ids=exercises)
            assert "all places are taken" in (await coach.refusal("start"))
        assert await server.app[STORE].calls.sessions(call.call_id) == []


async def test_the_end_of_the_call_ends_the_run(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            await start(coach, member)
            await coach.send("end")
            assert await member.closed() == ("ended", 4410)
            await server.until_true(lambda: server.app[SESSIONS].live == 0)
        async with asyncio.timeout(WAIT_S):
            while True:
                (session,) = await server.app[STORE].calls.sessions(call.call_id)
                if session.state == "ended":
                    break
                await asyncio.sleep(0.05)
        assert session.end_reason == "call_ended"


async def test_the_coachs_own_camera_is_the_reference(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await coach.send("live_reference", on=True)
            shown = await coach.until("ticket")
            assert shown.purpose == "reference"
            await coach.camera(shown)
            await member.until_state(lambda state: state.live_reference == "on")
            await coach.until_state(lambda state: state.live_reference == "on")
            ticket, _ = await start(coach, member)
            await score_of(coach, ticket.id)
            assert coach.state.run.live
            assert coach.state.run.exercise_id is None

            path = f"/v1/sessions/{shown.id}/token"
            renewed = await server.client.post(path, headers=server.headers_of(call.coach))
            assert renewed.status == 200
            theirs = await server.client.post(path, headers=server.headers_of(call.member))
            await problem(theirs, 404)

            await coach.send("live_reference", on=False)
            assert (await member.until("result")).session_id == ticket.id
            await member.until_state(lambda state: state.live_reference == "off")
        (session,) = await server.app[STORE].calls.sessions(call.call_id)
        assert (session.exercise_id, session.user_id) == (None, call.member.id)


async def test_a_coach_who_reloads_is_the_reference_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await coach.send("live_reference", on=True)
            first = await coach.until("ticket")
            camera = await coach.camera(first)
            await coach.until_state(lambda state: state.live_reference == "on")
            ticket, _ = await start(coach, member)
            await coach.socket.close()
            await camera.peer.close()
            await member.until_state(lambda state: state.live_reference == "connecting")
            async with call.coach_page() as again:
                await again.send("media", camera=True, microphone=True)
                second = await again.until("ticket")
                assert second.id != first.id
                await again.camera(second, MovingPicture(240, 320))
                await again.until_state(lambda state: state.live_reference == "on")
                assert again.state.run.session_id == ticket.id
                await score_of(again, ticket.id)


async def test_the_messages_of_a_run_fit_what_is_documented(tmp_path: Path) -> None:
    """What is sent is read by the models that the document is made of, and written the same."""
    async with running(tmp_path) as server:
        call, exercises = await with_program(server, tmp_path)
        async with call.admitted() as (coach, member):
            await coach.send("program", exercise_ids=exercises)
            await start(coach, member)
            await coach.send("stop")
            await member.until("result")
            for message in (*coach.heard, *member.heard):
                assert json.loads(message.model_dump_json())["v"] == 1
