"""A coach's surgery: a server, an exercise, and two people who call each other there."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import videos
from call_driver import COACH, MEMBER, PICTURE, Caller, beeps, browser_with, caller_at
from driver import WAIT_S, Clinic, serving
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

SQUAT = "Squat with a chair"
TITLE = "Knee, third week"
PLACES = ("--max-sessions", "3")  # the machine's own figure may be one
PREPARING_S = 600.0  # seconds; a busy machine is no failure
LONG_S = 4 * WAIT_S  # two browsers, a server and its network share two processors

PLAYS = "video => video.readyState >= 2 && video.currentTime > 0.2 && !video.paused"


@dataclass(frozen=True)
class Footage:
    """What a camera and a microphone give."""

    camera: Path
    sound: Path


@dataclass
class Surgery(Clinic):
    """A server with a coach; its `browser` is the coach's."""

    playwright: Playwright
    chromium: Path
    theirs: Footage  # the member's

    def invite(self) -> tuple[str, str]:
        """Make an appointment; its id and its link's address."""
        made = self.ask(COACH, "POST", "/v1/calls", {"title": TITLE})
        return made["call"]["id"], made["url"].lstrip("/")

    def add_exercise(self, name: str, clip: Path) -> str:
        """Upload an exercise of the coach and wait until it can be trained with; its id."""
        exercise = self.upload(COACH, name, clip)
        deadline = time.monotonic() + PREPARING_S
        while (found := self.ask(COACH, "GET", f"/v1/exercises/{exercise}"))["state"] != "ready":
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return exercise

    def add_member(self, name: str) -> None:
        """Add a member, for whom requests can be made."""
        self.server.add_user(name)
        self.let_in(name)

    def accept(self, link: str, name: str = MEMBER) -> None:
        """Let a member accept by the link's token, and allow being scored."""
        token = link.rpartition("/")[2]
        self.ask(name, "POST", "/v1/calls/join", {"token": token, "language": "en"})
        self.ask(name, "POST", "/v1/consents", {"purpose": "scoring", "language": "en"})

    def appointment(self, name: str = MEMBER) -> str:
        """Make an appointment that a member has accepted; its id."""
        call, link = self.invite()
        self.accept(link, name)
        return call

    @contextlib.contextmanager
    def caller(self, name: str, address: str, browser: Browser, **options: Any) -> Iterator[Caller]:
        """Somebody who is signed in, at an address of the page."""
        with caller_at(browser, self.server, **options) as caller:
            caller.open("")
            caller.sign_in(name=name)
            caller.page.get_by_role("button", name=name).wait_for()
            caller.open(address)
            yield caller

    @contextlib.contextmanager
    def another_browser(self, footage: Footage | None = None) -> Iterator[Browser]:
        """A browser of its own camera and microphone; the member's, if nothing else is said."""
        footage = footage or self.theirs
        with browser_with(self.playwright, self.chromium, footage.camera, footage.sound) as browser:
            yield browser


@contextlib.contextmanager
def surgery_at(
    folder: Path,
    playwright: Playwright,
    chromium: Path,
    cameras: tuple[Footage, Footage],
    *options: str,
) -> Iterator[Surgery]:
    """Run a server and the coach's browser; `cameras` are the coach's and the member's."""
    ours, theirs = cameras
    with (
        serving(folder, *PLACES, *options) as server,
        browser_with(playwright, chromium, ours.camera, ours.sound) as browser,
    ):
        http = playwright.request.new_context(base_url=server.url)
        surgery = Surgery(server, browser, http, playwright, chromium, theirs)
        server.add_user(COACH, "coach")
        surgery.let_in(COACH, "recording")
        yield surgery
        http.dispose()


def drawn_footage(folder: Path, size: tuple[int, int] = PICTURE) -> tuple[Footage, Footage]:
    """Two drawn people in rooms of different colours, whose microphones beep differently."""
    coach = videos.stick_figure(folder / "coach.y4m", size=size)
    member = videos.stick_figure(
        folder / "member.y4m", size=size, shirt=videos.CORAL, wall=videos.COOL_WALL
    )
    return (
        Footage(coach, beeps(folder / "coach.wav", 440)),
        Footage(member, beeps(folder / "member.wav", 880)),
    )


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def plays(caller: Caller, name: str) -> None:
    """Wait until the picture of somebody is there, and moves."""
    picture = caller.page.get_by_label(f"Picture of {name}")
    expect(picture).to_be_visible(timeout=LONG_S * 1000)
    caller.page.wait_for_function(
        f"name => [...document.querySelectorAll('video')].some((video) => "
        f"video.getAttribute('aria-label') === name && ({PLAYS})(video))",
        arg=f"Picture of {name}",
        timeout=LONG_S * 1000,
    )


def admit(coach: Caller, member: Caller, name: str = MEMBER) -> None:
    """Let the member in; returns when both see the other move."""
    button(coach.page, "Admit").click()
    plays(coach, name)
    plays(member, COACH)


def choose(coach: Page, name: str) -> None:
    """Make an exercise the program, and the one that is to be started."""
    button(coach, "Add an exercise").click()
    coach.get_by_role("searchbox").fill(name)
    coach.get_by_role("button", name=re.compile(f"^{name}")).last.click()
    button(coach, "Close").click()
    coach.get_by_role("button", name=re.compile(name)).first.click()


def end(coach: Page) -> None:
    button(coach, "End call").click()
    button(coach, "End for both").click()
    expect(coach.get_by_role("heading", name="The call is over")).to_be_visible()


def told(caller: Caller, kind: str) -> list[dict[str, Any]]:
    """What the server said over the call's socket, of one type."""
    messages = [_read(each) for each in caller.heard]
    return [each for each in messages if each["type"] == kind]


@lru_cache(maxsize=10_000)
def _read(text: str) -> dict[str, Any]:
    """A message, read once: all that came are asked for ten times a second."""
    message: dict[str, Any] = json.loads(text)
    return message


def live(coach: Caller, kind: str) -> list[dict[str, Any]]:
    """What the coach was told of the member's session, of one type."""
    return [each["message"] for each in told(coach, "live") if each["message"]["type"] == kind]


def numbers(messages: list[dict[str, Any]]) -> list[float]:
    return [each["score"] for each in messages if each["score"] is not None]


def wait_for(
    caller: Caller, holds: Callable[[], Any], what: str, timeout_s: float = LONG_S
) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"waited for {what}: {_summary_of(caller)}"
        caller.page.wait_for_timeout(100)


def _summary_of(caller: Caller) -> str:
    """What the server last said, for whoever has to find out why something did not come."""
    states = told(caller, "state")[-1:]
    scores = [each["state"] for each in live(caller, "score") + caller.messages("score")]
    refusals = told(caller, "refused")
    return f"{states=} {scores[-5:]=} {len(scores)=} {refusals=} {caller.complaints=}"
