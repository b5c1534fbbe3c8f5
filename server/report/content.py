"""What a report says, in its language; how it looks is said in `page.py` and `pdf.py`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..live.outcomes import SummaryValues
from ..moments import Moment, Moments, moments_of
from ..store.parts import RepetitionRow
from ..store.sessions import StoredSession, WholeSession
from ..texts import Language, Texts
from . import charts
from .drawing import Drawing
from .words import (
    capital,
    clock,
    cue_words,
    decimal,
    difference_words,
    moment,
    percent,
    score_word,
    short_difference,
    tempo_words,
)

MOST_TABLE_ROWS = 20  # more would need a third page
MOST_REMARKS = 4


@dataclass(frozen=True)
class Picture:
    """A JPEG and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """What the reference looked like at the best and at the worst moment, where that is known."""

    best: Picture | None = None
    worst: Picture | None = None


@dataclass(frozen=True)
class Reader:
    """Whom the report is about, and where it is read."""

    person: str
    utc_offset_min: int
    now: datetime


@dataclass(frozen=True)
class Share:
    """A component of the score: `value` 0 to 1."""

    name: str
    value: float
    text: str


@dataclass(frozen=True)
class Fact:
    """One thing to know."""

    name: str
    value: str


@dataclass(frozen=True)
class Scene:
    """A moment, and the reference then."""

    title: str
    text: str
    where: str | None
    picture: Picture | None


