"""A user's history as files, one session as a file or as a report, and the way back."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from typing import BinaryIO

from aiohttp import web
from pydantic import BaseModel

from posesim.errors import PosesimError
from posesim.timebase import LARGEST_TIME_S

from ..database import now
from ..exports.format import HistoryFile
from ..exports.history_json import whole_export
from ..exports.importing import import_history
from ..exports.reading import BadExport
from ..exports.tables import HISTORY_COLUMNS, header, history_rows, timeline
from ..exports.whole_history import history_text
from ..keys import CONFIG, EXERCISES, IMPORTING, REPORTING, STORE
from ..moments import Moment, moments_of
from ..problems import Problem
from ..report.content import Picture, Pictures, Reader, Report, report_of
from ..report.page import POLICY, html
from ..report.pdf import pdf
from ..report.pictures import picture_of
from ..static_files import static_folder
from ..store.exercises import Exercise
from ..store.sessions import StoredSession, WholeSession
from ..store.users import User
from ..texts import Language, Texts, load_texts
from ..uploads import DiskFull, append, require_room
from .fields import UtcOffset
from .guard import USER
from .history import NO_SESSION, RUNNING, find_whole, member_of
from .ids import path_id
from .multipart import arrived
from .operation import Operations
from .sessions import NOT_FOUND
from .turns import turn

operations = Operations("Exports")

EXPORTED = "results.export"
CSV_SESSIONS_A_CHUNK = 200
MOST_IMPORTED_BYTES = 64_000_000
CHUNK_BYTES = 262_144
BUSY = "Several were asked for at once; wait for `Retry-After`."


class ReportQuery(BaseModel):
    """In which language, and how far the clock where it is read is from UTC."""

    language: Language = "en"
    utc_offset_min: UtcOffset = 0


class ImportResult(BaseModel):
    """How many sessions came, and how many were there before."""

    imported: int
    already_here: int


# The whole history


@operations.get("/v1/export/history.json", answer=HistoryFile)
async def export_history(request: web.Request) -> web.StreamResponse:
    """Send all sessions that have ended, with everything that was said in them."""
    at = now()
    text = history_text(request.app[STORE].sessions, request[USER].id, at)
    return await _send_history(request, text, "application/json", f"{at:%Y-%m-%d}.json")


@operations.get("/v1/export/history.csv", produces=("text/csv",))
async def export_history_table(request: web.Request) -> web.StreamResponse:
    """Send one line for each session that has ended, with what it came to."""

    async def text() -> AsyncIterator[str]:
        yield header(HISTORY_COLUMNS)
        sessions, user = request.app[STORE].sessions, request[USER]
        last: StoredSession | None = None
        while some := await sessions.ended_alone(user.id, limit=CSV_SESSIONS_A_CHUNK, after=last):
            yield await asyncio.to_thread(history_rows, some)
            last = some[-1]

    return await _send_history(request, text(), "text/csv", f"{now():%Y-%m-%d}.csv")


@operations.post(
    "/v1/import",
    consumes={"application/json": {"$ref": "#/components/schemas/HistoryFile"}},
    answer=ImportResult,
    status=201,
    problems={
        408: "The upload stopped in the middle.",
        413: "The file is too large.",
        415: "Not sent as application/json.",
        429: BUSY,
        422: "The file is no export, or something in it does not fit; nothing was kept.",
        507: "There is no room for it on the server's disk.",
    },
)
async def import_sessions(request: web.Request) -> ImportResult:
    """Take the sessions of a `history.json` into one's own history."""
    if request.content_type != "application/json":
        raise Problem(415, "Send the file as application/json.")
    user, store, data = request[USER], request.app[STORE], request.app[CONFIG].data
    # A file without a name: whatever happens, nothing of it stays.
    with tempfile.TemporaryFile(dir=data) as file:
        try:
            await _receive(request, file)
        except DiskFull as error:
            raise Problem(507, str(error)) from error
        async with turn(request, IMPORTING):  # it may need as much memory as the file is long
            raw = await asyncio.to_thread(_whole_file, file)
            try:
                done = await import_history(store, user.id, raw, now())
            except BadExport as error:
                raise Problem(422, str(error)) from error
    await store.audit.note(user.id, "results.import", user.id)
    return ImportResult(imported=done.imported, already_here=done.already_here)


