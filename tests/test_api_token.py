import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from videos import stick_figure

from posesim_server.api.operation import operations_of
from posesim_server.keys import SESSIONS, STORE, TOKENS
from server import PASSWORD, problem, running

ID = "00000000-0000-4000-8000-000000000000"
# What needs no user's token. WHIP brings a session's own.
OPEN = {
    ("POST", "/token"),
    ("POST", "/v1/accounts"),
    ("POST", "/v1/invitations/preview"),
    ("POST", "/v1/calls/preview"),
    ("GET", "/v1/calls/{id}/socket"),  # its token comes with the first message
    ("GET", "/healthcheck"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("OPTIONS", "/v1/whip/{id}"),
    ("OPTIONS", "/v1/whip/{id}/{peer}"),
}
WHIP = {
    ("GET", "/v1/whip/{id}/node"),
    ("POST", "/v1/whip/{id}"),
    ("PATCH", "/v1/whip/{id}/{peer}"),
    ("DELETE", "/v1/whip/{id}/{peer}"),
}


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as server:
        yield server


async def sign_in(server, name="anna", password=PASSWORD):
    return await server.client.post("/token", json={"username": name, "password": password})


async def renew(server, token):
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    return await server.client.post("/token", data=fields)


async def granted(server, name="anna", password=PASSWORD):
    response = await sign_in(server, name, password)
    assert response.status == 200
    return await response.json()


async def status_of_me(server, token):
    headers = {"Authorization": f"Bearer {token}"}
    return (await server.client.get("/v1/me", headers=headers)).status


@pytest.mark.parametrize("form", ["json", "data"])
async def test_the_right_password_gives_a_token_that_works(server, form):
    credentials = {"username": " Anna ", "password": PASSWORD}
    response = await server.client.post("/token", **{form: credentials})
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    answer = await response.json()
    assert set(answer) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
    }
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 900)
    assert answer["refresh_expires_in"] == 30 * 86_400
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    response = await server.client.get("/v1/me", headers=headers)
    assert await response.json() == {
        "id": server.user.id,
        "name": "anna",
        "role": "member",
        "has_password": True,
        "created_at": server.user.created_at.isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize("form", ["json", "data"])
async def test_a_refresh_token_gives_the_next_pair_in_the_same_form(server, form):
    first = await granted(server)
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
        "client_id": "ignored, as RFC 6749 says of what is not known",
    }
    response = await server.client.post("/token", **{form: fields})
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    second = await response.json()
    assert set(second) == set(first)
    assert second["refresh_token"] != first["refresh_token"]
    assert await status_of_me(server, second["access_token"]) == 200


async def test_two_tabs_that_renew_at_once_both_stay_signed_in(server):
    first = await granted(server)
    answers = await asyncio.gather(*(renew(server, first["refresh_token"]) for _ in range(8)))
    assert {response.status for response in answers} == {200}
    tokens = [await response.json() for response in answers]
    assert len({token["refresh_token"] for token in tokens}) == 1
    assert (await renew(server, tokens[0]["refresh_token"])).status == 200


async def test_a_refresh_token_that_is_used_again_later_ends_the_sign_in(server):
    first = await granted(server)
    second = await (await renew(server, first["refresh_token"])).json()
    third = await (await renew(server, second["refresh_token"])).json()
    response = await renew(server, first["refresh_token"])
    assert "Sign in again" in await problem(response, 401)
    assert await status_of_me(server, third["access_token"]) == 401
    assert (await renew(server, third["refresh_token"])).status == 401


@pytest.mark.parametrize("token", ["", "garbage", f"{ID}.{'A' * 64}", "\ud800", "x" * 1024])
async def test_an_invented_refresh_token_is_refused(server, token):
    body = json.dumps({"grant_type": "refresh_token", "refresh_token": token})
    response = await server.client.post(
        "/token", data=body, headers={"Content-Type": "application/json"}
    )
    assert response.status == (400 if token == "\ud800" else 401)


async def test_an_access_token_renews_nothing_and_a_refresh_token_opens_nothing(server):
    tokens = await granted(server)
    assert (await renew(server, tokens["access_token"])).status in (401, 422)
    assert await status_of_me(server, tokens["refresh_token"]) == 401


async def test_renewals_are_limited(server):
    for _ in range(300):
        assert (await renew(server, "invented")).status == 401
    response = await renew(server, "invented")
    assert int(response.headers["Retry-After"]) > 0
    assert "Too many tries" in await problem(response, 429)


