"""Two nodes in processes of their own: one is killed, or told to stop, under a session.

Real processes, a real database, a real Redis and real connections; the network of the scores is a
small one. bench/cluster.py does more to nodes, and measures it.
"""

import asyncio
import secrets
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from live_server import needs_address
from postgresql_cluster import Cluster
from redis_server import Redis, redis_at
from s3_store import S3
from server_process import Process, serving
from test_restarts import (
    WAIT_S,
    Page,
    assert_kept,
    comes_back,
    page_of,
    record,
    stored_repetition,
)

from posesim_server import demo
from posesim_server.auth import write_private
from posesim_server.live.server_messages import Draining, Ended, Rep

pytestmark = [needs_address, pytest.mark.slow, pytest.mark.redis]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def node(folder: Path, redis: Redis, data: str = "data", **options: Any):
    """A server that is a node, on a port that it keeps."""
    port = free_port()
    cluster = {"cluster": redis.url, "node_url": f"http://127.0.0.1:{port}"}
    return serving(folder / data, port=port, **cluster, **options)


def alike(folder: Path, *names: str) -> None:
    """Make folders for nodes that share nothing but what signs tokens, and a password."""
    secret, password = secrets.token_bytes(32), secrets.token_urlsafe(12)
    for name in names:
        (folder / name).mkdir(mode=0o700)
        write_private(folder / name / "secret", secret)
        write_private(folder / name / demo.FILE, password.encode())


def has(page: Page, server: Process) -> bool:
    """Whether the page's session is on a node."""
    return f":{server.url.rsplit(':', 1)[1]}/" in page.ticket["whip_url"]


async def until_nodes(server: Process, count: int) -> None:
    """Wait until a node knows of so many."""
    async with aiohttp.ClientSession(server.url) as http, asyncio.timeout(WAIT_S):
        while True:
            async with http.get("/metrics") as response:
                if f"posesim_cluster_nodes {count}.0" in await response.text():
                    return
            await asyncio.sleep(0.1)


async def moves(server: Process, page: Page) -> float:
    """Ask a node where the page's session is, as a page does, until that is there; in seconds."""
    loop = asyncio.get_running_loop()
    begun_s, there = loop.time(), f":{server.url.rsplit(':', 1)[1]}/"
    headers = {"Authorization": f"Bearer {page.ticket['token']}"}
    path = f"/v1/whip/{page.ticket['id']}/node"
    async with aiohttp.ClientSession(server.url) as http, asyncio.timeout(WAIT_S):
        while True:
            async with http.get(path, headers=headers) as response:
                if response.status == 200 and there in (await response.json())["whip_url"]:
                    page.ticket["whip_url"] = (await response.json())["whip_url"]
                    return loop.time() - begun_s
            await asyncio.sleep(0.25)


# All nodes are there before the page: starting one holds up the loop, and the page would be silent.


@pytest.mark.postgresql
async def test_a_session_goes_on_on_another_node_when_its_own_is_killed_or_stops(
    tmp_path: Path, redis_executable: Path, postgresql: Cluster, s3: S3
) -> None:
    """They have PostgreSQL and an object store in common; Redis forgets everything in between."""
    alike(tmp_path, "1", "2", "3")
    bucket = s3.bucket().options
    with (
        redis_at(redis_executable, tmp_path) as redis,
        postgresql.migrated() as url,
        node(tmp_path, redis, "1", **(shared := bucket | {"database_url": url})) as first,
        node(tmp_path, redis, "2", drain_s=0.5, **shared) as second,
        node(tmp_path, redis, "3", **shared) as third,
    ):
        await until_nodes(first, 3)
        async with page_of(first, tmp_path) as page:
            assert has(page, first)
            acknowledged = await stored_repetition(first, page)
            first.kill()
            await first.exit_code()
            assert await moves(second, page) < 10.0  # of which a node is not thought dead for 4
            await comes_back(second, page, acknowledged)

            redis.stop()
            redis.start()
            await page.until(Rep)  # nobody notices
            await until_nodes(second, 2)
            later = await stored_repetition(second, page)
            second.tell()
            assert (await page.until(Draining)).left_s == 0.5
            assert (await page.until(Draining)).left_s == 0.0  # and hangs up
            await moves(third, page)
            await comes_back(third, page, later)
            assert await second.exit_code() == 0

            page.client.events.send('{"v":1,"type":"bye"}')
            ended = await page.until(Ended)
            async with third.signed_in() as http:
                await assert_kept(http, page, acknowledged)
                found = await assert_kept(http, page, later)

    assert ended.reason == found["session"]["end_reason"] == "left"
    assert len(found["gaps"]) == found["session"]["summary"]["gaps"] == 2


async def test_a_node_that_hung_and_wakes_changes_nothing_in_a_session_that_went_on_elsewhere(
    tmp_path: Path, redis_executable: Path
) -> None:
    with (
        redis_at(redis_executable, tmp_path) as redis,
        node(tmp_path, redis) as first,
        node(tmp_path, redis) as second,
    ):
        await until_nodes(first, 2)
        async with page_of(first, tmp_path) as page:
            acknowledged = await stored_repetition(first, page)
            first.freeze()
            await moves(second, page)
            await comes_back(second, page, acknowledged)
            later = await stored_repetition(second, page)
            first.wake()
            await until_nodes(second, 2)
            more = await stored_repetition(second, page)
            assert len(more["repetitions"]) > len(later["repetitions"])
            async with second.signed_in() as http:
                assert (await record(http, page))["session"]["state"] == "live"
                page.client.events.send('{"v":1,"type":"bye"}')
                await page.until(Ended)
                await assert_kept(http, page, acknowledged)
                found = await assert_kept(http, page, later)
    assert found["session"]["end_reason"] == "left"
    assert len(found["gaps"]) == 1
