"""Sessions that an earlier run of the server left open, without a connection; see test_restarts."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from videos import stick_figure

from posesim_server import schema
from posesim_server.keys import SESSIONS, STORE
from posesim_server.live.plan import Limits
from posesim_server.store.parts import GapRow, Parts, RepetitionRow, ScoreRow
from posesim_server.store.sessions import Superseded
from server import Server, running

PARTS = Parts(
    scores=tuple(
        ScoreRow(seq, 2.56 + 0.32 * seq, 80.0 + seq, "scoring", 0.9, 0.8, 0.7, 1.0, 1.1)
        for seq in range(4)
    ),
    repetitions=(
        RepetitionRow(1, 0.5, 2.5, True, 81.0, 0.9, 1.0, []),
        RepetitionRow(2, 2.5, 3.5, False, None, 0.3, None, [{"part": "left_knee", "degrees": 20}]),
    ),
    gaps=(GapRow(0, 2.0, 2.5, "overload"),),
)


async def left_open(server: Server, folder: Path, *, started: bool = True) -> str:
    """Leave a session as a server that is killed does; return its id."""
    clip = await asyncio.to_thread(stick_figure, folder / "clip.mp4", seconds=3.0)
    exercise = await server.ready_exercise(clip)
    store = server.app[STORE]
    stored = await store.exercises.visible(server.user.id, exercise["id"])
    session = await store.sessions.add(server.user.id, stored)
    if started:
        await store.sessions.start(session.id)
        await store.sessions.add_parts(session.id, PARTS)
        await store.sessions.held(session.id, 3.5)
    return session.id


async def record(server: Server, session_id: str) -> dict[str, Any]:
    return await server.get(f"/v1/sessions/{session_id}/record")


def assert_summed_up(summary: dict[str, Any]) -> None:
    assert (summary["repetitions"], summary["attempts"], summary["gaps"]) == (1, 1, 1)
    assert (summary["score"], summary["best_score"]) == (81.5, 83.0)
    assert summary["held_s"] == 3.5


async def test_a_session_waits_for_its_page_and_takes_no_place_meanwhile(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        session_id = await left_open(server, tmp_path)
    async with running(tmp_path / "data") as server:
        sessions = server.app[SESSIONS]
        assert sessions.get(session_id).contact == "away"
        assert (sessions.live, sessions.placed) == (1, 0)
        response = await server.client.post(
            f"/v1/sessions/{session_id}/token", headers=server.headers
        )
        assert response.status == 200
        response = await server.client.delete(f"/v1/sessions/{session_id}", headers=server.headers)
        assert response.status == 204
        found = await record(server, session_id)
        assert found["session"]["end_reason"] == "deleted"
        assert_summed_up(found["session"]["summary"])


async def test_a_session_whose_page_does_not_come_is_lost_with_all_that_was_stored(
    tmp_path: Path,
) -> None:
    async with running(tmp_path / "data") as server:
        session_id = await left_open(server, tmp_path)
    async with running(tmp_path / "data", limits=Limits(resume_s=0.05)) as server:
        await server.until_true(lambda: not server.app[SESSIONS]._running)
        found = await record(server, session_id)
    assert found["session"]["end_reason"] == "lost"
    assert len(found["scores"]) == len(PARTS.scores)
    assert_summed_up(found["session"]["summary"])


@pytest.mark.parametrize("why", ["it is too old", "its camera never came"])
async def test_what_can_not_go_on_is_ended_when_the_server_starts(tmp_path: Path, why: str) -> None:
    async with running(tmp_path / "data") as server:
        session_id = await left_open(server, tmp_path, started=why != "its camera never came")
    longest_s = 0.001 if why == "it is too old" else 3600.0
    async with running(tmp_path / "data", max_session_s=longest_s) as server:
        assert server.app[SESSIONS].live == 0
        session = (await record(server, session_id))["session"]
        assert session["state"] == "ended"
        if why == "it is too old":
            assert_summed_up(session["summary"])
        else:
            assert session["summary"] is None


async def test_a_session_stays_open_over_a_stop(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        session_id = await left_open(server, tmp_path)
    for _ in range(2):
        async with running(tmp_path / "data") as server:
            assert server.app[SESSIONS].get(session_id).contact == "away"
            rows = await server.app[STORE].database.all(sa.select(schema.open_sessions))
    assert [row["restarts"] for row in rows] == [2]


async def test_who_takes_a_session_alone_may_store_in_it(tmp_path: Path) -> None:
    """Also what a node that was thought dead still stores, or the end that it wants to store."""
    more = Parts(scores=(ScoreRow(4, 4.0, 90.0, "scoring", 0.9, 0.8, 0.7, 1.0, 1.1),))
    async with running(tmp_path / "data") as server:
        session_id = await left_open(server, tmp_path)
        store = server.app[STORE]
        first = await store.open_sessions.take(session_id)
        await store.sessions.add_parts(session_id, more, run=first.restarts)
        second = await store.open_sessions.take(session_id)
        assert second.restarts == first.restarts + 1
        assert second.parts.scores == (*PARTS.scores, *more.scores)

        for late in (
            store.sessions.add_parts(session_id, more, run=first.restarts),
            store.sessions.start(session_id, run=first.restarts),
            store.sessions.end(session_id, "lost", None, run=first.restarts),
        ):
            with pytest.raises(Superseded):
                await late
        await store.sessions.held(session_id, 99.0, run=first.restarts)
        found = await store.open_sessions.take(session_id)
        assert (found.parts, found.held_s) == (second.parts, 3.5)

        assert await store.sessions.end(session_id, "left", None, run=found.restarts)
        assert not await store.sessions.end(session_id, "left", None, run=found.restarts)
        with pytest.raises(Superseded):
            await store.sessions.add_parts(session_id, more, run=found.restarts)
        assert await store.open_sessions.take(session_id) is None
        assert await store.open_sessions.ids() == []
