"""The whole history of a user as one text, a few sessions at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from ..store.sessions import SessionRows, StoredSession, WholeSession
from .history_json import END, opening, some_sessions

SESSIONS_A_CHUNK = 5  # each may have been imported with `MOST_SCORES`


async def ended_sessions(rows: SessionRows, user_id: str) -> AsyncIterator[list[WholeSession]]:
    """The user's ended sessions with all that was said in them, oldest first, some at a time."""
    last: StoredSession | None = None
    while some := await rows.ended(user_id, limit=SESSIONS_A_CHUNK, after=last):
        yield some
        last = some[-1].session


async def history_text(rows: SessionRows, user_id: str, at: datetime) -> AsyncIterator[str]:
    """The user's `history.json`, piece by piece."""
    yield opening(at)
    first = True
    async for some in ended_sessions(rows, user_id):
        yield await asyncio.to_thread(some_sessions, some, first=first)
        first = False
    yield END
