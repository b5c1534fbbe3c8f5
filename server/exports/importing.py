"""Takes an exported history into an account."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..store import Store
from ..store.sessions import StoredSession, WholeSession
from .format import ExportedSession
from .reading import BadExport, Export, open_export, parts_of_export

SESSIONS_A_TRANSACTION = 5  # of any length; live sessions want to write in between
CLOCKS_DIFFER = timedelta(days=1)  # by no more; a session of later would be the newest for ever


@dataclass(frozen=True)
class Imported:
    """How many sessions came, and how many were there before."""

    imported: int
    already_here: int


async def import_history(store: Store, user_id: str, raw: bytes, at: datetime) -> Imported:
    """Keep all sessions of an export as the user's own; those that are there stay as they are.

    A session keeps its id. If somebody else has a session of that id, it gets another one, always
    the same for this user, so that a second import finds it.

    Args:
        store: Where to.
        user_id: Whose they are from now on.
        raw: The file.
        at: Now.

    Raises:
        BadExport: If anything in it does not fit; nothing is kept then.
        StoreError: If the database can't be used; what was kept is found by the next try.
    """
    export = await asyncio.to_thread(open_export, raw)
    await asyncio.to_thread(_check, export, at)
    imported = 0
    for first in range(0, len(export.spans), SESSIONS_A_TRANSACTION):
        some = await asyncio.to_thread(_read, export, first)
        imported += await _keep(store, user_id, some, at)
    return Imported(imported, len(export.spans) - imported)


def _check(export: Export, at: datetime) -> None:
    for number, session in enumerate(export.sessions()):
        if session.created_at > at + CLOCKS_DIFFER:
            raise BadExport(f"sessions.{number}.created_at: This is in the future.")


def _read(export: Export, first: int) -> list[ExportedSession]:
    return list(export.sessions(first, SESSIONS_A_TRANSACTION))


async def _keep(store: Store, user_id: str, some: list[ExportedSession], at: datetime) -> int:
    own_ids = [_own_id(user_id, session.id) for session in some]
    owners = await store.sessions.owners([*own_ids, *(session.id for session in some)])
    new: dict[str, WholeSession] = {}
    for session, own_id in zip(some, own_ids, strict=True):
        owner = owners.get(session.id)
        session_id = session.id if owner is None else own_id
        if owner == user_id or own_id in owners or session_id in new:
            continue
        exercise_id = await _exercise(store, user_id, session.exercise_id)
        new[session_id] = await asyncio.to_thread(
            _whole, session, session_id, user_id, exercise_id, at
        )
    await store.sessions.add_whole(list(new.values()))
    return len(new)


async def _exercise(store: Store, user_id: str, exercise_id: str | None) -> str | None:
    """The exercise that the session was of, if it is here and the user's to train with."""
    if exercise_id is None:
        return None
    exercise = await store.exercises.visible(user_id, exercise_id)
    return exercise.id if exercise else None


def _whole(
    session: ExportedSession,
    session_id: str,
    user_id: str,
    exercise_id: str | None,
    at: datetime,
) -> WholeSession:
    summary = session.summary
    return WholeSession(
        StoredSession(
            id=session_id,
            user_id=user_id,
            exercise_id=exercise_id,
            exercise_name=session.exercise_name,
            source=session.source,
            kind=session.kind,
            target=session.target,
            reference_start_s=session.reference_start_s,
            state="ended",
            created_at=session.created_at,
            started_at=session.started_at,
            ended_at=session.ended_at,
            end_reason=session.end_reason,
            summary=None if summary is None else summary.model_dump(mode="json"),
            imported_at=at,
            imported_exercise_id=session.exercise_id if exercise_id is None else None,
            in_call=session.in_call,
            corrected_repetitions=session.corrected_repetitions,
        ),
        parts_of_export(session),
    )


def _own_id(user_id: str, session_id: str) -> str:
    """The id of an imported session whose own id is somebody else's."""
    return str(uuid.uuid5(uuid.UUID(user_id), session_id))
