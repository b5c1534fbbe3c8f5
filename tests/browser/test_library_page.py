"""The library, an exercise's page, the day's plan and offline comparisons, as people meet them."""

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import videos
from driver import (
    NAME,
    PHONE,
    WAIT_S,
    WIDE,
    Clinic,
    axe_violations,
    clinic_at,
)
from playwright.sync_api import Locator, Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]

COACH = "carla"
CLIP_S = 8.0

# Drops files on the view, as somebody does who drags them from a folder.
DROP = """files => {
  const transfer = new DataTransfer();
  for (const { name, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "video/mp4" }));
  }
  const main = document.querySelector("main");
  for (const type of ["dragover", "drop"]) {
    const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
    main.dispatchEvent(new DragEvent(type, options));
  }
}"""

KEEP_PLACES = """() => {
  const video = document.querySelector(".reference video");
  window.places = [];
  video.addEventListener("timeupdate", () => places.push(video.currentTime));
}"""


@dataclass
class LibraryClinic(Clinic):
    """With a member, a coach of that member, and a camera that shows squats."""

    clip: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def exercise(self, owner: str, **changes: object) -> tuple[str, str]:
        """The id and name of a new one."""
        name = f"Squat {next(self.numbers)}"
        exercise_id = self.upload(owner, name, self.clip)
        if changes:
            self.ask(owner, "PATCH", f"/v1/exercises/{exercise_id}", changes)
        return exercise_id, name

    def assign(self, exercise_id: str, **fields: object) -> str:
        """Put a coach's exercise into the member's plan of each day; return the assignment's id."""
        member = self.ask(NAME, "GET", "/v1/me")["id"]
        body = {"exercise_id": exercise_id, **fields}
        return str(self.ask(COACH, "POST", f"/v1/members/{member}/assignments", body)["id"])

    def stored(self, exercise_id: str) -> dict[str, Any]:
        (row,) = self.server.rows("SELECT * FROM exercises WHERE id = ?", exercise_id)
        return dict(row)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[LibraryClinic]:
    folder = tmp_path_factory.mktemp("clinic")
    clip = videos.stick_figure(folder / "squat.mp4", seconds=CLIP_S)
    camera = videos.stick_figure(
        folder / "camera.y4m", size=(640, 480), shirt=videos.CORAL, wall=videos.COOL_WALL
    )
    with clinic_at(LibraryClinic, folder, chromium, camera, clip=clip) as clinic:
        clinic.server.add_user(COACH, "coach")
        for name in (NAME, COACH):
            clinic.let_in(name, "scoring", "recording")
        invitation = clinic.ask(COACH, "POST", "/v1/invitations", {"note": NAME})
        clinic.ask(NAME, "POST", "/v1/invitations/accept", {"token": invitation["token"]})
        yield clinic


def ready(page: Page) -> Locator:
    """The way from an exercise's page to a session, once it can be gone."""
    link = page.get_by_role("link", name="Try it")
    expect(link).to_be_visible()
    return link


def drop(page: Page, *clips: Path) -> None:
    page.evaluate(
        DROP,
        [
            {"name": clip.name, "base64": base64.b64encode(clip.read_bytes()).decode()}
            for clip in clips
        ],
    )


def test_a_clip_is_trimmed_by_keyboard_and_prepared_anew(clinic: LibraryClinic) -> None:
    exercise_id, _ = clinic.exercise(NAME)
    with clinic.signed_in(NAME, f"#/library/{exercise_id}") as person:
        page = person.page
        ready(page)
        start = page.get_by_role("slider", name="Start of the part")
        end = page.get_by_role("slider", name="End of the part")
        start.focus()
        for key in ("PageUp", "ArrowRight", "ArrowRight", "ArrowLeft"):
            page.keyboard.press(key)
        expect(start).to_have_attribute("aria-valuetext", "1.1 seconds")
        page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 1.1) < 0.01")

        end.focus()
        page.keyboard.press("Home")  # as short as a part can be
        expect(end).to_have_attribute("aria-valuenow", "3.66")
        page.keyboard.press("PageUp")
        page.get_by_role("button", name="Save").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("progressbar", name="Preparing")).to_be_visible()
        ready(page)
        stored = clinic.stored(exercise_id)
        assert (stored["start_s"], stored["end_s"], stored["state"]) == (1.1, 4.66, "ready")
        assert person.complaints == []


