"""What a report of a call says, in its language; each session in it as in a report of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..store.calls import Call, Mark
from ..store.sessions import WholeSession
from ..texts import Language, Texts
from .content import Fact, Pictures, Reader, Report, report_of
from .words import clock, moment


@dataclass(frozen=True)
class Occasion:
    """A call, its sessions and its marks, each in the order of time."""

    call: Call
    sessions: Sequence[WholeSession]
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Run:
    """A session of a call, and what was marked in it."""

    title: str
    report: Report
    marks: list[str]


@dataclass(frozen=True)
class CallReport:
    """All that a report of a call says, in the order of reading.

    Attributes:
        marks: Those that belong to no session.
    """

    language: Language
    kicker: str
    title: str
    line: str
    facts: list[Fact]
    notes_title: str
    notes: list[str]
    runs: list[Run]
    no_runs: str
    marks_title: str
    marks: list[str]
    meaning_title: str
    meaning: str
    made: str


def call_report_of(texts: Texts, occasion: Occasion, reader: Reader) -> CallReport:
    """Say what a call was."""
    call = occasion.call
    known = {whole.session.id for whole in occasion.sessions}
    others = [mark for mark in occasion.marks if mark.session_id not in known]
    at = _begun_at(occasion) or call.starts_at or call.created_at
    when = moment(texts, at, reader.utc_offset_min)
    return CallReport(
        language=texts.language,
        kicker=texts("report.call.title"),
        title=call.title,
        line=" · ".join((reader.person, texts("report.call.with", name=call.coach_name), when)),
        facts=list(_facts(texts, occasion, reader)),
        notes_title=texts("report.call.notes"),
        notes=call.notes.splitlines() or [texts("report.call.no_notes")],
        runs=list(_runs(texts, occasion, reader)),
        no_runs=texts("report.call.nothing"),
        marks_title=texts("report.call.marks"),
        marks=[_mark_words(texts, mark, reader) for mark in others]
        if occasion.marks
        else [texts("report.call.no_marks")],
        meaning_title=texts("report.meaning.title"),
        meaning=texts("report.meaning.text"),
        made=texts("report.made", when=moment(texts, reader.now, reader.utc_offset_min)),
    )


def _facts(texts: Texts, occasion: Occasion, reader: Reader) -> Iterator[Fact]:
    call = occasion.call
    yield Fact(texts("report.call.member"), reader.person)
    yield Fact(texts("report.call.coach"), call.coach_name)
    yield Fact(texts("report.call.tries"), str(len(occasion.sessions)))
    for key, at in (
        ("report.call.planned", call.starts_at),
        ("report.call.begun", _begun_at(occasion)),
        ("report.call.ended", call.ended_at),
    ):
        if at is not None:
            yield Fact(texts(key), moment(texts, at, reader.utc_offset_min))


def _begun_at(occasion: Occasion) -> datetime | None:
    """When something began in the call; None if nothing did."""
    sessions = [whole.session for whole in occasion.sessions]
    begun = [session.started_at or session.created_at for session in sessions]
    admitted_at = occasion.call.admitted_at
    return min([*begun, *([admitted_at] if admitted_at else [])], default=None)


def _runs(texts: Texts, occasion: Occasion, reader: Reader) -> Iterator[Run]:
    for number, whole in enumerate(occasion.sessions, 1):
        yield Run(
            title=f"{number}. {whole.session.exercise_name}",
            report=report_of(texts, whole, reader, Pictures()),
            marks=[
                _mark_words(texts, mark, reader)
                for mark in occasion.marks
                if mark.session_id == whole.session.id
            ],
        )


def _mark_words(texts: Texts, mark: Mark, reader: Reader) -> str:
    """When it was, by the session's clock if it is known, and what was noted, on one line."""
    when = moment(texts, mark.at, reader.utc_offset_min) if mark.t_s is None else clock(mark.t_s)
    return f"{when}: {' '.join(mark.note.split())}"
