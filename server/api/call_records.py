"""What remains of a call: one record for its two people, what its coach adds, and files of it."""

import asyncio
from typing import Annotated, Self

from aiohttp import web
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)
from pydantic_core import PydanticCustomError

from posesim.errors import PosesimError

from ..database import now
from ..exports.call_json import CallFile, call_export
from ..keys import REPORTING, ROOMS, STORE
from ..problems import Problem
from ..report.call_content import CallReport, Occasion, call_report_of
from ..report.call_page import call_html
from ..report.call_pdf import call_pdf
from ..report.content import Reader
from ..static_files import static_folder
from ..store.calls import Call, Mark, TooManyMarks
from ..store.sessions import StoredSession
from ..texts import Texts, load_texts
from .calls import NOT_FOUND, CallOut, call_out, find_call, note_change
from .exports import BUSY, EXPORTED, ReportQuery, file_answer, page_answer
from .fields import clean_text
from .guard import USER
from .history import READ, RecordOut, find_whole, record_answer
from .ids import as_id, path_id
from .operation import Operations
from .sessions import SessionOut, session_out
from .turns import turn

operations = Operations("Calls")

LONGEST_NOTE = 500  # characters
MOST_REPETITIONS = 9999
NO_SESSION = f"{NOT_FOUND} Or: no such session was made in it."
NO_MARK = f"{NOT_FOUND} Or: it has no such mark."
FULL = "The call has as many marks as possible."


def _note(text: str) -> str:
    clean = clean_text(text)
    if not clean:
        raise PydanticCustomError("empty", "Write what is to be remembered")
    return clean


class NewMark(BaseModel):
    """The body of POST /v1/calls/ID/marks; `t_s` is a moment of that session."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE), AfterValidator(_note)]
    session_id: str | None = Field(default=None, max_length=64)
    t_s: Annotated[FiniteFloat, Field(ge=0, le=86_400)] | None = None

    @model_validator(mode="after")
    def _moment_of_something(self) -> Self:
        if self.t_s is not None and self.session_id is None:
            raise PydanticCustomError("moment", "Say with session_id of which session t_s is")
        return self


class Correction(BaseModel):
    """The body of PUT /v1/calls/ID/sessions/ID/repetitions; null for the server's own count."""

    model_config = ConfigDict(extra="forbid")

    repetitions: Annotated[int, Field(ge=0, le=MOST_REPETITIONS)] | None


class MarkOut(BaseModel):
    """A moment of a call with a note.

    Attributes:
        session_id: The session that was on; null if none was, or if its member deleted it.
        t_s: The moment on the time of that session.
    """

    id: str
    session_id: str | None
    at: AwareDatetime
    t_s: float | None
    note: str


class CallRecord(BaseModel):
    """All that remains of a call, oldest first; what was said in a session is asked for alone."""

    call: CallOut
    sessions: list[SessionOut]
    marks: list[MarkOut]


# For both


@operations.get("/v1/calls/{id}/record", answer=CallRecord, problems={404: NOT_FOUND})
async def get_call_record(request: web.Request) -> CallRecord:
    """Show what remains of a call: its sessions and marks."""
    call, calls = await find_call(request), request.app[STORE].calls
    await _note_read(request, call, call.id)
    return CallRecord(
        call=call_out(request, call),
        sessions=[session_out(session) for session in await calls.sessions(call.id)],
        marks=[_mark_out(mark) for mark in await calls.marks(call.id)],
    )


@operations.get(
    "/v1/calls/{id}/sessions/{session}/record", answer=RecordOut, problems={404: NO_SESSION}
)
async def get_call_session(request: web.Request) -> web.Response:
    """Show a session of a call with everything that was said in it."""
    call = await find_call(request)
    session = await _find_session(request, call, path_id(request, "session"))
    whole = await find_whole(request, session.user_id, session.id)
    await _note_read(request, call, session.id)
    return await record_answer(whole)


@operations.get("/v1/calls/{id}/record.json", answer=CallFile, problems={404: NOT_FOUND, 429: BUSY})
async def export_call(request: web.Request) -> web.StreamResponse:
    """Send a call as a file, with its marks and the sessions that have ended, each whole."""
    call, store = await find_call(request), request.app[STORE]
    async with turn(request, REPORTING):
        sessions, marks = await store.sessions.of_call(call.id), await store.calls.marks(call.id)
        text = await asyncio.to_thread(call_export, call, sessions, marks, now())
    await _note_export(request, call)
    return file_answer(text.encode(), "application/json", _name(call, "json"))


@operations.get(
    "/v1/calls/{id}/report.html",
    query=ReportQuery,
    produces=("text/html",),
    problems={404: NOT_FOUND, 429: BUSY},
)
async def call_report_page(request: web.Request, query: ReportQuery) -> web.StreamResponse:
    """Send a report of a call as one HTML file, to read and to print."""
    call = await find_call(request)
    async with turn(request, REPORTING):
        report, _ = await _report(request, call, query)
        text = await asyncio.to_thread(call_html, report)
    await _note_export(request, call)
    return page_answer(text, _name(call, "html"))


