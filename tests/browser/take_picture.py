"""Take the README's picture, docs/live.png: a drawn person, scored by the real server.

    PYTHONPATH=tests python tests/browser/take_picture.py [FOLDER [LANGUAGE ...]]

With a folder it takes every view there, wide and on a phone, in each language that is named (en).
"""

import sys
import tempfile
from pathlib import Path

import videos
from conftest import find_chromium
from driver import Person, chromium_with, person_at, serving
from playwright.sync_api import sync_playwright

NAME = "Squat from the side"
SIZES = {"": (1280, 800), "-phone": (390, 844)}  # by the end of the files' names
SETTLE_MS = 1_500  # until videos play and nothing moves in any more
README = {"live"}


class Camera:
    """Takes the pictures of one size."""

    def __init__(self, person: Person, target: Path, end: str, languages: list[str]) -> None:
        self.person = person
        self.target = target
        self.end = end
        self.languages = languages

    def take(self, view: str) -> None:
        """Take a view in each language; the page is in English again after it."""
        page = self.person.page
        if self.target.name == "docs" and f"{view}{self.end}" not in README:
            return
        page.wait_for_timeout(SETTLE_MS)
        for language in self.languages:
            mark = "" if language == "en" else f"-{language}"
            self.person.speak(language)
            page.screenshot(path=self.target / f"{view}{self.end}{mark}.png")
        self.person.speak("en")


def main() -> None:
    target = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[2] / "docs"
    languages = sys.argv[2:] or ["en"]
    chromium = find_chromium()
    assert chromium is not None, "Chromium is not on PATH"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clip = videos.stick_figure(folder / "squat.mp4", seconds=8, size=(640, 480))
        camera = videos.stick_figure(
            folder / "camera.y4m", size=(640, 480), shirt=videos.CORAL, wall=videos.COOL_WALL
        )
        with (
            serving(folder) as server,
            sync_playwright() as playwright,
            chromium_with(playwright, chromium, camera) as browser,
        ):
            server.allow("scoring", "recording")
            with person_at(browser, server) as person:
                person.open()
                person.sign_in()
                Camera(person, target, "", languages).take("empty")
                person.add_reference(clip, NAME)
            for end, (width, height) in SIZES.items():
                viewport = {"width": width, "height": height}
                if target.name == "docs" and end:
                    continue
                with person_at(browser, server, viewport=viewport) as person:
                    walk(person, Camera(person, target, end, languages))


def walk(person: Person, camera: Camera) -> None:
    """Go through the views as somebody does who trains."""
    page = person.page
    person.open()
    camera.take("sign-in")
    person.sign_in()
    person.wait_for_reference(NAME)
    camera.take("library")
    page.get_by_role("link", name=f"Edit {NAME}").click()
    camera.take("exercise")
    for view in ("today", "compare"):
        person.open(f"#/{view}")
        camera.take(view)
    person.open()
    page.get_by_role("button", name="account and more").click()
    camera.take("menu")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Record", exact=True).click()
    camera.take("record")
    person.open("#/library")
    person.choose(NAME)
    camera.take("ready")
    person.begin()
    person.wait_for_scores(45)
    camera.take("live")
    person.stop()
    camera.take("summary")
    page.get_by_role("link", name="History").first.click()
    camera.take("history")
    page.get_by_role("link", name="Progress").first.click()
    camera.take("progress")


if __name__ == "__main__":
    main()
