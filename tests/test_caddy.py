"""The deployed Caddyfile: TLS as Caddy reads it, and a real Caddy in front of a running server."""

import asyncio
import contextlib
import io
import json
import os
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, FormData, TCPConnector, WSMsgType, web
from aiohttp.test_utils import RawTestServer
from videos import stick_figure

from posesim_server.auth import Tries
from server import WAIT_S, FakeEngine, Server, problem, running

pytestmark = [pytest.mark.caddy, pytest.mark.slow, pytest.mark.shares]

DEPLOY = Path(__file__).parents[1] / "deploy"
CADDYFILE = DEPLOY / "caddy" / "Caddyfile"
CLUSTER = DEPLOY / "cluster" / "Caddyfile"
CALL = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11"


def caddy(command: str, folder: Path, file: Path = CADDYFILE, **variables: str) -> list[str]:
    """Run one of Caddy's commands on the file; its lines of standard output."""
    done = subprocess.run(
        ["caddy", command, "--config", file, "--adapter", "caddyfile"],
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def environment(folder: Path, **variables: str) -> dict[str, str]:
    home = str(folder)
    return {"PATH": os.environ["PATH"], "HOME": home, "XDG_DATA_HOME": home, **variables}


def free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port: int = trying.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def behind_caddy(server: Server, folder: Path) -> AsyncIterator[str]:
    """Caddy in front of a server, by http so that it needs no certificate; its address."""
    url = f"http://127.0.0.1:{free_port()}"
    upstream = f"{server.client.host}:{server.client.port}"
    async with caddy_running(CADDYFILE, url, folder, DOMAIN=url, UPSTREAM=upstream):
        yield url


@contextlib.asynccontextmanager
async def caddy_running(
    file: Path, url: str, folder: Path, **variables: str
) -> AsyncIterator[None]:
    """Caddy with that file, as long as it takes until it listens at `url`, and then on."""
    log = folder / "caddy.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("caddy", "run", "--config", str(file), "--adapter", "caddyfile"),
            env=environment(folder, **variables),
            stdout=output,
            stderr=output,
        )
        try:
            await until_it_listens(url, process, log)
            yield
        finally:
            process.terminate()
            await process.wait()