# One session


@operations.get(
    "/v1/sessions/{id}/export.json",
    answer=HistoryFile,
    problems={404: NOT_FOUND, 409: RUNNING},
)
async def export_session(request: web.Request) -> web.StreamResponse:
    """Send one session in the form of `history.json`, which can be imported."""
    whole = await _own(request)
    text = await asyncio.to_thread(whole_export, [whole], now())
    return file_answer(text.encode(), "application/json", _name(whole, "json"))


@operations.get(
    "/v1/sessions/{id}/export.csv",
    produces=("text/csv",),
    problems={404: NOT_FOUND, 409: RUNNING},
)
async def export_timeline(request: web.Request) -> web.StreamResponse:
    """Send all that was said in one session as a table, in the order of time."""
    whole = await _own(request)
    text = await asyncio.to_thread(timeline, whole)
    return file_answer(text.encode(), "text/csv", _name(whole, "csv"))


@operations.get(
    "/v1/sessions/{id}/report.html",
    query=ReportQuery,
    produces=("text/html",),
    problems={404: NOT_FOUND, 409: RUNNING, 429: BUSY},
)
async def report_page(request: web.Request, query: ReportQuery) -> web.StreamResponse:
    """Send a report of one session as one HTML file, to read and to print."""
    return await _report_page(request, await _own(request), request[USER], query)


@operations.get(
    "/v1/sessions/{id}/report.pdf",
    query=ReportQuery,
    produces=("application/pdf",),
    problems={404: NOT_FOUND, 409: RUNNING, 429: BUSY},
)
async def report_pdf(request: web.Request, query: ReportQuery) -> web.StreamResponse:
    """Send a report of one session as PDF on A4."""
    return await _report_pdf(request, await _own(request), request[USER], query)


@operations.get(
    "/v1/members/{id}/sessions/{session}/report.html",
    access="coach",
    query=ReportQuery,
    produces=("text/html",),
    problems={404: NO_SESSION, 409: RUNNING, 429: BUSY},
)
async def member_report_page(request: web.Request, query: ReportQuery) -> web.StreamResponse:
    """Send a report of a member's session as one HTML file, to read and to print."""
    whole, member = await _members(request)
    return await _report_page(request, whole, member, query)


@operations.get(
    "/v1/members/{id}/sessions/{session}/report.pdf",
    access="coach",
    query=ReportQuery,
    produces=("application/pdf",),
    problems={404: NO_SESSION, 409: RUNNING, 429: BUSY},
)
async def member_report_pdf(request: web.Request, query: ReportQuery) -> web.StreamResponse:
    """Send a report of a member's session as PDF on A4."""
    whole, member = await _members(request)
    return await _report_pdf(request, whole, member, query)


# Steps


async def _own(request: web.Request) -> WholeSession:
    """The caller's session in the address, which is about to be sent as a file."""
    user = request[USER]
    whole = await find_whole(request, user.id, path_id(request))
    return await _over(request, whole, user.id)


async def _members(request: web.Request) -> tuple[WholeSession, User]:
    """The session in the address, of the member in the address, whom the caller coaches."""
    store = request.app[STORE]
    member_id = await member_of(request)
    whole = await find_whole(request, member_id, path_id(request, "session"), by_coach=True)
    member = await store.users.get(member_id)
    if member is None:  # removed just now
        raise Problem(404, NOT_FOUND)
    return await _over(request, whole, member_id), member


async def _over(request: web.Request, whole: WholeSession, user_id: str) -> WholeSession:
    """Refuse a session that runs; write down that this one leaves."""
    if whole.session.state != "ended":
        raise Problem(409, RUNNING)
    audit = request.app[STORE].audit
    await audit.note(request[USER].id, EXPORTED, user_id, whole.session.id)
    return whole


async def _send_history(
    request: web.Request, text: AsyncIterator[str], media_type: str, name: str
) -> web.StreamResponse:
    """Send a file piece by piece; one that breaks off must not look whole."""
    user = request[USER]
    await request.app[STORE].audit.note(user.id, EXPORTED, user.id)
    response = web.StreamResponse(headers=_headers(media_type, f"posesim-history-{name}"))
    response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    with contextlib.suppress(ConnectionError):  # nobody reads it any more
        try:
            async for piece in text:
                await response.write(piece.encode())
        except BaseException:
            if request.transport is not None:
                request.transport.abort()
            raise
        await response.write_eof()
    return response


