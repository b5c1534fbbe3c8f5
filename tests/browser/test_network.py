"""Bad networks between a real browser and the server: loss, a blackout, a cut, and a death."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
import videos
from driver import WAIT_S, Person, Server, chromium_with, person_at, serving
from network import Network, kill_browser, network_at, pages_of
from playwright.sync_api import Browser, Playwright, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from udp_proxy import Line
from unhandled import nothing_unhandled

ADDRESSES = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.weights,
    pytest.mark.slow,
    pytest.mark.skipif(not ADDRESSES, reason="ICE needs an IPv4 address besides 127.0.0.1"),
]

REFERENCE = "Squat from the side"
FREE_S = 20.0  # twice of what is promised; without a heartbeat it would be 30
PERFECT = Line()

# Runs in the page: whether a score has come over the connection `epoch` of a picture after `t_s`.
SCORED = """([epoch, t_s]) => received.some(
  ({ message }) => message.type === "score" && message.epoch >= epoch && message.t_s > t_s
)"""

END = "id => import('/api.js').then(({ deleteSession }) => deleteSession(id))"


@dataclass(frozen=True)
class Stage:
    """What the tests share: starting it takes longer than most of them."""

    server: Server
    playwright: Playwright
    chromium: Path
    browser: Browser
    camera: Path
    network: Network

    @contextlib.contextmanager
    def trainee(self, browser: Browser | None = None) -> Iterator[Person]:
        """Someone who trains, by the network, which is perfect at first; scores have come."""
        self.network.set(PERFECT)
        with person_at(browser or self.browser, self.server) as person:
            self.network.put(person.page)
            person.open()
            person.sign_in()
            person.start(REFERENCE)
            person.wait_for_scores(3)
            yield person


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    with nothing_unhandled():
        yield


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("network")
    clip = videos.stick_figure(folder / "squat.mp4", seconds=4)
    camera = videos.stick_figure(
        folder / "camera.y4m", size=(320, 240), shirt=videos.CORAL, wall=videos.COOL_WALL
    )
    with (
        serving(folder, "--max-sessions", "3") as server,
        sync_playwright() as playwright,
        chromium_with(playwright, chromium, camera) as browser,
        network_at(ADDRESSES[0]) as network,
    ):
        server.allow("scoring", "recording")
        with person_at(browser, server) as person:
            person.open()
            person.sign_in()
            person.add_reference(clip, REFERENCE)
        yield Stage(server, playwright, chromium, browser, camera, network)
    log = (folder / "server.log").read_text()
    levels = {json.loads(line)["level"] for line in log.splitlines() if line.startswith("{")}
    assert {"error", "critical"}.isdisjoint(levels), log


def wait_for_pages(person: Person, limit_s: float, **wanted: int) -> None:
    """Wait until the server thinks so of as many pages; the person's network goes on meanwhile."""
    deadline = time.monotonic() + limit_s
    while not Counter(wanted) <= (seen := pages_of(person.server)):
        assert time.monotonic() < deadline, seen
        person.page.wait_for_timeout(200)


def newest_s(person: Person) -> float:
    """The time of the newest score, in the session."""
    return float(person.messages("score")[-1]["t_s"])


def wait_for_score_after(person: Person, t_s: float, epoch: int = 0) -> None:
    person.page.wait_for_function(SCORED, arg=[epoch, t_s])


def events(person: Person) -> list[dict[str, Any]]:
    """What came over the reliable channel but the scores that are said again there."""
    received: list[dict[str, Any]] = person.page.evaluate(
        'received.filter(({ channel }) => channel === "events").map(({ message }) => message)'
    )
    return [each for each in received if each["type"] != "score"]


def stored(stage: Stage, session_id: str, table: str) -> list[dict[str, Any]]:
    rows = stage.server.rows(f"SELECT * FROM {table} WHERE session_id = ?", session_id)
    return [dict(row) for row in rows]


def has_no_hole(numbers: list[int]) -> bool:
    return sorted(numbers) == list(range(len(numbers)))


