"""Who may be in a call, and what they may do there, over real sockets."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError
from call_page import appointment, call_token, page

from posesim_server.calls.rooms import MOST_STRANGERS_THERE
from posesim_server.calls.socket import SocketLimits
from posesim_server.keys import METRICS, ROOMS, STORE, TOKENS
from server import WAIT_S, problem, running

CONTROLS = [
    ("admit", {}),
    ("dismiss", {}),
    ("program", {"exercise_ids": []}),
    ("select", {"index": 0}),
    ("start", {}),
    ("pause", {}),
    ("resume", {}),
    ("stop", {}),
    ("next", {}),
    ("mark", {"note": "knee"}),
    ("correct", {"session_id": "s", "repetitions": 3}),
    ("live_reference", {"on": True}),
    ("end", {}),
]
OFFER = {"kind": "offer", "sdp": "v=0\r\n"}
CANDIDATE = {
    "candidate": "candidate:1",
    "sdp_mid": "0",
    "sdp_m_line_index": 0,
    "username_fragment": None,
}


# Coming in


async def test_who_waits_sees_the_coachs_name_and_no_more(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            await coach.send("media", camera=True, microphone=True)
            await coach.send("mark", note="before the call")
            await coach.until_state(lambda state: state.marks)
            async with call.member_page() as member:
                state = await member.until("state")
                assert state.phase == "waiting"
                assert (state.coach.name, state.coach.present) == ("cora", True)
                assert (state.coach.camera, state.coach.microphone) == (False, False)
                assert (state.program, state.marks, state.results) == ((), (), ())
                assert (state.run, state.current, state.reference) == (None, None, None)
                assert not [each for each in await member.settled() if each.type == "peer"]


async def test_the_coach_sees_who_waits_and_what_the_device_check_came_to(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach, call.member_page() as member:
            await member.send("ready", camera=True, microphone=True, framed=False)
            state = await coach.until_state(lambda state: state.member.ready is not None)
            assert state.phase == "waiting"
            assert (state.member.name, state.member.present) == ("mia", True)
            assert (state.member.ready.camera, state.member.ready.framed) == (True, False)


async def test_who_is_admitted_meets_the_coach(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach, call.member_page() as member:
            await coach.until_state(lambda state: state.member.present)
            await coach.send("admit")
            theirs, mine = await coach.until("peer"), await member.until("peer")
            assert theirs.epoch == mine.epoch
            assert (theirs.polite, mine.polite) == (False, True)
            assert member.state.phase == "admitted"
            assert await coach.refusal("admit") == "The person is in already."
            stored = await server.app[STORE].calls.get(call.member.id, call.call_id)
            assert stored.admitted_at is not None


async def test_nobody_can_be_admitted_who_is_not_there(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            assert await coach.refusal("admit") == "Nobody waits to be let in."


async def test_who_is_dismissed_may_come_again_and_waits(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await coach.send("dismiss")
            assert await member.closed() == ("dismissed", 1000)
            async with call.member_page() as again:
                assert (await again.until("state")).phase == "waiting"
                await coach.until_state(
                    lambda state: state.member.present and state.phase == "waiting"
                )
                await coach.send("admit")
                assert (await again.until("peer")).epoch == (await coach.until("peer")).epoch


async def test_a_coach_may_wait_for_somebody_who_has_not_used_the_link(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        coach = await server.add_user("cora", "coach")
        mia = await server.add_user("mia")
        headers = server.headers_of(coach)
        made = await server.client.post("/v1/calls", json={"title": "Knee"}, headers=headers)
        body = await made.json()
        call_id = body["call"]["id"]
        async with page(server, coach, call_id) as waiting:
            assert (await waiting.until("state")).member.name is None
            await server.client.post(
                "/v1/calls/join",
                json={"token": body["token"], "language": "en"},
                headers=server.headers_of(mia),
            )
            async with page(server, mia, call_id):
                state = await waiting.until_state(lambda state: state.member.present)
                assert state.member.name == "mia"


# Who is not let in


async def test_a_stranger_gets_no_token(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        path = f"/v1/calls/{call.call_id}/token"
        await problem(await server.client.post(path, headers=server.headers), 404)
        await problem(await server.client.post(path), 401)


async def test_a_member_who_does_not_allow_calls_gets_no_token(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        token = await call_token(server, call.member, call.call_id)
        for consent in await server.app[STORE].consents.given(call.member.id, "call"):
            await server.app[STORE].consents.withdraw(call.member.id, consent.id)
        path = f"/v1/calls/{call.call_id}/token"
        headers = server.headers_of(call.member)
        await problem(await server.client.post(path, headers=headers), 403)
        async with call.member_page(token=token, welcomed=False) as member:
            assert await member.closed() == ("signed_out", 4401)


@pytest.mark.parametrize(
    "kind", ["forged", "expired", "of a user", "of a session", "of another call", "no text"]
)
async def test_a_token_that_proves_nothing_leads_nowhere(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path) as server:
        call, other = await appointment(server), await appointment(server)
        tokens, at = server.app[TOKENS], datetime.now(UTC)
        early = at - timedelta(seconds=tokens.session_token_s + 1)
        good = await call_token(server, call.member, call.call_id)
        token = {
            "forged": good[:-4] + "AAAA",
            "expired": tokens.issue_call(call.call_id, call.member.id, None, early),
            "of a user": server.token_of(call.member),
            "of a session": tokens.issue_session(call.call_id, call.member.id, at),
            "of another call": await call_token(server, call.member, other.call_id),
            "no text": "ä" * 3000,
        }[kind]
        async with call.member_page(token=token, welcomed=False) as member:
            assert await member.closed() == ("expired", 4401)
        metrics = server.app[METRICS].text(0, {}).decode()
        assert 'posesim_call_joins_refused_total{reason="token"} 1.0' in metrics


async def test_a_token_of_somebody_who_is_not_of_the_call_leads_nowhere(tmp_path: Path) -> None:
    """Even one that this server signed for the right call."""
    async with running(tmp_path) as server:
        call = await appointment(server)
        sign_in = server.app[TOKENS].verify_user(server.token_of(server.user), datetime.now(UTC))
        token = server.app[TOKENS].issue_call(
            call.call_id, server.user.id, sign_in.sign_in_id, datetime.now(UTC)
        )
        async with call.member_page(token=token, welcomed=False) as stranger:
            assert await stranger.closed() == ("deleted", 4410)


async def test_a_token_of_a_sign_in_that_is_over_leads_nowhere(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        token = await call_token(server, call.member, call.call_id)
        headers = server.headers_of(call.member)
        assert (await server.client.delete("/v1/sign-in", headers=headers)).status == 204
        async with call.member_page(token=token, welcomed=False) as member:
            assert await member.closed() == ("signed_out", 4401)


async def test_the_token_is_never_taken_from_the_address(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        token = await call_token(server, call.member, call.call_id)
        path = f"/v1/calls/{call.call_id}/socket?token={token}"
        async with server.client.ws_connect(path) as socket:
            await socket.send_str('{"v":1,"type":"media","camera":true,"microphone":true}')
            await socket.receive()
            assert socket.close_code == 4400


async def test_who_says_nothing_is_hung_up(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with server.client.ws_connect(f"/v1/calls/{call.call_id}/socket") as socket:
            begun_s = asyncio.get_running_loop().time()
            async with asyncio.timeout(WAIT_S):
                await socket.receive()
            assert socket.close_code == 4400
            assert asyncio.get_running_loop().time() - begun_s > 4.5


async def test_from_one_address_few_may_be_silent(tmp_path: Path) -> None:
    async with running(tmp_path) as server, contextlib.AsyncExitStack() as stack:
        call = await appointment(server)
        path = f"/v1/calls/{call.call_id}/socket"
        for _ in range(MOST_STRANGERS_THERE):
            await stack.enter_async_context(server.client.ws_connect(path))
        with pytest.raises(WSServerHandshakeError) as refused:
            await server.client.ws_connect(path)
        assert refused.value.status == 503


async def test_a_server_that_is_full_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posesim_server.calls.rooms.MOST_ROOMS", 0)
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.member_page(welcomed=False) as member:
            assert await member.closed() == ("full", 1013)


async def test_who_gives_no_sign_of_life_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = SocketLimits(heartbeat_s=0.5, close_s=0.5)
    monkeypatch.setattr("posesim_server.api.call_socket.LIMITS", limits)
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            member.socket._conn.transport.pause_reading()  # as behind a network that went away
            await coach.until_state(lambda state: not state.member.present)
            member.socket._conn.transport.resume_reading()


async def test_a_page_of_another_site_can_not_connect(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_origins=("https://clinic.example",)) as server:
        call = await appointment(server)
        path = f"/v1/calls/{call.call_id}/socket"
        with pytest.raises(WSServerHandshakeError) as refused:
            await server.client.ws_connect(path, headers={"Origin": "https://evil.example"})
        assert refused.value.status == 403
        here = f"http://{server.client.host}:{server.client.port}"
        for origin in ("https://clinic.example", here):
            async with server.client.ws_connect(path, headers={"Origin": origin}):
                pass


async def test_what_is_no_websocket_is_told_so(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        path = f"/v1/calls/{call.call_id}/socket"
        response = await server.client.get(path)
        assert await problem(response, 426) == (
            "This address speaks WebSocket only. Ask with Upgrade."
        )
        assert response.headers["Upgrade"] == "websocket"
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        await problem(await server.client.get(path, headers=headers), 400)


# What may be said


@pytest.mark.parametrize(("type_", "fields"), CONTROLS, ids=[name for name, _ in CONTROLS])
async def test_the_member_has_nothing_of_the_coachs_to_operate(
    tmp_path: Path, type_: str, fields: dict
) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            before = member.state
            assert await member.refusal(type_, **fields) == (
                "Only the coach of this call may do this."
            )
            await coach.settled()
            assert [each.type for each in await member.settled()] == []
            assert member.state == before
            stored = await server.app[STORE].calls.get(call.member.id, call.call_id)
            assert stored.ended_at is None


@pytest.mark.parametrize(("type_", "fields"), CONTROLS, ids=[name for name, _ in CONTROLS])
async def test_nor_who_waits(tmp_path: Path, type_: str, fields: dict) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.member_page() as member:
            assert await member.refusal(type_, **fields) == (
                "Only the coach of this call may do this."
            )


async def test_who_waits_can_not_signal(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach, call.member_page(epoch="mine") as member:
            await coach.until_state(lambda state: state.member.present)
            detail = await member.refusal("description", epoch="mine", **OFFER)
            assert detail == "Wait until you are let in."
            await member.refusal("candidate", epoch="mine", **CANDIDATE)
            assert {each.type for each in await coach.settled()} <= {"state"}


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"v":1,"type":"nonsense"}',
        '{"v":2,"type":"leave"}',
        '{"v":1,"type":"leave","more":1}',
        '{"v":1,"type":"media","camera":1,"microphone":true}',
        '{"v":1,"type":"mark","note":""}',
        '{"v":1,"type":"mark","note":"a\\u0000b"}',
        '{"v":1,"type":"mark","note":"a","ago_s":601}',
        '{"v":1,"type":"mark","note":"' + "a" * 501 + '"}',
        '{"v":1,"type":"select","index":-1}',
        '{"v":1,"type":"description","epoch":"e","kind":"rollback","sdp":""}',
        '{"v":1,"type":"description","epoch":"e","kind":"offer","sdp":"' + "a" * 32_769 + '"}',
        '{"v":1,"type":"hello","token":"again","epoch":null}',
    ],
)
async def test_what_is_no_message_is_refused_and_changes_nothing(tmp_path: Path, text: str) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            await coach.until("state")
            await coach.socket.send_str(text)
            refused = await coach.until("refused")
            assert refused.of == "message"
            assert refused.detail.endswith(".")
            assert await coach.settled() == []


async def test_who_sends_nonsense_again_and_again_is_hung_up(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            for _ in range(16):
                await coach.socket.send_bytes(b"nonsense")
            assert await coach.closed() == (None, 4400)


async def test_a_message_that_is_too_large_ends_the_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            await coach.socket.send_str("a" * 70_000)
            assert (await coach.closed())[1] == 1009


async def test_who_floods_is_hung_up(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            for n in range(300):
                await member.send("ping", id=n)
            assert await member.closed() == (None, 4429)
            await coach.until_state(lambda state: not state.member.present)


async def test_who_does_not_read_is_hung_up_and_the_other_side_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the member is sent is large and is never read: a bounded part of it waits."""
    limits = SocketLimits(heartbeat_s=10 * WAIT_S)  # no heartbeat finds it out
    monkeypatch.setattr("posesim_server.api.call_socket.LIMITS", limits)
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            member.socket._conn.transport.pause_reading()
            gone = asyncio.create_task(coach.until_state(lambda state: not state.member.present))
            sent = 0
            while not gone.done():
                await coach.send("description", epoch=coach.epoch, kind="offer", sdp="a" * 32_000)
                sent += 1
                await asyncio.sleep(0 if sent < 50 else 0.06)  # as fast as one may
            assert (await gone).phase == "admitted"
            assert sent * 32_000 > 512 * 1024
            member.socket._conn.transport.resume_reading()


