"""The format of an exported call: JSON, versioned, complete (docs/api.md, "Calls")."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel

from ..store.calls import Call, Mark
from ..store.sessions import WholeSession
from .format import SCORE_COLUMNS, ExportedSession, ScoreColumn, moment_text
from .history_json import exported

FORMAT: Final = "posesim.call"
VERSION: Final = 1

_CALL_MOMENTS = ("starts_at", "created_at", "accepted_at", "admitted_at", "ended_at")


class ExportedCall(BaseModel):
    """What a call was, and what its coach wrote about it."""

    id: str
    title: str
    coach_name: str
    member_name: str | None
    starts_at: AwareDatetime | None
    created_at: AwareDatetime
    accepted_at: AwareDatetime | None
    admitted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    notes: str


class ExportedMark(BaseModel):
    """A moment with a note; `t_s` on the time of the session."""

    id: str
    session_id: str | None
    at: AwareDatetime
    t_s: float | None
    note: str


class CallFile(BaseModel):
    """A call as a file, for its documentation; its sessions are as in `history.json`."""

    format: Literal["posesim.call"] = FORMAT
    version: Literal[1] = VERSION
    exported_at: AwareDatetime
    score_columns: tuple[ScoreColumn, ...] = SCORE_COLUMNS
    call: ExportedCall
    marks: list[ExportedMark]
    sessions: list[ExportedSession]


def call_export(
    call: Call, sessions: Sequence[WholeSession], marks: Sequence[Mark], at: datetime
) -> str:
    """Write a call with its marks and its sessions, as of `at`."""
    moments = {name: getattr(call, name) for name in _CALL_MOMENTS}
    content = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": moment_text(at),
        "score_columns": SCORE_COLUMNS,
        "call": {
            "id": call.id,
            "title": call.title,
            "coach_name": call.coach_name,
            "member_name": call.member_name,
            **{name: None if each is None else moment_text(each) for name, each in moments.items()},
            "notes": call.notes,
        },
        "marks": [
            {
                "id": mark.id,
                "session_id": mark.session_id,
                "at": moment_text(mark.at),
                "t_s": mark.t_s,
                "note": mark.note,
            }
            for mark in marks
        ],
        "sessions": [exported(whole) for whole in sessions],
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n"
