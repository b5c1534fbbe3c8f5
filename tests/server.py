"""A running server for tests: everything real but the network's arithmetic."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import argon2
import numpy as np
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from fake_engine import CALIBRATION
from worker_thread import ThreadBody

from posesim.engines.base import CHUNK_POSITIONS, I3D, TAP, EngineInfo, Window
from posesim.i3d import CLASSES, EMBEDDING
from posesim.network import Network
from posesim.references import Settings
from posesim_server.app import create_app
from posesim_server.auth import Passwords
from posesim_server.config import ServerConfig
from posesim_server.keys import STORE, TOKENS
from posesim_server.session import Limits
from posesim_server.store.users import User

PASSWORD = "correct horse"
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WAIT_S = 20.0  # nothing here takes as long; what does has failed


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


def fake_network(engine: FakeEngine, weights: str = "test weights") -> Network:
    return Network(engine, Settings(weights=weights), CALIBRATION)


@dataclass
class Server:
    """A server, a client of it, and its first user."""

    client: TestClient
    app: object
    engine: FakeEngine
    config: ServerConfig
    user: User

    @property
    def headers(self) -> dict[str, str]:
        """Those of the first user."""
        return self.headers_of(self.user)

    def headers_of(self, user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token_of(user)}"}

    def token_of(self, user: User) -> str:
        return self.app[TOKENS].issue_user(user.id, datetime.now(UTC))

    async def add_user(self, name: str) -> User:
        return await self.app[STORE].users.add(name, QUICK.hash(PASSWORD))

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

    async def until(self, exercise_id: str, state: str):
        """Ask for the exercise, as the page does, until it is in this state."""
        async with asyncio.timeout(WAIT_S):
            while True:
                exercise = await self.get(f"/v1/exercises/{exercise_id}")
                if exercise["state"] == state:
                    return exercise
                assert exercise["state"] == "embedding", exercise
                await asyncio.sleep(0.01)

    async def ready_exercise(self, clip: Path, name: str = "Squat"):
        uploaded = await (await self.upload(clip, name)).json()
        return await self.until(uploaded["id"], "ready")

    async def get(self, path: str, user: User | None = None):
        headers = self.headers_of(user or self.user)
        response = await self.client.get(path, headers=headers)
        assert response.status == 200, await response.text()
        return await response.json()


@contextlib.asynccontextmanager
async def running(
    data: Path,
    engine: FakeEngine | None = None,
    weights: str = "test weights",
    limits: Limits | None = None,
    **options,
) -> AsyncIterator[Server]:
    """Run a server on `data`, with the user anna."""
    engine = engine or FakeEngine()
    config = ServerConfig(data=data, **{"max_sessions": 4, **options})
    app = create_app(
        config,
        lambda _: fake_network(engine, weights),
        limits=limits,
        passwords=Passwords(QUICK),
        launch=ThreadBody,
    )
    listening = TestServer(app, host="127.0.0.1")
    await listening.start_server(lingering_time=0.2, shutdown_timeout=1.0)
    async with TestClient(listening) as client:
        try:
            store = app[STORE]
            user = await store.users.by_name("anna")
            user = user or await store.users.add("anna", QUICK.hash(PASSWORD))
            yield Server(client, app, engine, config, user)
        finally:
            engine.gate.set()


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
