"""Take the README's picture of a call, docs/call.jpg: drawn people, called and scored for real.

    PYTHONPATH=tests:tests/browser python tests/browser/take_call_picture.py [FOLDER [SIZE ...]]

With a folder it takes every step of a call there, of the coach and of the member; SIZE is "wide" or
"phone", both where none is named. Two browsers, each with its own camera, and the real server.
"""

import re
import sys
import tempfile
from pathlib import Path

import videos
from call_driver import COACH, MEMBER, Caller
from conftest import find_chromium
from playwright.sync_api import expect, sync_playwright
from surgery import (
    SQUAT,
    Surgery,
    admit,
    button,
    choose,
    drawn_footage,
    end,
    live,
    numbers,
    surgery_at,
    wait_for,
)

SIZES = {"wide": (1280, 800), "phone": (390, 844)}
PICTURE = 480, 360  # of the cameras: what is looked at may be finer than what is tested with
SETTLE_MS = 1_500  # until videos play and nothing moves in any more
SCORES = 8  # with a number, before the exercise is shown
SCORED_S = 150.0  # most seconds for them; a busy machine leaves out frames
README = Path(__file__).parents[2] / "docs" / "call.jpg"
JACK = "Jumping jack"


class Album:
    """Takes a step of the call as both see it, in one size; without a folder, none."""

    def __init__(self, folder: Path | None, size: str, coach: Caller, member: Caller) -> None:
        self._folder = folder
        self._size = size
        self._people = {"coach": coach, "member": member}

    def take(self, step: str, settle_ms: float = SETTLE_MS) -> None:
        self._people["coach"].page.wait_for_timeout(settle_ms)
        for who, person in self._people.items():
            if self._folder is not None:
                person.page.screenshot(path=self._folder / f"{step}-{who}-{self._size}.png")

    def take_for_readme(self) -> None:
        self._people["coach"].page.screenshot(path=README, type="jpeg", quality=82)


def main() -> None:
    folder = Path(sys.argv[1]) if sys.argv[1:] else None
    sizes = sys.argv[2:] or (list(SIZES) if folder else ["wide"])
    chromium = find_chromium()
    assert chromium is not None, "Chromium is not on PATH"
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        drawn = drawn_footage(Path(made), size=PICTURE)
        with surgery_at(Path(made), playwright, chromium, drawn) as surgery:
            for name, exercise in {SQUAT: "squat", JACK: "jumping_jack"}.items():
                clip = Path(made) / f"{exercise}.mp4"
                videos.stick_figure(clip, seconds=8, size=PICTURE, exercise=exercise)
                surgery.add_exercise(name, clip)
            surgery.add_member(MEMBER)
            for size in sizes:
                walk(surgery, folder, size)


def walk(surgery: Surgery, folder: Path | None, size: str) -> None:
    """Go through a call as two people do who train."""
    width, height = SIZES[size]
    options = {"viewport": {"width": width, "height": height}, "skeleton": True}
    address = f"#/call/{surgery.appointment()}"
    with (
        surgery.caller(COACH, address, surgery.browser, **options) as coach,
        surgery.another_browser() as browser,
        surgery.caller(MEMBER, address, browser, **options) as member,
    ):
        album = Album(folder, size, coach, member)
        member.page.get_by_role("checkbox").check()
        expect(coach.page.get_by_text("Feet in the picture")).to_be_visible()
        album.take("1-lobby")
        admit(coach, member)
        choose(coach.page, JACK)
        choose(coach.page, SQUAT)
        album.take("2-before")
        button(coach.page, "Start").click()
        wait_for(coach, lambda: len(numbers(live(coach, "score"))) >= SCORES, "scores", SCORED_S)
        expect(member.page.locator(".score-number")).to_be_visible()
        expect(coach.page.locator(".call-points")).to_contain_text(re.compile(r"\d"))
        album.take("3-exercise", settle_ms=0)
        if folder is None:
            album.take_for_readme()
            return
        button(coach.page, "Pause").click()
        coach.page.keyboard.press("m")
        album.take("4-pause")
        coach.page.get_by_label("Note to this moment").fill("knee falls inwards")
        coach.page.keyboard.press("Enter")
        button(coach.page, "Stop").click()
        expect(button(coach.page, "Start")).to_be_visible()
        coach.page.get_by_role("radio", name="Done (1)").check()
        album.take("5-between")
        end(coach.page)
        album.take("6-over")
        for person in (coach, member):
            person.page.get_by_role("link", name="See the record").click()
        album.take("7-record")


if __name__ == "__main__":
    main()