def test_the_part_can_be_set_where_the_clip_stands_and_dragged(clinic: LibraryClinic) -> None:
    exercise_id, _ = clinic.exercise(NAME)
    with clinic.signed_in(NAME, f"#/library/{exercise_id}") as person:
        page = person.page
        position = page.get_by_role("slider", name="Position in the clip")
        position.focus()
        for _ in range(2):
            page.keyboard.press("PageUp")
        page.get_by_role("button", name="Start here").click()
        start = page.get_by_role("slider", name="Start of the part")
        expect(start).to_have_attribute("aria-valuetext", "2.0 seconds")

        box = start.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(0, 0, steps=4)
        page.mouse.up()
        expect(start).to_have_attribute("aria-valuetext", "0.0 seconds")
        expect(page.get_by_role("button", name="Save")).to_have_count(0)
        assert person.complaints == []


@pytest.mark.slow
def test_changes_are_not_lost_unasked(clinic: LibraryClinic) -> None:
    exercise_id, name = clinic.exercise(NAME)
    with clinic.signed_in(NAME, "#/library") as person:
        page = person.page
        person.wait_for_reference(name)
        page.get_by_role("link", name=f"Edit {name}").click()
        page.get_by_label("Description").fill("Heels stay on the floor.")
        dialog = page.get_by_role("dialog", name="Save your changes?")

        page.go_back()
        dialog.get_by_role("button", name="Keep editing").click()
        expect(page.get_by_label("Description")).to_have_value("Heels stay on the floor.")
        page.get_by_role("link", name="History").click()
        dialog.get_by_role("button", name="Save").click()
        page.wait_for_url("**/#/history")
        assert clinic.stored(exercise_id)["description"] == "Heels stay on the floor."

        page.go_back()
        page.get_by_label("Description").fill("")
        page.get_by_role("link", name="Library").first.click()
        dialog.get_by_role("button", name="Discard").click()
        person.wait_for_reference(name)
        assert clinic.stored(exercise_id)["description"] == "Heels stay on the floor."
        assert person.complaints == []


def test_changes_are_not_lost_to_somebody_who_leaves_at_once(clinic: LibraryClinic) -> None:
    exercise_id, _ = clinic.exercise(NAME)
    with clinic.signed_in(NAME, f"#/library/{exercise_id}") as person:
        page = person.page
        page.get_by_label("Description").evaluate(
            """field => {
                field.value = "Heels stay on the floor.";
                field.dispatchEvent(new InputEvent("input", {bubbles: true}));
                location.hash = "#/history";
            }"""
        )
        dialog = page.get_by_role("dialog", name="Save your changes?")
        dialog.get_by_role("button", name="Keep editing").click()
        expect(page.get_by_label("Description")).to_have_value("Heels stay on the floor.")
        assert person.complaints == []


def test_a_list_that_was_asked_for_before_a_change_does_not_take_it_back(
    clinic: LibraryClinic,
) -> None:
    exercise_id, _ = clinic.exercise(NAME)
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    with clinic.signed_in(NAME, "#/history") as person:
        page = person.page
        page.route("**/v1/exercises", hold, times=1)
        with page.expect_request("**/v1/exercises"):
            person.open("#/library")
        page.get_by_role("heading", level=1, name="Library").wait_for()
        old = late[0].fetch()
        person.open(f"#/library/{exercise_id}")
        page.get_by_label("Description").fill("Slowly.")
        save = page.get_by_role("button", name="Save")
        save.click()
        expect(save).to_have_count(0)

        with page.expect_request("**/v1/exercises"):  # so it is asked for again
            late[0].fulfill(response=old)
        expect(page.get_by_label("Description")).to_have_value("Slowly.")
        expect(save).to_have_count(0)
        assert person.complaints == []


