"""The live sessions of a call: the member's, which are scored, and the coach's, which are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from posesim.errors import PosesimError

from ..auth import Tokens
from ..cluster.lines import Line, nowhere
from ..compute.network import compare_with_demonstration, demonstrate
from ..compute.workers import Workers
from ..config import ServerConfig
from ..database import new_id, now
from ..library.exercises import Exercises
from ..library.usable import plan_against, usable_reference
from ..live.audience import Audience
from ..live.demonstration import Demonstration
from ..live.outcomes import EndReason
from ..live.plan import SessionGone, SessionPlan
from ..live.sessions import NoPlace, Sessions
from ..privacy.consents import ConsentMissing, Consents, Purpose
from ..store import Store
from ..store.calls import Call
from ..store.sessions import StoredSession
from ..turn import ice_servers, transport_policy
from .server_messages import CallTicket

_NOT_ALLOWED: dict[Purpose, str] = {
    "scoring": "The other person has not allowed that movements are analysed. They can, under "
    "Account, Privacy.",
    "call": "The other person has not allowed calls. They can, under Account, Privacy.",
}

AudienceOf = Callable[[str], Audience]  # of the session with this id


class Elsewhere(Protocol):
    """What is needed of `Cluster.line_elsewhere`."""

    async def __call__(
        self, session_id: str, purpose: str, /, *, perhaps: str | None, **opening: object
    ) -> Line | None:
        """Open a line to another node that has a place for a session; None if none is known.

        Raises:
            ClusterFull: If no node has one.
        """
        ...


class CantStart(PosesimError):
    """There can be no session now; the sentence says why."""


@dataclass(frozen=True)
class Made:
    """A session that waits for its camera."""

    name: str
    ticket: CallTicket


class CallSessions:
    """Makes, pauses and ends the sessions of calls that are on this node.

    Attributes:
        elsewhere: Finds another node for one that has no place here.
    """

    def __init__(
        self,
        *,
        config: ServerConfig,
        store: Store,
        consents: Consents,
        tokens: Tokens,
        library: Exercises,
        workers: Workers,
        sessions: Sessions,
    ) -> None:
        self._config = config
        self._store = store
        self._consents = consents
        self._tokens = tokens
        self._library = library
        self._workers = workers
        self._sessions = sessions
        self.elsewhere: Elsewhere = nowhere

    async def score(
        self,
        call: Call,
        exercise_id: str,
        *,
        sign_in_id: str | None,
        audience_of: AudienceOf,
        session_id: str | None = None,
    ) -> Made:
        """Make a session of the member against an exercise.

        Args:
            call: In which it is made.
            exercise_id: Which one.
            sign_in_id: In which sign-in the member is there.
            audience_of: Makes who hears what the member hears.
            session_id: Its id, if that was promised a place; None for a new one.

        Raises:
            NoPlace: If there is none for it here.
            CantStart: If it can't be.
            PosesimError: If it can't be, for a reason of the exercise or the store.
        """
        member_id = await self._allowed(call)
        exercise = await self._store.exercises.visible(member_id, exercise_id)
        if exercise is None:
            raise CantStart("This exercise is not there any more. Choose another one.")
        reference = await usable_reference(self._library, self._workers.network.settings, exercise)
        self._sessions.require_place()
        session = await self._store.sessions.add(
            member_id, exercise, call_id=call.id, session_id=session_id
        )
        plan = plan_against(
            session,
            exercise,
            reference,
            self._library,
            sign_in_id=sign_in_id,
            audience=audience_of(session.id),
        )
        return await self._begin(session, plan)

    async def score_against(
        self,
        call: Call,
        name: str,
        demonstration: Demonstration,
        *,
        sign_in_id: str | None,
        audience_of: AudienceOf,
    ) -> Made:
        """Make a session of the member against what the coach shows; errors as of `score`."""
        member_id = await self._allowed(call)
        self._sessions.require_place()
        session = await self._store.sessions.add_demonstrated(member_id, name, call_id=call.id)
        plan = SessionPlan(
            session_id=session.id,
            user_id=member_id,
            exercise_id=None,
            exercise_name=session.exercise_name,
            reference_duration_s=0.0,
            open_comparator=compare_with_demonstration,
            sign_in_id=sign_in_id,
            call_id=call.id,
            audience=audience_of(session.id),
            follows=demonstration,
        )
        return await self._begin(session, plan)

    def show(
        self,
        call: Call,
        demonstration: Demonstration,
        *,
        sign_in_id: str | None,
        audience_of: AudienceOf,
    ) -> Made:
        """Make a session in which the coach shows a movement.

        Raises:
            CantStart: If it can't be.
        """
        session_id = new_id()
        plan = SessionPlan(
            session_id=session_id,
            user_id=call.coach_id,
            exercise_id=None,
            exercise_name=call.title,
            reference_duration_s=0.0,
            open_comparator=demonstrate,
            sign_in_id=sign_in_id,
            call_id=call.id,
            audience=audience_of(session_id),
            shows=demonstration,
        )
        try:
            self._sessions.create(plan)
        except (NoPlace, SessionGone) as error:
            raise CantStart(str(error)) from error
        return self._made(plan)

    def end(self, session_id: str, reason: EndReason) -> None:
        """Ask a session to end; one that has is left alone."""
        try:
            self._sessions.get(session_id).end(reason)
        except SessionGone:
            return

    def pause(self, session_id: str, paused: bool) -> None:
        """Interrupt a session, or go on with it; one that has ended is left alone."""
        try:
            session = self._sessions.get(session_id)
        except SessionGone:
            return
        if paused:
            session.pause()
        else:
            session.resume()

    def time_s(self, session_id: str) -> float | None:
        """Where a session is now, in seconds; None if it has ended or not begun."""
        try:
            return self._sessions.get(session_id).time_s
        except SessionGone:
            return None

    async def _allowed(self, call: Call) -> str:
        """The member, who has allowed it."""
        if call.member_id is None:
            raise CantStart("Nobody has joined this call yet.")
        for purpose, sentence in _NOT_ALLOWED.items():
            try:
                await self._consents.require(call.member_id, purpose)
            except ConsentMissing as error:
                raise CantStart(sentence) from error
        return call.member_id

    async def _begin(self, session: StoredSession, plan: SessionPlan) -> Made:
        try:
            self._sessions.create(plan)
        except (NoPlace, SessionGone):  # another came first, or the server stops
            await self._store.sessions.end(session.id, "failed", None)
            raise
        return self._made(plan)

    def _made(self, plan: SessionPlan) -> Made:
        return self.made(
            plan.session_id,
            plan.user_id,
            plan.exercise_name,
            whip_url=self._config.own_address(f"/v1/whip/{plan.session_id}"),
            purpose="score" if plan.shows is None else "reference",
        )

    def made(
        self,
        session_id: str,
        user_id: str,
        name: str,
        *,
        whip_url: str,
        purpose: Literal["score", "reference"] = "score",
    ) -> Made:
        """What its page needs to send a camera to a session, which may be on another node."""
        at = now()
        ticket = CallTicket(
            purpose=purpose,
            id=session_id,
            whip_url=whip_url,
            token=self._tokens.issue_session(session_id, user_id, at),
            expires_in=self._tokens.session_token_s,
            ice_servers=ice_servers(self._config, user_id, at),
            ice_transport_policy=transport_policy(self._config),
            name=name,
        )
        return Made(name, ticket)
