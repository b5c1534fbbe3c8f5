"""The view of a call, as coach and member meet it: device check, waiting, in call, over."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import videos
from driver import NAME, PHONE, WAIT_S, Clinic, Person, axe_violations, clinic_at
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

pytestmark = [pytest.mark.browser, pytest.mark.weights, pytest.mark.slow]

COACH = "carla"
SCREENS = [(1280, 800), (390, 844)]
SQUAT, JACK = "Squat with a chair", "Jumping jack"
PREPARING_S = 600.0  # seconds; a busy machine is no failure
SCORE_S = 300.0  # most seconds to the first score, where frames are left out under load

# Phones upright and on their sides.
PHONES = [(390, 844), (360, 640), (844, 390), (740, 360)]

# What a browser tells when camera and microphone are unplugged.
UNPLUG = """() => {
  const { srcObject } = document.querySelector(".own video");
  for (const track of srcObject.getTracks()) track.dispatchEvent(new Event("ended"));
}"""

# The pictures that a notice lies upon.
COVERED = """() => {
  const boxes = (selector) => [...document.querySelectorAll(selector)].map((each) =>
    ({ name: each.textContent.trim(), box: each.getBoundingClientRect() }));
  const meet = ({ box: a }, { box: b }) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return boxes(".call-picture").filter((picture) =>
    boxes(".call-trouble").some((told) => meet(picture, told))).map(({ name }) => name);
}"""

# The picture moves on: a frame came and its time is later than that of one before.
PLAYS = "video => video.readyState >= 2 && video.currentTime > 0.2"


@dataclass
class CallClinic(Clinic):
    """With a coach who has two exercises, and a member."""

    exercises: dict[str, str]

    def appoint(self, title: str, *purposes: str) -> str:
        """Make a call that the member has accepted; its id."""
        made = self.ask(COACH, "POST", "/v1/calls", {"title": title})
        self.ask(NAME, "POST", "/v1/calls/join", {"token": made["token"], "language": "en"})
        for purpose in purposes:
            self.ask(NAME, "POST", "/v1/consents", {"purpose": purpose, "language": "en"})
        return str(made["call"]["id"])

    def wait_until_ready(self, exercise: str) -> None:
        """Wait until an exercise of the coach can be trained with."""
        deadline = time.monotonic() + PREPARING_S
        while (found := self.ask(COACH, "GET", f"/v1/exercises/{exercise}"))["state"] != "ready":
            assert time.monotonic() < deadline, found
            time.sleep(0.5)

    @contextlib.contextmanager
    def both(self, title: str, **options: Any) -> Iterator[tuple[Person, Person]]:
        """Coach and member at the same call, each in a tab of their own."""
        address = f"#/call/{self.appoint(title, 'scoring')}"
        with (
            self.signed_in(COACH, address, **options) as coach,
            self.signed_in(NAME, address, **options) as member,
        ):
            for person in (coach, member):  # drawn lines leave a small machine little for scores
                person.page.evaluate("() => localStorage.setItem('posesim.skeleton', 'false')")
            yield coach, member


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[CallClinic]:
    folder = tmp_path_factory.mktemp("clinic")
    clips = {
        SQUAT: videos.stick_figure(folder / "squat.mp4", seconds=4),
        JACK: videos.stick_figure(folder / "jack.mp4", seconds=4, exercise="jumping_jack"),
    }
    camera = videos.stick_figure(folder / "camera.y4m")
    with clinic_at(CallClinic, folder, chromium, camera, exercises={}) as clinic:
        clinic.server.add_user(COACH, "coach")
        clinic.let_in(COACH, "recording")
        clinic.let_in(NAME)
        clinic.exercises |= {name: clinic.upload(COACH, name, clip) for name, clip in clips.items()}
        for exercise in clinic.exercises.values():
            clinic.wait_until_ready(exercise)
        yield clinic


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def add_to_program(coach: Page, *names: str) -> None:
    button(coach, "Add an exercise").click()
    for name in names:
        coach.get_by_role("searchbox").fill(name)
        coach.get_by_role("button", name=re.compile(f"^{name}")).click()
        expect(coach.get_by_text(f"{name} was added.")).to_be_attached()
    button(coach, "Close").click()
    for name in names:
        expect(button(coach, f"Remove {name}")).to_be_visible()


def admit(coach: Page) -> None:
    button(coach, "Admit").click()
    expect(button(coach, "End call")).to_be_visible()


def start(coach: Page) -> None:
    """Choose the first exercise and start; returns when the member's pictures come."""
    coach.get_by_role("button", name=re.compile(f"^{SQUAT}|Repetitions")).first.click()
    button(coach, "Start").click()
    expect(button(coach, "Pause")).to_be_visible()
    expect(coach.get_by_label("The exercise now")).to_contain_text("Running")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def is_all_in_sight(page: Page) -> bool:
    """Whether a page is no higher than the window: in a call nothing may be scrolled away."""
    return bool(page.evaluate("document.documentElement.scrollHeight <= innerHeight"))


