"""Accounts, invitations and privacy, as people meet them in the page."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import videos
from driver import (
    NAME,
    PASSWORD,
    Clinic,
    Person,
    axe_violations,
    clinic_at,
    person_at,
)
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.shares]

REFERENCE = "Squat from the side"
SCREENS = [(1280, 800), (390, 844)]


@dataclass
class AccountClinic(Clinic):
    """With a member, a coach and an admin, and a camera that shows somebody."""

    clip: Path

    @contextlib.contextmanager
    def visitor(self, address: str = "", **options: Any) -> Iterator[Person]:
        with person_at(self.browser, self.server, **options) as person:
            person.open(address)
            yield person


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[AccountClinic]:
    folder = tmp_path_factory.mktemp("clinic")
    clip = videos.stick_figure(folder / "squat.mp4", seconds=4)
    camera = videos.stick_figure(folder / "camera.y4m", size=(640, 480))
    with clinic_at(AccountClinic, folder, chromium, camera, clip=clip) as clinic:
        for name, role in (("carla", "coach"), ("boss", "admin")):
            clinic.server.add_user(name, role)
        yield clinic


def make_invitation(coach: Person, note: str) -> str:
    """Invite somebody, as a coach does; return the link."""
    page = coach.page
    page.get_by_role("button", name="Invite a member").click()
    page.get_by_label("Note for yourself").fill(note)
    page.get_by_role("button", name="Make the link").click()
    link: str = page.get_by_label("Link", exact=True).input_value()
    page.get_by_role("button", name="Done").click()
    return link


def test_someone_who_is_invited_makes_an_account_and_the_coach_sees_them(
    clinic: AccountClinic,
) -> None:
    with clinic.signed_in("carla", "#/members") as coach:
        link = make_invitation(coach, "Erika")
        expect(coach.page.get_by_text("Erika")).to_be_visible()
        with clinic.visitor() as erika:
            erika.page.goto(link)
            expect(erika.page.get_by_role("heading", level=1)).to_have_text(
                "carla wants to coach you"
            )
            erika.page.get_by_label("Name").fill("erika")
            erika.page.get_by_label("Password").fill("a good long password")
            erika.page.get_by_role("button", name="Make the account").click()
            erika.page.get_by_role("button", name="erika").wait_for()

            coach.page.reload()
            expect(coach.page.get_by_role("link", name="erika")).to_be_visible()
            erika.open("#/account")
            erika.page.get_by_role("button", name="End coaching by carla").click()
            erika.page.get_by_role("dialog").get_by_role("button", name="End coaching").click()
            expect(erika.page.get_by_text("Nobody coaches you.")).to_be_visible()
            assert erika.complaints == []

        coach.page.reload()
        expect(coach.page.get_by_role("heading", name="No members yet")).to_be_visible()
        assert coach.complaints == []


def test_a_link_is_good_once(clinic: AccountClinic) -> None:
    with clinic.signed_in("carla", "#/members") as coach:
        link = make_invitation(coach, "once")
    with clinic.signed_in(NAME) as first:
        first.page.goto(link)
        first.page.get_by_role("button", name="Accept and allow it").click()
        first.page.wait_for_url("**/#/")
    with clinic.visitor() as second:
        second.page.goto(link)
        expect(second.page.get_by_role("alert")).to_be_visible()
        expect(second.page.get_by_role("button", name="Make the account")).to_have_count(0)


def test_a_person_is_asked_before_a_clip_is_kept_and_before_the_first_session(
    clinic: AccountClinic,
) -> None:
    clinic.server.add_user("nora")
    with clinic.signed_in("nora", "#/library") as nora:
        page = nora.page
        page.locator("input[type=file]").first.set_input_files(clinic.clip)
        question = page.get_by_role("dialog", name="Keep my clips")
        question.get_by_role("button", name="I allow it").click()
        page.get_by_role("textbox", name="Name").fill(REFERENCE)
        page.get_by_role("button", name="Add reference").click()
        nora.wait_for_reference(REFERENCE)
        nora.choose(REFERENCE)

        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Not now").click()
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
        assert clinic.server.rows("SELECT * FROM sessions WHERE exercise_name = ?", REFERENCE) == []

        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="I allow it").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        nora.wait_for_scores(3)
        nora.stop()
        assert nora.complaints == []
    words = {
        row["wording"]
        for row in clinic.server.rows(
            "SELECT wording FROM consents JOIN users ON users.id = user_id WHERE name = 'nora'"
        )
    }
    texts = json.loads((Path(__file__).parents[2] / "static/locales/en.json").read_text())
    assert words == {texts["consent.recording"], texts["consent.scoring"]}


def test_a_token_that_ran_out_is_renewed_unseen(clinic: AccountClinic) -> None:
    with clinic.signed_in(NAME, "#/account") as person:
        page = person.page
        page.evaluate(
            "() => { const kept = JSON.parse(sessionStorage.getItem('posesim.sign-in'));"
            " sessionStorage.setItem('posesim.sign-in',"
            " JSON.stringify({ ...kept, access: 'expired' })); }"
        )
        page.reload()
        expect(page.get_by_role("heading", name="What you allow")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_account_is_deleted_by_its_owner(clinic: AccountClinic) -> None:
    clinic.server.add_user("gone")
    with clinic.signed_in("gone", "#/account") as person:
        page = person.page
        page.get_by_role("button", name="Delete my account").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Password").fill("something else")
        dialog.get_by_role("button", name="Delete for ever").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Nothing was deleted")
        dialog.get_by_label("Password").fill(PASSWORD)
        dialog.get_by_role("button", name="Delete for ever").click()
        person.sign_in(name="gone")
        expect(page.get_by_role("alert")).to_contain_text("name or the password is wrong")
    assert clinic.server.rows("SELECT * FROM users WHERE name = 'gone'") == []


def test_everything_of_a_person_is_one_file(clinic: AccountClinic) -> None:
    with clinic.signed_in(NAME, "#/account") as person:
        with person.page.expect_download() as download:
            person.page.get_by_role("button", name="Download my data").click()
        assert download.value.suggested_filename == "posesim-data.zip"
        assert download.value.path().read_bytes()[:2] == b"PK"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_views_of_accounts_are_accessible_and_fit(
    clinic: AccountClinic, width: int, height: int, scheme: str
) -> None:
    with clinic.signed_in("carla", "#/members") as coach:
        token = make_invitation(coach, "axe").rpartition("/")[2]
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    found: list[str] = []
    for name, addresses in (
        ("boss", (("#/admin", "Administration"), ("#/account", "Account"))),
        ("carla", (("#/members", "Members"), (f"#/invite/{token}", "carla wants to coach you"))),
        (None, ((f"#/invite/{token}", "carla wants to coach you"),)),
    ):
        person_in = clinic.visitor(**options) if name is None else clinic.signed_in(name, **options)
        with person_in as person:
            for address, title in addresses:
                person.open(address)
                expect(person.page.get_by_role("heading", level=1)).to_have_text(title)
                person.page.wait_for_load_state("networkidle")
                found += [f"{address} {each}" for each in axe_violations(person.page)]
                fits = "document.documentElement.scrollWidth <= innerWidth"
                assert person.page.evaluate(fits), f"{address} is wider than {width}"
    assert found == []
