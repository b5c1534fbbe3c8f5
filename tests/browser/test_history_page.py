"""What was trained: records, the history and its files, progress, and what a coach sees of it."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import videos
from driver import (
    PASSWORD,
    PHONE,
    WAIT_S,
    WIDE,
    Clinic,
    Person,
    axe_violations,
    clinic_at,
    phone_faults,
)
from histories import whole_session
from playwright.sync_api import Page, expect

from posesim_server.moments import moments_of
from posesim_server.store import Store
from posesim_server.store.sessions import WholeSession

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.shares]

SQUAT, PLANK = "Squat from the side", "Plank"
COACH = "carla"

PICTURES_ARE_SHOWN = """() => {
  const pictures = [...document.querySelectorAll(".moment img")];
  return pictures.length === 2 && pictures.every((each) => each.complete && each.naturalWidth > 0);
}"""


@dataclass(frozen=True)
class Member:
    """Somebody who is coached."""

    id: str
    name: str


@dataclass
class HistoryClinic(Clinic):
    """With a coach and two exercises that members may train with."""

    exercises: dict[str, str] = field(default_factory=dict)  # ids by name
    members: int = 0

    def member(self) -> Member:
        """A new one, whom the coach invited."""
        self.members += 1
        name = f"mia{self.members}"
        invitation = self.ask(COACH, "POST", "/v1/invitations", {"note": name})
        account = {"username": name, "password": PASSWORD, "language": "en"}
        body = {"token": invitation["token"], **account}
        response = self.http.post("/v1/accounts", data=body)
        assert response.ok, response.text()
        self.let_in(name)
        return Member(self.ask(name, "GET", "/v1/me")["id"], name)

    def plant(self, member: Member, *sessions: WholeSession) -> None:
        """Keep sessions as if that member had trained."""

        async def keep() -> None:
            store = await Store.open(f"sqlite+aiosqlite:///{self.server.data / 'posesim.sqlite3'}")
            try:
                await store.sessions.add_whole(sessions)
            finally:
                await store.close()

        in_a_thread(keep())

    def trained(
        self, member: Member, seed: int, exercise: str = SQUAT, days_ago: int = 0
    ) -> WholeSession:
        """A planted session of that member."""
        at = datetime.now(UTC) - timedelta(days=days_ago, minutes=2)
        whole = whole_session(member.id, 1000 * self.members + seed, at=at, name=exercise)
        session = replace(whole.session, exercise_id=self.exercises[exercise])
        whole = replace(whole, session=session)
        self.plant(member, whole)
        return whole


def in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """The thread of a test has Playwright's event loop."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        threads.submit(asyncio.run, work).result(WAIT_S)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[HistoryClinic]:
    folder = tmp_path_factory.mktemp("clinic")
    squat = videos.stick_figure(folder / "squat.mp4", seconds=8)
    plank = videos.stick_figure(folder / "plank.mp4", seconds=3, exercise="still")
    with clinic_at(HistoryClinic, folder, chromium, camera=None) as clinic:
        clinic.server.add_user(COACH, "coach")
        clinic.let_in(COACH, "recording")
        for name, clip in ((SQUAT, squat), (PLANK, plank)):
            exercise_id = clinic.upload(COACH, name, clip)
            clinic.ask(COACH, "PATCH", f"/v1/exercises/{exercise_id}", {"visibility": "members"})
            clinic.exercises[name] = exercise_id
        yield clinic


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def download(page: Page, menu: str, choice: str) -> tuple[str, bytes]:
    """Choose a file in a menu; its name, and what is in it."""
    page.get_by_role("button", name=menu).click()
    with page.expect_download() as started:
        page.get_by_role("button", name=choice).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_a_person_finds_everything_that_a_session_was(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    session, parts = whole.session, whole.parts
    assert session.summary is not None
    with clinic.signed_in(member.name, "#/history") as person:
        page = person.page
        page.get_by_role("link", name=SQUAT).click()

        result = page.get_by_label("Result")
        expect(result).to_contain_text(str(round(session.summary["score"])))
        expect(result).to_contain_text(f"{session.summary['repetitions']} of 12 repetitions")
        expect(result).to_contain_text("Goal not reached")
        scores = [row.score for row in parts.scores if row.score is not None]
        course = page.get_by_role("img", name="The score over")
        expect(course).to_have_accessible_name(
            f"The score over {clock(parts.scores[-1].t_s)}: lowest {round(min(scores))}, "
            f"highest {round(max(scores))}."
        )
        rows = page.get_by_role("region", name="Each repetition").get_by_role("listitem")
        rows = rows.filter(has_text=re.compile("range"))
        expect(rows).to_have_count(len(parts.repetitions))
        expect(rows.nth(2)).to_contain_text("Left knee about 20° more bent")
        expect(rows.filter(has_text="Attempt, not counted")).to_have_count(
            session.summary["attempts"]
        )
        expect(page.get_by_text("Said: Lower")).to_be_visible()
        assert person.complaints == []


def test_the_best_and_the_lowest_moment_have_the_references_picture_beside_them(
    clinic: HistoryClinic,
) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    moments = moments_of(whole.parts.scores, whole.session.reference_start_s)
    with clinic.signed_in(member.name, f"#/summary/{whole.session.id}") as person:
        shown = person.page.get_by_role("region", name="Best and lowest moment")
        for moment in (moments.best, moments.worst):
            assert moment is not None
            expect(shown).to_contain_text(f"{round(moment.score)} at {clock(moment.t_s)}")
        person.page.wait_for_function(PICTURES_ARE_SHOWN)
        assert person.complaints == []


def test_a_session_whose_reference_is_gone_keeps_its_moments(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = whole_session(member.id, 77, name="Gone")
    clinic.plant(member, whole)
    with clinic.signed_in(member.name, f"#/summary/{whole.session.id}") as person:
        shown = person.page.get_by_role("region", name="Best and lowest moment")
        expect(shown).to_contain_text("The clip of the reference is not available.")
        expect(shown.get_by_role("heading", level=3)).to_have_text(
            ["Best moment", "Lowest lasting moment"]
        )
        expect(person.page.get_by_role("link", name="Again")).to_have_count(0)
        assert person.complaints == []


def test_a_routine_shows_no_repetitions(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = whole_session(member.id, 78, name="Routine")
    clinic.plant(member, replace(whole, session=replace(whole.session, kind="routine")))
    with clinic.signed_in(member.name, f"#/summary/{whole.session.id}") as person:
        page = person.page
        page.get_by_role("region", name="Best and lowest moment").wait_for()
        expect(page.get_by_role("heading", name="Each repetition")).to_have_count(0)
        expect(page.get_by_text("Repetitions", exact=True)).to_have_count(0)


def test_every_moment_can_be_read_with_the_keyboard(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    at_ten = next(row for row in whole.parts.scores if row.t_s >= 10)
    assert at_ten.score is not None
    with clinic.signed_in(member.name, f"#/summary/{whole.session.id}") as person:
        page = person.page
        slider = page.get_by_role("slider", name="Moment of the session")
        slider.focus()
        expect(slider).to_have_attribute("aria-valuetext", "0:00, Score being prepared")
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        told = re.compile(f"^0:10, {round(at_ten.score)}, (In sync|Close|Off)$")
        expect(slider).to_have_attribute("aria-valuetext", told)
        expect(page.locator(".plot-cursor-dot")).to_be_visible()

        page.get_by_text("Show as a table").click()
        table = page.get_by_role("table", name="How it went")
        expect(table.get_by_role("row").filter(has_text="Interrupted")).to_have_count(1)


def test_the_files_of_a_session_come_and_can_be_read(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    with clinic.signed_in(member.name, f"#/summary/{whole.session.id}") as person:
        page = person.page
        page.get_by_label("Result").wait_for()
        name, pdf = download(page, "Download", "Report (PDF)")
        assert re.fullmatch(r"posesim-session-\d{4}-\d\d-\d\d-\d{4}\.pdf", name)
        assert pdf.startswith(b"%PDF-")
        assert b"/Subtype /Image" in pdf
        _, table = download(page, "Download", "All values (CSV)")
        rows = list(csv.DictReader(io.StringIO(table.decode())))
        assert sum(row["score"] != "" for row in rows) >= len(
            [row for row in whole.parts.scores if row.score is not None]
        )
        _, export = download(page, "Download", "Session, to import elsewhere (JSON)")
        assert [each["id"] for each in json.loads(export)["sessions"]] == [whole.session.id]

        person.speak("de")
        _, report = download(page, "Herunterladen", "Bericht (HTML)")
        assert '<html lang="de"' in report.decode()
        assert SQUAT in report.decode()
        assert person.complaints == []


def test_a_session_is_deleted_when_that_was_confirmed(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    with clinic.signed_in(member.name, f"#/summary/{whole.session.id}") as person:
        page = person.page
        page.get_by_role("button", name="Delete this session").click()
        page.get_by_role("button", name="Keep").click()
        page.get_by_role("button", name="Delete this session").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("No sessions yet")
        assert person.complaints == []
    query = "SELECT count(*) AS count FROM sessions WHERE id = ?"
    assert clinic.server.rows(query, whole.session.id)[0]["count"] == 0


def test_a_history_is_taken_along_to_another_account(clinic: HistoryClinic) -> None:
    member = clinic.member()
    for seed in range(2):
        clinic.trained(member, seed, days_ago=seed)
    with clinic.signed_in(member.name, "#/history") as person:
        _, table = download(person.page, "Export", "Overview, one line a session (CSV)")
        assert len(list(csv.DictReader(io.StringIO(table.decode())))) == 2
        name, export = download(person.page, "Export", "Everything, to import elsewhere (JSON)")
        assert person.complaints == []
    file: Any = {"name": name, "mimeType": "application/json", "buffer": export}
    other = clinic.member()
    with clinic.signed_in(other.name, "#/history") as person:
        page = person.page
        expect(page.get_by_role("heading", level=1)).to_have_text("No sessions yet")
        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_text("2 sessions imported.")).to_be_visible()
        expect(page.get_by_role("link", name=SQUAT)).to_have_count(2)
        expect(page.get_by_role("link", name=SQUAT).first).to_contain_text("imported")

        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_text("0 sessions imported, 2 already here.")).to_be_visible()
        assert person.complaints == []

        page.locator("input[type=file]").set_input_files({**file, "buffer": b"Dear trainer"})
        expect(page.get_by_role("alert")).to_contain_text("The file is no export")
        expect(page.get_by_role("link", name=SQUAT)).to_have_count(2)


def test_older_sessions_are_shown_on_demand_and_read_on_from_there(clinic: HistoryClinic) -> None:
    member = clinic.member()
    at = datetime.now(UTC)
    many = [
        whole_session(member.id, 90_000 + n, at=at - timedelta(hours=n), name=f"N{n}", scores=20)
        for n in range(52)
    ]
    clinic.plant(member, *many)
    with clinic.signed_in(member.name, "#/history") as person:
        page = person.page
        rows = page.locator(".rows li")
        expect(rows).to_have_count(50)
        older = page.get_by_role("button", name="Show older")
        older.click()
        expect(rows).to_have_count(52)
        expect(page.locator(":focus")).to_contain_text("N50")
        expect(older).to_have_count(0)


def test_sessions_and_progress_are_shown_for_one_exercise(clinic: HistoryClinic) -> None:
    member = clinic.member()
    for seed, (exercise, days_ago) in enumerate([(SQUAT, 0), (PLANK, 7), (SQUAT, 14)]):
        clinic.trained(member, seed, exercise, days_ago)
    with clinic.signed_in(member.name, "#/history") as person:
        page = person.page
        rows = page.locator(".rows li")
        expect(rows).to_have_count(3)
        page.get_by_label("Exercise", exact=True).select_option(label=PLANK)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(PLANK)

        page.get_by_role("link", name="Progress").click()
        sessions = page.get_by_role("img", name="Sessions: ")
        expect(sessions).to_have_accessible_name(re.compile("Sessions: 3 in all"))
        by_exercise = page.get_by_role("region", name="By exercise").get_by_role("row")
        expect(by_exercise).to_have_count(3)
        expect(by_exercise.filter(has_text=SQUAT).get_by_role("cell").first).to_have_text("2")
        page.get_by_text("Show as a table").click()
        weeks = page.get_by_role("table", name="Week by week").get_by_role("row")
        expect(weeks).to_have_count(13)
        page.get_by_label("Period").select_option(label="26 weeks")
        expect(weeks).to_have_count(27)
        page.get_by_label("Exercise", exact=True).select_option(label=SQUAT)
        expect(sessions).to_have_accessible_name(re.compile("Sessions: 2 in all"))
        assert person.complaints == []


def test_who_has_not_trained_is_told_what_progress_will_be(clinic: HistoryClinic) -> None:
    with clinic.signed_in(clinic.member().name, "#/progress") as person:
        expect(person.page.get_by_role("heading", level=2)).to_have_text("Nothing to show yet")
        assert person.complaints == []


def test_a_coach_sees_a_members_session_until_the_member_ends_it(clinic: HistoryClinic) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    assert whole.session.summary is not None
    with clinic.signed_in(COACH, "#/members") as person:
        page = person.page
        page.get_by_role("link", name=member.name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(member.name)
        expect(page.get_by_role("img", name="Sessions: 1 in all")).to_be_visible()
        page.get_by_role("link", name=SQUAT).click()
        score = round(whole.session.summary["score"])
        expect(page.get_by_label("Result")).to_contain_text(str(score))
        page.wait_for_function(PICTURES_ARE_SHOWN)
        expect(page.get_by_role("button", name="Delete this session")).to_have_count(0)
        expect(page.get_by_role("link", name="Again")).to_have_count(0)
        _, report = download(page, "Download", "Report (HTML)")
        assert member.name in report.decode()
        assert person.complaints == []

        coach_id = clinic.ask(COACH, "GET", "/v1/me")["id"]
        clinic.ask(member.name, "DELETE", f"/v1/coaches/{coach_id}")
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("You coach nobody of this id.")
        expect(page.get_by_label("Result")).to_have_count(0)
        page.get_by_role("link", name="Member", exact=True).click()
        expect(page.get_by_text("You coach nobody at this address.")).to_be_visible()


def test_a_coach_plans_what_a_member_does_and_ends_the_coaching(clinic: HistoryClinic) -> None:
    member = clinic.member()
    with clinic.signed_in(COACH, f"#/members/{member.id}") as person:
        page = person.page
        plan = page.get_by_role("region", name="Plan")
        expect(plan).to_contain_text("Nothing is planned.")
        plan.get_by_role("button", name="Add an exercise").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Exercise").select_option(label=SQUAT)
        dialog.get_by_label("How many repetitions").fill("15")
        for day in ("Tue", "Thu", "Sat", "Sun"):
            dialog.get_by_role("button", name=day).click()
        dialog.get_by_label("Until").fill("2030-12-24")
        dialog.get_by_label("Note").fill("Heels on the floor")
        dialog.get_by_role("button", name="Save").click()

        line = plan.get_by_role("listitem")
        expect(line).to_contain_text("15 repetitions · Mon, Wed, and Fri · until Dec 24, 2030")
        expect(line).to_contain_text("Heels on the floor")
        path = f"/v1/members/{member.id}/assignments"
        (item,) = clinic.ask(COACH, "GET", path)["assignments"]
        assert (item["target"], item["weekdays"]) == (15, [1, 3, 5])

        line.get_by_role("button", name=f"Change {SQUAT}").click()
        dialog.get_by_label("How many repetitions").fill("")
        dialog.get_by_label("Until").fill("2000-01-01")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("can't come before the first")
        dialog.get_by_label("Until").fill("")
        dialog.get_by_role("button", name="Save").click()
        expect(line).not_to_contain_text("until")
        expect(line).not_to_contain_text("15 repetitions")

        line.get_by_role("button", name=f"Remove {SQUAT}").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(plan).to_contain_text("Nothing is planned.")

        page.get_by_role("button", name="End coaching").click()
        page.get_by_role("dialog").get_by_role("button", name="End coaching").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Members")
        expect(page.get_by_role("link", name=member.name)).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_and_every_view_fits(clinic: HistoryClinic, size: dict[str, Any]) -> None:
    member = clinic.member()
    whole = clinic.trained(member, 1)
    clinic.trained(member, 2, PLANK, 9)

    def check(person: Person, view: str) -> None:
        page = person.page
        width = size["viewport"]["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        if size == PHONE:
            assert phone_faults(page) == [], view
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert axe_violations(page) == [], f"{view} in {scheme}"

    with clinic.signed_in(member.name, "#/history", **size, reduced_motion="reduce") as person:
        page = person.page
        page.get_by_label("Exercise", exact=True).wait_for()
        check(person, "history")
        person.speak("de")  # its words are the longest
        check(person, "history in German")
        person.speak("en")
        person.open(f"#/summary/{whole.session.id}")
        page.wait_for_function(PICTURES_ARE_SHOWN)
        page.get_by_text("Show as a table").click()
        check(person, "summary")
        page.get_by_role("button", name="Download").click()
        check(person, "the files of a session")
        person.open("#/progress")
        page.get_by_text("Show as a table").click()
        check(person, "progress")
        assert person.complaints == []
    address = f"#/members/{member.id}"
    with clinic.signed_in(COACH, address, **size, reduced_motion="reduce") as person:
        page = person.page
        page.get_by_role("img", name="Sessions: ").wait_for()
        page.get_by_role("link", name=SQUAT).wait_for()
        check(person, "a member")
        page.get_by_role("button", name="Add an exercise").click()
        page.get_by_role("dialog").get_by_label("Exercise").wait_for()
        check(person, "what is planned")
        person.open(f"{address}/sessions/{whole.session.id}")
        page.wait_for_function(PICTURES_ARE_SHOWN)
        check(person, "a member's session")
        assert person.complaints == []
