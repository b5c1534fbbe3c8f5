"""Sessions as JSON: written one after the other, so that a long history needs little memory."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..store.parts import ScoreRow, without_seq
from ..store.sessions import WholeSession
from .format import FORMAT, SCORE_COLUMNS, VERSION, moment_text, summary_of

END = "\n]}\n"


def opening(at: datetime) -> str:
    """The begin of an export, up to its first session."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": moment_text(at),
        "score_columns": SCORE_COLUMNS,
    }
    return f'{json.dumps(header)[:-1]}, "sessions": ['


def some_sessions(sessions: Sequence[WholeSession], *, first: bool) -> str:
    """The next sessions of an export, each on a line of its own."""
    lines = ",\n".join(_compact(exported(whole)) for whole in sessions)
    return f"\n{lines}" if first else f",\n{lines}"


def whole_export(sessions: Sequence[WholeSession], at: datetime) -> str:
    """An export of a few sessions."""
    return opening(at) + (some_sessions(sessions, first=True) if sessions else "") + END


def exported(whole: WholeSession) -> dict[str, Any]:
    """A session as `format.ExportedSession` describes it."""
    session, parts = whole.session, whole.parts
    return {
        "id": session.id,
        "exercise_id": session.exercise_id or session.imported_exercise_id,
        "exercise_name": session.exercise_name,
        "source": session.source,
        "kind": session.kind,
        "target": session.target,
        "reference_start_s": session.reference_start_s,
        "created_at": moment_text(session.created_at),
        "started_at": _maybe_moment(session.started_at),
        "ended_at": _maybe_moment(session.ended_at),
        "end_reason": session.end_reason,
        "summary": summary_of(session.summary),
        "in_call": session.in_call,
        "corrected_repetitions": session.corrected_repetitions,
        "scores": [_score(row) for row in parts.scores],
        "repetitions": [vars(row) for row in parts.repetitions],
        "gaps": [without_seq(row) for row in parts.gaps],
        "cues": [without_seq(row) for row in parts.cues],
    }


def _score(row: ScoreRow) -> tuple[Any, ...]:
    return (
        row.t_s,
        row.score,
        row.state,
        row.movement,
        row.timing,
        row.range,
        row.reference_s,
        row.tempo,
    )


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _maybe_moment(at: datetime | None) -> str | None:
    return None if at is None else moment_text(at)
