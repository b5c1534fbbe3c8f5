"""Take the README's picture, docs/live.png: a drawn person, scored by the real server.

    PYTHONPATH=tests python tests/browser/take_picture.py [FOLDER]

With a folder it takes ready, live and summary there, wide and on a phone.
"""

import sys
import tempfile
from pathlib import Path

import videos
from driver import Person, chromium_with, person_at, serving
from playwright.sync_api import sync_playwright

NAME = "Squat from the side"
SIZES = {"": (1280, 800), "-phone": (390, 844)}  # by the end of the files' names
SETTLE_MS = 1_500  # until videos play and nothing moves in any more


def main() -> None:
    folders = [Path(each) for each in sys.argv[1:]]
    target = folders[0] if folders else Path(__file__).parents[2] / "docs"
    wanted = {f"{view}{end}" for view in ("ready", "live", "summary") for end in SIZES}
    if not folders:
        wanted = {"live"}

    def take(person: Person, name: str) -> None:
        if name in wanted:
            person.page.wait_for_timeout(SETTLE_MS)
            person.page.screenshot(path=target / f"{name}.png")

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clip = videos.stick_figure(folder / "squat.mp4", seconds=8, size=(640, 480))
        camera = videos.stick_figure(
            folder / "camera.y4m", size=(640, 480), shirt=videos.CORAL, wall=videos.COOL_WALL
        )
        with (
            serving(folder) as server,
            sync_playwright() as playwright,
            chromium_with(playwright, Path("/usr/bin/chromium"), camera) as browser,
        ):
            with person_at(browser, server) as person:
                person.open()
                person.sign_in()
                person.add_reference(clip, NAME)
            for end, (width, height) in SIZES.items():
                if f"live{end}" not in wanted:
                    continue
                viewport = {"width": width, "height": height}
                with person_at(browser, server, viewport=viewport) as person:
                    person.open()
                    person.sign_in()
                    person.choose(NAME)
                    take(person, f"ready{end}")
                    person.begin()
                    person.wait_for_scores(45)
                    take(person, f"live{end}")
                    person.stop()
                    take(person, f"summary{end}")


if __name__ == "__main__":
    main()
