"""The network between a browser's page and the server: pictures through a proxy, requests past it.

A connection's two descriptions are changed on their way, so that each side knows no other address
of the other one than the proxy's.
"""

import asyncio
import contextlib
import os
import re
import signal
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from driver import Server
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Request, Route
from udp_proxy import Counts, Line, UdpProxy, candidate_in, with_candidate

WAIT_S = 20.0  # far more than anything here takes
Found = TypeVar("Found")


class Network:
    """One network for the pages that are put on it; the proxy runs in a thread of its own.

    Attributes:
        connections: How many offers were answered.
    """

    def __init__(self, host: str, *, seed: int = 0) -> None:
        self.connections = 0
        self._is_cut = False
        self._unanswered: list[Route] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network")
        self._thread.start()
        self._proxy = self._do(lambda: UdpProxy(host, seed=seed))

    def put(self, page: Page) -> None:
        """Put a page on this network; before it offers anything."""
        page.route("**/v1/**", self._carry)

    def set(self, line: Line) -> None:
        """Make both directions like this."""
        self._do(lambda: self._proxy.set(up=line, down=line))

    def cut(self) -> None:
        """Let nothing through, requests included: they wait for an answer that never comes."""
        self._is_cut = True
        self._do(self._proxy.cut)

    def mend(self) -> None:
        """Let all through again; what was asked meanwhile fails, as on a lost connection."""
        self._do(self._proxy.mend)
        self._is_cut = False
        self._fail_unanswered()

    @property
    def counts(self) -> tuple[Counts, Counts]:
        """Of what went up and down."""
        return self._proxy.up, self._proxy.down

    def close(self) -> None:
        """End the proxy and its thread."""
        self._fail_unanswered()
        self._do(self._proxy.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    def _do(self, work: Callable[[], Found]) -> Found:
        """Do something in the proxy's thread."""

        async def do() -> Found:
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(WAIT_S)

    def _fail_unanswered(self) -> None:
        """Playwright has a task for each request, which ends only when the request does."""
        for route in self._unanswered:
            with contextlib.suppress(PlaywrightError):  # the page is gone
                route.abort()
        self._unanswered.clear()

    def _carry(self, route: Route, request: Request) -> None:
        if self._is_cut:
            self._unanswered.append(route)
            return
        if request.method != "POST" or "/v1/whip/" not in request.url:
            route.continue_()
            return
        path = self._do(self._proxy.open)
        offer = with_candidate(request.post_data or "", path.outside)
        try:
            response = route.fetch(post_data=offer)
            if self._is_cut:
                self._unanswered.append(route)
                return
            answer = response.text()
            if response.status == 201:
                path.leads_to(candidate_in(answer))
                answer = with_candidate(answer, path.inside)
                self.connections += 1
            route.fulfill(response=response, body=answer)
        except PlaywrightError:  # the page doesn't wait for it any more
            self._unanswered.append(route)


@contextlib.contextmanager
def network_at(host: str, *, seed: int = 0) -> Iterator[Network]:
    """A network whose proxy has this address."""
    network = Network(host, seed=seed)
    try:
        yield network
    finally:
        network.close()


def pages_of(server: Server) -> Counter[str]:
    """How the pages of its sessions are, as the server thinks."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        told = answer.read().decode()
    found = re.findall(r'posesim_session_pages{contact="(\w+)"} (\S+)', told)
    return Counter({contact: int(float(number)) for contact, number in found})


def kill_browser(camera: Path) -> None:
    """Kill all processes of the browser that was started with this camera, as a crash would."""
    option = f"--use-file-for-fake-video-capture={camera}".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if option in words and not any(word.startswith(b"--type=") for word in words):
                group = os.getpgid(int(entry.name))
                assert group != os.getpgrp(), "the browser has no process group of its own"
                os.killpg(group, signal.SIGKILL)
                return
    raise AssertionError(f"no browser has the camera {camera}")
