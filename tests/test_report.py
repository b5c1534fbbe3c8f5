"""What a report says, how it is drawn, and that nothing in it can become code."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from histories import named, whole_session

from posesim_server.report import charts
from posesim_server.report.content import Picture, Pictures, Reader, report_of
from posesim_server.report.drawing import Box, Dot, Drawing, Label, Line, filled, thinned
from posesim_server.report.page import POLICY, STYLE, html
from posesim_server.report.pdf import pdf
from posesim_server.report.pictures import picture_of
from posesim_server.report.svg import svg
from posesim_server.static_files import static_folder
from posesim_server.store.parts import CueRow, GapRow, Parts, RepetitionRow, ScoreRow
from posesim_server.store.sessions import WholeSession
from posesim_server.texts import LANGUAGES, load_texts

USER = "b1b6a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c10"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ENGLISH = load_texts(static_folder(), "en")
ANNA = Reader("Anna", 60, NOW)


def jpeg(width=48, height=27, left=0):
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[:, : width // 2] = left
    return cv2.imencode(".jpg", picture)[1].tobytes()


def report(whole=None, texts=ENGLISH, reader=ANNA, pictures=None):
    return report_of(texts, whole or whole_session(USER, 1), reader, pictures or Pictures())


def with_session(**values):
    whole = whole_session(USER, 1)
    return replace(whole, session=replace(whole.session, **values))


def with_parts(**values):
    whole = whole_session(USER, 1)
    return replace(whole, parts=replace(whole.parts, **values))


def facts(said):
    return {fact.name: fact.value for fact in said.facts}


def pages(document):
    return len(re.findall(rb"/Type /Page\b", document))


# What it says


def test_a_report_says_who_what_and_when_where_it_is_read():
    said = report()
    assert (said.title, said.line) == ("Squat", "Anna · 2026-11-23, 18:30 (UTC+1) · live")
    assert said.made == "Made with posesim, 2026-11-30, 13:00 (UTC+1)"


@pytest.mark.parametrize(
    ("offset", "moment"),
    [(0, "17:30 (UTC)"), (-300, "12:30 (UTC-5)"), (345, "23:15 (UTC+5:45)")],
)
def test_a_moment_says_its_zone(offset, moment):
    assert moment in report(reader=replace(ANNA, utc_offset_min=offset)).line


def test_a_report_says_the_score_and_what_it_does_not_mean():
    whole = whole_session(USER, 1)
    said = report(whole)
    assert said.score == str(round(whole.session.summary["score"]))
    assert "not a medical assessment" in said.meaning
    assert said.meaning.startswith("The score is a similarity to the reference clip")


def test_a_report_says_how_much_was_done_of_what_was_aimed_at():
    summary = whole_session(USER, 1).session.summary
    done = {**summary, "repetitions": 9, "attempts": 1}
    assert facts(report(with_session(summary=done)))["Repetitions"] == "9 (1 attempt, goal: 12)"
    held = {**summary, "held_s": 75.5, "repetitions": 0, "attempts": 0}
    hold = with_session(kind="hold", target=90, summary=held)
    assert facts(report(hold))["Held"] == "1:15 (goal: 1:30)"
    assert "Repetitions" not in facts(report(hold))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "12 (counted 11, 1 attempt, goal: 12)"),
        ("de", "12 (gezählt 11, 1 Versuch, Ziel: 12)"),
        ("es", "12 (contadas 11, 1 intento, meta: 12)"),
    ],
)
def test_a_report_says_both_counts_where_a_coach_corrected_one(language, words):
    summary = {**whole_session(USER, 1).session.summary, "repetitions": 11, "attempts": 1}
    corrected = with_session(summary=summary, corrected_repetitions=12)
    texts = load_texts(static_folder(), language)
    assert facts(report(corrected, texts=texts))[texts("reps.label")] == words


def test_a_count_of_what_counted_nothing_itself_is_said_too():
    assert facts(report(with_session(summary=None, corrected_repetitions=3))) == {
        "Repetitions": "3"
    }
    hold = {**whole_session(USER, 1).session.summary, "held_s": 9.0, "repetitions": 0}
    held = with_session(kind="hold", summary={**hold, "attempts": 0}, corrected_repetitions=2)
    assert facts(report(held))["Repetitions"] == "2 (counted 0)"


def test_a_session_that_was_imported_says_so():
    assert "imported, as given by the person" in report(with_session(imported_at=NOW)).line


def test_a_session_without_a_score_has_a_report_too():
    nothing = Parts(scores=(ScoreRow(0, 1.0, None, "no_person", None, None, None, None, None),))
    whole = WholeSession(with_session(summary=None).session, nothing)
    said = report(whole)
    assert (said.score, said.verdict, said.course) == (None, "No score", None)
    assert "There is no score to show." in html(said)
    assert pdf(said, ENGLISH).startswith(b"%PDF-")


def test_a_report_says_what_differed_most_often_and_what_was_said():
    rows = tuple(
        RepetitionRow(
            number, number, number + 0.9, True, 80.0, 1.0, 1.0, [{"part": part, "degrees": degrees}]
        )
        for number, (part, degrees) in enumerate(
            [("trunk", 10), ("left_shoulder", 20), ("left_shoulder", 20)], 1
        )
    )
    cues = (CueRow(0, 1, "lower", None, False), CueRow(1, 2, "lower", None, True))
    assert report(with_parts(repetitions=rows, cues=cues)).remarks == [
        "Left shoulder about 20° more open than the reference (an estimate): in 2 repetitions",
        "Trunk about 10° less bent than the reference (an estimate): in 1 repetition",
        "Said: “Lower” 1×",
    ]


def test_more_repetitions_than_fit_are_drawn_and_not_listed():
    rows = tuple(
        RepetitionRow(number, number, number + 0.5, True, 80.0, 1.0, 1.0, [])
        for number in range(1, 1101)
    )
    said = report(with_parts(repetitions=rows))
    assert said.table is None
    assert said.more == (
        "One in 3 repetitions is drawn. All values are in the CSV export of the session."
    )


# In every language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_all_that_a_report_may_say(language):
    texts = load_texts(static_folder(), language)
    states = tuple(
        ScoreRow(seq, float(seq), None, state, None, None, None, None, None)
        for seq, state in enumerate(charts.PATTERNS)
    )
    whole = whole_session(USER, 1)
    parts = replace(whole.parts, scores=(*states, *whole.parts.scores[20:50]))
    for kind, tempo in (("repetitions", 0.5), ("hold", 1.0), ("routine", 2.0)):
        summary = {**whole.session.summary, "held_s": 3.0, "tempo": tempo, "gaps": 0}
        session = replace(whole.session, kind=kind, summary=summary)
        said = report_of(texts, WholeSession(session, parts), ANNA, Pictures())
        assert said.language == language
        assert html(said).count(f'lang="{language}"') == 1
        assert pdf(said, texts).startswith(b"%PDF-")


def test_numbers_are_written_as_in_the_language():
    german = load_texts(static_folder(), "de")
    whole = whole_session(USER, 1)
    said = report(whole, german)
    row = whole.parts.repetitions[0]
    assert said.table.rows[0][3] == f"{row.range:.2f}".replace(".", ",")
    assert "23.11.2026, 18:30" in said.line


# How it is drawn


def drawn(drawing, kind):
    return [shape for shape in drawing.shapes if isinstance(shape, kind)]


def test_the_line_of_the_score_breaks_where_there_was_none():
    drawing = report().course
    curve = [line for line in drawn(drawing, Line) if line.tone == "accent"]
    assert len(curve) == 2  # before the gap and after it
    assert curve[0].points[-1][0] < curve[1].points[0][0]


def test_a_gap_is_marked_in_the_plot_and_named_below_it():
    drawing = report().course
    veils = [box for box in drawn(drawing, Box) if box.fill == "veil"]
    assert len(veils) == 1
    assert "interrupted" in [label.text for label in drawn(drawing, Label)]


def test_only_states_that_occurred_are_in_the_legend():
    texts = [label.text for label in drawn(report().course, Label)]
    assert "score being prepared" in texts
    assert "hardly any movement" not in texts


def test_each_state_has_a_pattern_of_its_own():
    box = Box(0, 0, 20, 9)
    looks = {pattern: tuple(filled(box, pattern)) for pattern in charts.PATTERNS.values()}
    assert len(set(looks.values())) == len(charts.PATTERNS)


def test_an_attempt_looks_different_without_colour():
    rows = whole_session(USER, 1).parts.repetitions
    drawing = charts.repetitions(ENGLISH, rows)
    dashed = [box for box in drawn(drawing, Box) if box.dashed]
    attempts = sum(not row.valid for row in rows)
    assert attempts > 0
    assert len(dashed) == attempts + 1  # and the legend's
    hollow = [dot for dot in drawn(drawing, Dot) if dot.fill == "paper"]
    known = sum(row.tempo is not None for row in rows if not row.valid)
    assert len(hollow) == attempts + known + 1


def inside(shape, drawing):
    match shape:
        case Line(points):
            return all(
                -1 <= x <= drawing.width + 1 and -1 <= y <= drawing.height for x, y in points
            )
        case Box(x, y, width, height):
            right, bottom = x + width, y + height
            return x >= 0 and y >= 0 and right <= drawing.width + 1 and bottom <= drawing.height
        case Dot(x, y) | Label(x, y):
            return 0 <= x <= drawing.width and 0 <= y <= drawing.height


def hostile_parts():
    scores = tuple(
        ScoreRow(n, n * 10.0, 100.0 * (n % 2) if n % 3 else None, "lost", 1, 1, 1, -1e6, 1e6)
        for n in range(20_000)
    )
    repetitions = tuple(
        RepetitionRow(n + 1, 1e6, 0.0, n % 2 == 0, None, -1e6 if n % 2 else 1e6, -1e6, [])
        for n in range(20_000)
    )
    gaps = tuple(GapRow(n, n * 50.0, 1e6, "clock") for n in range(20_000))
    return Parts(scores, repetitions, gaps)


def test_the_wildest_session_stays_inside_its_drawing_and_is_drawn_with_few_shapes():
    said = report(replace(whole_session(USER, 1), parts=hostile_parts()))
    for drawing in (said.course, said.repetitions):
        assert [shape for shape in drawing.shapes if not inside(shape, drawing)] == []
        assert len(drawing.shapes) < 20_000
    assert len(html(said)) < 2_000_000


def test_ordinary_sessions_stay_inside_their_drawings():
    for seed in range(5):
        said = report(whole_session(USER, seed, scores=40 + 90 * seed))
        for drawing in (said.course, said.repetitions):
            assert [shape for shape in drawing.shapes if not inside(shape, drawing)] == []


def test_of_many_points_the_extremes_stay():
    points = [(float(n), 50.0) for n in range(10_000)]
    points[5000], points[7000] = (5000.0, 1.0), (7000.0, 99.0)
    few = thinned(points, 500)
    assert len(few) <= 510
    assert {(5000.0, 1.0), (7000.0, 99.0)} <= set(few)
    assert few == sorted(few)


# As a page


class Found(HTMLParser):
    """What a page consists of, seen as a browser does."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;"