async def test_no_secret_is_logged(server):
    with capture_logs() as logs:
        first = await granted(server)
        second = await (await renew(server, first["refresh_token"])).json()
        await renew(server, second["refresh_token"])
        await renew(server, first["refresh_token"])
        await sign_in(server, password="wrong horse")
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == [
        "a refresh token was used twice; its sign-in ends",
        "renewal refused",
        "sign-in refused",
    ]
    for token in (first, second):
        for secret in (token["access_token"], token["refresh_token"].split(".")[1]):
            assert secret not in repr(logs)
    assert "horse" not in repr(logs)


@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "wrong horse"), ("anna", ""), ("nobody", PASSWORD), ("", PASSWORD), ("a b", "x")],
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(server, name, password):
    response = await sign_in(server, name, password)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert await problem(response, 401) == "The name or the password is wrong."


async def test_a_password_with_half_a_character_is_wrong_and_not_a_crash(server):
    body = '{"username": "anna", "password": "\\ud800 and more of it"}'
    response = await server.client.post(
        "/token", data=body, headers={"Content-Type": "application/json"}
    )
    assert response.status in (400, 401, 422)


async def test_after_ten_wrong_passwords_even_the_right_one_has_to_wait(server):
    for _ in range(10):
        assert (await sign_in(server, password="wrong horse")).status == 401
    response = await sign_in(server)
    assert 290 <= int(response.headers["Retry-After"]) <= 300
    assert "Too many tries" in await problem(response, 429)


async def test_guesses_at_one_name_do_not_lock_out_another(server):
    for _ in range(11):
        await sign_in(server, "ben", "wrong horse")
    assert (await sign_in(server)).status == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 422),
        ('{"username": "anna"}', "application/json", 422),
        ('{"username": 1, "password": "x"}', "application/json", 422),
        ('{"grant_type": "client_credentials"}', "application/json", 422),
        ('{"grant_type": "refresh_token"}', "application/json", 422),
        ('{"grant_type": "refresh_token", "refresh_token": 1}', "application/json", 422),
        ('{"username": "anna", "password": "' + "x" * 4097 + '"}', "application/json", 422),
        ("username=anna", "application/x-www-form-urlencoded", 422),
        ("grant_type=refresh_token", "application/x-www-form-urlencoded", 422),
        ("grant_type=password&username=anna", "application/x-www-form-urlencoded", 422),
        ("<x/>", "text/xml", 415),
        ("x" * 70_000, "application/json", 413),
        ("x=" + "x" * 70_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_malformed_sign_in_is_refused(server, body, content_type, status):
    response = await server.client.post("/token", data=body, headers={"Content-Type": content_type})
    assert await problem(response, status)


async def test_a_refusal_does_not_repeat_the_password(server):
    body = json.dumps({"username": 1, "password": "hunter2hunter2"})
    response = await server.client.post(
        "/token", data=body, headers={"Content-Type": "application/json"}
    )
    assert "hunter2" not in await problem(response, 422)


def closed(server):
    """Every operation that is not open, and an address for each."""
    found = {(operation.method, operation.path) for operation in operations_of(server.app)}
    assert found >= OPEN | WHIP
    return [(method, re.sub(r"{\w+}", ID, path)) for method, path in sorted(found - OPEN - WHIP)]


async def test_nothing_else_works_without_a_token(server):
    for method, path in closed(server):
        response = await server.client.request(method, path)
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert await problem(response, 401) == "Sign in first."


@pytest.mark.parametrize(
    "kind",
    [
        "forged",
        "expired",
        "session",
        "removed user",
        "another sign-in",
        "another user's sign-in",
        "basic",
        "no text",
    ],
)
async def test_nothing_works_with_a_token_that_proves_nothing(server, kind):
    tokens, now = server.app[TOKENS], datetime.now(UTC)
    ben = await server.add_user("ben")
    user_id, good = server.user.id, server.token_of(server.user)
    sign_in_id = tokens.verify_user(good, now).sign_in_id
    hours_ago = now - timedelta(hours=2)
    header = {
        "forged": f"Bearer {good[:-4]}AAAA",
        "expired": f"Bearer {tokens.issue_user(user_id, sign_in_id, hours_ago)}",
        "session": f"Bearer {tokens.issue_session(ID, user_id, now)}",
        "removed user": f"Bearer {tokens.issue_user('gone', sign_in_id, now)}",
        "another sign-in": f"Bearer {tokens.issue_user(user_id, ID, now)}",
        "another user's sign-in": f"Bearer {tokens.issue_user(ben.id, sign_in_id, now)}",
        "basic": f"Basic {good}",
        "no text": "Bearer \udcff.\udcff.\udcff",
    }[kind]
    for method, path in closed(server):
        response = await server.client.request(method, path, headers={"Authorization": header})
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert await problem(response, 401)


async def test_a_removed_user_is_out_at_once(server):
    headers = server.headers
    await server.app[STORE].users.remove("anna")
    response = await server.client.get("/v1/me", headers=headers)
    assert "Sign in again" in await problem(response, 401)


# Signing out


async def test_signing_out_ends_this_sign_in_at_once_and_no_other(server):
    here, there = await granted(server), await granted(server)
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    assert (await server.client.delete("/v1/sign-in", headers=headers)).status == 204
    assert await status_of_me(server, here["access_token"]) == 401
    assert (await renew(server, here["refresh_token"])).status == 401
    assert await status_of_me(server, there["access_token"]) == 200
    assert (await renew(server, there["refresh_token"])).status == 200


async def test_signing_out_everywhere_ends_all(server):
    here, there = await granted(server), await granted(server)
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    assert (await server.client.delete("/v1/sign-ins", headers=headers)).status == 204
    for token in (here, there):
        assert await status_of_me(server, token["access_token"]) == 401
        assert (await renew(server, token["refresh_token"])).status == 401


async def start_session(server, headers, exercise):
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=headers
    )
    assert response.status == 201
    return await response.json()


