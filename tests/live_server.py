"""The live side of the application in one process, with fakes for network and database."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from fake_engine import open_fake_network
from live_fakes import Client, FakeComparator, MemoryStore, plant
from worker_thread import ThreadBody

from posesim_server.auth import Tokens
from posesim_server.compute.process_link import Launch
from posesim_server.compute.protocol import OpenComparator, OpenNetwork
from posesim_server.compute.workers import Workers
from posesim_server.config import ServerConfig
from posesim_server.keys import CONFIG, METRICS, SESSIONS, SIGNALLING, TOKENS
from posesim_server.live import signaling
from posesim_server.live.messages import parse_server
from posesim_server.live.peer import close_connection
from posesim_server.live.plan import Limits, SessionPlan
from posesim_server.live.server_messages import Pose, Score
from posesim_server.live.sessions import Sessions
from posesim_server.metrics import Metrics
from posesim_server.problems import problems
from posesim_server.rate import Signalling

needs_address = pytest.mark.skipif(
    not aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True),
    reason="ICE needs a network address besides 127.0.0.1, and this machine has none",
)

SESSION = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11"
USER = "b1b6a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c10"
SIGN_IN = "d3a0b3c6-1d8a-4d8e-8d1f-5b8f6d3a2c12"
EXERCISE = "c2f0a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c11"
WAIT_S = 60.0  # far more than it takes; a busy machine is no failure


class Server:
    """The live side of the application, with a fake in place of network and database."""

    def __init__(
        self,
        http: TestClient[web.Request, web.Application],
        workers: Workers,
        sessions: Sessions,
        tokens: Tokens,
        config: ServerConfig,
    ) -> None:
        self.http = http
        self.config = config
        self.workers = workers
        self.sessions = sessions
        self.tokens = tokens
        self.store = MemoryStore()
        self.comparator = FakeComparator()
        self.real: OpenComparator | None = None  # in place of the fake
        self.peers: list[Client] = []
        self.token: str | None = None  # of the session; None: a fresh one each time

    @property
    def headers(self) -> dict[str, str]:
        return self.headers_of(SESSION)

    def headers_of(self, session_id: str) -> dict[str, str]:
        token = self.token or self.tokens.issue_session(session_id, USER, self.now())
        return {"Authorization": f"Bearer {token}"}

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    def create(self, **changes: Any) -> None:
        """Start a session, with `changes` to its plan."""
        plan = SessionPlan(
            session_id=SESSION,
            user_id=USER,
            exercise_id=EXERCISE,
            exercise_name="Squats",
            reference_duration_s=8.4,
            open_comparator=self.real or plant(lambda: self.comparator),
            sign_in_id=SIGN_IN,
        )
        self.sessions.create(replace(plan, **changes))

    async def join(self, client: Client, session_id: str = SESSION) -> str:
        """Exchange offer and answer; return the session's resource."""
        self.peers.append(client)
        answer, location = await self.answer(await client.offer(), session_id)
        await client.accept(answer)
        return location

    async def post(self, offer: str | bytes, session_id: str = SESSION) -> ClientResponse:
        """Post an offer."""
        return await self.http.post(
            f"/v1/whip/{session_id}",
            data=offer,
            headers={**self.headers_of(session_id), "Content-Type": "application/sdp"},
        )

    async def patch(self, location: str, fragment: str, **headers: str) -> ClientResponse:
        """Send an SDP fragment."""
        kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
        return await self.http.patch(
            location, data=fragment, headers={**self.headers, **kind, **headers}
        )

    async def answer(self, offer: str, session_id: str = SESSION) -> tuple[str, str]:
        """Post an offer; return the answer and the session's resource."""
        response = await self.post(offer, session_id)
        assert response.status == 201, await response.text()
        return await response.text(), response.headers["Location"]


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    limits: Limits | None = None,
    *,
    real: OpenComparator | None = None,
    open_network: OpenNetwork = open_fake_network,
    launch: Launch = ThreadBody,
    plan: dict[str, Any] | None = None,
    rates: Signalling | None = None,
    **options: Any,
) -> AsyncIterator[Server]:
    """A server with one session that waits for its offer; nothing of it remains afterwards.

    Args:
        folder: For its data.
        limits: Of its sessions.
        real: Opens the comparator, in place of the fake one.
        open_network: Makes the network.
        launch: What a worker runs in.
        plan: Changes to the session's plan.
        rates: How often anybody may ask.
        options: Of `ServerConfig`.
    """
    tasks, threads = asyncio.all_tasks(), own_threads()
    store = MemoryStore()
    async with contextlib.AsyncExitStack() as stack:
        workers = await stack.enter_async_context(Workers(open_network, launch=launch))
        tokens = Tokens(bytes(range(32)), user_token_s=60, session_token_s=60)
        metrics = Metrics()
        sessions = Sessions(
            workers, store, limits or Limits(linger_s=0.2), tokens=tokens, metrics=metrics
        )
        stack.push_async_callback(sessions.close)
        app = web.Application(middlewares=[problems])
        app[CONFIG] = ServerConfig(data=folder, **options)
        app[SESSIONS] = sessions
        app[TOKENS] = tokens
        app[METRICS] = metrics
        app[SIGNALLING] = rates or Signalling()
        app.add_routes(signaling.operations.routes)
        http = await stack.enter_async_context(TestClient(TestServer(app)))
        server = Server(http, workers, sessions, app[TOKENS], app[CONFIG])
        server.real = real
        server.store = store
        server.create(**(plan or {}))
        try:
            yield server
        finally:
            server.comparator.may_run.set()
            for client in server.peers:
                await close_connection(client.peer)
    left = asyncio.all_tasks() - tasks - {asyncio.current_task()}
    if left:  # aiortc's tasks notice the end at their next step
        await asyncio.wait(left, timeout=WAIT_S)
    going_on = [task for task in left if not task.done()]
    assert going_on == [], going_on
    assert own_threads() <= threads


def own_threads() -> set[threading.Thread]:
    """All threads but those of the loop's pool, in which the client encodes its picture."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


async def events_until(client: Client, kind: type) -> list[Any]:
    """The events up to the first of `kind`."""
    found: list[Any] = []
    async with asyncio.timeout(WAIT_S):
        while not found or not isinstance(found[-1], kind):
            found.append(parse_server(await client.event_messages.get()))
    return found


async def ended(server: Server) -> str:
    """Wait until the session's end is stored; return the reason."""
    async with asyncio.timeout(WAIT_S):
        await server.store.an_end.wait()
    return server.store.ended[0][1]


async def scores(client: Client, count: int) -> list[Score]:
    """The next `count` scores; poses between them are left out."""
    found: list[Score] = []
    async with asyncio.timeout(WAIT_S):
        while len(found) < count:
            message = parse_server(await client.score_messages.get())
            assert isinstance(message, Score | Pose)
            if isinstance(message, Score):
                found.append(message)
    return found
