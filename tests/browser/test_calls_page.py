"""Calls, but for the call itself: made, listed, joined by a link, and what remains of them."""

import json
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from driver import (
    PASSWORD,
    PHONE,
    WIDE,
    Clinic,
    Person,
    axe_violations,
    clinic_at,
    in_a_thread,
    person_at,
    phone_faults,
)
from histories import whole_session
from playwright.sync_api import Page, expect

from posesim_server.store import Store
from posesim_server.store.sessions import StoredSession

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.shares]

COACH = "carla"
SQUAT, PLANK = "Squat from the side", "Plank"
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@dataclass(frozen=True)
class Held:
    """A call that took place."""

    id: str
    title: str
    member: str
    sessions: tuple[StoredSession, ...]


@dataclass
class CallClinic(Clinic):
    """With a coach, who calls."""

    people: list[str] = field(default_factory=list)

    def somebody(self) -> str:
        """A new member, whom nobody coaches."""
        name = f"mia{len(self.people)}"
        self.people.append(name)
        self.server.add_user(name)
        self.let_in(name)
        return name

    def call(self, title: str, starts_at: datetime | None = None) -> dict[str, Any]:
        """What the server answers to a new call."""
        body = {"title": title, "starts_at": starts_at and starts_at.isoformat()}
        return self.ask(COACH, "POST", "/v1/calls", body)

    def accepted(self, member: str, title: str, starts_at: datetime | None = None) -> str:
        """A call that the member joined; its id."""
        token = self.call(title, starts_at)["token"]
        joined = self.ask(member, "POST", "/v1/calls/join", {"token": token, "language": "en"})
        return str(joined["id"])

    def held(self, member: str, title: str) -> Held:
        """The only call of that member, which has just ended, with two exercises."""
        call_id, ended = self.accepted(member, title), datetime.now(UTC)
        user_id = self.ask(member, "GET", "/v1/me")["id"]
        wholes = []
        for seed, (name, minutes) in enumerate([(SQUAT, 15), (PLANK, 5)]):
            at = ended - timedelta(minutes=minutes)
            whole = whole_session(user_id, seed, at=at, name=name)
            session = replace(whole.session, call_id=call_id, in_call=True)
            wholes.append(replace(whole, session=session))

        async def keep(store: Store) -> None:
            await store.calls.admit(call_id)
            await store.sessions.add_whole(wholes)
            await store.calls.end(call_id)

        self.write(keep)
        return Held(call_id, title, member, tuple(whole.session for whole in wholes))

    def admit(self, call_id: str) -> None:
        """Let the member in, as the coach does in the call."""
        self.write(lambda store: store.calls.admit(call_id))

    def write(self, what: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
        """Write to the database as the server does."""

        async def opened() -> None:
            store = await Store.open(f"sqlite+aiosqlite:///{self.server.data / 'posesim.sqlite3'}")
            try:
                await what(store)
            finally:
                await store.close()

        in_a_thread(opened())


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[CallClinic]:
    folder = tmp_path_factory.mktemp("calls")
    with clinic_at(CallClinic, folder, chromium, camera=None) as clinic:
        clinic.server.add_user(COACH, "coach")
        clinic.let_in(COACH)
        yield clinic


def at(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)


def download(page: Page, choice: str) -> tuple[str, bytes]:
    """Choose a file of a call; its name, and what is in it."""
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as started:
        page.get_by_role("button", name=choice).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_a_coach_makes_a_call_and_copies_its_link(clinic: CallClinic) -> None:
    with clinic.signed_in(COACH, "#/calls", permissions=CLIPBOARD) as person:
        page = person.page
        page.get_by_role("button", name="New call").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Title").fill("Knee, week 3")
        dialog.get_by_label("When").fill("2031-05-06T14:30")
        dialog.get_by_label("The link is good for").select_option(label="3 days")
        dialog.get_by_role("button", name="Make the call").click()

        link = dialog.get_by_role("textbox", name="Link").input_value()
        assert re.fullmatch(re.escape(clinic.server.url) + r"/#/join/[\w-]{43}", link)
        dialog.get_by_role("button", name="Copy the link").click()
        expect(dialog.get_by_role("status")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == link

        dialog.get_by_role("button", name="Done").click()
        row = page.get_by_role("region", name="Upcoming").get_by_role("listitem")
        row = row.filter(has_text="Knee, week 3")
        expect(row).to_contain_text("Tue, May 6, 2031 02:30 PM")
        expect(row).to_contain_text("Nobody has used the link yet")
        assert person.complaints == []
    newest = clinic.ask(COACH, "GET", "/v1/calls")["calls"][0]
    lifetime = at(newest["expires_at"]) - at(newest["created_at"])
    assert (newest["title"], lifetime) == ("Knee, week 3", timedelta(days=3))


def test_an_appointment_can_be_moved_and_cancelled(clinic: CallClinic) -> None:
    member = clinic.somebody()
    clinic.accepted(member, "First talk")
    with clinic.signed_in(COACH, "#/calls") as person:
        page, dialog = person.page, person.page.get_by_role("dialog")
        page.get_by_role("button", name="Change: First talk").click()
        dialog.get_by_role("textbox", name="Title").fill("Second talk")
        dialog.get_by_label("When").fill("2031-05-06T09:00")
        dialog.get_by_role("button", name="Save").click()
        row = page.get_by_role("listitem").filter(has_text="Second talk")
        expect(row).to_contain_text("Tue, May 6, 2031 09:00 AM")

        row.get_by_role("button", name="Cancel: Second talk").click()
        expect(dialog).to_contain_text(f"{member} can’t join any more.")
        dialog.get_by_role("button", name="Cancel the call").click()
        expect(row).to_have_count(0)
        assert person.complaints == []
    assert clinic.ask(member, "GET", "/v1/calls") == {"calls": []}


def test_a_newcomer_makes_an_account_by_the_link_and_is_at_the_call(clinic: CallClinic) -> None:
    made = clinic.call("Shoulder", datetime(2031, 5, 6, 12, 0, tzinfo=UTC))
    with person_at(clinic.browser, clinic.server) as person:
        page = person.page
        person.open(f"#/join/{made['token']}")
        expect(page.get_by_role("heading", level=1)).to_have_text("carla invites you to a call")
        expect(page.get_by_text("Shoulder")).to_be_visible()
        expect(page.get_by_text("Tue, May 6, 2031, 12:00 PM")).to_be_visible()
        expect(page.get_by_text("I allow that in calls which I join")).to_be_visible()
        page.get_by_label("Name").fill("newcomer")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("I allow it").check()
        page.get_by_role("button", name="Make the account and allow it").click()
        page.wait_for_url(f"**/#/call/{made['call']['id']}")
        page.get_by_role("button", name="newcomer").wait_for()
    clinic.let_in("newcomer")
    given = clinic.ask("newcomer", "GET", "/v1/consents")["given"]
    assert {each["purpose"] for each in given} == {"call", "scoring"}
    assert clinic.ask("newcomer", "GET", "/v1/coaches") == {"coaches": []}


def test_who_has_an_account_signs_in_and_accepts_without_allowing_scores(
    clinic: CallClinic,
) -> None:
    member, made = clinic.somebody(), clinic.call("Hip")
    with person_at(clinic.browser, clinic.server) as person:
        page = person.page
        person.open(f"#/join/{made['token']}")
        page.get_by_role("button", name="I have an account").click()
        person.sign_in(name=member)
        expect(page.get_by_text(f"You are signed in as {member}.")).to_be_visible()
        expect(page.get_by_label("I allow it")).not_to_be_checked()
        page.get_by_role("button", name="Accept and allow it").click()
        page.wait_for_url(f"**/#/call/{made['call']['id']}")
    given = clinic.ask(member, "GET", "/v1/consents")["given"]
    assert [each["purpose"] for each in given] == ["call"]


def test_a_coach_can_not_join_their_own_call(clinic: CallClinic) -> None:
    with clinic.signed_in(COACH, f"#/join/{clinic.call('Own')['token']}") as person:
        person.page.get_by_role("button", name="Accept and allow it").click()
        expect(person.page.get_by_role("alert")).to_contain_text("This is your own call.")


def test_who_comes_back_by_a_used_link_is_led_to_their_calls(clinic: CallClinic) -> None:
    member, made = clinic.somebody(), clinic.call("Used")
    body = {"token": made["token"], "language": "en"}
    clinic.ask(member, "POST", "/v1/calls/join", body)
    with person_at(clinic.browser, clinic.server) as person:
        page = person.page
        person.open(f"#/join/{made['token']}")
        expect(page.get_by_role("alert")).to_contain_text("This link is not valid.")
        page.get_by_role("link", name="To your calls").click()
        person.sign_in(name=member)
        expect(page.get_by_role("link", name="Join: Used")).to_be_visible()


def test_the_next_call_stands_on_the_day_of_who_accepted_it(clinic: CallClinic) -> None:
    member = clinic.somebody()
    now = datetime.now(UTC)
    clinic.accepted(member, "Later", now + timedelta(days=2))
    soon = clinic.accepted(member, "Soon", now + timedelta(hours=1))
    with clinic.signed_in(member, "#/today") as person:
        banner = person.page.get_by_role("region", name="Next call")
        expect(banner).to_contain_text("Soon")
        expect(banner).not_to_contain_text("Later")
        link = banner.get_by_role("link", name="Join: Soon")
        expect(link).to_have_attribute("href", f"#/call/{soon}")
        assert person.complaints == []
    with clinic.signed_in(clinic.somebody(), "#/today") as person:
        person.page.get_by_role("heading", level=1).wait_for()
        expect(person.page.get_by_role("region", name="Next call")).to_have_count(0)


def test_a_coach_corrects_marks_and_writes_and_the_member_reads_it(clinic: CallClinic) -> None:
    held = clinic.held(clinic.somebody(), "Knee")
    with clinic.signed_in(COACH, f"#/calls/{held.id}") as person:
        page, dialog = person.page, person.page.get_by_role("dialog")
        course = page.get_by_role("region", name="What was done")
        expect(course.get_by_role("link")).to_have_text([SQUAT, PLANK])
        squat = course.get_by_role("listitem").filter(has=page.get_by_role("link", name=SQUAT))

        squat.get_by_role("button", name="Correct").click()
        dialog.get_by_label("Repetitions").fill("17")
        dialog.get_by_role("button", name="Save").click()
        expect(squat).to_contain_text("17 of 12 repetitions (corrected)")

        page.get_by_role("button", name="Add a mark").click()
        dialog.get_by_label("Note").fill("Knees go inward")
        dialog.get_by_label("Belongs to").select_option(index=1)
        dialog.get_by_label("Time in the exercise").fill("0:12")
        dialog.get_by_role("button", name="Save").click()
        expect(squat.get_by_role("listitem")).to_have_text(re.compile("0:12\\s*Knees go inward"))
        page.get_by_role("button", name="Add a mark").click()
        dialog.get_by_label("Note").fill("Without pain")
        dialog.get_by_role("button", name="Save").click()
        expect(course).to_contain_text("Without pain")

        page.get_by_role("textbox", name="Notes").fill("Three times a week.\nRest on Sunday.")
        page.get_by_role("button", name="Save the notes").click()
        expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
        assert person.complaints == []

    with clinic.signed_in(held.member, f"#/calls/{held.id}") as person:
        page = person.page
        course = page.get_by_role("region", name="What was done")
        expect(course).to_contain_text("17 of 12 repetitions (corrected)")
        expect(course).to_contain_text("Knees go inward")
        expect(page.get_by_role("region", name="Notes")).to_contain_text("Rest on Sunday.")
        expect(page.get_by_role("textbox")).to_have_count(0)
        for name in ("Correct", "Add a mark", "Delete the mark"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        assert person.complaints == []

    with clinic.signed_in(COACH, f"#/calls/{held.id}") as person:
        page, dialog = person.page, person.page.get_by_role("dialog")
        page.get_by_role("button", name="Delete the mark: Without pain").click()
        dialog.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("Without pain")).to_have_count(0)
        page.get_by_role("button", name=f"Correct the repetitions: {SQUAT}").click()
        dialog.get_by_role("button", name="Take back the correction").click()
        expect(page.get_by_text("(corrected)")).to_have_count(0)
        assert person.complaints == []


def test_both_open_what_was_tried_from_the_record(clinic: CallClinic) -> None:
    held = clinic.held(clinic.somebody(), "Knee")
    summary = held.sessions[0].summary
    assert summary is not None
    for name in (COACH, held.member):
        with clinic.signed_in(name, f"#/calls/{held.id}") as person:
            page = person.page
            page.get_by_role("link", name=SQUAT).click()
            expect(page.get_by_label("Result")).to_contain_text(str(round(summary["score"])))
            expect(page.get_by_role("button", name="Delete this session")).to_have_count(0)
            page.get_by_role("link", name="Knee", exact=True).click()
            expect(page.get_by_role("link", name=PLANK)).to_be_visible()
            assert person.complaints == []


def test_a_corrected_count_is_shown_in_the_members_own_history(clinic: CallClinic) -> None:
    held = clinic.held(clinic.somebody(), "Knee")
    path = f"/v1/calls/{held.id}/sessions/{held.sessions[0].id}/repetitions"
    clinic.ask(COACH, "PUT", path, {"repetitions": 17})
    counted = (held.sessions[0].summary or {})["repetitions"]
    with clinic.signed_in(held.member, "#/history") as person:
        page = person.page
        row = page.get_by_role("link", name=SQUAT)
        expect(row).to_contain_text("17 of 12 repetitions (corrected)")
        expect(row).to_contain_text("in a call")
        row.click()
        expect(page.get_by_text(f"17 corrected, {counted} counted")).to_be_visible()
        page.get_by_role("link", name="Record of the call").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Knee")
        assert person.complaints == []


def test_unsaved_notes_are_not_lost_unasked(clinic: CallClinic) -> None:
    held = clinic.held(clinic.somebody(), "Knee")
    with clinic.signed_in(COACH, f"#/calls/{held.id}") as person:
        page = person.page
        page.get_by_role("textbox", name="Notes").fill("Half a sen")
        page.get_by_role("link", name="History").click()
        page.get_by_role("dialog").get_by_role("button", name="Keep editing").click()
        expect(page.get_by_role("textbox", name="Notes")).to_have_value("Half a sen")
        page.get_by_role("button", name="Delete this call").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Calls")
        assert person.complaints == []
    assert clinic.ask(held.member, "GET", "/v1/calls") == {"calls": []}
    assert len(clinic.ask(held.member, "GET", "/v1/sessions")["sessions"]) == 2


def test_the_files_of_a_call_come_for_both(clinic: CallClinic) -> None:
    held = clinic.held(clinic.somebody(), "Knee")
    for name in (COACH, held.member):
        with clinic.signed_in(name, f"#/calls/{held.id}") as person:
            page = person.page
            file_name, pdf = download(page, "Report (PDF)")
            assert re.fullmatch(r"posesim-call-\d{4}-\d\d-\d\d-\d{4}\.pdf", file_name)
            assert pdf.startswith(b"%PDF-")
            assert SQUAT in download(page, "Report (HTML)")[1].decode()
            assert json.loads(download(page, "Everything (JSON)")[1])["call"]["title"] == "Knee"
            assert person.complaints == []


def test_a_call_that_goes_on_leads_back_to_it(clinic: CallClinic) -> None:
    member = clinic.somebody()
    call_id = clinic.accepted(member, "Now")
    with clinic.signed_in(member, f"#/calls/{call_id}") as person:
        page = person.page
        status = page.get_by_role("status").filter(has_text="The call has not taken place yet.")
        expect(status).to_be_visible()
        clinic.admit(call_id)
        page.reload()
        expect(page.get_by_text("This call is under way.")).to_be_visible()
        expect(page.get_by_text("No exercise was tried in this call.")).to_be_visible()
        link = page.get_by_role("link", name="Join: Now")
        expect(link).to_have_attribute("href", f"#/call/{call_id}")


def test_a_stranger_finds_no_record(clinic: CallClinic) -> None:
    held = clinic.held(clinic.somebody(), "Knee")
    with clinic.signed_in(clinic.somebody(), f"#/calls/{held.id}") as person:
        expect(person.page.get_by_role("alert")).to_contain_text("There is no such call of yours.")
        expect(person.page.get_by_text(SQUAT)).to_have_count(0)


def test_who_has_no_calls_is_told_how_one_comes_about(clinic: CallClinic) -> None:
    with clinic.signed_in(clinic.somebody(), "#/calls") as person:
        expect(person.page.get_by_role("heading", level=2)).to_have_text("No calls yet")
        expect(person.page.get_by_role("button", name="New call")).to_have_count(0)
        assert person.complaints == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_and_every_view_fits(clinic: CallClinic, size: dict[str, Any]) -> None:
    member = clinic.somebody()
    soon = datetime.now(UTC) + timedelta(hours=2)
    clinic.accepted(
        member, "Knee, week 4, with a title that is as long as it may be: 80 letters", soon
    )
    held, token = clinic.held(member, "Knee, week 3"), clinic.call("Hip", soon)["token"]
    mark = {"note": "Knees go inward", "session_id": held.sessions[0].id, "t_s": 12}
    clinic.ask(COACH, "POST", f"/v1/calls/{held.id}/marks", mark)

    def check(person: Person, view: str) -> None:
        page = person.page
        width = size["viewport"]["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        if size == PHONE:
            assert phone_faults(page) == [], view
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert axe_violations(page) == [], f"{view} in {scheme}"

    with clinic.signed_in(COACH, "#/calls", **size, reduced_motion="reduce") as person:
        page = person.page
        page.get_by_role("region", name="Upcoming").wait_for()
        check(person, "calls")
        page.get_by_role("button", name="New call").click()
        check(person, "a new call")
        person.open(f"#/calls/{held.id}")
        page.get_by_role("button", name="Add a mark").click()
        page.get_by_role("dialog").get_by_label("Belongs to").select_option(index=1)
        check(person, "a mark")
        page.keyboard.press("Escape")
        check(person, "a record, for the coach")
        person.open(f"#/calls/{held.id}/sessions/{held.sessions[0].id}")
        page.get_by_label("Result").wait_for()
        check(person, "an exercise of a call")
        assert person.complaints == []
    with clinic.signed_in(member, "#/today", **size, reduced_motion="reduce") as person:
        person.page.get_by_role("region", name="Next call").wait_for()
        check(person, "the day of a call")
        person.open(f"#/calls/{held.id}")
        person.page.get_by_text("Knees go inward").wait_for()
        check(person, "a record, for the member")
        assert person.complaints == []
    with person_at(clinic.browser, clinic.server, **size, reduced_motion="reduce") as person:
        person.open(f"#/join/{token}")
        person.page.get_by_role("heading", level=1).wait_for()
        check(person, "a link to a call")
        assert person.complaints == []