@dataclass(frozen=True)
class Table:
    """The repetitions, one a row."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Report:
    """All that a report says, in the order of reading."""

    language: Language
    kicker: str
    title: str
    line: str
    score: str | None
    of_100: str
    verdict: str
    shares: list[Share]
    facts: list[Fact]
    course_title: str
    course: Drawing | None
    no_course: str
    repetitions_title: str
    repetitions: Drawing | None
    scenes_title: str
    scenes: list[Scene]
    no_picture: str
    remarks_title: str
    remarks: list[str]
    table: Table | None
    more: str | None
    meaning_title: str
    meaning: str
    made: str


def report_of(texts: Texts, whole: WholeSession, reader: Reader, pictures: Pictures) -> Report:
    """Say what a session was."""
    session, parts = whole.session, whole.parts
    summary = SummaryValues.model_validate(session.summary) if session.summary else None
    score = summary.score if summary else None
    moments = moments_of(parts.scores, session.reference_start_s)
    begun_at = session.started_at or session.created_at
    said = (reader.person, moment(texts, begun_at, reader.utc_offset_min), _source(texts, session))
    return Report(
        language=texts.language,
        kicker=texts("report.title"),
        title=session.exercise_name,
        line=" · ".join(said),
        score=None if score is None else str(round(score)),
        of_100=texts("report.of_100"),
        verdict=texts("no_score.title") if score is None else score_word(texts, score),
        shares=_shares(texts, summary),
        facts=list(_facts(texts, session, summary)),
        course_title=texts("report.course"),
        course=charts.course(texts, parts.scores, parts.gaps, moments),
        no_course=texts("report.course_none"),
        repetitions_title=texts("report.repetitions"),
        repetitions=charts.repetitions(texts, parts.repetitions),
        scenes_title=texts("report.moments"),
        scenes=list(_scenes(texts, moments, pictures)),
        no_picture=texts("report.no_picture"),
        remarks_title=texts("report.remarks"),
        remarks=_remarks(texts, whole),
        table=_table(texts, parts.repetitions),
        more=_more(texts, parts.repetitions),
        meaning_title=texts("report.meaning.title"),
        meaning=texts("report.meaning.text"),
        made=texts("report.made", when=moment(texts, reader.now, reader.utc_offset_min)),
    )


def _source(texts: Texts, session: StoredSession) -> str:
    if session.imported_at is not None:
        return texts("report.import")
    return texts("report.live") if session.source == "live" else texts("report.file")


def _shares(texts: Texts, summary: SummaryValues | None) -> list[Share]:
    if summary is None or summary.components is None:
        return []
    parts = summary.components
    named = (
        (texts("score.movement.name"), parts.movement),
        (texts("score.timing.name"), parts.timing),
        (texts("score.range.name"), parts.range),
    )
    return [Share(name, value, percent(texts, value)) for name, value in named]


def _facts(texts: Texts, session: StoredSession, summary: SummaryValues | None) -> Iterator[Fact]:
    corrected = session.corrected_repetitions
    if summary is None:
        if corrected is not None:
            yield Fact(texts("reps.label"), str(corrected))
        return
    target = session.target
    counts = session.kind == "repetitions" or summary.repetitions or summary.attempts
    if counts or corrected is not None:
        more = []
        if corrected is not None:
            more.append(texts("report.corrected", count=summary.repetitions))
        if summary.attempts:
            more.append(texts.plural("reps.attempts", summary.attempts))
        if target is not None and session.kind == "repetitions":
            more.append(texts("report.goal", count=target))
        repetitions = summary.repetitions if corrected is None else corrected
        yield Fact(texts("reps.label"), _with(str(repetitions), more))
    goal = [texts("report.goal_seconds", time=clock(target))] if target is not None else []
    if summary.held_s is not None:
        held = goal if session.kind == "hold" else []
        yield Fact(texts("held.label"), _with(clock(summary.held_s), held))
    yield Fact(texts("summary.duration"), clock(summary.duration_s))
    routine = goal if session.kind == "routine" else []
    yield Fact(texts("report.scored"), _with(clock(summary.scored_s), routine))
    if summary.tempo is not None:
        yield Fact(texts("tempo.label"), capital(tempo_words(texts, summary.tempo)))
    none = texts("summary.no_interruptions")
    yield Fact(texts("summary.interruptions"), str(summary.gaps) if summary.gaps else none)


def _with(value: str, more: Sequence[str]) -> str:
    return f"{value} ({', '.join(more)})" if more else value


def _scenes(texts: Texts, moments: Moments, pictures: Pictures) -> Iterator[Scene]:
    for key, found, picture in (
        ("summary.best", moments.best, pictures.best),
        ("report.worst", moments.worst, pictures.worst),
    ):
        if found is not None:
            yield Scene(
                texts(key),
                texts("report.moment", score=round(found.score), time=clock(found.t_s)),
                _where(texts, found),
                picture,
            )


def _where(texts: Texts, found: Moment) -> str | None:
    if found.clip_s is None:
        return None
    return texts("report.reference_at", time=f"{decimal(texts, found.clip_s, 1)} s")


def _remarks(texts: Texts, whole: WholeSession) -> list[str]:
    """What differed in most repetitions, and what was said most often."""
    differed: Counter[str] = Counter()
    for row in whole.parts.repetitions:
        differed.update({difference_words(texts, each) for each in row.differences})
    remarks = [
        texts.plural("report.remark_in", count, text=text)
        for text, count in differed.most_common(MOST_REMARKS)
    ]
    said = Counter(cue_words(texts, cue) for cue in whole.parts.cues if not cue.praise)
    if said:
        cues = ", ".join(
            texts("report.times", text=text, count=count)
            for text, count in said.most_common(MOST_REMARKS)
        )
        remarks.append(texts("report.said", cues=cues))
    return remarks


def _table(texts: Texts, rows: Sequence[RepetitionRow]) -> Table | None:
    if not 0 < len(rows) <= MOST_TABLE_ROWS:
        return None
    columns = (
        texts("report.column.number"),
        texts("report.column.time"),
        texts("score.label"),
        texts("report.column.range"),
        texts("tempo.label"),
        texts("report.column.remark"),
    )
    return Table(columns, [_row(texts, row) for row in rows])


def _more(texts: Texts, rows: Sequence[RepetitionRow]) -> str | None:
    """Where the rest is, if the report leaves something out."""
    if len(rows) <= MOST_TABLE_ROWS:
        return None
    step = charts.drawn_step(rows)
    drawn = [texts("report.sampled", step=step)] if step > 1 else []
    return " ".join([*drawn, texts("report.all_values")])


def _row(texts: Texts, row: RepetitionRow) -> tuple[str, ...]:
    if row.valid:
        remark = "; ".join(short_difference(texts, each) for each in row.differences[:1])
    else:
        remark = capital(texts("report.attempt"))
    return (
        str(row.number),
        f"{clock(row.start_s)}–{clock(row.end_s)}",
        "–" if row.score is None else str(round(row.score)),
        decimal(texts, row.range),
        "–" if row.tempo is None else decimal(texts, row.tempo),
        remark,
    )
