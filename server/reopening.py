"""Sessions that an earlier run of the server left open: waited for, or ended as what they were."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from posesim.references import Settings

from .library import usable
from .library.exercises import Exercises
from .live.earlier import Earlier
from .live.plan import SessionPlan
from .live.sessions import Sessions
from .store import Store
from .store.open_sessions import OpenSession

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reopening:
    """Goes on with sessions of an earlier run.

    To be done before anybody can ask for a session, who would be told that there is none.

    Args:
        store: Knows what was left open.
        library: Has the references.
        settings: Of the network that runs here.
        sessions: Wait for their pages.
        longest_s: How old a session may become.
    """

    store: Store
    library: Exercises
    settings: Settings
    sessions: Sessions
    longest_s: float

    async def run(self, at: datetime) -> None:
        """Wait for the pages of sessions that can be gone on with at this time; end the others."""
        waiting = ended = 0
        for session_id in await self.store.open_sessions.ids():
            left = await self.store.open_sessions.take(session_id)
            if left is not None and await self.go_on(left, at):
                waiting += 1
            else:
                ended += 1
        if waiting or ended:
            logger.warning("an earlier run left sessions open", waiting=waiting, ended=ended)

    async def go_on(self, left: OpenSession, at: datetime) -> bool:
        """Wait for the page of a session that was taken, or end it; whether it goes on."""
        try:
            goes_on = left.session.state == "live" and await self._goes_on(left, at)
        except Exception:  # of one session, which must not keep the server from starting
            logger.exception("a session can't go on", session_id=left.session.id)
            goes_on = False
        if not goes_on:
            summary = Earlier(left.parts, 0.0, left.restarts, left.held_s).summary()
            values = summary.model_dump(mode="json") if summary else None
            await self.store.sessions.end(left.session.id, "lost", values)
        return goes_on

    async def plan(self, left: OpenSession) -> SessionPlan | None:
        """What a session that was taken is about; None if nobody can be compared with it now."""
        session = left.session
        if not left.goes_on or session.exercise_id is None:
            return None
        exercise = await self.store.exercises.visible(session.user_id, session.exercise_id)
        if exercise is None:
            return None
        try:
            reference = await usable.usable_reference(self.library, self.settings, exercise)
        except usable.NotUsable as error:
            logger.warning("a session can't go on", session_id=session.id, reason=str(error))
            return None
        return usable.plan_against(
            session,
            exercise,
            reference,
            self.library,
            sign_in_id=left.sign_in_id,
            run=left.restarts,
        )

    async def _goes_on(self, left: OpenSession, at: datetime) -> bool:
        started_at = left.session.started_at
        if started_at is None:
            return False
        age_s = (at - started_at).total_seconds()
        if age_s >= self.longest_s:
            return False
        plan = await self.plan(left)
        if plan is None:
            return False
        self.sessions.reopen(plan, Earlier(left.parts, age_s, left.restarts, left.held_s))
        return True
