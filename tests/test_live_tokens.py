"""For how long a session may go on, over a real connection; the rest is test_live_loopback.py."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from live_fakes import Client
from live_server import (
    EXERCISE,
    SESSION,
    SIGN_IN,
    USER,
    Server,
    ended,
    events_until,
    needs_address,
    running,
    scores,
)

from posesim_server.live.conversation import MOST_BAD_MESSAGES
from posesim_server.live.server_messages import Ended, Pong, Renewed, Welcome

pytestmark = needs_address


def session_token(server: Server, ago_s: float) -> str:
    """A token of the session, of a minute's lifetime, issued so long ago."""
    return server.tokens.issue_session(SESSION, USER, server.now() - timedelta(seconds=ago_s))


def renewal(token: str) -> str:
    return json.dumps({"v": 1, "type": "renew", "token": token})


async def test_a_session_whose_token_runs_out_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        server.token = session_token(server, ago_s=54.0)
        client = Client()
        await server.join(client)
        events = await events_until(client, Ended)
        assert events[-1].reason == "token_expired"
        assert await ended(server) == "token_expired"


async def test_a_session_with_another_token_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        server.token = session_token(server, ago_s=40.0)
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        lease = server.sessions.get(SESSION).lease
        before_s = lease.left_s
        client.events.send(renewal(session_token(server, ago_s=0.0)))
        renewed = (await events_until(client, Renewed))[-1]
        assert before_s < 20.0
        assert 20.0 < lease.left_s <= renewed.expires_in + 0.5
        assert renewed.expires_in <= 60
        await scores(client, 1)


@pytest.mark.parametrize("kind", ["expired", "forged", "of another session", "of a user"])
async def test_a_token_that_proves_nothing_prolongs_no_session(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path) as server:
        now = server.now()
        token = {
            "expired": session_token(server, ago_s=61.0),
            "forged": session_token(server, ago_s=0.0)[:-4] + "AAAA",
            "of another session": server.tokens.issue_session(EXERCISE, USER, now),
            "of a user": server.tokens.issue_user(USER, SESSION, now),
        }[kind]
        server.token = session_token(server, ago_s=40.0)
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        client.events.send(renewal(token))
        client.events.send('{"v":1,"type":"ping","id":7}')
        events = await events_until(client, Pong)
        assert not [event for event in events if isinstance(event, Renewed)]
        assert server.sessions.get(SESSION).lease.left_s < 20.0


async def test_who_tries_token_after_token_is_hung_up(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        for _ in range(MOST_BAD_MESSAGES):
            client.events.send(renewal("guess"))
        assert await ended(server) == "failed"


async def test_a_page_that_closes_ends_its_session_with_a_token_that_has_run_out(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        client = Client()
        location = await server.join(client)
        await scores(client, 1)
        server.token = session_token(server, ago_s=3600.0)
        response = await server.http.delete(location, headers=server.headers)
        assert response.status == 200
        assert await ended(server) == "deleted"


async def test_who_signs_out_ends_what_was_begun_in_that_sign_in(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        await server.sessions.end_sign_in("another")
        await server.sessions.end_user("somebody else")
        await server.sessions.end_user(USER, keep_sign_in=SIGN_IN)
        assert server.sessions.live == 1
        await server.sessions.end_sign_in(SIGN_IN)
        events = await events_until(client, Ended)
        assert events[-1].reason == "signed_out"
        assert await ended(server) == "signed_out"


async def test_whoever_may_no_longer_do_anything_has_no_session(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        await server.sessions.end_user(USER)
        assert await ended(server) == "signed_out"
