"""Server-sent events, and clients that go away or stop reading."""

import asyncio
import contextlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from posesim_server.api import event_stream
from posesim_server.api.event_stream import EventStream, ListenerGone
from server import WAIT_S, Listening


@contextlib.asynccontextmanager
async def streaming(tell):
    """A server that tells by `tell`; gives a client, and a future of how that ended."""
    ended = asyncio.get_running_loop().create_future()

    async def handle(request: web.Request) -> web.StreamResponse:
        stream = EventStream()
        try:
            await stream.open(request)
            await tell(stream)
            ended.set_result("told")
        except ListenerGone:
            ended.set_result("gone")
        return stream.response

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(Listening(app, host="127.0.0.1")) as client:
        yield client, ended


async def test_events_have_the_form_that_browsers_read():
    async def tell(stream):
        await stream.send("progress", '{"progress":0.5}', "1")
        await stream.beat()
        await stream.send("done", "{}", "over")

    async with streaming(tell) as (client, ended):
        response = await client.get("/")
        assert response.headers["Content-Type"] == "text/event-stream"
        assert await response.text() == (
            "retry: 3000\n\n"
            'id: 1\nevent: progress\ndata: {"progress":0.5}\n\n'
            ":\n\n"
            "id: over\nevent: done\ndata: {}\n\n"
        )
        assert await ended == "told"


async def for_ever(stream):
    while True:
        await stream.send("progress", "x" * 100_000, "1")
        await asyncio.sleep(0)


async def test_a_client_that_goes_away_ends_the_stream():
    async with streaming(for_ever) as (client, ended):
        response = await client.get("/")
        response.close()
        async with asyncio.timeout(WAIT_S):
            assert await ended == "gone"


async def test_a_client_that_stops_reading_is_given_up(monkeypatch):
    monkeypatch.setattr(event_stream, "WRITE_S", 0.05)
    async with streaming(for_ever) as (client, ended):
        _, writer = await asyncio.open_connection(client.host, client.port, limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            assert await ended == "gone"
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("name", ["X-Accel-Buffering", "Cache-Control"])
async def test_nobody_on_the_way_keeps_events_back(name):
    async def nothing(stream):
        pass

    async with streaming(nothing) as (client, _):
        response = await client.get("/")
        assert response.headers[name] in ("no", "no-store")
