"""What a person sees when the server is restarted, or another window has their session."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import server_process
import videos
from driver import (
    PHONE,
    Person,
    Server,
    _added,
    axe_violations,
    chromium_with,
    in_a_thread,
    person_at,
)
from playwright.sync_api import Browser, expect, sync_playwright

pytestmark = pytest.mark.browser

REFERENCE = "Squat"

TOKEN = """async (id) => (await (await import("/api.js")).renewSessionToken(id)).token"""

# Another window: it has the session's token, and no more of the page than its connection.
TAKE_OVER = """async ([whip_url, token]) => {
  const { openLink } = await import("/link.js");
  const options = { token, claim: "*", onText() {}, onLocation() {} };
  window.link = await openLink({ whip_url }, options, new AbortController().signal);
  const camera = await navigator.mediaDevices.getUserMedia({ video: true });
  await window.link.sender.replaceTrack(camera.getVideoTracks()[0]);
  window.link.events.send(JSON.stringify({ v: 1, type: "hello" }));
}"""


@dataclass
class Place:
    """A browser, and where its server is, which may be another process each time."""

    browser: Browser
    data: Path
    port: int
    clip: Path

    @contextlib.contextmanager
    def serving(self) -> Iterator[server_process.Process]:
        with server_process.serving(self.data, port=self.port) as process:
            yield process

    @contextlib.contextmanager
    def training(self, url: str, **options: object) -> Iterator[Person]:
        """Somebody whose session has scores."""
        server = Server(url, self.data)
        server.allow("recording", "scoring")
        with person_at(self.browser, server, **options) as person:
            person.open()
            person.sign_in()
            person.add_reference(self.clip, REFERENCE)
            person.start(REFERENCE)
            person.wait_for_scores(3)
            yield person


@pytest.fixture
def place(tmp_path: Path, chromium: Path) -> Iterator[Place]:
    clip = videos.stick_figure(tmp_path / "squat.mp4", seconds=4)
    camera = videos.stick_figure(tmp_path / "camera.y4m", size=(640, 480))
    data = tmp_path / "data"
    data.mkdir()
    in_a_thread(_added(data, "anna", "member"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with sync_playwright() as playwright, chromium_with(playwright, chromium, camera) as browser:
        yield Place(browser, data, port, clip)


def test_a_page_goes_on_in_its_session_when_the_server_is_back(place: Place) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(place.serving())
        person = stack.enter_context(place.training(first.url))
        person.wait_for_message("rep")
        (session,) = person.server.rows("SELECT id FROM sessions")
        first.kill()
        status = person.page.get_by_role("status").filter(has_text="Connection lost")
        expect(status).to_be_visible()
        stack.enter_context(place.serving())
        status = person.page.get_by_role("status").filter(has_text="Connected")
        expect(status).to_be_visible()
        person.wait_for_message("gap")
        assert person.messages("gap")[0]["reason"] == "restart"
        assert person.stop() == session["id"]
        stored = person.stored(session["id"])
        assert (stored["end_reason"], stored["summary"]["gaps"]) == ("left", 1)


def test_a_session_that_another_window_took_over_can_be_used_here_again(place: Place) -> None:
    with place.serving() as process, place.training(process.url) as person:
        page = person.page
        (session,) = person.server.rows("SELECT id FROM sessions")
        token = page.evaluate(TOKEN, session["id"])
        other = page.context.new_page()
        other.goto(process.url)
        other.evaluate(TAKE_OVER, [f"/v1/whip/{session['id']}", token])

        expect(page.get_by_role("alert")).to_contain_text("goes on in another window")
        assert axe_violations(page) == []
        page.set_viewport_size(PHONE["viewport"])
        assert axe_violations(page) == []
        known = len(person.messages("score"))
        page.get_by_role("button", name="Use it here").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        person.wait_for_scores(known + 3)
        assert person.stop() == session["id"]
        assert person.stored(session["id"])["end_reason"] == "left"
