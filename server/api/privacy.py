"""What a user allows, everything of theirs to take along, and the end of an account."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..database import now
from ..exports.whole_history import history_text
from ..keys import (
    ARCHIVING,
    CONFIG,
    CONSENTS,
    DELETION,
    EXERCISES,
    JOBS,
    OBJECTS,
    PASSWORDS,
    ROOMS,
    SESSIONS,
    STORE,
)
from ..privacy.consents import PURPOSES, Purpose
from ..privacy.personal_data import DOWNLOADS, rows_of, write_archive
from ..problems import Problem
from ..store.consents import Consent
from ..store.users import LastAdmin
from ..texts import LANGUAGES, Language
from ..uploads import DiskFull, full_disk, require_room
from .guard import USER
from .ids import path_id
from .operation import Operations
from .tries import TOO_MANY_TRIES, forget_guesses, require_guess
from .turns import turn

operations = Operations("Privacy")

CHUNK_BYTES = 262_144
BUSY = "Several were asked for at once; wait for `Retry-After`."
NO_CONSENT = "There is no such consent, or it was withdrawn before."


class WantedOut(BaseModel):
    """What is asked for one purpose."""

    purpose: Purpose
    given: bool
    wording: dict[Language, str]


class ConsentOut(BaseModel):
    """A consent as it was given."""

    id: str
    purpose: Purpose
    language: Language
    wording: str
    given_at: AwareDatetime
    withdrawn_at: AwareDatetime | None


class ConsentList(BaseModel):
    """What is asked, and what the user gave."""

    wanted: list[WantedOut]
    given: list[ConsentOut]


class NewConsent(BaseModel):
    """Which question the user says yes to, in the language in which it was read."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    language: Language


class DeleteAccount(BaseModel):
    """Proof that it is meant: the password; the name where an outside issuer keeps the password."""

    model_config = ConfigDict(extra="forbid")

    password: str | None = Field(default=None, max_length=4096)
    name: str | None = Field(default=None, max_length=256)


@operations.get("/v1/consents", answer=ConsentList)
async def list_consents(request: web.Request) -> ConsentList:
    """Show what is asked, in all languages, and what the user said."""
    consents = request.app[CONSENTS]
    given = await request.app[STORE].consents.of_user(request[USER].id)
    counting = {consent.purpose for consent in given if consents.counts(consent)}
    wanted = [
        WantedOut(
            purpose=purpose,
            given=purpose in counting,
            wording={language: consents.wordings.of(purpose, language) for language in LANGUAGES},
        )
        for purpose in PURPOSES
    ]
    return ConsentList(wanted=wanted, given=[_shown(consent) for consent in given])


@operations.post("/v1/consents", body=NewConsent, answer=ConsentOut, status=201)
async def give_consent(request: web.Request, body: NewConsent) -> ConsentOut:
    """Say yes. The words that are kept with it are the server's own."""
    consent = await request.app[CONSENTS].give(request[USER].id, body.purpose, body.language)
    return _shown(consent)


@operations.delete("/v1/consents/{id}", status=204, problems={404: NO_CONSENT})
async def withdraw_consent(request: web.Request) -> None:
    """Withdraw a consent: what it allowed ends at once, what was kept stays until it is deleted."""
    store, user = request.app[STORE], request[USER]
    purpose = await store.consents.withdraw(user.id, path_id(request))
    if purpose is None:
        raise Problem(404, NO_CONSENT)
    if purpose == "scoring":
        await request.app[SESSIONS].end_user(user.id)
        await request.app[JOBS].end_user(user.id)
    if purpose == "call":
        for call_id in await store.calls.end_of_member(user.id):
            await request.app[ROOMS].end_call(call_id, "ended")
    if purpose == "coaching":
        for coach in await store.coachings.of_member(user.id):
            await store.coachings.remove(coach.id, user.id)
            await store.audit.note(user.id, "coach.removed", user.id, coach.id)


@operations.get(
    "/v1/data",
    produces=("application/zip",),
    problems={429: BUSY, 507: "There is no room for it on the server's disk."},
)
async def download(request: web.Request) -> web.StreamResponse:
    """Send everything that is kept of the user, as a ZIP archive."""
    store, user = request.app[STORE], request[USER]
    data = request.app[CONFIG].data
    files = request.app[EXERCISES].files
    clips_bytes = await files.size_bytes(user.id)
    folder = data / DOWNLOADS / uuid.uuid4().hex
    archive, history = folder / "archive.zip", folder / "history.json"
    try:
        async with turn(request, ARCHIVING):
            with full_disk():
                await asyncio.to_thread(require_room, data, clips_bytes)
                await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True)
                await _write_history(history, history_text(store.sessions, user.id, now()))
                rows = await rows_of(store.database, user.id)
                clips = await files.folder(user.id, folder / "clips")
                await asyncio.to_thread(write_archive, archive, rows, history, clips)
        await store.audit.note(user.id, "data.downloaded", user.id)
        return await _send(request, archive)
    except DiskFull as error:
        raise Problem(507, str(error)) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


@operations.post(
    "/v1/data/delete",
    body=DeleteAccount,
    status=204,
    problems={403: "The proof does not fit.", 409: "The last admin.", 429: TOO_MANY_TRIES},
)
async def delete_account(request: web.Request, body: DeleteAccount) -> None:
    """Delete the account and everything of it, for ever."""
    user, store = request[USER], request.app[STORE]
    await require_guess(request, user.name)
    if user.password_hash:
        fits = await request.app[PASSWORDS].check(user.password_hash, body.password or "")
        if not fits:
            raise Problem(403, "The password is wrong. Nothing was deleted.")
    elif body.name != user.name:
        raise Problem(403, "Give the account's name to delete it. Nothing was deleted.")
    await forget_guesses(request, user.name)
    await request.app[OBJECTS].check()  # before anything ends of what can't be deleted now
    try:  # without its role first: this decides whether an admin remains
        await store.users.change_role(user.id, "member")
    except LastAdmin as error:
        raise Problem(409, str(error)) from error
    await request.app[DELETION].delete(user.id)


async def _write_history(path: Path, text: AsyncIterator[str]) -> None:
    with await asyncio.to_thread(path.open, "w", encoding="utf-8") as file:
        async for piece in text:
            await asyncio.to_thread(file.write, piece)


async def _send(request: web.Request, path: Path) -> web.StreamResponse:
    """Send a file that is removed afterwards: opened first, and read to its end here."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": 'attachment; filename="posesim-data.zip"',
        }
    )
    with await asyncio.to_thread(path.open, "rb") as file:
        response.content_length = (await asyncio.to_thread(path.stat)).st_size
        await response.prepare(request)
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            await response.write(chunk)
    await response.write_eof()
    return response


def _shown(consent: Consent) -> ConsentOut:
    return ConsentOut.model_validate(consent, from_attributes=True)