def tells_beside_the_pictures(page: Page) -> None:
    """Two notices at once on phones, upright and on their sides: each picture stays in sight."""
    before = page.viewport_size
    assert before is not None
    page.evaluate(UNPLUG)
    expect(page.locator(".call-trouble")).to_have_count(2)
    for width, height in PHONES:
        page.set_viewport_size({"width": width, "height": height})
        # The page follows the window a moment later. Who reads a failure wants the names.
        with contextlib.suppress(PlaywrightTimeout):
            page.wait_for_function(f"() => !({COVERED})().length", timeout=1000 * WAIT_S)
        assert page.evaluate(COVERED) == [], f"{width} x {height}"
        assert fits(page), f"{width} x {height}"
        assert is_all_in_sight(page), f"{width} x {height}"
    page.set_viewport_size(before)
    button(page, "Try again").click()
    expect(page.locator(".call-trouble")).to_have_count(0)


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(*SCREENS[0], "light"), (*SCREENS[1], "dark")]
)
def test_both_sides_of_a_call_are_accessible_and_fit_at_every_step(
    clinic: CallClinic, width: int, height: int, scheme: str
) -> None:
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    found: list[str] = []
    with clinic.both(f"Axe {width} {scheme}", **options) as (coach, member):

        def check(step: str) -> None:
            for who, person in (("coach", coach), ("member", member)):
                found.extend(f"{step}, {who}: {each}" for each in axe_violations(person.page))
                assert fits(person.page), f"{step} of the {who} is wider than {width}"
                if person.page.locator("main.call").count():
                    assert is_all_in_sight(person.page), f"{step} of the {who} is scrolled"

        expect(button(coach.page, "Admit")).to_be_visible()
        member.page.get_by_role("checkbox").check()
        expect(coach.page.get_by_text("Feet in the picture")).to_be_visible()
        add_to_program(coach.page, SQUAT, JACK)
        check("lobby")
        admit(coach.page)
        expect(member.page.get_by_label(f"Picture of {COACH}")).to_be_visible()
        expect(member.page.get_by_text(re.compile("starts it for you"))).to_be_visible()
        check("talking")
        start(coach.page)
        check("an exercise")
        button(coach.page, "Pause").click()
        expect(member.page.get_by_text("Paused", exact=True).first).to_be_visible()
        coach.page.keyboard.press("m")
        button(member.page, "Camera and sound settings").click()
        check("pause, a note, settings")
        button(coach.page, "Cancel").click()
        button(coach.page, "End call").click()
        expect(coach.page.get_by_role("dialog")).to_be_visible()
        check("before the end")
        button(coach.page, "End for both").click()
        for person in (coach, member):
            expect(person.page.get_by_role("heading", name="The call is over")).to_be_visible()
        check("over")
        assert coach.complaints == []
        assert member.complaints == []
    assert found == []


def test_a_member_who_allows_no_scoring_can_talk_and_the_coach_is_told(clinic: CallClinic) -> None:
    clinic.server.add_user("nora")
    clinic.let_in("nora")
    made = clinic.ask(COACH, "POST", "/v1/calls", {"title": "First time"})
    clinic.ask("nora", "POST", "/v1/calls/join", {"token": made["token"], "language": "en"})
    address = f"#/call/{made['call']['id']}"
    with clinic.signed_in("nora", address) as nora, clinic.signed_in(COACH, address) as coach:
        expect(nora.page.get_by_role("dialog", name="Analyse my movements")).to_be_visible()
        expect(nora.page.locator("video")).to_have_count(0)
        button(nora.page, "Not now").click()
        add_to_program(coach.page, SQUAT)
        admit(coach.page)
        expect(nora.page.get_by_label(f"Picture of {COACH}")).to_be_visible()
        coach.page.get_by_role("button", name=re.compile(f"^{SQUAT}|Repetitions")).first.click()
        button(coach.page, "Start").click()
        refusal = coach.page.get_by_role("alert").filter(has_text="has not allowed")
        expect(refusal).to_be_visible()
        assert nora.complaints == []
        assert coach.complaints == []


