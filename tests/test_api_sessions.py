import pytest
from videos import stick_figure

from posesim_server.api import sessions as sessions_api
from posesim_server.api.sessions import usable_reference
from posesim_server.database import DatabaseAway, now
from posesim_server.keys import EXERCISES, SESSIONS, STORE, TOKENS
from posesim_server.live.plan import Limits
from posesim_server.store.parts import Parts, ScoreRow
from posesim_server.turn import turn_password
from server import problem, running

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=3.0)


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data") as server:
        yield server


async def create(server, exercise_id):
    return await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise_id}, headers=server.headers
    )


async def test_a_session_comes_with_all_that_its_client_needs(tmp_path, clip):
    async with running(tmp_path, ice_servers=("stun:stun.example:3478",)) as server:
        exercise = await server.ready_exercise(clip)
        response = await create(server, exercise["id"])
        assert response.status == 201
        ticket = await response.json()
        claims = server.app[TOKENS].verify_session(ticket.pop("token"), now())
        session_id = ticket.pop("id")
        assert (claims.session_id, claims.user_id) == (session_id, server.user.id)
        assert ticket == {
            "whip_url": f"/v1/whip/{session_id}",
            "expires_in": 300,
            "ice_servers": [{"urls": ["stun:stun.example:3478"]}],
            "ice_transport_policy": "all",
            "max_duration_s": 3600.0,
            "nodes": [],
        }
        session = await server.get(f"/v1/sessions/{session_id}")
        assert session.pop("created_at").endswith("Z")
        assert session == {
            "id": session_id,
            "exercise_id": exercise["id"],
            "exercise_name": "Squat",
            "source": "live",
            "kind": "repetitions",
            "target": None,
            "reference_start_s": 0.0,
            "state": "created",
            "started_at": None,
            "ended_at": None,
            "end_reason": None,
            "summary": None,
            "call_id": None,
            "in_call": False,
            "corrected_repetitions": None,
        }


async def test_a_session_comes_with_credentials_for_the_relay_in_its_user_s_name(tmp_path, clip):
    options = {
        "ice_servers": ("stun:stun.example",),
        "turn_urls": ("turn:turn.example:3478",),
        "turn_secret": "0123456789abcdef0123456789abcdef",
        "turn_credential_s": 600,
        "relay_only": True,
    }
    async with running(tmp_path, **options) as server:
        exercise = await server.ready_exercise(clip)
        ticket = await (await create(server, exercise["id"])).json()
    (relay,) = ticket["ice_servers"]
    until, _, whose = relay["username"].partition(":")
    assert relay["urls"] == ["turn:turn.example:3478"]
    assert whose == server.user.id
    assert 0 < int(until) - now().timestamp() <= 600
    assert relay["credential"] == turn_password(options["turn_secret"], relay["username"])
    assert ticket["ice_transport_policy"] == "relay"


async def test_a_session_of_before_repetitions_were_counted_is_shown_with_none(server, clip):
    exercise = await server.ready_exercise(clip)
    session = await (await create(server, exercise["id"])).json()
    old = {
        "score": 78.4,
        "state": "scoring",
        "components": {"movement": 0.93, "timing": 0.81, "range": 0.88},
        "tempo": 1.04,
        "scored_s": 21.4,
        "duration_s": 27.2,
        "best_score": 91.2,
        "best_s": 12.8,
        "gaps": 1,
    }
    await server.app[STORE].sessions.end(session["id"], "left", old)
    shown = (await server.get(f"/v1/sessions/{session['id']}"))["summary"]
    assert shown == {**old, "repetitions": 0, "attempts": 0, "held_s": None}


async def test_a_session_needs_an_exercise_of_its_own_user(server, clip):
    exercise = await server.ready_exercise(clip)
    ben = await server.add_user("ben")
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers_of(ben)
    )
    assert "no such exercise" in await problem(response, 404)
    assert "no such exercise" in await problem(await create(server, MISSING), 404)


