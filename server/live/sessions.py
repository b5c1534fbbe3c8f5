"""The sessions that run."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from aiortc import RTCIceServer

from posesim.errors import PosesimError

from ..auth import Tokens
from ..compute.workers import Workers
from ..metrics import Metrics
from ..traces import Traces
from .channels import NotReading
from .earlier import Earlier
from .heartbeat import Contact
from .outcomes import EndReason
from .plan import Limits, OnEnd, SessionGone, SessionPlan
from .record import SessionStore
from .session import LiveSession
from .tell import Tell, tell_nobody

LOOK_S = 0.1  # between two looks at which sessions are still used


class NoPlace(PosesimError):
    """No other session can begin now."""


class Draining(NoPlace):
    """The server is about to stop."""

    def __init__(self) -> None:
        super().__init__(
            "This server is about to restart and begins no new sessions. Try again in a minute."
        )


class TooManyOfUser(NoPlace):
    """One user has as many sessions as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"You have {most} session{'' if most == 1 else 's'} running already, and more are not "
            "possible. End one first, perhaps in another tab."
        )


class SessionsFull(NoPlace):
    """No more sessions at once."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"This server runs at most {most} session{'' if most == 1 else 's'} at once, and all "
            "places are taken. Try again when someone has finished."
        )


class ClusterFull(NoPlace):
    """No node has room."""

    def __init__(self) -> None:
        super().__init__("All places on all nodes are taken. Try again when someone has finished.")


class Sessions:
    """The sessions that run. One that fails is logged and ends alone.

    Attributes:
        tell: Tells other nodes what ends.
    """

    def __init__(
        self,
        workers: Workers,
        store: SessionStore,
        limits: Limits | None = None,
        *,
        ice_servers: Sequence[RTCIceServer] = (),
        stock_aiortc: bool = False,
        metrics: Metrics | None = None,
        tokens: Tokens | None = None,
        traces: Traces | None = None,
        on_end: OnEnd | None = None,
    ) -> None:
        self._workers = workers
        self._metrics = metrics or Metrics()
        self._store = store
        self._limits = limits or Limits()
        self._ice_servers = tuple(ice_servers)
        self._stock_aiortc = stock_aiortc
        self._tokens = tokens
        self._traces = traces
        self._on_end = on_end
        self._running: dict[str, tuple[LiveSession, asyncio.Task[None]]] = {}
        self._draining = False
        self._closing = False
        self.tell: Tell = tell_nobody

    @property
    def live(self) -> int:
        """How many have not ended."""
        return sum(not session.ending for session, _ in self._running.values())

    @property
    def most(self) -> int:
        """How many may have a place at once."""
        return self._limits.most_sessions

    @property
    def most_of_user(self) -> int:
        """How many a user may have at once; those of calls don't count."""
        return self._limits.most_of_user

    @property
    def counted(self) -> dict[str, str]:
        """The sessions that count for that, and their users: those whose page is there."""
        return {
            session_id: session.plan.user_id
            for session_id, (session, _) in self._running.items()
            if not session.ending and session.contact != "away" and session.plan.call_id is None
        }

    @property
    def unended(self) -> set[str]:
        """Which are here whose end is not stored yet; those of calls are among them."""
        return {
            session_id
            for session_id, (session, _) in self._running.items()
            if not session.ended.is_set() or session.unstored
        }

    @property
    def draining(self) -> bool:
        """Whether no more are begun, because the server is about to stop."""
        return self._draining or self._closing

    @property
    def placed(self) -> int:
        """How many of these have a place in a worker: all but those whose page is away."""
        return sum(
            not session.ending and session.contact != "away"
            for session, _ in self._running.values()
        )

    @property
    def contacts(self) -> Counter[Contact]:
        """How the pages are of those that have not ended."""
        return Counter(
            session.contact for session, _ in self._running.values() if not session.ending
        )

    def require_place(self) -> None:
        """Make sure that one more may run.

        Raises:
            SessionsFull: If as many run as may.
            Draining: If the server is about to stop.
        """
        if self._draining:
            raise Draining
        self._require_room()

    def _require_room(self) -> None:
        """Make sure that a session may go on whose place was free meanwhile."""
        most = min(self._limits.most_sessions, self._workers.places)
        if self.placed >= most:
            self._workers.grow()  # whoever comes back later may find room
            raise SessionsFull(most)

    def require_place_of(self, user_id: str) -> None:
        """Make sure that one user may begin another session; those of calls don't count.

        Nor do those whose page is away: the oldest of them gives way.

        Raises:
            TooManyOfUser: If as many of theirs run as may.
        """
        there = sum(session.contact != "away" for session in self._of_user(user_id))
        if there >= self._limits.most_of_user:
            raise TooManyOfUser(self._limits.most_of_user)

    def create(self, plan: SessionPlan) -> None:
        """Start a session, which waits for its offer.

        Raises:
            NoPlace: As `require_place`, and as `require_place_of` for one of no call.
            SessionGone: If the server is stopping.
        """
        if self._closing:
            raise SessionGone
        self.require_place()
        if plan.call_id is None:
            self.require_place_of(plan.user_id)
            theirs = self._of_user(plan.user_id)
            if len(theirs) >= self._limits.most_of_user:
                next(session for session in theirs if session.contact == "away").end("lost")
        self._start(plan)

    def reopen(self, plan: SessionPlan, earlier: Earlier) -> None:
        """Wait for the page of a session that an earlier run of the server left open."""
        self._start(plan, earlier)

    def _start(self, plan: SessionPlan, earlier: Earlier | None = None) -> None:
        session = LiveSession(
            plan,
            self._workers,
            self._store,
            self._limits,
            ice_servers=self._ice_servers,
            stock_aiortc=self._stock_aiortc,
            metrics=self._metrics,
            tokens=self._tokens,
            traces=self._traces,
            on_end=self._on_end,
            require_place=self._require_room,
            earlier=earlier,
        )
        task = asyncio.create_task(session.run(), name=f"session {plan.session_id}")
        self._running[plan.session_id] = (session, task)
        task.add_done_callback(lambda _: self._running.pop(plan.session_id, None))

    def get(self, session_id: str) -> LiveSession:
        """The session that runs under this id.

        Raises:
            SessionGone: If there is none, or it is ending.
        """
        entry = self._running.get(session_id)
        if entry is None or entry[0].ending:
            raise SessionGone
        return entry[0]

    async def user_of(self, session_id: str) -> str | None:
        """Whose session goes on here; None if there is none. For other nodes, which wait for it."""
        try:
            return self.get(session_id).plan.user_id
        except SessionGone:
            return None

    def give_up(self, session_id: str) -> None:
        """Send the page of a session away that is to go on elsewhere."""
        entry = self._running.get(session_id)
        if entry is not None:
            entry[0].end("shutdown")

    async def end(self, session_id: str, reason: EndReason) -> bool:
        """End a session and wait until that is said; False if it was not running.

        It is stored then, unless the database can't be used: see `unended`.
        """
        entry = self._running.get(session_id)
        if entry is None:
            return False
        entry[0].end(reason)
        await entry[0].ended.wait()
        return True

    # Each of these ends sessions on all nodes, and its twin those that are here.

    async def end_exercise(self, exercise_id: str, reason: EndReason = "reference_deleted") -> None:
        """End every session against an exercise that is being deleted, or is another one now."""
        await self.tell("end_exercise", exercise_id=exercise_id, reason=reason)
        await self.end_exercise_here(exercise_id, reason)

    async def end_exercise_here(self, exercise_id: str, reason: EndReason) -> None:
        """See `end_exercise`."""
        await self._end_where(reason, lambda session: session.plan.exercise_id == exercise_id)

    async def end_user(self, user_id: str, *, keep_sign_in: str | None = None) -> None:
        """End every session of a user who signed out everywhere, or is no longer allowed to.

        Those that were begun in the sign-in `keep_sign_in` go on.
        """
        await self.tell("end_user", user_id=user_id, keep_sign_in=keep_sign_in)
        await self.end_user_here(user_id, keep_sign_in)

    async def end_user_here(self, user_id: str, keep_sign_in: str | None) -> None:
        """See `end_user`."""
        await self._end_where(
            "signed_out",
            lambda session: (
                session.plan.user_id == user_id
                and (keep_sign_in is None or session.plan.sign_in_id != keep_sign_in)
            ),
        )

    async def end_sign_in(self, sign_in_id: str) -> None:
        """End every session that was begun in a sign-in that is over."""
        await self.tell("end_sign_in", sign_in_id=sign_in_id)
        await self.end_sign_in_here(sign_in_id)

    async def end_sign_in_here(self, sign_in_id: str) -> None:
        """See `end_sign_in`."""
        await self._end_where("signed_out", lambda session: session.plan.sign_in_id == sign_in_id)

    async def end_call(self, call_id: str, reason: EndReason = "call_ended") -> None:
        """End every session that is a part of a call."""
        await self._end_where(reason, lambda session: session.plan.call_id == call_id)

    def drain(self, left_s: float) -> None:
        """Begin no more sessions, and tell those that run that they end in `left_s` seconds."""
        self._draining = True
        for session, _ in list(self._running.values()):
            try:
                session.drain(left_s)
            except NotReading:
                session.end("failed")

    async def idle(self) -> None:
        """Wait until none is used: those whose page is away, or never came, can't end by it."""
        while used := [task for session, task in self._running.values() if _is_used(session)]:
            await asyncio.wait(used, timeout=LOOK_S)  # a page that goes away tells nobody
            await asyncio.sleep(0)  # tasks that are done leave the table in their callback

    async def close(self) -> None:
        """End all sessions and wait until their connections are closed."""
        self._closing = True
        tasks = []
        for session, task in list(self._running.values()):
            session.end("shutdown")
            tasks.append(task)
        if tasks:
            limits = self._limits
            grace_s = limits.drain_s + limits.finish_s + limits.linger_s + limits.close_s + 1
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _of_user(self, user_id: str) -> list[LiveSession]:
        """One user's that have not ended, the oldest first; not those of calls."""
        return [
            session
            for session, _ in self._running.values()
            if not session.ending
            and session.plan.user_id == user_id
            and session.plan.call_id is None
        ]

    async def _end_where(self, reason: EndReason, chosen: Callable[[LiveSession], bool]) -> None:
        ids = [i for i, (session, _) in self._running.items() if chosen(session)]
        await asyncio.gather(*(self.end(session_id, reason) for session_id in ids))


def _is_used(session: LiveSession) -> bool:
    """Whether its page is there, or its end is still being stored."""
    return session.ending or (session.peer_id is not None and session.contact != "away")
