"""A report of a call as PDF on A4, made of the parts of a session's report."""

from collections.abc import Iterator

from reportlab.platypus import Flowable, KeepTogether, Spacer

from ..texts import Texts
from .call_content import CallReport, Run
from .pdf import (
    KICKER,
    NOTE,
    STRONG,
    TEXT,
    TITLE,
    Drawn,
    document,
    facts_table,
    heading,
    meaning_box,
    text,
    top,
)


def call_pdf(report: CallReport, texts: Texts) -> bytes:
    """Write a report of a call as a PDF; the same report gives the same bytes."""
    title = f"{report.title} – {report.kicker}"
    return document(title, _story(report), texts, made=report.made)


def _story(report: CallReport) -> Iterator[Flowable]:
    yield text(report.kicker.upper(), KICKER)
    yield text(report.title, TITLE)
    yield text(report.line, NOTE)
    yield Spacer(1, 8)
    yield facts_table(report.facts)
    yield heading(report.notes_title)
    for line in report.notes:
        yield text(line, TEXT)
    if report.marks:
        yield heading(report.marks_title)
        yield from _items(report.marks)
    for run in report.runs:
        yield from _run(run, report.marks_title)
    if not report.runs:
        yield Spacer(1, 8)
        yield text(report.no_runs, TEXT)
    yield Spacer(1, 10)
    yield meaning_box(report.meaning_title, report.meaning)


def _run(run: Run, marks_title: str) -> Iterator[Flowable]:
    said = run.report
    begin = [heading(run.title), text(said.line, NOTE), Spacer(1, 4), top(said), Spacer(1, 6)]
    yield KeepTogether([*begin, *([facts_table(said.facts)] if said.facts else [])])
    course = Drawn(said.course) if said.course else text(said.no_course, TEXT)
    yield KeepTogether([text(said.course_title, STRONG), course])
    for title, texts in ((marks_title, run.marks), (said.remarks_title, said.remarks)):
        if texts:
            yield Spacer(1, 4)
            yield text(title, STRONG)
            yield from _items(texts)


def _items(texts: list[str]) -> Iterator[Flowable]:
    for each in texts:
        yield text(f"• {each}", TEXT)
