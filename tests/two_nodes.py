"""Several nodes in one process, with a real Redis, for tests marked `redis`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis_server import Redis
from videos import stick_figure

from posesim_server.cluster import lines, membership
from posesim_server.keys import CLUSTER
from server import Server, running


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes hear of each other at once."""
    monkeypatch.setattr(membership, "BEAT_S", 0.05)
    monkeypatch.setattr(lines, "STILL_S", 0.05)


def url(name: str) -> str:
    return f"http://{name}.example"


@contextlib.asynccontextmanager
async def node(folder: Path, redis: Redis, name: str, **options) -> AsyncIterator[Server]:
    cluster = {"cluster": redis.url, "node_url": url(name)}
    async with running(folder / "data", **cluster, **options) as server:
        yield server


@contextlib.asynccontextmanager
async def first(folder: Path, redis: Redis, **options) -> AsyncIterator[Server]:
    """The node `a`; Redis has forgotten what was before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", redis.port)
    writer.write(b"FLUSHALL\r\n")
    assert await reader.readline() == b"+OK\r\n"
    writer.close()
    async with node(folder, redis, "a", **options) as a:
        await a.until_true(lambda: a.app[CLUSTER].membership.node.takes)
        yield a


@contextlib.asynccontextmanager
async def two(folder: Path, redis: Redis, **options) -> AsyncIterator[tuple[Server, Server]]:
    """Two nodes that know each other; Redis has forgotten what was before."""
    async with first(folder, redis, **options) as a, node(folder, redis, "b", **options) as b:
        await a.until_true(lambda: all(len(nodes(each)) == 2 for each in (a, b)))
        await a.until_true(lambda: all(each.takes for each in nodes(a)))
        yield a, b


def nodes(server: Server):
    return server.app[CLUSTER].membership.nodes


async def exercise(server: Server, folder: Path) -> str:
    clip = await asyncio.to_thread(stick_figure, folder / "clip.mp4", seconds=3.0)
    found = await server.ready_exercise(clip)
    return found["id"]