async def _report_page(
    request: web.Request, whole: WholeSession, person: User, query: ReportQuery
) -> web.StreamResponse:
    async with turn(request, REPORTING):
        report, _ = await _report(request, whole, person, query)
        text = await asyncio.to_thread(html, report)
    return page_answer(text, _name(whole, "html"))


async def _report_pdf(
    request: web.Request, whole: WholeSession, person: User, query: ReportQuery
) -> web.StreamResponse:
    async with turn(request, REPORTING):  # one takes a tenth of a second of a processor
        report, texts = await _report(request, whole, person, query)
        content = await asyncio.to_thread(pdf, report, texts)
    return file_answer(content, "application/pdf", _name(whole, "pdf"))


async def _report(
    request: web.Request, whole: WholeSession, person: User, query: ReportQuery
) -> tuple[Report, Texts]:
    texts = await asyncio.to_thread(load_texts, static_folder(), query.language)
    pictures = await _pictures(request, whole)
    reader = Reader(person.name, query.utc_offset_min, now())
    return await asyncio.to_thread(report_of, texts, whole, reader, pictures), texts


async def _pictures(request: web.Request, whole: WholeSession) -> Pictures:
    """The reference at both moments, if the caller may see it: a coach sees no private clip."""
    user, session = request[USER], whole.session
    if session.exercise_id is None:
        return Pictures()
    exercise = await request.app[STORE].exercises.visible(user.id, session.exercise_id)
    if exercise is None:
        return Pictures()
    moments = await asyncio.to_thread(moments_of, whole.parts.scores, session.reference_start_s)
    return Pictures(
        best=await _picture(request, exercise, moments.best),
        worst=await _picture(request, exercise, moments.worst),
    )


async def _picture(
    request: web.Request, exercise: Exercise, moment: Moment | None
) -> Picture | None:
    if moment is None or moment.clip_s is None or not 0 <= moment.clip_s <= LARGEST_TIME_S:
        return None
    try:
        jpeg = await request.app[EXERCISES].frame(request[USER].id, exercise, moment.clip_s)
    except PosesimError:  # the report says that there is none
        return None
    return await asyncio.to_thread(picture_of, jpeg, mirrored=exercise.mirrored)


def page_answer(text: str, name: str) -> web.Response:
    """A report's page as a file that can do nothing, also where it is opened instead of kept."""
    response = file_answer(text.encode(), "text/html", name)
    response.headers["Content-Security-Policy"] = f"{POLICY}; frame-ancestors 'none'; sandbox"
    return response


def file_answer(content: bytes, media_type: str, name: str) -> web.Response:
    """A file to keep."""
    return web.Response(body=content, headers=_headers(media_type, name))


def _headers(media_type: str, name: str) -> dict[str, str]:
    charset = "" if media_type == "application/pdf" else "; charset=utf-8"
    return {
        "Content-Type": f"{media_type}{charset}",
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _name(whole: WholeSession, ending: str) -> str:
    """The name of a file; the exercise's own name may hold what a file's name can't."""
    begun_at: datetime = whole.session.started_at or whole.session.created_at
    return f"posesim-session-{begun_at:%Y-%m-%d-%H%M}.{ending}"


async def _receive(request: web.Request, file: BinaryIO) -> None:
    size = request.content_length or 0
    if size <= MOST_IMPORTED_BYTES:
        await asyncio.to_thread(require_room, request.app[CONFIG].data, size)
        size = 0
        while chunk := await arrived(request.content.read(CHUNK_BYTES)):
            size += len(chunk)
            if size > MOST_IMPORTED_BYTES:
                break
            await asyncio.to_thread(append, file, chunk, request.app[CONFIG].data)
    if size > MOST_IMPORTED_BYTES:
        raise Problem(
            413, f"An import may have at most {MOST_IMPORTED_BYTES / 1e6:.0f} MB; split the file."
        )


def _whole_file(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
