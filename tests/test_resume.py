"""A page loses its connection and comes back to the same session over another one."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from live_fakes import Client, MovingPicture
from live_server import SESSION, WAIT_S, Server, ended, events_until, needs_address, running, scores

from posesim_server.live.messages import parse_server
from posesim_server.live.plan import Limits
from posesim_server.live.server_messages import Cue, Ended, Gap, Pong, Rep, Score, Welcome
from posesim_server.live.sessions import TooManyOfUser

pytestmark = needs_address

QUICK = Limits(linger_s=0.2, degraded_s=0.3, free_s=0.6, resume_s=WAIT_S)
OTHER = "4f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b12"


async def rejoin(server: Server, client: Client, claim: str | None = None) -> str:
    """Send another offer for the session; return its resource."""
    server.peers.append(client)
    headers = {**server.headers, "Content-Type": "application/sdp"}
    if claim is not None:
        headers["If-Match"] = claim
    response = await server.http.post(
        f"/v1/whip/{SESSION}", data=await client.offer(), headers=headers
    )
    assert response.status == 201, await response.text()
    await client.accept(await response.text())
    return response.headers["Location"]


async def contact(server: Server, wanted: str) -> None:
    """Wait until the server thinks so of the page."""
    async with asyncio.timeout(WAIT_S):
        while server.sessions.get(SESSION).contact != wanted:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)


def hung(after: int = 20) -> Client:
    """A page that says nothing more after some pictures, as one whose network is gone."""
    return Client(MovingPicture(stop_after=after))


def returning(last_seq: int, last_score: int) -> Client:
    """A page that has got so much already."""
    client = Client()
    client.hello = f'{{"v":1,"type":"hello","last_seq":{last_seq},"last_score":{last_score}}}'
    return client


def all_numbers(server: Server) -> list[list[int]]:
    parts = server.store.parts
    return [
        [row.seq for row in parts.scores],
        [row.number - 1 for row in parts.repetitions],
        [row.seq for row in parts.gaps],
        [row.seq for row in parts.cues],
    ]


async def test_a_session_goes_on_over_another_connection_with_nothing_missing_but_a_gap(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, QUICK) as server:
        first = hung(60)
        await server.join(first)
        before = await events_until(first, Rep)
        await contact(server, "away")

        second = returning(before[-1].seq, -1)
        location = await rejoin(server, second)
        missed: list[Any] = await events_until(second, Welcome)
        welcome = missed.pop()
        later = await scores(second, 3)
        assert (await server.http.delete(location, headers=server.headers)).status == 200
        rest = await events_until(second, Ended)

        assert welcome.epoch == 1
        events = [each for each in [*before, *missed, *rest] if not isinstance(each, Score)]
        assert [each.number for each in events if isinstance(each, Rep)] == [
            row.number for row in server.store.repetitions
        ]
        assert len([each for each in events if isinstance(each, Cue)]) == len(server.store.cues)
        (gap,) = server.store.gaps
        assert gap.reason == "connection"
        known = [each.seq for each in missed if isinstance(each, Score)]
        assert known == list(range(len(known)))  # all that were said before
        assert later[0].t_s > gap.end_s - 0.5 > gap.start_s
        assert later[0].epoch == 1
        assert rest[-1].summary.gaps == 1
        assert welcome.repetitions + welcome.attempts >= 1
        assert rest[-1].summary.repetitions >= welcome.repetitions
        assert all(kind == list(range(len(kind))) for kind in all_numbers(server))
        assert server.store.started == [SESSION]
        assert len(server.store.ended) == 1


async def test_a_session_whose_page_is_away_gives_way_to_another_of_its_user(
    tmp_path: Path,
) -> None:
    limits = dataclasses.replace(QUICK, most_of_user=1)
    async with running(tmp_path, limits) as server:
        await server.join(hung())
        with pytest.raises(TooManyOfUser):
            server.create(session_id=OTHER)
        await contact(server, "away")
        server.create(session_id=OTHER)
        assert await ended(server) == "lost"
        assert server.sessions.live == 1
        with pytest.raises(TooManyOfUser):
            server.create(session_id=SESSION)


async def test_a_stop_does_not_wait_for_a_page_that_is_away(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        await server.join(hung())
        waits = asyncio.create_task(server.sessions.idle())
        assert server.sessions.get(SESSION).contact != "away"
        await asyncio.wait({waits}, timeout=0.1)
        assert not waits.done()
        await contact(server, "away")
        await asyncio.wait_for(waits, WAIT_S)
        assert server.sessions.live == 1


async def test_the_place_of_a_page_that_is_away_is_free(tmp_path: Path) -> None:
    limits = Limits(linger_s=0.2, degraded_s=0.3, free_s=0.6, resume_s=WAIT_S, most_sessions=1)
    async with running(tmp_path, limits) as server:
        await server.join(hung())
        await contact(server, "away")
        assert server.sessions.placed == 0
        async with asyncio.timeout(WAIT_S):
            while server.workers._workers[0].lanes:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        server.create(session_id=OTHER)

        late = Client()
        server.peers.append(late)
        response = await server.post(await late.offer())
        assert response.status == 503
        assert "all places are taken" in (await response.json())["detail"]
        assert response.headers["Retry-After"] == "1"

        await server.sessions.end(OTHER, "deleted")
        client = Client()
        await rejoin(server, client)
        await scores(client, 2)


async def test_who_does_not_come_back_has_lost_the_session_and_nothing_else(tmp_path: Path) -> None:
    limits = Limits(linger_s=0.1, degraded_s=0.2, free_s=0.4, resume_s=0.5)
    async with running(tmp_path, limits) as server:
        await server.join(hung(40))
        assert await ended(server) in ("lost", "left")  # by when the last picture came
        assert server.store.ended[0][2] is not None
        assert server.store.repetitions
        late = Client()
        server.peers.append(late)
        response = await server.post(await late.offer())
        assert response.status == 404


async def test_a_closed_connection_frees_the_place_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(linger_s=0.2)) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        await client.peer.close()
        await contact(server, "away")
        again = Client()
        await rejoin(server, again)
        await scores(again, 2)


async def test_a_newer_page_takes_over_and_the_older_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        older, newer = Client(), Client()
        location = await server.join(older)
        await scores(older, 1)
        await rejoin(server, newer, "*")
        told = (await events_until(older, Ended))[-1]
        assert (told.reason, told.summary) == ("taken_over", None)
        await scores(newer, 2)
        # What the older one says of its own connection does not touch the newer's.
        assert (await server.http.delete(location, headers=server.headers)).status == 404
        assert server.store.ended == []
        newer.events.send('{"v":1,"type":"ping","id":7}')
        await events_until(newer, Pong)


def etag(location: str) -> str:
    """What a connection is called in `If-Match`."""
    return f'"{location.rsplit("/", 1)[1]}"'


async def test_a_window_that_was_away_while_another_took_over_is_told_and_may_insist(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        first, second, third = Client(), Client(), Client()
        had = etag(await server.join(first))
        await scores(first, 1)
        holds = etag(await rejoin(server, second, "*"))
        await scores(second, 1)

        server.peers.append(third)
        headers = {**server.headers, "Content-Type": "application/sdp"}
        offer = await third.offer()
        response = await server.http.post(
            f"/v1/whip/{SESSION}", data=offer, headers={**headers, "If-Match": had}
        )
        assert response.status == 412
        assert "goes on in another window" in (await response.json())["detail"]
        await scores(second, 2)  # undisturbed

        response = await server.http.post(  # as its user wishes
            f"/v1/whip/{SESSION}", data=offer, headers={**headers, "If-Match": "*"}
        )
        await third.accept(await response.text())
        await scores(third, 1)
        late = Client()
        server.peers.append(late)
        headers["If-Match"] = holds
        response = await server.http.post(
            f"/v1/whip/{SESSION}", data=await late.offer(), headers=headers
        )
        assert response.status == 412


async def test_when_the_other_window_has_left_the_first_may_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        first, second, again = Client(), Client(), Client()
        had = etag(await server.join(first))
        await scores(first, 1)
        await rejoin(server, second, "*")
        await scores(second, 1)
        await second.peer.close()
        await contact(server, "away")
        await rejoin(server, again, had)
        await scores(again, 1)


async def test_a_window_whose_answer_was_lost_on_the_way_is_no_other_window(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        first, unheard, again = Client(), Client(), Client()
        had = etag(await server.join(first))
        await scores(first, 1)
        server.peers.append(unheard)
        headers = {**server.headers, "Content-Type": "application/sdp", "If-Match": had}
        offer = await unheard.offer()
        assert (
            await server.http.post(f"/v1/whip/{SESSION}", data=offer, headers=headers)
        ).status == 201
        await rejoin(server, again, had)
        await scores(again, 1)


@pytest.mark.parametrize("token", ["of another session", "of nobody"])
async def test_who_has_not_the_token_of_the_session_can_not_take_it_over(
    tmp_path: Path, token: str
) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        others = server.headers_of(OTHER)["Authorization"]
        headers = {
            "Authorization": others if "session" in token else "Bearer x",
            "Content-Type": "application/sdp",
            "If-Match": "*",
        }
        stranger = Client()
        server.peers.append(stranger)
        response = await server.http.post(
            f"/v1/whip/{SESSION}", data=await stranger.offer(), headers=headers
        )
        assert response.status == 401
        await scores(client, 2)


async def test_a_bad_offer_leaves_a_session_waiting(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        await server.join(hung())
        await contact(server, "away")
        assert (await server.post("nonsense")).status == 400
        assert server.sessions.placed == 0
        client = Client()
        await rejoin(server, client)
        await scores(client, 2)


async def test_a_session_of_a_call_is_lost_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK, plan={"call_id": OTHER}) as server:
        await server.join(hung())
        assert await ended(server) in ("lost", "left")


async def test_a_gap_is_told_when_the_page_is_back(tmp_path: Path) -> None:
    async with running(tmp_path, QUICK) as server:
        await server.join(hung())
        await contact(server, "away")
        await asyncio.sleep(0.5)
        client = Client()
        await rejoin(server, client)
        gap = (await events_until(client, Gap))[-1]
        assert gap.reason == "connection"
        assert gap.end_s - gap.start_s > 1.0  # as long as nobody saw anything
        message = parse_server(await client.score_messages.get())
        assert message.epoch == 1
