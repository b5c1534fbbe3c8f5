"""A running server for tests: everything real but the network's arithmetic."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import argon2
import numpy as np
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from databases import new_sqlite
from fake_engine import CALIBRATION
from worker_thread import ThreadBody

from posesim.engines.base import CHUNK_POSITIONS, I3D, TAP, EngineInfo, Window
from posesim.i3d import CLASSES, EMBEDDING
from posesim.network import Network
from posesim.references import Settings
from posesim.scoring import Calibration
from posesim_server.app import create_app
from posesim_server.auth import Passwords, Tries
from posesim_server.config import ServerConfig
from posesim_server.database import new_id
from posesim_server.keys import CONSENTS, STORE, TOKENS
from posesim_server.live.plan import Limits
from posesim_server.privacy.consents import PURPOSES
from posesim_server.rate import Signalling
from posesim_server.runner import Runner
from posesim_server.store.users import Role, User

PASSWORD = "correct horse"
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WAIT_S = 60.0  # nothing here takes as long, however busy the machine; what does has failed


class FakeEngine:
    """Gives features of the right shape that depend on the frames; `gate` can hold it up."""

    layout = I3D

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()  # somebody waits at the gate, or has passed it

    @property
    def info(self):
        return EngineInfo(name="fake", device="none", precision="f32", reason="a test")

    def open(self):
        return []

    def stem(self, streams, chunks, inside):
        self.reached.set()
        assert self.gate.wait(WAIT_S)
        return [
            np.resize(chunk.mean(axis=(1, 2)), (CHUNK_POSITIONS, TAP)).astype(np.float32)
            for chunk in chunks
        ]

    def tail(self, streams, behind):
        return [
            Window(np.ones(EMBEDDING, np.float32), np.zeros(CLASSES, np.float32)) for _ in streams
        ]


def fake_network(
    engine: FakeEngine,
    weights: str = "test weights",
    calibration: Calibration = CALIBRATION,
) -> Network:
    return Network(engine, Settings(weights=weights), calibration)


class Listening(TestServer):
    """Listens as `serve` does: what is no HTTP is refused in its words."""

    async def _make_runner(self, **options):
        # A handler goes on when its client hangs up, as in `serve`; aiohttp would cancel it here.
        return Runner(self.app, **{**options, "handler_cancellation": False})


@dataclass
class Server:
    """A server, a client of it, and its first user."""

    client: TestClient
    app: object
    engine: FakeEngine
    config: ServerConfig
    user: User
    tokens: dict[str, str] = field(default_factory=dict)  # by user id

    @property
    def headers(self) -> dict[str, str]:
        """Those of the first user."""
        return self.headers_of(self.user)

    def headers_of(self, user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token_of(user)}"}

    def token_of(self, user: User) -> str:
        return self.tokens[user.id]

    async def sign_in(self, user: User) -> str:
        """Sign in a user who was not made by `add_user`; the newest token is `token_of` theirs."""
        sign_in_id, now = new_id(), datetime.now(UTC)
        assert await self.app[STORE].sign_ins.add(
            sign_in_id, user, "", now, now + timedelta(days=1)
        )
        self.tokens[user.id] = self.app[TOKENS].issue_user(user.id, sign_in_id, now)
        return self.tokens[user.id]

    async def add_user(self, name: str, role: Role = "member") -> User:
        """An account that has allowed everything."""
        user = await add_user(self.app, name, role)
        await self.sign_in(user)
        return user

    async def upload(self, clip: Path, name: str = "Squat", user: User | None = None):
        form = FormData()
        form.add_field("name", name)
        content = await asyncio.to_thread(clip.read_bytes)
        form.add_field("clip", content, filename=clip.name)
        headers = self.headers_of(user or self.user)
        return await self.client.post("/v1/exercises", data=form, headers=headers)

    async def until_true(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():  # noqa: ASYNC110 - files have no event to wait for
                await asyncio.sleep(0.01)

    async def until(self, exercise_id: str, state: str, user: User | None = None):
        """Ask for the exercise, as the page does, until it is in this state."""
        async with asyncio.timeout(WAIT_S):
            while True:
                exercise = await self.get(f"/v1/exercises/{exercise_id}", user)
                if exercise["state"] == state:
                    return exercise
                assert exercise["state"] == "embedding", exercise
                await asyncio.sleep(0.01)

    async def ready_exercise(self, clip: Path, name: str = "Squat", user: User | None = None):
        uploaded = await (await self.upload(clip, name, user)).json()
        return await self.until(uploaded["id"], "ready", user)

    async def get(self, path: str, user: User | None = None):
        headers = self.headers_of(user or self.user)
        response = await self.client.get(path, headers=headers)
        assert response.status == 200, await response.text()
        return await response.json()


def _provide_database(data: Path) -> None:
    """Put a new database into a folder that is there and has none."""
    with (
        contextlib.suppress(FileExistsError, FileNotFoundError),
        (data / "posesim.sqlite3").open("xb") as file,
    ):
        file.write(new_sqlite())


@contextlib.asynccontextmanager
async def running(
    data: Path,
    engine: FakeEngine | None = None,
    weights: str = "test weights",
    calibration: Calibration = CALIBRATION,
    limits: Limits | None = None,
    tries: Tries | None = None,
    rates: Signalling | None = None,
    **options,
) -> AsyncIterator[Server]:
    """Run a server on `data`, with the user anna."""
    engine = engine or FakeEngine()
    config = ServerConfig(data=data, **{"max_sessions": 4, **options})
    if config.database_url is None:
        _provide_database(data)
    app = create_app(
        config,
        lambda _: fake_network(engine, weights, calibration),
        limits=limits,
        passwords=Passwords(QUICK),
        launch=ThreadBody,
        tries=tries,
        rates=rates,
    )
    listening = Listening(app, host="127.0.0.1")
    await listening.start_server(lingering_time=0.2, shutdown_timeout=1.0)
    async with TestClient(listening) as client:
        try:
            user = await app[STORE].users.by_name("anna") or await add_user(app, "anna")
            server = Server(client, app, engine, config, user)
            await server.sign_in(user)
            yield server
        finally:
            engine.gate.set()


async def add_user(app: web.Application, name: str, role: Role = "member") -> User:
    user = await app[STORE].users.add(name, QUICK.hash(PASSWORD), role)
    for purpose in PURPOSES:
        await app[CONSENTS].give(user.id, purpose, "en")
    return user


# Content type, body and the status of the refusal: what no upload may be.
MALFORMED_FORMS = [
    ("application/json", b"{}", 415),
    ("multipart/form-data", b"--x\r\n", 400),
    ("multipart/form-data; boundary=x", b"", 400),
    ("multipart/form-data; boundary=x", b"garbage", 400),
    ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\n", 400),
    ("multipart/form-data; boundary=x", os.urandom(100_000), 400),
]


async def problem(response, status: int) -> str:
    """Check that a response is a problem of this status; return its sentence."""
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    body = await response.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert set(body) == {"type", "title", "status", "detail"}
    detail: str = body["detail"]
    return detail
