"""What the report of a call says, and that nothing in it can become code."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from histories import BEGUN, named, whole_session

from posesim_server.report.call_content import Occasion, call_report_of
from posesim_server.report.call_page import call_html
from posesim_server.report.call_pdf import call_pdf
from posesim_server.report.content import Reader
from posesim_server.report.page import POLICY
from posesim_server.static_files import static_folder
from posesim_server.store.calls import Call, Mark
from posesim_server.texts import LANGUAGES, load_texts

USER = "b1b6a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c10"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ENGLISH = load_texts(static_folder(), "en")
ANNA = Reader("anna", 60, NOW)
FIRST, SECOND = whole_session(USER, 1), whole_session(USER, 2, at=BEGUN + timedelta(minutes=9))
CALL = Call(
    id="c",
    coach_id="k",
    coach_name="carla",
    member_id=USER,
    member_name="anna",
    title="Knee, third time",
    starts_at=BEGUN,
    created_at=BEGUN - timedelta(days=3),
    expires_at=BEGUN + timedelta(days=4),
    accepted_at=BEGUN - timedelta(days=2),
    admitted_at=BEGUN + timedelta(minutes=20),
    ended_at=BEGUN + timedelta(minutes=30),
    notes="Less deep.\nTwice a day.",
)


def mark(note, whole=None, t_s=None, minutes=5):
    session_id = whole.session.id if whole else None
    return Mark(note, "c", session_id, BEGUN + timedelta(minutes=minutes), t_s, note)


def report(*marks, call=CALL, sessions=(FIRST, SECOND), texts=ENGLISH, reader=ANNA):
    return call_report_of(texts, Occasion(call, sessions, marks), reader)


def facts(said):
    return {fact.name: fact.value for fact in said.facts}


def test_a_report_says_who_with_whom_and_when():
    said = report()
    assert (said.kicker, said.title) == ("Record of a call", "Knee, third time")
    assert said.line == "anna · with carla · 2026-11-23, 18:30 (UTC+1)"
    assert facts(said) == {
        "Person": "anna",
        "Coach": "carla",
        "Exercises tried": "2",
        "Planned for": "2026-11-23, 18:30 (UTC+1)",
        "Begun": "2026-11-23, 18:30 (UTC+1)",  # the first session; the last admission was later
        "Ended": "2026-11-23, 19:00 (UTC+1)",
    }
    assert said.notes == ["Less deep.", "Twice a day."]


def test_each_session_is_said_as_in_a_report_of_its_own():
    said = report()
    assert [run.title for run in said.runs] == ["1. Squat", "2. Squat"]
    first = said.runs[0].report
    assert first.score == str(round(FIRST.session.summary["score"]))
    assert first.course is not None
    assert said.meaning == first.meaning


def test_a_mark_stands_where_it_was_made():
    said = report(
        mark("Hello"),
        mark("Knee in", FIRST, 72.4),
        mark("Good\n  now", SECOND, 3.0),
        mark("Once more", SECOND),
    )
    assert said.marks == ["2026-11-23, 18:35 (UTC+1): Hello"]
    assert [run.marks for run in said.runs] == [
        ["1:12: Knee in"],
        ["0:03: Good now", "2026-11-23, 18:35 (UTC+1): Once more"],
    ]


def test_a_mark_of_a_session_that_was_deleted_is_still_said():
    said = report(mark("Knee in", FIRST, 72.4), sessions=[SECOND])
    assert said.marks == ["1:12: Knee in"]


def test_a_call_in_which_nothing_was_done_has_a_report_too():
    empty = replace(CALL, notes="", starts_at=None, admitted_at=None, ended_at=None)
    said = report(call=empty, sessions=[], reader=replace(ANNA, person="–"))
    assert said.notes == ["Nothing was written down."]
    assert said.marks == ["No moment was marked."]
    assert set(facts(said)) == {"Person", "Coach", "Exercises tried"}
    page = call_html(said)
    assert "No exercise was tried." in page
    assert call_pdf(said, ENGLISH).startswith(b"%PDF-")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_made_in_every_language(language):
    texts = load_texts(static_folder(), language)
    said = report(mark("Knie", FIRST, 1.0), texts=texts)
    page, document = call_html(said), call_pdf(said, texts)
    assert f'<html lang="{language}">' in page
    assert not re.search(r"\{\w+\}", "".join((said.line, *said.marks, *facts(said).values())))
    assert len(re.findall(rb"/Type /Page\b", document)) >= 2
    assert document == call_pdf(said, texts)  # the same report gives the same bytes


def test_nothing_that_people_write_becomes_code():
    evil = '<script>alert(1)</script><img src=x onerror=alert(1)> &amp; "quoted"'
    call = replace(CALL, title=evil[:80], notes=evil, coach_name=evil)
    said = report(mark(evil), mark(evil, FIRST, 1.0), call=call, sessions=[named(FIRST, evil[:80])])
    page = call_html(said)
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert POLICY.replace("'", "&#x27;") in page
    assert call_pdf(said, ENGLISH).startswith(b"%PDF-")


def test_as_much_as_there_may_be_fits_on_paper():
    long = "Knee inwards " * 38
    sessions = [whole_session(USER, n, at=BEGUN + timedelta(minutes=n)) for n in range(30)]
    marks = [mark(long[:500], sessions[n % 30], float(n)) for n in range(500)]
    said = report(*marks, call=replace(CALL, notes="x" * 2000), sessions=sessions)
    assert len(re.findall(rb"/Type /Page\b", call_pdf(said, ENGLISH))) >= 20
    assert call_html(said).count("<li>") >= 500