async def test_an_exercise_that_is_still_embedded_has_to_be_waited_for(tmp_path, clip):
    async with running(tmp_path) as server:
        server.engine.gate.clear()
        accepted = await (await server.upload(clip)).json()
        assert "Wait until it is ready" in await problem(await create(server, accepted["id"]), 409)


async def test_one_session_more_than_the_machine_can_serve_is_refused(tmp_path, clip):
    async with running(tmp_path, max_sessions=1) as server:
        exercise = await server.ready_exercise(clip)
        first = await (await create(server, exercise["id"])).json()
        response = await create(server, exercise["id"])
        assert response.headers["Retry-After"]
        assert "at most 1 session at once" in await problem(response, 503)
        url = f"/v1/sessions/{first['id']}"
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        assert (await create(server, exercise["id"])).status == 201
        assert len((await server.get("/v1/sessions"))["sessions"]) == 2


async def test_a_reference_of_another_network_is_made_anew_from_its_clip(tmp_path, clip):
    async with running(tmp_path, weights="old weights") as server:
        exercise = await server.ready_exercise(clip)
    async with running(tmp_path, weights="new weights") as server:
        response = await create(server, exercise["id"])
        assert "prepared again from its clip" in await problem(response, 409)
        await server.until(exercise["id"], "ready")
        assert (await create(server, exercise["id"])).status == 201


async def test_a_damaged_reference_is_made_anew_from_its_clip(server, clip):
    exercise = await server.ready_exercise(clip)
    stored = await server.app[STORE].exercises.get(server.user.id, exercise["id"])
    (await server.app[EXERCISES].files.reference(stored)).write_bytes(b"damaged")
    assert "prepared again" in await problem(await create(server, exercise["id"]), 409)
    await server.until(exercise["id"], "ready")
    assert (await create(server, exercise["id"])).status == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("{}", 422), ('{"exercise_id": 5}', 422), ('{"exercise_id": "../x"}', 404)],
)
async def test_a_malformed_session_is_refused(server, body, status):
    headers = {**server.headers, "Content-Type": "application/json"}
    response = await server.client.post("/v1/sessions", data=body, headers=headers)
    assert await problem(response, status)


async def test_ending_a_session_twice_is_fine_and_the_first_end_counts(server, clip):
    exercise = await server.ready_exercise(clip)
    session = await (await create(server, exercise["id"])).json()
    url = f"/v1/sessions/{session['id']}"
    for _ in range(2):
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        ended = await server.get(url)
        assert (ended["state"], ended["end_reason"]) == ("ended", "deleted")


async def test_who_withdraws_consent_meanwhile_has_no_session(server, clip, monkeypatch):
    exercise = await server.ready_exercise(clip)
    consents = await server.get("/v1/consents")
    (scoring,) = [each for each in consents["given"] if each["purpose"] == "scoring"]

    async def withdrawn_meanwhile(*args):
        url = f"/v1/consents/{scoring['id']}"
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        return await usable_reference(*args)

    monkeypatch.setattr(sessions_api, "usable_reference", withdrawn_meanwhile)
    await problem(await create(server, exercise["id"]), 403)
    assert server.app[SESSIONS].live == 0
    (session,) = (await server.get("/v1/sessions"))["sessions"]
    assert session["state"] == "ended"


async def test_an_end_is_answered_when_it_is_stored(tmp_path, clip, monkeypatch):
    async with running(tmp_path, limits=Limits(store_again_s=0.01)) as server:
        exercise = await server.ready_exercise(clip)
        url = f"/v1/sessions/{(await (await create(server, exercise['id'])).json())['id']}"

        async def away(*_args, **_options):
            raise DatabaseAway

        with monkeypatch.context() as patch:
            patch.setattr(server.app[STORE].sessions, "end", away)
            for _ in range(2):
                response = await server.client.delete(url, headers=server.headers)
                assert "Try again" in await problem(response, 503)
        await server.until_true(lambda: not server.app[SESSIONS].unended)
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        assert (await server.get(url))["end_reason"] == "deleted"


