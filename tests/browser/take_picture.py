"""Take the README's picture, docs/live.png: a drawn person, scored by the real server.

python tests/browser/take_picture.py [FOLDER]   docs/ by default; live-phone.png beside it
"""

import sys
import tempfile
from pathlib import Path

import videos
from driver import chromium_with, person_at, serving
from playwright.sync_api import sync_playwright

NAME = "Squat from the side"
SIZES = {"live.png": (1280, 800), "live-phone.png": (390, 844)}


def main() -> None:
    docs = Path(__file__).parents[2] / "docs"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else docs
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
            for i, (file, (width, height)) in enumerate(SIZES.items()):
                with person_at(
                    browser, server, viewport={"width": width, "height": height}
                ) as person:
                    person.open()
                    person.sign_in()
                    if i == 0:
                        person.add_reference(clip, NAME)
                    person.start(NAME)
                    person.wait_for_scores(45)
                    person.page.screenshot(path=target / file)
                    person.stop()


if __name__ == "__main__":
    main()
