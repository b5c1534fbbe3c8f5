"""People who sign in at an outside issuer, through the whole server."""

import asyncio
import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuer_server import AUDIENCE, issuing, jwk

from posesim_server.auth import clean_name
from posesim_server.auth.outside import names_for
from posesim_server.keys import STORE
from server import PASSWORD, problem, running


@contextlib.asynccontextmanager
async def place(tmp_path, **options):
    """An issuer, and a server that accepts its tokens."""
    async with issuing() as issuer:
        settings = {"issuer": issuer.url, "audience": AUDIENCE, **options}
        async with running(tmp_path, **settings) as server:
            yield server, issuer


@pytest.fixture
async def both(tmp_path):
    async with place(tmp_path) as both:
        yield both


async def ask(server, method, path, token, **options):
    headers = {"Authorization": f"Bearer {token}"}
    return await server.client.request(method, path, headers=headers, **options)


async def me(server, token):
    response = await ask(server, "GET", "/v1/me", token)
    assert response.status == 200, await response.text()
    return await response.json()


async def test_the_first_token_of_somebody_makes_a_member_without_password(both):
    server, issuer = both
    shown = await me(server, issuer.token(preferred_username="Carla"))
    assert (shown["name"], shown["role"], shown["has_password"]) == ("carla", "member", False)


async def test_the_next_token_is_of_the_same_user_whatever_it_calls_them(both):
    server, issuer = both
    first = await me(server, issuer.token(preferred_username="Carla"))
    assert await me(server, issuer.token("EdDSA", preferred_username="Dora")) == first


async def test_many_first_requests_at_once_make_one_account(both):
    server, issuer = both
    tokens = [issuer.token(preferred_username="Carla") for _ in range(8)]
    shown = await asyncio.gather(*(me(server, token) for token in tokens))
    assert len({each["id"] for each in shown}) == 1
    assert [user.name for user in await server.app[STORE].users.all()] == ["anna", "carla"]


async def test_somebody_with_the_name_of_a_user_is_somebody_else(both):
    server, issuer = both
    token = issuer.token(preferred_username="anna", email="anna@example.org")
    shown = await me(server, token)
    assert shown["name"] == "anna-2"
    assert shown["id"] != server.user.id
    third = await me(server, issuer.token(sub="subject-2", preferred_username="ANNA"))
    assert third["name"] == "anna-3"


async def test_local_users_still_sign_in_with_their_password(both):
    server, _ = both
    credentials = {"username": "anna", "password": PASSWORD}
    response = await server.client.post("/token", json=credentials)
    token = (await response.json())["access_token"]
    assert (await me(server, token))["id"] == server.user.id


async def test_nobody_signs_in_with_a_password_to_an_account_of_the_issuer(both):
    server, issuer = both
    await me(server, issuer.token(preferred_username="Carla"))
    for password in ("", "x", PASSWORD):
        credentials = {"username": "carla", "password": password}
        assert (await server.client.post("/token", json=credentials)).status == 401


async def test_an_operator_can_let_nobody_in_but_by_the_issuer(tmp_path):
    async with place(tmp_path, passwords=False) as (server, issuer):
        credentials = {"username": "anna", "password": PASSWORD}
        response = await server.client.post("/token", json=credentials)
        assert "takes no passwords" in await problem(response, 400)
        assert (await me(server, issuer.token()))["name"] == "anna-2"


async def test_a_password_or_a_sign_out_is_the_issuer_s_to_give(both):
    server, issuer = both
    token = issuer.token()
    body = {"current_password": "", "new_password": "battery staple"}
    response = await ask(server, "POST", "/v1/password", token, json=body)
    assert "Change the password there" in await problem(response, 409)
    response = await ask(server, "DELETE", "/v1/sign-in", token)
    assert "Sign out there" in await problem(response, 409)
    assert (await ask(server, "DELETE", "/v1/sign-ins", token)).status == 204


async def test_a_token_of_an_issuer_that_nobody_named_is_refused(tmp_path):
    async with issuing() as issuer, running(tmp_path) as server:
        response = await ask(server, "GET", "/v1/me", issuer.token())
        assert await problem(response, 401)
        assert issuer.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "https://other.example"},
        {"exp": 1},
        {"key_id": "unknown"},
        {"number": 1},
        {"header": {"typ": "JWT"}},
    ],
    ids=str,
)
async def test_a_token_that_proves_nothing_makes_no_account(both, changes):
    server, issuer = both
    response = await ask(server, "GET", "/v1/me", issuer.token(**changes))
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "Sign in again" in await problem(response, 401)
    assert len(await server.app[STORE].users.all()) == 1


async def test_an_issuer_that_is_down_stops_nobody_it_signed_in_before(both):
    server, issuer = both
    await me(server, issuer.token())
    issuer.status = 500
    assert await me(server, issuer.token("ES256"))


async def test_a_server_starts_while_the_issuer_is_down_and_serves_local_users(
    tmp_path, unused_tcp_port
):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with running(tmp_path, issuer=url, audience=AUDIENCE) as server, issuing() as issuer:
        assert (await me(server, server.token_of(server.user)))["name"] == "anna"
        assert await problem(await ask(server, "GET", "/v1/me", issuer.token(iss=url)), 401)


async def test_keys_can_be_told_apart_from_the_issuer(tmp_path):
    async with issuing() as keys:
        url = f"{keys.url}/keys"
        async with running(
            tmp_path, issuer="https://clinic.example", audience=AUDIENCE, jwks_url=url
        ) as server:
            keys.keys = {"keys": [jwk("ES256", "ec")]}
            token = keys.token("ES256", iss="https://clinic.example")
            assert (await me(server, token))["name"] == "anna-2"
            assert keys.asked == ["keys"]


async def test_an_account_that_is_removed_takes_its_identity_along(both):
    server, issuer = both
    first = await me(server, issuer.token(preferred_username="Carla"))
    await server.app[STORE].users.remove("carla")
    again = await me(server, issuer.token(preferred_username="Carla"))
    assert again["id"] != first["id"]
    assert again["name"] == "carla"


# Names


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (["Anna"], "anna"),
        (["Anna Maria "], "anna-maria"),
        (["", "anna@example.org"], "anna@example.org"),
        (["\u200b\u202e", "anna"], "anna"),
        (["an\u202ena\x00"], "anna"),
        (["x" * 100], "x" * 64),
        (["\x00", "\n"], "user"),
        ([], "user"),
    ],
)
def test_a_name_is_made_of_the_first_that_can_be_one(wanted, name):
    assert next(names_for(wanted)) == name


@given(st.lists(st.text(max_size=100), max_size=3))
def test_every_name_that_is_tried_is_a_user_name_and_another_one(wanted):
    names = list(itertools.islice(names_for(wanted), 30))
    assert [clean_name(name) for name in names] == names
    assert len(set(names)) == 30
