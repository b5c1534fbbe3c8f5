import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import videos
from driver import (
    NAME,
    PHONE,
    WIDE,
    Person,
    Server,
    axe_violations,
    camera_file,
    chromium_with,
    person_at,
    serving,
)
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.weights]

REFERENCE = "Squat from the side"


@dataclass(frozen=True)
class Stage:
    """What the tests share: starting it takes longer than most of them."""

    server: Server
    playwright: Playwright
    chromium: Path
    squats: Browser  # its camera plays someone who squats
    clip: Path  # the same movement by someone else

    @contextlib.contextmanager
    def person(self, **options: Any) -> Iterator[Person]:
        """Someone who opens the page in the browser that they share."""
        with person_at(self.squats, self.server, **options) as person:
            person.open()
            yield person


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    clip = videos.stick_figure(folder / "squat.mp4", seconds=4)
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
            person.add_reference(clip, REFERENCE)
        yield Stage(server, playwright, chromium, browser, clip)


def test_a_person_trains_and_finds_the_summary(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        person.start(REFERENCE)
        person.wait_for_scores(12)
        session_id = person.stop()

        (welcome,) = person.messages("welcome")
        assert (welcome["session_id"], welcome["exercise_name"]) == (session_id, REFERENCE)
        scores = person.messages("score")
        assert [each["state"] == "scoring" for each in scores] == [
            each["score"] is not None for each in scores
        ]
        (ended,) = person.messages("ended")
        stored = person.stored(session_id)
        assert (stored["state"], stored["end_reason"]) == ("ended", "left")
        assert stored["summary"] == ended["summary"]
        assert stored["summary"]["duration_s"] > 3
        kept = stage.server.rows("SELECT * FROM scores WHERE session_id = ?", session_id)
        assert len(kept) >= len(scores)

        shown = person.page.get_by_label("Result")
        score = stored["summary"]["score"]
        expect(shown).to_contain_text("No score" if score is None else str(round(score)))
        person.page.get_by_role("link", name="History").first.click()
        expect(person.page.get_by_role("link", name=REFERENCE).first).to_be_visible()
        assert person.complaints == []


LINES_ARE_DRAWN = """() => {
  const canvas = document.querySelector("canvas.skeleton-lines");
  if (canvas === null || canvas.width === 0) return false;
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height).data.some((value) => value > 0);
}"""


def test_lines_are_drawn_over_the_person_until_they_are_not_wanted(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        person.start(REFERENCE)
        page = person.page

        person.wait_for_message("pose")
        page.wait_for_function(LINES_ARE_DRAWN)
        lines = page.get_by_role("button", name="Skeleton")
        lines.click()
        expect(lines).to_have_attribute("aria-pressed", "false")
        expect(page.locator("canvas.skeleton-lines")).to_have_count(0)
        assert person.complaints == []


def test_a_person_turns_speech_on_and_follows_the_video(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        person.start(REFERENCE)
        page = person.page

        speech = page.get_by_role("button", name="Spoken cues")
        expect(speech).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("m")
        expect(speech).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("m")
        expect(speech).to_have_attribute("aria-pressed", "false")

        assert person.sent("clock") == []
        page.get_by_role("radio", name="Follow video").check()
        page.wait_for_function(
            "() => sent.filter(({ type, rate }) => type === 'clock' && rate > 0).length > 2"
        )
        page.get_by_role("button", name="Pause the reference").click()
        page.wait_for_function("() => sent.findLast(({ type }) => type === 'clock').rate === 0")
        page.get_by_role("radio", name="Own pace").check()
        page.wait_for_function("() => sent.findLast(({ type }) => type === 'clock').rate === null")
        times = [each["reference_s"] for each in person.sent("clock")[:-1]]
        assert all(0 <= each <= 4.1 for each in times)
        person.stop()
        assert person.complaints == []


@pytest.mark.slow
def test_escape_stops_a_session(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        person.start(REFERENCE)
        person.wait_for_scores(1)
        person.page.keyboard.press("Escape")
        expect(person.page.get_by_label("Result")).to_be_visible()


@pytest.mark.slow
def test_a_session_ends_when_its_tab_goes_away(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        person.start(REFERENCE)
        person.wait_for_scores(1)
        (welcome,) = person.messages("welcome")
        person.page.goto("about:blank")
        person.open(f"#/sessions/{welcome['session_id']}")
        expect(person.page.get_by_label("Result")).to_be_visible()
        assert person.stored(welcome["session_id"])["state"] == "ended"


@pytest.mark.slow
def test_a_newcomer_records_a_reference_with_the_camera(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        page = person.page
        page.get_by_role("link", name="Record", exact=True).click()
        page.get_by_role("button", name="Start recording").click()
        stop = page.get_by_role("button", name="Stop recording")
        expect(stop).to_be_enabled()
        stop.click()
        page.get_by_label("Name of the movement").fill("Recorded")
        page.get_by_role("button", name="Save reference").click()
        person.wait_for_reference("Recorded")
        assert person.complaints == []

        page.get_by_role("button", name="Delete Recorded").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_role("link", name="Recorded")).to_have_count(0)


def test_a_file_that_is_no_video_is_refused_in_words(stage: Stage, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear trainer")
    with stage.person() as person:
        person.sign_in()
        person.page.locator("input[type=file]").set_input_files(letter)
        person.page.get_by_role("button", name="Add reference").click()
        expect(person.page.get_by_role("alert")).to_contain_text("video")


def test_a_wrong_password_is_told(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in("guess")
        expect(person.page.get_by_role("alert")).to_contain_text("password")
        person.sign_in()
        expect(person.page.get_by_role("heading", level=1)).to_have_text("Library")


def test_a_camera_that_is_refused_is_told(stage: Stage) -> None:
    with (
        chromium_with(stage.playwright, stage.chromium, camera=None) as browser,
        person_at(browser, stage.server) as person,
    ):
        person.open()
        person.sign_in()
        person.page.get_by_role("link", name=REFERENCE, exact=True).click()
        expect(person.page.get_by_role("alert")).to_contain_text("Allow it")
        expect(person.page.get_by_role("button", name="Start")).to_be_disabled()


def test_someone_whose_token_has_expired_goes_on_where_they_were(stage: Stage) -> None:
    with stage.person() as person:
        person.sign_in()
        person.page.get_by_role("link", name=REFERENCE, exact=True).wait_for()
        person.page.evaluate(
            "kept => sessionStorage.setItem('posesim.sign-in', JSON.stringify(kept))",
            {"access": "expired", "refresh": None, "name": NAME},
        )
        person.page.get_by_role("link", name=REFERENCE, exact=True).click()
        dialog = person.page.get_by_role("dialog")
        dialog.get_by_label("Password").fill("correct horse battery")
        dialog.get_by_role("button", name="Sign in").click()
        expect(person.page.get_by_role("heading", level=1)).to_have_text(REFERENCE)
        expect(dialog).to_have_count(0)


def test_every_view_fits_a_phone_and_keeps_to_the_policy(stage: Stage) -> None:
    with stage.person(**PHONE) as person:
        page = person.page

        def check(view: str) -> None:
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, view

        check("sign in")
        person.sign_in()
        person.wait_for_reference(REFERENCE)
        check("library")
        page.get_by_role("link", name="Record", exact=True).click()
        page.get_by_role("button", name="Start recording").wait_for()
        check("record")
        page.get_by_role("link", name="Library").first.click()
        person.start(REFERENCE)
        person.wait_for_scores(3)
        check("live")
        # Nobody scrolls from three metres away.
        assert page.evaluate("document.documentElement.scrollHeight") <= 844
        person.stop()
        check("summary")
        page.get_by_role("link", name="History").first.click()
        page.get_by_role("heading", name="Your sessions").wait_for()
        check("history")
        assert person.complaints == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_against_any_view_in_light_and_dark(
    stage: Stage, size: dict[str, Any]
) -> None:
    with stage.person(**size, reduced_motion="reduce") as person:
        page = person.page

        def check(view: str) -> None:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert axe_violations(page) == [], f"{view} in {scheme}"

        check("sign in")
        person.sign_in("guess")
        page.get_by_role("alert").wait_for()
        check("a wrong password")
        person.sign_in()
        person.wait_for_reference(REFERENCE)
        check("library")
        page.get_by_role("button", name="account and more").click()
        check("the account's menu")
        page.keyboard.press("Escape")
        page.get_by_role("button", name=f"Delete {REFERENCE}").click()
        check("a dialog")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Record", exact=True).click()
        page.get_by_role("button", name="Start recording").wait_for()
        check("record")
        person.open("#/library")
        person.choose(REFERENCE)
        check("ready")
        person.begin()
        person.wait_for_scores(12)
        check("live")
        person.stop()
        check("summary")
        person.open("#/history")
        page.get_by_role("heading", name="Your sessions").wait_for()
        check("history")


def test_a_person_without_a_mouse_skips_to_the_content_and_gets_the_focus_back(
    stage: Stage,
) -> None:
    with stage.person() as person:
        person.sign_in()
        person.wait_for_reference(REFERENCE)
        page = person.page
        focused = page.locator(":focus")

        page.reload()
        person.wait_for_reference(REFERENCE)
        page.keyboard.press("Tab")
        expect(focused).to_have_text("Skip to the content")
        expect(focused).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(focused).to_have_id("content")
        assert "#content" not in page.url
        page.keyboard.press("Tab")
        expect(focused).to_have_text("Add a video")

        delete = page.get_by_role("button", name=f"Delete {REFERENCE}")
        delete.focus()
        page.keyboard.press("Enter")
        expect(focused).to_have_text("Keep")
        for _ in range(3):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.closest('dialog, body').tagName") != "MAIN"
        page.keyboard.press("Escape")
        expect(delete).to_be_focused()

        page.get_by_role("link", name=REFERENCE, exact=True).focus()
        page.keyboard.press("Enter")
        expect(focused).to_have_text(REFERENCE)
        start = page.get_by_role("button", name="Start")
        expect(start).to_be_enabled()
        start.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(start).to_be_focused()
        assert person.complaints == []


def test_a_language_is_used_at_once_and_remembered(stage: Stage) -> None:
    with stage.person(locale="es-MX") as person:
        page = person.page
        expect(page.locator("html")).to_have_attribute("lang", "es")
        expect(page.get_by_role("heading", name="Iniciar sesión")).to_be_visible()
        page.get_by_label("Idioma").select_option(label="Deutsch")
        expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "de")
        page.reload()
        expect(page.get_by_label("Sprache")).to_have_value("de")
        assert person.complaints == []


def test_a_page_that_can_not_be_loaded_has_a_heading_and_is_loaded_again(stage: Stage) -> None:
    with person_at(stage.squats, stage.server) as person:
        page = person.page
        page.route("**/app.js", lambda route: route.abort())
        person.open()
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("The page could not be loaded")
        assert axe_violations(page) == []
        page.unroute("**/app.js")
        page.get_by_role("button", name="Load it again").click()
        expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "same", "other"),
    [
        # The other exercise is by the reference's own person, in the same garden: who reads the
        # background instead of the movement fails.
        (
            "push_up__wanshape_A__oblique.mp4",
            "push_up__kg_puD__side.mp4",
            "glute_bridge__wanshape_A__side.mp4",
        )
    ],
)
def test_the_same_exercise_by_someone_else_scores_far_above_another_and_a_still_picture(
    stage: Stage, clips: Path, tmp_path: Path, reference: str, same: str, other: str
) -> None:
    cameras = {
        "same": camera_file(clips / same, tmp_path),
        "other": camera_file(clips / other, tmp_path),
        "still": camera_file(clips / same, tmp_path, still=True),
    }
    with stage.person() as person:
        person.sign_in()
        person.add_reference(clips / reference, reference)
    scores = {name: trained(stage, camera, reference) for name, camera in cameras.items()}
    assert scores["same"] is not None
    # No score at all is the honest answer to a picture that doesn't move: it counts as nothing.
    assert scores["same"] - (scores["other"] or 0) >= 30, scores
    assert scores["same"] - (scores["still"] or 0) >= 30, scores


def trained(stage: Stage, camera: Path, reference: str) -> float | None:
    """The stored score of a session of about fifteen seconds."""
    with (
        chromium_with(stage.playwright, stage.chromium, camera) as browser,
        person_at(browser, stage.server) as person,
    ):
        person.open()
        person.sign_in()
        person.start(reference)
        person.wait_for_scores(45)
        summary = person.stored(person.stop())["summary"]
    score: float | None = summary["score"]
    return score