def test_the_coach_sees_the_device_check_of_who_waits_and_may_send_them_away(
    clinic: CallClinic,
) -> None:
    with clinic.both("Waiting room") as (coach, member):
        arrival = coach.page.get_by_label("Waiting room")
        expect(arrival).to_contain_text(f"{NAME} is waiting")
        expect(arrival).to_contain_text("Camera works")
        expect(arrival).to_contain_text("Microphone works")
        expect(arrival).to_contain_text("Feet not confirmed")
        expect(member.page.get_by_text(f"{COACH} will let you in")).to_be_visible()
        member.page.get_by_role("checkbox").check()
        expect(arrival).to_contain_text("Feet in the picture")
        button(coach.page, "Send away").click()
        expect(member.page.get_by_role("heading", name="Not now")).to_be_visible()
        button(member.page, "Join again").click()
        expect(arrival).to_contain_text(f"{NAME} is waiting")
        assert coach.complaints == []
        assert member.complaints == []


def test_sound_and_devices_can_be_tried_before_the_call(clinic: CallClinic) -> None:
    address = f"#/call/{clinic.appoint('Devices', 'scoring')}"
    with clinic.signed_in(NAME, address) as member:
        page = member.page
        expect(page.get_by_label("Camera", exact=True)).to_be_enabled()
        microphone = page.get_by_label("Microphone", exact=True)
        expect(microphone).to_be_enabled()
        # The camera's own device beeps once a second.
        page.wait_for_function(
            "() => document.querySelector('[role=meter]').getAttribute('aria-valuenow') > 5"
        )
        options = microphone.locator("option")
        if options.count() > 1:
            microphone.select_option(index=1)
            expect(microphone).to_have_value(options.nth(1).get_attribute("value") or "")
        button(page, "Play a test sound").click()
        expect(page.get_by_text("Nothing heard?")).to_be_visible()
        assert member.complaints == []


def test_an_exercise_is_led_by_the_coach_and_seen_by_both(clinic: CallClinic) -> None:
    with clinic.both("Led", **PHONE) as (coach, member):
        admit(coach.page)
        for page, other in ((coach.page, NAME), (member.page, COACH)):
            picture = page.get_by_label(f"Picture of {other}")
            expect(picture).to_be_visible()
            page.wait_for_function(PLAYS, arg=picture.element_handle())
        expect(button(coach.page, "Start")).to_be_disabled()
        add_to_program(coach.page, SQUAT, JACK)
        start(coach.page)
        expect(member.page.get_by_role("heading", name=SQUAT)).to_be_visible()
        expect(member.page.get_by_label(f"Reference: {SQUAT}")).to_be_visible()
        assert axe_violations(coach.page) == []
        assert axe_violations(member.page) == []
        for control in ("Start", "Pause", "Stop", "Next", "Mark"):
            expect(button(member.page, control)).to_have_count(0)
        for page in (coach.page, member.page):
            tells_beside_the_pictures(page)

        button(coach.page, "Pause").click()
        expect(member.page.get_by_text("Paused", exact=True).first).to_be_visible()
        button(coach.page, "Resume").click()
        expect(member.page.get_by_text("Paused", exact=True)).to_have_count(0)

        button(coach.page, "Next").click()
        expect(button(coach.page, "Start")).to_be_enabled()
        expect(member.page.get_by_text(JACK)).to_be_visible()
        coach.page.get_by_role("radio", name="Done (1)").check()
        expect(coach.page.get_by_role("group", name=f"Repetitions of {SQUAT}")).to_be_visible()
        assert coach.complaints == []
        assert member.complaints == []