@pytest.mark.slow
def test_a_part_is_played_mirrored_and_told_in_its_own_time(clinic: LibraryClinic) -> None:
    exercise_id, _ = clinic.exercise(NAME, start_s=2, end_s=6, mirrored=True)
    with clinic.signed_in(NAME, f"#/library/{exercise_id}") as person:
        page = person.page
        ready(page).click()
        page.get_by_role("radio", name="Follow the video").check()
        video = page.locator(".reference video")
        expect(video).to_have_css("transform", "matrix(-1, 0, 0, 1, 0, 0)")
        person.begin()
        page.evaluate(KEEP_PLACES)
        page.wait_for_function(
            """() => {
              const told = sent.filter(({ type, rate }) => type === "clock" && rate > 0);
              const turned = places.findIndex((place, at) => place < places[at - 1]);
              return turned > 0 && places.length > turned + 4 && told.at(-1).reference_s < 3;
            }"""
        )
        places: list[float] = page.evaluate("places")
        told = [each["reference_s"] for each in person.sent("clock") if each["rate"]]
        assert (min(places) > 1.7, max(places) < 6.2) == (True, True), places
        assert (min(told) >= 0, max(told) < 4.2) == (True, True), told
        person.stop()
        assert person.complaints == []


def test_the_days_plan_is_completed_by_training(clinic: LibraryClinic) -> None:
    exercise_id, name = clinic.exercise(COACH)
    assignment = clinic.assign(exercise_id, target=1, note="As low as you can.")
    with clinic.signed_in(NAME, "#/") as person:
        page = person.page
        expect(page.get_by_role("heading", level=1)).to_have_text("Today")
        item = page.get_by_role("listitem").filter(has_text=name)
        for words in ("As low as you can.", f"From {COACH}", "0 of 1 repetition"):
            expect(item).to_contain_text(words)
        expect(page.get_by_text("0 of 1 done")).to_be_visible()

        item.get_by_role("link", name=f"Start: {name}").click()
        person.begin()
        page.wait_for_function(
            "() => received.some(({ message }) => message.type === 'rep' && message.valid)"
        )
        person.stop()
        page.get_by_role("link", name="Today").click()
        expect(item).to_contain_text("Done")
        expect(item.get_by_role("link", name=f"Again: {name}")).to_be_visible()
        expect(page.get_by_text("All done for today")).to_be_visible()
        assert person.complaints == []
    clinic.ask(COACH, "DELETE", f"/v1/assignments/{assignment}")


def test_a_day_without_a_plan_leads_to_the_library(clinic: LibraryClinic) -> None:
    with clinic.signed_in(COACH, "#/") as person:
        page = person.page
        expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is planned for today")
        page.get_by_role("link", name="Open the library").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Library")
        assert person.complaints == []


def test_a_dropped_video_is_compared_with_an_exercise(clinic: LibraryClinic) -> None:
    exercise_id, name = clinic.exercise(NAME)
    with clinic.signed_in(NAME, f"#/library/{exercise_id}") as person:
        page = person.page
        ready(page)
        person.open("#/compare")
        page.get_by_role("combobox", name="Reference").select_option(label=name)
        drop(page, clinic.clip)
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        result = page.get_by_role("link", name="See the result of squat.mp4")
        result.click(timeout=2 * WAIT_S * 1000)
        expect(page.get_by_label("Result")).to_be_visible()
        session_id = page.url.rpartition("/")[2]
        (row,) = clinic.server.rows(
            "SELECT source, exercise_id FROM sessions WHERE id = ?", session_id
        )
        assert tuple(row) == ("file", exercise_id)
        assert person.complaints == []


def test_a_second_dropped_video_is_what_it_is_compared_with_and_a_job_can_be_cancelled(
    clinic: LibraryClinic, tmp_path: Path
) -> None:
    other = videos.stick_figure(tmp_path / "other.mp4", seconds=3)
    with clinic.signed_in(NAME, "#/compare") as person:
        page = person.page
        page.get_by_role("heading", name="Your comparisons").wait_for()
        drop(page, clinic.clip)
        drop(page, other)
        page.get_by_role("button", name="Swap the videos").click()
        page.get_by_role("button", name="Compare", exact=True).click()
        job = page.get_by_role("listitem").filter(has_text="other.mp4")
        expect(job).to_contain_text("with squat")
        job.get_by_role("button", name="Cancel other.mp4").click()
        expect(job).to_contain_text("Cancelled")
        job.get_by_role("button", name="Remove other.mp4").click()
        expect(job).to_have_count(0)
        assert person.complaints == []