async def test_a_session_that_nobody_joins_ends_by_itself(tmp_path, clip):
    async with running(tmp_path, limits=Limits(join_s=0.0)) as server:
        exercise = await server.ready_exercise(clip)
        session = await (await create(server, exercise["id"])).json()
        await server.until_true(lambda: server.app[SESSIONS].live == 0)
        await server.app[SESSIONS].close()  # waits until the end is stored
        ended = await server.get(f"/v1/sessions/{session['id']}")
        assert ended["end_reason"] == "never_joined"


async def test_nobody_reads_or_ends_anothers_session(server, clip):
    exercise = await server.ready_exercise(clip)
    session = await (await create(server, exercise["id"])).json()
    ben = await server.add_user("ben")
    url = f"/v1/sessions/{session['id']}"
    for method, path in [("GET", url), ("GET", f"{url}/scores"), ("DELETE", url)]:
        response = await server.client.request(method, path, headers=server.headers_of(ben))
        assert "no such session" in await problem(response, 404)
    assert (await server.get("/v1/sessions", ben))["sessions"] == []
    assert (await server.get(url))["state"] == "created"


async def test_a_session_keeps_the_name_of_a_deleted_exercise(server, clip):
    exercise = await server.ready_exercise(clip)
    session = await (await create(server, exercise["id"])).json()
    url = f"/v1/exercises/{exercise['id']}"
    assert (await server.client.delete(url, headers=server.headers)).status == 204
    ended = await server.get(f"/v1/sessions/{session['id']}")
    assert (ended["exercise_id"], ended["exercise_name"]) == (None, "Squat")
    assert (ended["state"], ended["end_reason"]) == ("ended", "reference_deleted")


async def test_the_scores_of_a_session_come_in_order(server, clip):
    exercise = await server.ready_exercise(clip)
    session = await (await create(server, exercise["id"])).json()
    await server.app[STORE].sessions.add_parts(
        session["id"],
        Parts(
            (
                ScoreRow(1, 0.64, 81.5, "scoring", 0.9, 0.8, 0.7, 1.5, 1.1),
                ScoreRow(0, 0.32, None, "warming_up", None, None, None, None, None),
            )
        ),
    )
    nothing = dict.fromkeys(("score", "movement", "timing", "range", "reference_s", "tempo"))
    assert await server.get(f"/v1/sessions/{session['id']}/scores") == {
        "scores": [
            {"t_s": 0.32, "state": "warming_up", **nothing},
            {
                "t_s": 0.64,
                "score": 81.5,
                "state": "scoring",
                "movement": 0.9,
                "timing": 0.8,
                "range": 0.7,
                "reference_s": 1.5,
                "tempo": 1.1,
            },
        ]
    }


async def test_sessions_come_in_pages_newest_first(server, clip):
    exercise = await server.ready_exercise(clip)
    ids = [(await (await create(server, exercise["id"])).json())["id"] for _ in range(3)]
    page = (await server.get("/v1/sessions?limit=2"))["sessions"]
    assert [session["id"] for session in page] == [ids[2], ids[1]]
    before = page[-1]["created_at"]
    page = (await server.get(f"/v1/sessions?limit=2&before={before}"))["sessions"]
    assert [session["id"] for session in page] == [ids[0]]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=yesterday"])
async def test_a_page_that_makes_no_sense_is_refused(server, query):
    response = await server.client.get(f"/v1/sessions?{query}", headers=server.headers)
    assert (await problem(response, 422)).startswith(query.partition("=")[0])


async def test_sessions_that_a_crash_left_open_are_lost_at_the_next_start(tmp_path, clip):
    async with running(tmp_path) as server:
        exercise = await server.ready_exercise(clip)
        stored = await server.app[STORE].exercises.get(server.user.id, exercise["id"])
        session = await server.app[STORE].sessions.add(server.user.id, stored)
    async with running(tmp_path) as server:
        assert (await server.get(f"/v1/sessions/{session.id}"))["end_reason"] == "lost"