def test_a_session_goes_on_after_a_blackout_of_two_seconds(stage: Stage) -> None:
    with stage.trainee() as person:
        connections = stage.network.connections
        before_s = newest_s(person)
        stage.network.cut()
        person.page.wait_for_timeout(2000)
        stage.network.mend()
        wait_for_score_after(person, before_s + 3)
        session_id = person.stop()

        assert stage.network.connections == connections  # the same one
        assert [each["epoch"] for each in person.messages("welcome")] == [0]
        numbers = [each["seq"] for each in events(person)]
        assert numbers == list(range(len(numbers)))  # nothing lost, nothing twice
        gaps = [each["reason"] for each in stored(stage, session_id, "gaps")]
        assert "connection" not in gaps  # perhaps none: what was lost is sent again, if it is kept
        assert has_no_hole([each["seq"] for each in stored(stage, session_id, "scores")])
        assert person.stored(session_id)["end_reason"] == "left"
        assert person.complaints == []


def test_a_network_that_was_gone_for_long_is_followed_by_another_connection(stage: Stage) -> None:
    with stage.trainee() as person:
        status = person.page.get_by_role("status").filter(has_text="onnect")
        before_s = newest_s(person)
        connections = stage.network.connections
        stage.network.cut()
        expect(status).to_contain_text("Reconnecting")
        wait_for_pages(person, FREE_S, away=1)
        stage.network.mend()
        person.page.wait_for_function(
            "() => received.some(({ message }) => message.type === 'welcome' && message.epoch > 0)"
        )
        expect(status).to_have_text("Connected")
        wait_for_score_after(person, before_s + 8, epoch=1)
        session_id = person.stop()

        assert stage.network.connections > connections
        assert person.messages("welcome")[0]["session_id"] == session_id
        gaps = [each["reason"] for each in stored(stage, session_id, "gaps")]
        assert 1 <= gaps.count("connection") <= stage.network.connections - connections
        scores = [each["seq"] for each in stored(stage, session_id, "scores")]
        assert has_no_hole(scores)
        # What was said to a page that could not hear it is said again.
        heard = {each["seq"] for each in person.messages("score")}
        assert heard >= set(scores[:-3])
        cues = stored(stage, session_id, "cues")
        assert len({each["seq"] for each in person.messages("cue")}) == len(cues)
        assert person.stored(session_id)["end_reason"] == "left"


def test_the_place_of_a_killed_browser_is_free_and_others_notice_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    camera = tmp_path / "theirs.y4m"
    camera.symlink_to(stage.camera)
    with stage.trainee() as person:
        before_s = newest_s(person)
        with (
            contextlib.suppress(PlaywrightError),  # nobody is there to close it
            chromium_with(stage.playwright, stage.chromium, camera) as browser,
            stage.trainee(browser) as killed,
        ):
            (welcome,) = killed.messages("welcome")
            connections = stage.network.connections
            wait_for_pages(person, WAIT_S, good=2)
            kill_browser(camera)
            wait_for_pages(person, FREE_S, good=1, away=1)
        wait_for_pages(person, FREE_S, good=1, away=1)
        person.page.evaluate(END, welcome["session_id"])  # it would wait for its page
        wait_for_score_after(person, before_s + 8)
        person.stop()

        assert stage.network.connections == connections
        assert {each["epoch"] for each in person.messages("score")} == {0}
        numbers = [each["seq"] for each in events(person)]
        assert numbers == list(range(len(numbers)))
        assert person.complaints == []


def test_scores_keep_coming_where_packets_are_lost(stage: Stage) -> None:
    with stage.trainee() as person:
        before_s = newest_s(person)
        connections = stage.network.connections
        up, down = stage.network.counts
        lost_before = up.lost, down.lost
        stage.network.set(Line(loss=0.03))
        wait_for_score_after(person, before_s + 6)
        session_id = person.stop()

        assert up.lost > lost_before[0]
        assert down.lost > lost_before[1]
        assert stage.network.connections == connections
        numbers = [each["seq"] for each in events(person)]
        assert numbers == list(range(len(numbers)))  # what is lost is sent again
        assert has_no_hole([each["seq"] for each in stored(stage, session_id, "scores")])
        assert person.complaints == []