@pytest.mark.slow
def test_several_clips_are_added_at_once_and_one_is_cancelled(
    clinic: LibraryClinic, tmp_path: Path
) -> None:
    clips = [videos.stick_figure(tmp_path / f"{name}.mp4", seconds=3) for name in ("one", "two")]
    clinic.exercise(NAME)  # without any the page offers other buttons
    for clip in clips:  # an empty box makes it so long that it is still being sent when cancelled
        with clip.open("ab") as file:
            file.write((200_000).to_bytes(4, "big") + b"free" + bytes(200_000 - 8))
    with clinic.signed_in(NAME, "#/library") as person:
        page = person.page
        page.get_by_role("button", name="Add a video").wait_for()
        network = page.context.new_cdp_session(page)
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4000}
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", slow)
        page.locator("input[type=file]").set_input_files(clips)
        for name in ("Plank", "Gone"):
            dialog = page.get_by_role("dialog", name="Add a reference")
            dialog.get_by_role("textbox", name="Name").fill(name)
            dialog.get_by_role("radio", name="Hold").check()
            dialog.get_by_label("How many seconds").fill("30")
            dialog.get_by_role("button", name="Add reference").click()
        expect(page.get_by_role("progressbar", name="Uploading")).to_have_count(2)
        page.get_by_role("button", name="Cancel Gone").click()
        expect(page.get_by_role("heading", name="Gone")).to_have_count(0)
        network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
        person.wait_for_reference("Plank")
        card = page.get_by_role("listitem").filter(has_text="Plank")
        expect(card).to_contain_text("Hold for 30 s")
        rows = clinic.server.rows("SELECT name FROM exercises WHERE name IN ('Plank', 'Gone')")
        assert [row["name"] for row in rows] == ["Plank"]
        assert person.complaints == []


@pytest.mark.slow
def test_a_coach_shows_an_exercise_to_members_who_find_it_by_searching(
    clinic: LibraryClinic,
) -> None:
    exercise_id, name = clinic.exercise(COACH)
    for _ in range(9):
        clinic.exercise(NAME)
    with clinic.signed_in(COACH, f"#/library/{exercise_id}") as coach:
        coach.page.get_by_role("radio", name="My members").check()
        coach.page.get_by_role("button", name="Save").click()
        ready(coach.page)
        assert coach.complaints == []
    with clinic.signed_in(NAME, "#/library") as person:
        page = person.page
        page.get_by_role("searchbox", name="Search").fill(f"{COACH} {name}")
        card = page.get_by_role("listitem").filter(has_text=f"From {COACH}")
        expect(card).to_have_count(1)
        expect(card.get_by_role("link", name=name, exact=True)).to_be_visible()
        expect(card.get_by_role("link", name=f"Edit {name}")).to_have_count(0)
        person.open(f"#/library/{exercise_id}")
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.get_by_role("textbox")).to_have_count(0)
        assert person.complaints == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_and_every_view_fits(clinic: LibraryClinic, size: dict[str, Any]) -> None:
    own, _ = clinic.exercise(COACH, visibility="everyone", description="Slowly.", target=8)
    assignment = clinic.assign(own, note="Before breakfast.")
    width = size["viewport"]["width"]
    for name, views in (
        (NAME, ("today", "library", f"library/{own}", "compare")),
        (COACH, ("today", f"library/{own}")),
    ):
        with clinic.signed_in(name, "#/history", **size, reduced_motion="reduce") as person:
            page = person.page
            for view in views:
                person.open(f"#/{view}")
                page.get_by_role("main").get_by_role("heading", level=1).wait_for()
                page.wait_for_load_state("networkidle")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, view
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    assert axe_violations(page) == [], f"{view} in {scheme} for {name}"
            assert person.complaints == []
    clinic.ask(COACH, "DELETE", f"/v1/assignments/{assignment}")
