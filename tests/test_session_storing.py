"""All that a session said is stored, once, whatever happens to database and workers meanwhile."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from live_fakes import Client
from live_server import SESSION, WAIT_S, Server, ended, events_until, needs_address, running, scores

from posesim_server.database import StoreError
from posesim_server.live.plan import Limits
from posesim_server.live.record import ROWS_A_WRITE
from posesim_server.live.server_messages import Cue, Draining, Ended, Gap, Rep
from posesim_server.store.sessions import Superseded

pytestmark = needs_address

QUICK = Limits(linger_s=0.2, store_again_s=0.01)


async def until(server: Server, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        await server.store.until(holds)


async def end(server: Server, client: Client, location: str) -> list[object]:
    """End the session; return the events up to its end."""
    assert (await server.http.delete(location, headers=server.headers)).status == 200
    return await events_until(client, Ended)


def numbers(server: Server) -> tuple[list[int], list[int], list[int], list[int]]:
    parts = server.store.parts
    return (
        [row.seq for row in parts.scores],
        [row.number for row in parts.repetitions],
        [row.seq for row in parts.gaps],
        [row.seq for row in parts.cues],
    )


def assert_whole(server: Server) -> None:
    """No number is missing, none is there twice."""
    said = numbers(server)
    assert [
        list(range(first, first + len(kind)))
        for kind, first in zip(said, (0, 1, 0, 0), strict=True)
    ] == list(said)


async def test_all_that_the_page_was_told_is_stored(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        location = await server.join(client)
        told = await scores(client, 6)
        events = await end(server, client, location)
        parts = server.store.parts
        stored = {row.seq: row for row in parts.scores}
        assert all(stored[each.seq].t_s == each.t_s for each in told)
        assert [(row.number, row.start_s, row.end_s, row.valid) for row in parts.repetitions] == [
            (rep.number, rep.start_s, rep.end_s, rep.valid)
            for rep in events
            if isinstance(rep, Rep)
        ]
        assert parts.repetitions[0].differences == [{"part": "left_knee", "degrees": -20}]
        assert [(row.t_s, row.cue, row.part) for row in parts.cues] == [
            (cue.t_s, cue.cue, cue.part) for cue in events if isinstance(cue, Cue)
        ]
        assert_whole(server)


async def test_what_is_said_is_stored_while_the_session_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await until(server, lambda: len(server.store.parts) >= ROWS_A_WRITE)
        assert server.store.ended == []
        assert server.store.repetitions


async def test_a_database_that_is_busy_for_a_while_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        server.store.error = StoreError("a planted failure")
        client = Client()
        location = await server.join(client)
        await until(server, lambda: server.store.tries >= 3)
        assert len(server.store.parts) == 0
        server.store.error = None
        await until(server, lambda: len(server.store.parts) >= ROWS_A_WRITE)
        assert server.store.ended == []
        await end(server, client, location)
        assert_whole(server)


async def test_a_session_has_begun_although_that_is_stored_only_at_its_end(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(linger_s=0.2, store_again_s=3600.0)) as server:
        server.store.error = StoreError("a planted failure")
        client = Client()
        location = await server.join(client)
        await until(server, lambda: server.store.tries >= 1)
        server.store.error = None
        await end(server, client, location)
        assert server.store.started == [SESSION]


async def test_what_was_stored_without_an_answer_is_stored_once(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        server.store.answers_lost = 3
        client = Client()
        location = await server.join(client)
        await until(server, lambda: server.store.tries >= 5 and len(server.store.parts) > 0)
        await end(server, client, location)
        assert server.store.answers_lost == 0
        assert_whole(server)


async def test_the_last_of_a_session_is_stored_although_the_first_try_fails(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        client = Client()
        location = await server.join(client)
        await scores(client, 3)
        server.store.answers_lost = 2
        events = await end(server, client, location)
        assert await ended(server) == "deleted"
        assert len(server.store.repetitions) == sum(isinstance(each, Rep) for each in events)
        assert_whole(server)


async def test_what_a_database_does_not_take_at_the_end_is_stored_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, QUICK) as server:
        client = Client()
        location = await server.join(client)
        await scores(client, 3)
        server.store.error = StoreError("a planted failure")
        events = await end(server, client, location)
        assert isinstance(events[-1], Ended)  # the page does not wait for it
        assert events[-1].summary is not None
        tries = server.store.tries
        await until(server, lambda: server.store.tries > tries + 3)
        assert server.store.ended == []
        assert server.sessions.unended == {SESSION}
        assert server.sessions.live == 0  # nor does anybody who wants the place
        server.store.error = None
        assert await ended(server) == "deleted"
        assert len(server.store.repetitions) == sum(isinstance(each, Rep) for each in events)
        assert_whole(server)


async def test_numbers_go_on_in_the_worker_after(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        location = await server.join(client)
        await events_until(client, Rep)
        server.workers._workers[0].link.kill()
        await events_until(client, Gap)
        await events_until(client, Rep)
        await end(server, client, location)
        assert [gap.reason for gap in server.store.gaps] == ["restart"]
        assert len(server.store.repetitions) >= 2
        assert_whole(server)


async def test_a_session_that_another_has_taken_stores_no_end_and_sends_its_page_there(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, QUICK) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        server.store.error = Superseded(SESSION)
        told = (await events_until(client, Draining))[-1]
        assert told.left_s == 0.0
        async with asyncio.timeout(WAIT_S):
            while server.sessions.live:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        assert server.store.ended == []