def test_what_somebody_named_an_exercise_is_text_and_never_markup():
    said = report(named(whole_session(USER, 1), EVIL), reader=replace(ANNA, person=EVIL))
    page = html(said)
    found = Found(page)
    assert "script" not in found.tags
    assert "img" not in found.tags
    assert not any(name.startswith("on") for name, _ in found.attributes)
    assert EVIL in "".join(found.text)


def test_a_page_needs_nothing_from_elsewhere_and_allows_its_own_style_alone():
    said = report(pictures=Pictures(Picture(jpeg(), 48, 27), None))
    found = Found(html(said))
    values = dict(found.attributes)
    assert values["content"]
    sources = [value for name, value in found.attributes if name in ("src", "href")]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/jpeg;base64,")
    assert "style" not in [name for name, _ in found.attributes]  # the policy forbids such
    assert POLICY in [value for name, value in found.attributes if name == "content"]
    assert f"<style>{STYLE}</style>" in html(said)


def test_charts_say_in_words_what_they_show():
    said = report()
    labels = [value for name, value in Found(html(said)).attributes if name == "aria-label"]
    assert labels == [said.course.says, said.repetitions.says]
    assert re.match(r"The score over \d+:\d\d: lowest \d+, highest \d+\.", labels[0])


def test_a_drawing_becomes_svg():
    drawing = Drawing(
        10, 5, (Line(((0, 0), (1, 2)), dashed=True), Box(1, 1, 2, 2), Label(0, 1, "<b>")), "&"
    )
    written = svg(drawing)
    assert written.startswith('<svg role="img" aria-label="&amp;" viewBox="0 0 10 5">')
    assert 'points="0,0 1,2"' in written
    assert "&lt;b&gt;" in written


