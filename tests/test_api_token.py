import json
from datetime import UTC, datetime, timedelta

import pytest

from posesim_server.keys import STORE, TOKENS
from server import PASSWORD, problem, running

USER_ONLY = [
    ("GET", "/v1/me"),
    ("GET", "/v1/exercises"),
    ("POST", "/v1/exercises"),
    ("GET", "/v1/exercises/00000000-0000-4000-8000-000000000000"),
    ("GET", "/v1/exercises/00000000-0000-4000-8000-000000000000/clip"),
    ("GET", "/v1/exercises/00000000-0000-4000-8000-000000000000/thumbnail"),
    ("DELETE", "/v1/exercises/00000000-0000-4000-8000-000000000000"),
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/sessions/00000000-0000-4000-8000-000000000000"),
    ("GET", "/v1/sessions/00000000-0000-4000-8000-000000000000/scores"),
    ("DELETE", "/v1/sessions/00000000-0000-4000-8000-000000000000"),
]


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as server:
        yield server


async def sign_in(server, name="anna", password=PASSWORD):
    return await server.client.post("/token", json={"username": name, "password": password})


@pytest.mark.parametrize("form", ["json", "data"])
async def test_the_right_password_gives_a_token_that_works(server, form):
    credentials = {"username": " Anna ", "password": PASSWORD}
    response = await server.client.post("/token", **{form: credentials})
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    answer = await response.json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    response = await server.client.get("/v1/me", headers=headers)
    assert await response.json() == {"id": server.user.id, "name": "anna", "role": "member"}


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
        ("username=anna", "application/x-www-form-urlencoded", 422),
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


async def test_nothing_works_without_a_token(server):
    for method, path in USER_ONLY:
        response = await server.client.request(method, path)
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert await problem(response, 401) == "Sign in first."


def test_every_operation_under_v1_is_in_the_list_above(server):
    routes = {
        (route.method, route.resource.canonical.replace("{id}", USER_ONLY[3][1].split("/")[-1]))
        for route in server.app.router.routes()
        if route.resource.canonical.startswith("/v1/")
        and not route.resource.canonical.startswith("/v1/whip/")
        and route.method != "HEAD"
    }
    assert routes == set(USER_ONLY)


@pytest.mark.parametrize("kind", ["forged", "expired", "session", "removed user", "basic"])
async def test_nothing_works_with_a_token_that_proves_nothing(server, kind):
    tokens, now = server.app[TOKENS], datetime.now(UTC)
    good = tokens.issue_user(server.user.id, now)
    header = {
        "forged": f"Bearer {good[:-4]}AAAA",
        "expired": f"Bearer {tokens.issue_user(server.user.id, now - timedelta(hours=2))}",
        "session": f"Bearer {tokens.issue_session('s', server.user.id, now)}",
        "removed user": f"Bearer {tokens.issue_user('gone', now)}",
        "basic": f"Basic {good}",
    }[kind]
    for method, path in USER_ONLY:
        response = await server.client.request(method, path, headers={"Authorization": header})
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert await problem(response, 401)


async def test_a_removed_user_is_out_at_once(server):
    headers = server.headers
    await server.app[STORE].users.remove("anna")
    response = await server.client.get("/v1/me", headers=headers)
    assert "Sign in again" in await problem(response, 401)
