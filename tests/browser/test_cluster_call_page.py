"""A call whose coach reaches another node alone than the one that has its room."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aioice.ice
import pytest
import videos
from call_driver import COACH, MEMBER, browser_with
from driver import Server
from playwright.sync_api import WebSocket, sync_playwright
from redis_server import redis_at
from server_process import Process, serving
from surgery import SQUAT, Surgery, admit, button, choose, drawn_footage, live, told, wait_for
from test_cluster_processes import free_port

ADDRESSES = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.redis,
    pytest.mark.slow,
    pytest.mark.skipif(not ADDRESSES, reason="ICE needs an IPv4 address besides 127.0.0.1"),
]

HIDDEN = "node-with-the-room.test"  # a name that the coach's network does not know


@pytest.fixture
def nodes(tmp_path: Path, redis_executable: Path) -> Iterator[tuple[Process, Process]]:
    """The node that has all room, by a name that not everybody knows, and another one."""
    ports = [free_port(), free_port()]
    names = [f"http://{HIDDEN}:{ports[0]}", f"http://127.0.0.1:{ports[1]}"]
    pages = [f"http://localhost:{port}" for port in ports]
    with redis_at(redis_executable, tmp_path) as redis:

        def node(number: int, **options: int):
            return serving(
                tmp_path / "data",
                port=ports[number],
                cluster=redis.url,
                node_url=names[number],
                cluster_origins=[*names, *pages],
                **options,
            )

        with node(0) as has_room, node(1, max_sessions=1) as other:
            yield has_room, other


def sockets(tab_sockets: list[WebSocket]) -> list[str]:
    """Where a page opened sockets, in order."""
    return [urlsplit(each.url).netloc for each in tab_sockets]


def test_a_coach_who_does_not_reach_the_node_of_the_call_is_in_it_by_another(
    nodes: tuple[Process, Process], tmp_path: Path, chromium: Path
) -> None:
    has_room, other = (Server(each.url, tmp_path / "data") for each in nodes)
    ours, theirs = drawn_footage(tmp_path)
    with (
        sync_playwright() as playwright,
        browser_with(
            playwright,
            chromium,
            ours.camera,
            ours.sound,
            f"--host-resolver-rules=MAP {HIDDEN} ~NOTFOUND",
        ) as coachs,
        browser_with(
            playwright,
            chromium,
            theirs.camera,
            theirs.sound,
            f"--host-resolver-rules=MAP {HIDDEN} 127.0.0.1",
        ) as members,
    ):
        http = playwright.request.new_context(base_url=has_room.url)
        home = Surgery(has_room, members, http, playwright, chromium, theirs)
        has_room.add_user(COACH, "coach")
        home.let_in(COACH, "recording")
        home.add_member(MEMBER)
        home.add_exercise(SQUAT, videos.stick_figure(tmp_path / "squat.mp4", seconds=4))
        call = home.appointment()
        away = Surgery(other, coachs, http, playwright, chromium, ours)
        opened: list[WebSocket] = []
        with (
            home.caller(MEMBER, f"#/call/{call}", members) as member,
            away.caller(COACH, "", coachs) as coach,
        ):
            coach.page.on("websocket", lambda socket: opened.append(socket))  # noqa: PLW0108
            coach.open(f"#/call/{call}")
            admit(coach, member)
            tried = sockets(opened)
            assert tried[0].startswith(HIDDEN)
            assert tried[-1] == urlsplit(other.url).netloc
            choose(coach.page, SQUAT)
            button(coach.page, "Start").click()
            wait_for(coach, lambda: len(live(coach, "score")) > 5, "scores for the coach")
            heard = {each["t_s"]: each["score"] for each in member.messages("score")}
            seen = {each["t_s"]: each["score"] for each in live(coach, "score")}
            shared = heard.keys() & seen.keys()
            assert shared
            assert {t_s: heard[t_s] for t_s in shared} == {t_s: seen[t_s] for t_s in shared}
            button(coach.page, "Stop").click()
            wait_for(coach, lambda: told(coach, "result"), "the result")
            assert member.complaints == []
        http.dispose()