# As PDF


def test_a_pdf_has_one_or_two_pages():
    wide, tall = Picture(jpeg(480, 270), 480, 270), Picture(jpeg(270, 480), 270, 480)
    rows = tuple(
        RepetitionRow(
            number, number, number + 0.9, True, 80.0, 1.0, 1.0, [{"part": part, "degrees": 20}]
        )
        for number, part in enumerate(
            ["left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "trunk"] * 4, 1
        )
    )
    cues = tuple(
        CueRow(n, n, "check", part, False)
        for n, part in enumerate(["left_shoulder", "right_shoulder", "left_elbow", "right_elbow"])
    )
    full = with_parts(repetitions=rows, cues=cues)
    full = named(full, "W" * 80)
    for language in LANGUAGES:
        texts = load_texts(static_folder(), language)
        assert pages(pdf(report_of(texts, full, ANNA, Pictures(wide, tall)), texts)) == 2
    assert pages(pdf(report(with_session(summary=None)), ENGLISH)) <= 2


def test_a_pdf_takes_any_name():
    for name in (EVIL, "深蹲 🏋", "Ćwiczenie", "<font color='red'>x</font>", "&amp;", "\u0301"):
        whole = named(whole_session(USER, 1), name)
        assert pages(pdf(report(whole, reader=replace(ANNA, person=name)), ENGLISH)) == 2


def test_the_same_report_is_the_same_pdf():
    assert pdf(report(), ENGLISH) == pdf(report(), ENGLISH)


def test_the_wildest_session_has_a_pdf():
    said = report(replace(whole_session(USER, 1), parts=hostile_parts()))
    assert pages(pdf(said, ENGLISH)) <= 3


# Pictures


def test_a_picture_of_a_mirrored_exercise_is_shown_as_its_mirror_image():
    plain = picture_of(jpeg(), mirrored=False)
    turned = picture_of(jpeg(), mirrored=True)
    assert (plain.width, plain.height) == (turned.width, turned.height) == (48, 27)
    sides = [
        cv2.imdecode(np.frombuffer(each.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)[:, 5].mean() > 128
        for each in (plain, turned)
    ]
    assert sides == [False, True]