def test_a_moment_is_marked_and_a_count_is_corrected_without_a_mouse(clinic: CallClinic) -> None:
    with clinic.both("Keyboard") as (coach, member):
        page = coach.page
        expect(button(page, "Admit")).to_be_visible()
        button(page, "Admit").focus()
        page.keyboard.press("Enter")
        expect(button(page, "End call")).to_be_visible()
        button(page, "Add an exercise").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("searchbox")).to_be_focused()
        expect(button(page, f"{SQUAT} Repetitions")).to_be_visible()
        page.keyboard.type("squat")
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"{SQUAT} was added.")).to_be_attached()
        page.keyboard.press("Escape")
        expect(button(page, f"Remove {SQUAT}")).to_be_visible()
        expect(button(page, "Add an exercise")).to_be_focused()
        choose = page.get_by_role("button", name=re.compile(SQUAT)).first
        choose.focus()
        page.keyboard.press("Enter")
        button(page, "Start").focus()
        page.keyboard.press("Enter")
        expect(button(page, "Pause")).to_be_focused()
        expect(page.get_by_label("The exercise now")).to_contain_text("Running")

        page.keyboard.press("m")
        note = page.get_by_label("Note to this moment")
        expect(note).to_be_focused()
        page.keyboard.press("Escape")
        expect(button(page, "Pause")).to_be_focused()
        page.keyboard.press("m")
        page.keyboard.type("Knee falls inwards")
        page.keyboard.press("Enter")
        expect(note).to_have_count(0)
        page.get_by_role("radio", name="Marks (1)").check()
        expect(page.get_by_role("listitem").filter(has_text="Knee falls inwards")).to_be_visible()
        (mark,) = clinic.server.rows(
            "SELECT call_marks.* FROM call_marks JOIN calls ON calls.id = call_id"
            " WHERE title = 'Keyboard'"
        )
        assert mark["session_id"] is not None
        assert mark["t_s"] > 0

        count = page.get_by_role("textbox", name="Repetitions")
        count.focus()
        page.keyboard.type("40")
        page.keyboard.press("Enter")
        expect(member.page.get_by_label("Repetitions")).to_contain_text(re.compile("4[0-9]"))
        button(page, "Stop").click()
        expect(button(page, "Start")).to_be_visible()
        page.get_by_role("radio", name="Done (1)").check()
        expect(page.get_by_role("textbox", name=f"Repetitions of {SQUAT}")).to_have_value(
            re.compile("4[0-9]")
        )
        assert coach.complaints == []
        assert member.complaints == []


def test_a_camera_and_a_microphone_that_are_off_are_told_in_words(clinic: CallClinic) -> None:
    with clinic.both("Off") as (coach, member):
        admit(coach.page)
        expect(member.page.get_by_label(f"Picture of {COACH}")).to_be_visible()
        button(member.page, "Turn camera off").click()
        expect(coach.page.get_by_text(f"{NAME} has turned the camera off")).to_be_visible()
        expect(member.page.get_by_text("Your camera is off")).to_be_visible()
        button(member.page, "Turn microphone off").click()
        expect(coach.page.get_by_text("microphone off")).to_be_attached()
        button(member.page, "Turn camera on").click()
        button(member.page, "Turn microphone on").click()
        expect(coach.page.get_by_text(f"{NAME} has turned the camera off")).to_have_count(0)
        expect(coach.page.get_by_text("microphone off")).to_have_count(0)
        button(member.page, "Leave").click()
        expect(member.page.get_by_role("heading", name="You have left the call")).to_be_visible()
        expect(coach.page.get_by_text(f"{NAME} isn’t here now")).to_be_visible()
        button(member.page, "Join again").click()
        expect(coach.page.get_by_text(f"{NAME} isn’t here now")).to_have_count(0)
        assert coach.complaints == []
        assert member.complaints == []


def test_what_the_coach_showed_last_is_kept_as_an_exercise(clinic: CallClinic) -> None:
    with clinic.both("Shown") as (coach, member):
        page = coach.page
        admit(page)
        page.get_by_role("switch", name="I am the reference").click()
        save = button(page, "Save the last repetitions as an exercise")
        expect(save).to_be_visible()
        expect(member.page.get_by_text(f"Move together with {COACH}")).to_be_visible()
        page.wait_for_timeout(5000)  # of movement
        save.click()
        page.get_by_role("textbox", name="Name").fill("Shown in the call")
        button(page, "Save").click()
        button(page, "Use this part").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("switch", name="I am the reference").click()
        expect(save).to_have_count(0)
        exercises = clinic.ask(COACH, "GET", "/v1/exercises")["exercises"]
        (kept,) = (each for each in exercises if each["name"] == "Shown in the call")
        assert kept["clip_duration_s"] >= 4
        assert coach.complaints == []
        assert member.complaints == []


def test_a_call_that_is_over_leads_to_its_record(clinic: CallClinic) -> None:
    with clinic.both("Over") as (coach, member):
        admit(coach.page)
        button(coach.page, "End call").click()
        button(coach.page, "Stay").click()
        expect(button(coach.page, "End call")).to_be_focused()
        button(coach.page, "End call").click()
        button(coach.page, "End for both").click()
        for person in (coach, member):
            expect(person.page.get_by_role("heading", name="The call is over")).to_be_visible()
            person.page.get_by_role("link", name="See the record").click()
            person.page.wait_for_url("**/#/calls/*")
        assert coach.complaints == []
        assert member.complaints == []