@operations.get(
    "/v1/calls/{id}/report.pdf",
    query=ReportQuery,
    produces=("application/pdf",),
    problems={404: NOT_FOUND, 429: BUSY},
)
async def call_report_pdf(request: web.Request, query: ReportQuery) -> web.StreamResponse:
    """Send a report of a call as PDF on A4."""
    call = await find_call(request)
    async with turn(request, REPORTING):
        report, texts = await _report(request, call, query)
        content = await asyncio.to_thread(call_pdf, report, texts)
    await _note_export(request, call)
    return file_answer(content, "application/pdf", _name(call, "pdf"))


# By its coach


@operations.post(
    "/v1/calls/{id}/marks",
    access="coach",
    body=NewMark,
    answer=MarkOut,
    status=201,
    problems={404: NO_SESSION, 409: FULL},
)
async def add_mark(request: web.Request, body: NewMark) -> MarkOut:
    """Mark a moment of a call with a note, which both people see; also after its end."""
    call = await _find_own(request)
    session_id = None
    if body.session_id is not None:
        session_id = (await _find_session(request, call, as_id(body.session_id))).id
    try:
        mark = await request.app[STORE].calls.add_mark(
            call.id, note=body.note, session_id=session_id, t_s=body.t_s
        )
    except TooManyMarks as error:
        raise Problem(409, str(error)) from error
    except PosesimError as error:  # the call or the session was deleted meanwhile
        raise Problem(404, str(error)) from error
    await note_change(request, call)
    return _mark_out(mark)


@operations.delete(
    "/v1/calls/{id}/marks/{mark}", access="coach", status=204, problems={404: NO_MARK}
)
async def remove_mark(request: web.Request) -> None:
    """Remove a mark of a call."""
    call = await _find_own(request)
    if not await request.app[STORE].calls.delete_mark(call.id, path_id(request, "mark")):
        raise Problem(404, "This call has no such mark.")
    await note_change(request, call)


@operations.put(
    "/v1/calls/{id}/sessions/{session}/repetitions",
    access="coach",
    body=Correction,
    answer=SessionOut,
    problems={404: NO_SESSION},
)
async def correct_repetitions(request: web.Request, body: Correction) -> SessionOut:
    """Say how many repetitions there were in a session of a call; both counts are kept."""
    call, store = await _find_own(request), request.app[STORE]
    session = await _find_session(request, call, path_id(request, "session"))
    await store.calls.correct(call.id, session.id, body.repetitions)
    await store.audit.note(request[USER].id, "call.corrected", session.user_id, session.id)
    await request.app[ROOMS].refresh(call.id)
    return session_out(await _find_session(request, call, session.id))


# Steps


async def _find_own(request: web.Request) -> Call:
    """The call in the address, of which the caller is the coach."""
    call = await find_call(request)
    if call.coach_id != request[USER].id:
        raise Problem(404, NOT_FOUND)
    return call


async def _find_session(request: web.Request, call: Call, session_id: str) -> StoredSession:
    """A session that was made in the call.

    Raises:
        Problem: 404 if none of this id was.
    """
    sessions = request.app[STORE].sessions
    session = await sessions.get(call.member_id, session_id) if call.member_id else None
    if session is None or session.call_id != call.id:
        raise Problem(404, "This call has no such session.")
    return session


async def _note_read(request: web.Request, call: Call, object_id: str) -> None:
    """Write down that a coach is shown results; who looks at their own is not written down."""
    user, audit = request[USER], request.app[STORE].audit
    if call.member_id is not None and user.id != call.member_id:
        await audit.note(user.id, READ, call.member_id, object_id)


async def _note_export(request: web.Request, call: Call) -> None:
    audit = request.app[STORE].audit
    await audit.note(request[USER].id, EXPORTED, call.member_id or call.coach_id, call.id)


async def _report(request: web.Request, call: Call, query: ReportQuery) -> tuple[CallReport, Texts]:
    store = request.app[STORE]
    texts = await asyncio.to_thread(load_texts, static_folder(), query.language)
    occasion = Occasion(
        call, await store.sessions.of_call(call.id), await store.calls.marks(call.id)
    )
    reader = Reader(call.member_name or "–", query.utc_offset_min, now())
    return await asyncio.to_thread(call_report_of, texts, occasion, reader), texts


def _mark_out(mark: Mark) -> MarkOut:
    return MarkOut.model_validate(mark, from_attributes=True)


def _name(call: Call, ending: str) -> str:
    """The name of a file; the call's own title may hold what a file's name can't."""
    at = call.admitted_at or call.starts_at or call.created_at
    return f"posesim-call-{at:%Y-%m-%d-%H%M}.{ending}"