async def until_it_listens(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    port = int(url.rpartition(":")[2])
    async with asyncio.timeout(WAIT_S):
        while True:
            assert process.returncode is None, await asyncio.to_thread(log.read_text)
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(
        tmp_path / "data", trusted_proxies=("127.0.0.1",), tries=Tries(address=3)
    ) as server:
        yield server


def test_caddy_takes_the_file(tmp_path):
    caddy("validate", tmp_path, DOMAIN="pose.example.org")


def test_certificates_come_by_themselves_and_browsers_stay_with_https(tmp_path):
    (text,) = caddy("adapt", tmp_path, DOMAIN="pose.example.org")
    config = json.loads(text)
    ((_, http),) = config["apps"]["http"]["servers"].items()
    assert http["listen"] == [":443"]
    assert "automatic_https" not in http  # its default: certificates, and http leads to https
    assert "tls" not in config["apps"]  # nobody's but those of the default authorities
    assert '"Strict-Transport-Security":["max-age=31536000"]' in text
    assert '"host":["pose.example.org"]' in text
    assert config["admin"] == {"disabled": True}


async def test_page_and_api_pass_and_figures_do_not(server, tmp_path):
    async with behind_caddy(server, tmp_path) as url, ClientSession() as http:
        async with http.get(f"{url}/") as page:
            assert page.status == 200
            assert page.headers["Content-Encoding"] == "gzip"
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
            assert "Server" not in page.headers or "Caddy" not in page.headers["Server"]
        async with http.get(f"{url}/v1/exercises", headers=server.headers) as answer:
            assert await answer.json() == {"exercises": []}
            assert "Content-Encoding" not in answer.headers
        async with http.get(f"{url}/metrics") as figures:
            assert figures.status == 404
        async with http.get(f"{url}/readyz") as ready:
            assert ready.status == 404
        async with http.get(f"{url}/healthcheck") as health:
            assert health.status == 200


async def test_a_page_of_this_site_may_change_things_and_another_may_not(server, tmp_path):
    body = {"purpose": "scoring", "language": "en"}
    async with behind_caddy(server, tmp_path) as url, ClientSession(headers=server.headers) as http:
        async with http.post(f"{url}/v1/consents", json=body, headers={"Origin": url}) as answer:
            assert answer.status < 300, await answer.text()
        other = {"Origin": "https://evil.example"}
        async with http.post(f"{url}/v1/consents", json=body, headers=other) as answer:
            await problem(answer, 403)


async def test_a_call_s_socket_passes(server, tmp_path):
    async with behind_caddy(server, tmp_path) as url, ClientSession() as http:
        address = f"{url}/v1/calls/{CALL}/socket"
        async with http.ws_connect(address, headers={"Origin": url}) as call:
            await call.send_json({"v": 1, "type": "hello", "token": "guessed", "epoch": None})
            bye = await call.receive(timeout=WAIT_S)
            assert json.loads(bye.data) == {"v": 1, "type": "bye", "reason": "expired"}
            assert (await call.receive(timeout=WAIT_S)).type is WSMsgType.CLOSE
            assert call.close_code == 4401


async def test_a_job_s_events_pass_as_they_come(tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", seconds=4.0)
    engine = FakeEngine()
    engine.gate.clear()
    async with running(tmp_path / "data", engine) as server:
        form = FormData(default_to_multipart=True)
        content = await asyncio.to_thread(clip.read_bytes)
        for name in ("reference", "video"):
            form.add_field(name, content, filename="squat.mp4")
        async with (
            behind_caddy(server, tmp_path) as url,
            ClientSession(headers=server.headers) as http,
        ):
            async with http.post(f"{url}/predict", data=form) as answer:
                assert answer.status == 202, await answer.text()
                job = await answer.json()
            async with http.get(f"{url}/v1/jobs/{job['id']}/events") as events:
                # While the job is held up: nothing waits for more to come.
                async with asyncio.timeout(WAIT_S):
                    assert await events.content.readline() == b"retry: 3000\n"
                engine.gate.set()
                async with asyncio.timeout(WAIT_S):
                    assert b"event: done" in await events.read()


async def test_a_clip_that_is_too_large_is_refused_in_the_server_s_words(tmp_path):
    form = FormData(default_to_multipart=True)
    form.add_field("name", "Squat")
    form.add_field("clip", io.BytesIO(bytes(3_000_000)), filename="squat.mp4")
    async with (
        running(tmp_path / "data", max_upload_bytes=1_000_000) as server,
        behind_caddy(server, tmp_path) as url,
        ClientSession(headers=server.headers) as http,
        http.post(f"{url}/v1/exercises", data=form) as answer,
    ):
        assert "1 MB" in await problem(answer, 413)


async def test_guesses_count_for_who_makes_them_and_not_for_the_proxy(server, tmp_path):
    async with behind_caddy(server, tmp_path) as url:
        for _ in range(3):
            assert await guess(url, "127.0.0.2") == 401
        assert await guess(url, "127.0.0.2") == 429
        assert await guess(url, "127.0.0.3") == 401
        # Who pretends to be somebody else is still who they are.
        assert await guess(url, "127.0.0.2", forwarded="198.51.100.1") == 429


async def guess(url: str, from_address: str, forwarded: str | None = None) -> int:
    """Try a password from one of this machine's addresses; the answer's status."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    connector = TCPConnector(local_addr=(from_address, 0))
    async with ClientSession(connector=connector, headers=headers) as http:
        body = {"username": "anna", "password": "wrong password"}
        async with http.post(f"{url}/token", json=body) as answer:
            return answer.status


def test_the_limit_is_a_little_more_than_the_largest_clip():
    from posesim_server.config import ServerConfig

    text = (DEPLOY / "caddy" / "site.caddy").read_text()
    (limit,) = re.findall(r"max_size (\d+)MB", text)
    assert 0 < int(limit) * 10**6 - ServerConfig(data=Path("/d")).max_upload_bytes <= 2 * 10**7


# Several nodes


def test_each_name_of_a_cluster_leads_to_its_nodes(tmp_path):
    caddy("validate", tmp_path, CLUSTER, DOMAIN="pose.example.org")
    (text,) = caddy("adapt", tmp_path, CLUSTER, DOMAIN="pose.example.org")
    ((_, http),) = json.loads(text)["apps"]["http"]["servers"].items()
    assert http["listen"] == [":443"]
    leads = {}
    for route in http["routes"]:
        (host,) = route["match"][0]["host"]
        found = re.findall(r'"dial": "([^"]+)"', json.dumps(route))
        leads[host.removesuffix("pose.example.org")] = found
    nodes = [f"127.0.0.1:{port}" for port in (8081, 8082, 8083)]
    names = {f"node{n}.": [address] for n, address in enumerate(nodes, start=1)}
    assert leads == {"": nodes, **names, "objects.": ["127.0.0.1:8333"]}


class Node:
    """A node as Caddy sees it: is it ready, and who answered?"""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = True

    async def answer(self, request: web.BaseRequest) -> web.Response:
        ready = self.ready or request.path != "/readyz"
        return web.Response(text=self.name, status=200 if ready else 503)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = RawTestServer(self.answer)
        await server.start_server()
        try:
            yield f"{server.host}:{server.port}"
        finally:
            await server.close()


async def test_a_node_that_drains_gets_nobody_new_and_keeps_whom_it_has(tmp_path):
    nodes = [Node("one"), Node("two"), Node("three")]
    port = free_port()
    # Names below localhost are this machine's; by http, so that it needs no certificate.
    file = tmp_path / "Caddyfile"
    text = CLUSTER.read_text().replace("../caddy/", f"{DEPLOY}/caddy/")
    for name in ("node1.", "node2.", "node3.", "objects.", ""):
        text = text.replace(f"\n{name}{{$DOMAIN}} {{", f"\nhttp://{name}localhost:{port} {{")
    file.write_text(text)
    async with contextlib.AsyncExitStack() as stack:
        places = [await stack.enter_async_context(node.listening()) for node in nodes]
        upstreams = {f"NODE{n}": place for n, place in enumerate(places, start=1)}
        url = f"http://127.0.0.1:{port}"
        await stack.enter_async_context(caddy_running(file, url, tmp_path, **upstreams))
        http = await stack.enter_async_context(ClientSession(url))

        async def answered(name: str, path: str = "/v1/sessions") -> str:
            async with http.get(path, headers={"Host": f"{name}localhost:{port}"}) as answer:
                return await answer.text() if answer.status == 200 else str(answer.status)

        async def who() -> set[str]:
            return {await answered("") for _ in range(30)}

        assert await who() == {"one", "two", "three"}
        nodes[0].ready = False
        async with asyncio.timeout(WAIT_S):
            while "one" in await who():  # until it was asked for /readyz
                pass
        assert await who() == {"two", "three"}
        assert await answered("node1.") == "one"
        assert await answered("node1.", "/readyz") == "404"
