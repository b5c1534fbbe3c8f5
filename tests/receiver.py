"""A program that receives webhooks, for tests: it checks signatures by itself."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from server import WAIT_S


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: dict[str, str]
    body: str

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> None:
        """Check the signature as Standard Webhooks says; raise InvalidSignature otherwise."""
        kind, _, encoded = secret.partition("_")
        assert kind == "whsec"
        signed = ".".join((self.id, self.headers["webhook-timestamp"], self.body))
        version, _, signature = self.headers["webhook-signature"].partition(",")
        assert version == "v1"
        check = HMAC(base64.b64decode(encoded, validate=True), SHA256())
        check.update(signed.encode())
        check.verify(base64.b64decode(signature, validate=True))


@dataclass
class Receiver:
    """Answers every request with `status`, or not at all while `silent` is not set."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    talks: asyncio.Event = field(default_factory=asyncio.Event)
    requests: "asyncio.Queue[Received]" = field(default_factory=asyncio.Queue)

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.put_nowait(Received(headers, await request.text()))
        await self.talks.wait()
        return web.Response(status=self.status, headers=self.headers)

    async def next(self) -> Received:
        async with asyncio.timeout(WAIT_S):
            return await self.requests.get()


@contextlib.asynccontextmanager
async def receiving(status: int = 204, *, talks: bool = True, ssl=None) -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(status=status)
    if talks:
        receiver.talks.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    server = TestServer(app, host="127.0.0.1", scheme="https" if ssl else "http")
    await server.start_server(shutdown_timeout=0.1, ssl=ssl)
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        receiver.talks.set()
        await server.close()
