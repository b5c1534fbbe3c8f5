"""Sessions as CSV (RFC 4180), for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from ..store.sessions import StoredSession, WholeSession
from .format import moment_text, summary_of

BOM = "\ufeff"  # without it, spreadsheets take UTF-8 for something else

# A text that begins so is run as a formula by spreadsheets; the wide forms are theirs as well.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

_SESSION_COLUMNS = (
    "id",
    "exercise_id",
    "exercise_name",
    "source",
    "kind",
    "target",
    "reference_start_s",
    "created_at",
    "started_at",
    "ended_at",
    "end_reason",
    "in_call",
    "corrected_repetitions",
)
_COMPONENTS = ("movement", "timing", "range")
_SUMMARY_COLUMNS = (
    "state",
    "score",
    *_COMPONENTS,
    "tempo",
    "scored_s",
    "duration_s",
    "best_score",
    "best_s",
    "gaps",
    "repetitions",
    "attempts",
    "held_s",
)
HISTORY_COLUMNS = (*_SESSION_COLUMNS, *_SUMMARY_COLUMNS)

TIMELINE_COLUMNS = (
    "t_s",
    "end_s",
    "entry",
    "state",
    "score",
    "movement",
    "timing",
    "range",
    "reference_s",
    "clip_s",
    "tempo",
    "number",
    "valid",
    "differences",
    "reason",
    "cue",
    "part",
    "praise",
)


def header(columns: Sequence[str]) -> str:
    """The first line, and what tells a spreadsheet how to read the rest."""
    return BOM + _lines([columns])


def history_rows(sessions: Iterable[StoredSession]) -> str:
    """One line for each session, with what it came to."""
    return _lines(
        [values.get(column) for column in HISTORY_COLUMNS] for values in map(_session, sessions)
    )


def timeline(whole: WholeSession) -> str:
    """All that was said in a session, in the order of time: scores, repetitions, gaps and cues."""
    entries = sorted(_entries(whole), key=lambda entry: entry["t_s"])
    rows = ([entry.get(column) for column in TIMELINE_COLUMNS] for entry in entries)
    return header(TIMELINE_COLUMNS) + _lines(rows)


def _session(session: StoredSession) -> dict[str, Any]:
    summary = summary_of(session.summary) or {}
    return {
        **{column: getattr(session, column) for column in _SESSION_COLUMNS},
        **summary,
        **(summary.get("components") or {}),
    }


def _entries(whole: WholeSession) -> Iterator[dict[str, Any]]:
    start_s = whole.session.reference_start_s
    for score in whole.parts.scores:
        at_s = score.reference_s
        clip_s = None if at_s is None else round(start_s + at_s, 4)
        yield {**vars(score), "entry": "score", "clip_s": clip_s}
    for repetition in whole.parts.repetitions:
        differences = " ".join(f"{d['part']}:{d['degrees']}" for d in repetition.differences)
        yield {
            **vars(repetition),
            "entry": "repetition",
            "t_s": repetition.start_s,
            "differences": differences or None,
        }
    for gap in whole.parts.gaps:
        yield {**vars(gap), "entry": "gap", "t_s": gap.start_s}
    for cue in whole.parts.cues:
        yield {**vars(cue), "entry": "cue"}


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        [_cell(value) for value in row] for row in rows
    )
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value as a spreadsheet reads it; a text that would be run gets an apostrophe before it."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return moment_text(value)
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
    return value