# The peer connection


async def test_descriptions_and_candidates_go_to_the_other_side_as_they_are(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await coach.send("description", epoch=coach.epoch, **OFFER)
            offer = await member.until("description")
            assert (offer.kind, offer.sdp) == ("offer", "v=0\r\n")
            await member.send("description", epoch=member.epoch, kind="answer", sdp="v=1\r\n")
            assert (await coach.until("description")).sdp == "v=1\r\n"
            await member.send("candidate", epoch=member.epoch, **CANDIDATE)
            candidate = await coach.until("candidate")
            assert candidate.model_dump() == {
                "v": 1,
                "type": "candidate",
                "epoch": member.epoch,
                **CANDIDATE,
            }


async def test_two_offers_that_cross_both_arrive(tmp_path: Path) -> None:
    """Which of them counts, the two decide: one is polite."""
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await asyncio.gather(
                *(each.send("description", epoch=each.epoch, **OFFER) for each in (coach, member))
            )
            assert (await coach.until("description")).kind == "offer"
            assert (await member.until("description")).kind == "offer"


async def test_what_is_of_another_epoch_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await member.send("description", epoch="another", **OFFER)
            await member.settled()
            assert await coach.settled() == []


@pytest.mark.parametrize("side", ["coach", "member"])
async def test_a_page_that_is_reloaded_gets_a_new_peer_connection(
    tmp_path: Path, side: str
) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            gone, stays = (coach, member) if side == "coach" else (member, coach)
            before = stays.epoch
            await gone.socket.close()
            await stays.until_state(lambda state: not getattr(state, side).present)
            again = call.coach_page() if side == "coach" else call.member_page()
            async with again as reloaded:
                peer, other = await reloaded.until("peer"), await stays.until("peer")
                assert peer.epoch == other.epoch != before
                assert (peer.polite, other.polite) == (side == "member", side != "member")
                assert reloaded.state.phase == "admitted"
                await stays.send("description", epoch=before, **OFFER)
                await stays.settled()
                assert not [m for m in await reloaded.settled() if m.type == "description"]


@pytest.mark.parametrize("side", ["coach", "member"])
async def test_a_socket_that_comes_back_keeps_its_peer_connection(
    tmp_path: Path, side: str
) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            gone, stays = (coach, member) if side == "coach" else (member, coach)
            await gone.socket.close()
            await stays.until_state(lambda state: not getattr(state, side).present)
            epoch = stays.epoch
            again = call.coach_page if side == "coach" else call.member_page
            async with again(epoch=epoch) as back:
                await back.until("state")
                await stays.until_state(lambda state: getattr(state, side).present)
                assert not [m for m in await back.settled() if m.type == "peer"]
                await stays.send("description", epoch=epoch, **OFFER)
                assert (await back.until("description")).epoch == epoch


async def test_a_second_page_of_the_same_person_replaces_the_first(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member), call.member_page() as second:
            assert await member.closed() == ("replaced", 4409)
            assert (await second.until("peer")).epoch == (await coach.until("peer")).epoch
            assert coach.state.member.present


# How long


async def test_who_brings_no_other_token_is_put_out(tmp_path: Path) -> None:
    async with running(tmp_path, session_token_s=4) as server:
        call = await appointment(server)
        async with call.member_page() as member:
            assert await member.closed() == ("expired", 4401)


async def test_who_brings_another_token_stays(tmp_path: Path) -> None:
    async with running(tmp_path, session_token_s=5) as server:
        call = await appointment(server)
        async with call.member_page() as member:
            for _ in range(3):  # longer together than one token is good for
                await asyncio.sleep(2)
                token = await call_token(server, call.member, call.call_id)
                await member.send("renew", token=token)
                assert 0 < (await member.until("renewed")).expires_in <= 5
            await member.settled()


async def test_somebody_elses_token_prolongs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.member_page() as member:
            token = await call_token(server, call.coach, call.call_id)
            assert await member.refusal("renew", token=token)
            assert await member.refusal("renew", token="guess")


async def test_who_signs_out_is_put_out(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            headers = server.headers_of(call.member)
            assert (await server.client.delete("/v1/sign-in", headers=headers)).status == 204
            assert await member.closed() == ("signed_out", 4401)
            await coach.until_state(lambda state: not state.member.present)


async def test_who_signs_out_elsewhere_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (_, member):
            await server.sign_in(call.member)  # as on another device
            headers = server.headers_of(call.member)
            assert (await server.client.delete("/v1/sign-in", headers=headers)).status == 204
            await member.settled()
            await server.sign_in(call.member)
            headers = server.headers_of(call.member)
            assert (await server.client.delete("/v1/sign-ins", headers=headers)).status == 204
            assert await member.closed() == ("signed_out", 4401)


async def test_who_is_no_member_of_the_server_any_more_is_put_out(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            response = await server.client.post(
                "/v1/data/delete",
                json={"password": "correct horse"},
                headers=server.headers_of(call.member),
            )
            assert response.status == 204
            assert await member.closed() == ("deleted", 4410)
            assert await coach.closed() == ("deleted", 4410)


async def test_a_call_that_is_deleted_ends_for_both(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            path, headers = f"/v1/calls/{call.call_id}", server.headers_of(call.coach)
            assert (await server.client.delete(path, headers=headers)).status == 204
            assert await member.closed() == ("deleted", 4410)
            assert await coach.closed() == ("deleted", 4410)


async def test_a_member_who_takes_the_consent_back_ends_the_call(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            headers = server.headers_of(call.member)
            for consent in await server.app[STORE].consents.given(call.member.id, "call"):
                path = f"/v1/consents/{consent.id}"
                assert (await server.client.delete(path, headers=headers)).status == 204
            assert await member.closed() == ("ended", 4410)
            assert await coach.closed() == ("ended", 4410)


async def test_a_coach_who_loses_the_role_is_in_no_call_any_more(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call, admin = await appointment(server), await server.add_user("adam", "admin")
        async with call.admitted() as (coach, member):
            path, headers = f"/v1/users/{call.coach.id}", server.headers_of(admin)
            body = {"role": "member"}
            assert (await server.client.patch(path, json=body, headers=headers)).status == 200
            assert await member.closed() == ("ended", 4410)
            assert await coach.closed() == ("ended", 4410)


async def test_the_coach_ends_the_call_for_good(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        token = await call_token(server, call.member, call.call_id)
        async with call.admitted() as (coach, member):
            await coach.send("end")
            assert await coach.closed() == ("ended", 4410)
            assert await member.closed() == ("ended", 4410)
        async with call.member_page(token=token, welcomed=False) as late:
            assert await late.closed() == ("ended", 4410)
        path = f"/v1/calls/{call.call_id}/token"
        headers = server.headers_of(call.member)
        await problem(await server.client.post(path, headers=headers), 409)
        stored = await server.app[STORE].calls.get(call.member.id, call.call_id)
        assert stored.ended_at is not None
        log = await server.get("/v1/audit", call.member)
        assert "call.ended" in json.dumps(log)


async def test_a_stop_waits_for_what_is_stored_of_a_call_that_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as server:
        call, rooms, rows = await appointment(server), server.app[ROOMS], server.app[STORE].calls
        add_mark, storing, go_on = rows.add_mark, asyncio.Event(), asyncio.Event()

        async def slowly(*of, **what):
            storing.set()
            await go_on.wait()
            return await add_mark(*of, **what)

        monkeypatch.setattr(rows, "add_mark", slowly)
        async with call.admitted() as (coach, member):
            await coach.send("mark", note="knee inwards")
            await storing.wait()
            rooms.give_up(call.call_id)
            for each in (coach, member):
                assert await each.closed() == ("shutdown", 1001)
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        await rooms.close()
        assert [mark.note for mark in await rows.marks(call.call_id)] == ["knee inwards"]


async def test_a_restart_of_the_server_keeps_who_was_admitted_and_the_pictures(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            epoch = coach.epoch
            await coach.send("mark", note="knee inwards")
            await coach.until_state(lambda state: state.marks)
            begun_s = asyncio.get_running_loop().time()
            closing = asyncio.create_task(server.app[ROOMS].close())
            assert await coach.closed() == ("shutdown", 1001)
            assert await member.closed() == ("shutdown", 1001)
            await closing
            # No heartbeat was waited for.
            assert asyncio.get_running_loop().time() - begun_s < SocketLimits().heartbeat_s
    async with running(tmp_path) as server:
        for user in (call.coach, call.member):
            await server.sign_in(user)
        call.server = server
        async with call.coach_page(epoch=epoch) as coach, call.member_page(epoch=epoch) as member:
            state = await member.until_state(lambda state: state.coach.present)
            assert state.phase == "admitted"
            assert [mark.note for mark in state.marks] == ["knee inwards"]
            assert not [each for each in await member.settled() if each.type == "peer"]
            await coach.send("description", epoch=epoch, **OFFER)
            await member.until("description")


async def test_when_the_server_stops_nobody_keeps_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with (
            call.coach_page() as coach,
            server.client.ws_connect(f"/v1/calls/{call.call_id}/socket") as silent,
        ):
            closing = asyncio.create_task(server.app[ROOMS].close())
            assert await coach.closed() == ("shutdown", 1001)
            async with asyncio.timeout(WAIT_S):
                await silent.receive()
                await silent.receive()
            assert silent.close_code == 1001
            await closing
            response = await server.client.get(
                f"/v1/calls/{call.call_id}/socket",
                headers={
                    "Upgrade": "websocket",
                    "Connection": "Upgrade",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                },
            )
            assert response.status == 503


async def test_how_many_are_connected_is_measured(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted():
            assert "posesim_call_seats 2.0" in server.app[METRICS].text(0, {}).decode()
        await server.until_true(
            lambda: "posesim_call_seats 0.0" in server.app[METRICS].text(0, {}).decode()
        )


# What is chosen and noted


async def test_marks_are_stored_and_seen_by_both_also_after_a_reload(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            await coach.send("mark", note="knee inwards", ago_s=30)
            (mark,) = (await coach.until_state(lambda state: state.marks)).marks
            await member.until_state(lambda state: state.marks)
            assert (mark.note, mark.session_id, mark.t_s) == ("knee inwards", None, None)
            ago_s = (datetime.now(UTC) - mark.at).total_seconds()
            assert 30 <= ago_s < 30 + WAIT_S
            async with call.member_page() as again:
                state = await again.until_state(lambda state: state.phase == "admitted")
                assert state.marks == (mark,)
        (stored,) = await server.app[STORE].calls.marks(call.call_id)
        assert (stored.id, stored.note) == (mark.id, "knee inwards")


async def test_a_count_that_belongs_to_no_run_is_not_corrected(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            detail = await coach.refusal("correct", session_id="none", repetitions=4)
            assert detail == "There is no such run in this call."


async def test_what_others_change_is_seen_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.admitted() as (coach, member):
            response = await server.client.patch(
                f"/v1/calls/{call.call_id}",
                json={"title": "Hip"},
                headers=server.headers_of(call.coach),
            )
            assert response.status == 200
            await member.until_state(lambda state: state.title == "Hip")
            await coach.until_state(lambda state: state.title == "Hip")


async def test_the_program_is_of_the_coachs_exercises(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        call = await appointment(server)
        async with call.coach_page() as coach:
            sentence = await coach.refusal("program", exercise_ids=["none"])
            assert sentence.startswith("An exercise of this program was deleted")
            assert await coach.refusal("select", index=0) == (
                "There is no such exercise in the program."
            )
            assert await coach.refusal("start") == "Let the person in first."