@pytest.mark.parametrize("path", ["/v1/sign-in", "/v1/sign-ins"])
async def test_signing_out_ends_the_sessions_that_run(server, tmp_path, path):
    exercise = await server.ready_exercise(stick_figure(tmp_path / "clip.mp4", seconds=3.0))
    here, there = await granted(server), await granted(server)
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    mine = await start_session(server, headers, exercise)
    other = await start_session(
        server, {"Authorization": f"Bearer {there['access_token']}"}, exercise
    )
    assert (await server.client.delete(path, headers=headers)).status == 204
    await server.sign_in(server.user)
    assert (await server.get(f"/v1/sessions/{mine['id']}"))["end_reason"] == "signed_out"
    expected = None if path == "/v1/sign-in" else "signed_out"
    assert (await server.get(f"/v1/sessions/{other['id']}"))["end_reason"] == expected


# Another password


async def change(server, headers, old=PASSWORD, new="battery staple"):
    return await server.client.post(
        "/v1/password", json={"current_password": old, "new_password": new}, headers=headers
    )


async def test_a_new_password_keeps_this_sign_in_and_ends_the_others(server):
    here, there = await granted(server), await granted(server)
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    assert (await change(server, headers)).status == 204
    assert await status_of_me(server, here["access_token"]) == 200
    assert (await renew(server, here["refresh_token"])).status == 200
    assert await status_of_me(server, there["access_token"]) == 401
    assert (await renew(server, there["refresh_token"])).status == 401
    assert (await sign_in(server)).status == 401
    assert (await sign_in(server, password="battery staple")).status == 200


async def test_a_new_password_needs_the_old_one(server):
    response = await change(server, server.headers, old="wrong horse")
    assert await problem(response, 403) == "The current password is wrong. Nothing was changed."
    assert (await sign_in(server)).status == 200


async def test_a_stolen_token_can_not_be_used_to_guess_the_password(server):
    for _ in range(10):
        assert (await change(server, server.headers, old="wrong horse")).status == 403
    assert "Too many tries" in await problem(await change(server, server.headers), 429)


@pytest.mark.parametrize("new", ["short", "x" * 1025])
async def test_a_new_password_of_a_wrong_length_is_refused(server, new):
    response = await change(server, server.headers, new=new)
    assert "at least 10 and at most 1024" in await problem(response, 422)
    assert (await sign_in(server)).status == 200


# Tokens of a session


async def renew_session(server, session_id, user=None):
    headers = server.headers_of(user or server.user)
    return await server.client.post(f"/v1/sessions/{session_id}/token", headers=headers)


async def test_a_session_gets_a_fresh_token_as_long_as_it_goes_on(server, tmp_path):
    exercise = await server.ready_exercise(stick_figure(tmp_path / "clip.mp4", seconds=3.0))
    ticket = await start_session(server, server.headers, exercise)
    response = await renew_session(server, ticket["id"])
    assert response.status == 200
    renewed = await response.json()
    assert (set(renewed), renewed["expires_in"]) == ({"token", "expires_in"}, 300)
    assert renewed["token"] != ticket["token"]
    claims = server.app[TOKENS].verify_session(renewed["token"], datetime.now(UTC))
    assert (claims.session_id, claims.user_id) == (ticket["id"], server.user.id)

    await server.app[SESSIONS].end(ticket["id"], "deleted")
    assert "has ended" in await problem(await renew_session(server, ticket["id"]), 409)


async def test_nobody_else_gets_a_token_for_a_session(server, tmp_path):
    exercise = await server.ready_exercise(stick_figure(tmp_path / "clip.mp4", seconds=3.0))
    ticket = await start_session(server, server.headers, exercise)
    ben = await server.add_user("ben")
    assert await problem(await renew_session(server, ticket["id"], ben), 404)
    assert await problem(await renew_session(server, ID), 404)
