"""Who may call what: every operation refuses who may not, before it does anything."""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from posesim_server.api.operation import Operation, operations_of
from posesim_server.app import create_app
from posesim_server.config import ServerConfig
from posesim_server.keys import TOKENS
from server import Server, problem, running

OPERATIONS = operations_of(create_app(ServerConfig(data=Path("nowhere"))))
BELOW = {"coach": ["member"], "admin": ["member", "coach"]}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    """One for all: who is refused leaves nothing behind."""
    async with running(tmp_path_factory.mktemp("server")) as server:
        server.people = {role: await server.add_user(role, role) for role in ("member", "coach")}
        yield server


def each(operations):
    named = {f"{each.method} {each.path}": each for each in operations}
    return pytest.mark.parametrize("operation", named.values(), ids=named)


async def call(server: Server, operation: Operation, headers: dict[str, str]):
    path = re.sub(r"\{\w+\}", lambda _: str(uuid.uuid4()), operation.path)
    return await server.client.request(operation.method, path, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@each(operation for operation in OPERATIONS if operation.access != "open")
async def test_nobody_comes_in_without_a_token_of_the_right_kind(server, operation):
    session_token = server.app[TOKENS].issue_session(
        str(uuid.uuid4()), server.user.id, datetime.now(UTC)
    )
    other = server.token_of(server.user) if operation.access == "session" else session_token
    for headers in (
        {},
        bearer(""),
        bearer("a.b.c"),
        bearer(other),
        {"Authorization": "Basic YTpi"},
    ):
        response = await call(server, operation, headers)
        assert "ign in" in await problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@each(operation for operation in OPERATIONS if operation.access in BELOW)
async def test_nobody_does_what_is_above_their_role(server, operation):
    for role in BELOW[operation.access]:
        response = await call(server, operation, server.headers_of(server.people[role]))
        assert f" {operation.access} may do this" in await problem(response, 403)


@each(operation for operation in OPERATIONS if operation.method not in ("GET", "OPTIONS"))
async def test_a_page_of_another_site_changes_nothing(server, operation):
    for origin in ("https://evil.example", "null", "http://[", f"http://{server.client.host}"):
        headers = {**server.headers, "Origin": origin}
        assert "--allow-origin" in await problem(await call(server, operation, headers), 403)
