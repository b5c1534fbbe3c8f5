"""A page whose session is on another node than the page, which is killed: it goes on on its own."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aioice.ice
import pytest
import videos
from driver import NAME, Person, Server, chromium_with, person_at
from playwright.sync_api import Request, sync_playwright
from redis_server import redis_at
from server_process import Process, serving
from test_cluster_processes import free_port

ADDRESSES = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.skipif(not ADDRESSES, reason="ICE needs an IPv4 address besides 127.0.0.1"),
]

REFERENCE = "Squat from the side"
LONGEST_S = 30.0  # for a busy machine; docs/scale.md says how long it took


@pytest.fixture
def nodes(tmp_path: Path, redis_executable: Path) -> Iterator[tuple[Process, Process]]:
    """The page's node, which has less room, and another one."""
    ports = [free_port(), free_port()]
    pages = [f"http://localhost:{port}" for port in ports]
    with redis_at(redis_executable, tmp_path) as redis:

        def node(port: int, **options: int):
            return serving(
                tmp_path / "data",
                port=port,
                cluster=redis.url,
                node_url=f"http://127.0.0.1:{port}",
                cluster_origins=[*pages, *(f"http://127.0.0.1:{each}" for each in ports)],
                **options,
            )

        with node(ports[0], max_sessions=2) as own, node(ports[1]) as other:
            yield own, other


def offered(requests: list[Request]) -> list[str]:
    """Where offers went."""
    paths = (urlsplit(each.url) for each in requests if each.method == "POST")
    return [each.netloc for each in paths if each.path.startswith("/v1/whip/")]


def test_a_page_goes_on_on_another_node_when_the_one_of_its_session_is_killed(
    nodes: tuple[Process, Process], tmp_path: Path, chromium: Path
) -> None:
    own, other = nodes
    server = Server(own.url, tmp_path / "data")
    server.add_user(NAME)
    server.allow("scoring", "recording")
    clip = videos.stick_figure(tmp_path / "squat.mp4", seconds=4)
    camera = videos.stick_figure(tmp_path / "camera.y4m", size=(320, 240))
    with (
        sync_playwright() as playwright,
        chromium_with(playwright, chromium, camera) as browser,
        person_at(browser, server) as person,
    ):
        requests: list[Request] = []
        person.page.on("request", lambda request: requests.append(request))  # noqa: PLW0108
        person.open()
        person.sign_in()
        person.add_reference(clip, REFERENCE)
        person.start(REFERENCE)
        person.wait_for_scores(3)
        there = urlsplit(other.url).port
        assert offered(requests) == [f"127.0.0.1:{there}"]

        before = newest(person)
        other.kill()
        killed_s = time.monotonic()
        person.page.wait_for_function(
            "epoch => received.some(({ message }) => message.type === 'score'"
            " && message.epoch > epoch)",
            arg=before["epoch"],
            timeout=LONGEST_S * 1000,
        )
        print(f"from the kill to the next score: {time.monotonic() - killed_s:.1f} s")
        assert offered(requests)[-1] == f"127.0.0.1:{urlsplit(own.url).port}"
        after = newest(person)
        assert after["t_s"] > before["t_s"]
        gaps = person.messages("gap")
        assert [each["reason"] for each in gaps] == ["restart"]
        assert person.stop()
        (session,) = server.rows("SELECT * FROM sessions")
        assert session["end_reason"] == "left"
        assert len(server.rows("SELECT * FROM gaps")) == 1


def newest(person: Person) -> dict[str, float]:
    return person.messages("score")[-1]
