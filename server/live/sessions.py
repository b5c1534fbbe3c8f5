"""The sessions that run."""

import asyncio
from collections.abc import Callable, Sequence

from aiortc import RTCIceServer

from posesim.errors import PosesimError

from ..auth import Tokens
from ..compute.workers import Workers
from ..metrics import Metrics
from .messages import EndReason
from .session import Limits, LiveSession, OnEnd, SessionGone, SessionPlan, SessionStore


class SessionsFull(PosesimError):
    """No more sessions at once."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"This server runs at most {most} session{'' if most == 1 else 's'} at once, and all "
            "places are taken. Try again when someone has finished."
        )


class Sessions:
    """The sessions that run. One that fails is logged and ends alone."""

    def __init__(
        self,
        workers: Workers,
        store: SessionStore,
        limits: Limits | None = None,
        *,
        ice_servers: Sequence[RTCIceServer] = (),
        metrics: Metrics | None = None,
        tokens: Tokens | None = None,
        on_end: OnEnd | None = None,
    ) -> None:
        self._workers = workers
        self._metrics = metrics or Metrics()
        self._store = store
        self._limits = limits or Limits()
        self._ice_servers = tuple(ice_servers)
        self._tokens = tokens
        self._on_end = on_end
        self._running: dict[str, tuple[LiveSession, asyncio.Task[None]]] = {}
        self._closing = False

    @property
    def live(self) -> int:
        """How many have not ended."""
        return sum(not session.ending for session, _ in self._running.values())

    def require_place(self) -> None:
        """Make sure that one more may run.

        Raises:
            SessionsFull: If as many run as may.
        """
        if self.live >= self._limits.most_sessions:
            raise SessionsFull(self._limits.most_sessions)

    def create(self, plan: SessionPlan) -> None:
        """Start a session, which waits for its offer.

        Raises:
            SessionsFull: If as many run as may.
            SessionGone: If the server is stopping.
        """
        if self._closing:
            raise SessionGone
        self.require_place()
        session = LiveSession(
            plan,
            self._workers,
            self._store,
            self._limits,
            ice_servers=self._ice_servers,
            metrics=self._metrics,
            tokens=self._tokens,
            on_end=self._on_end,
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

    async def end(self, session_id: str, reason: EndReason) -> bool:
        """End a session and wait until that is stored; False if it was not running."""
        entry = self._running.get(session_id)
        if entry is None:
            return False
        entry[0].end(reason)
        await entry[0].ended.wait()
        return True

    async def end_exercise(self, exercise_id: str, reason: EndReason = "reference_deleted") -> None:
        """End every session against an exercise that is being deleted, or is another one now."""
        await self._end_where(reason, lambda session: session.plan.exercise_id == exercise_id)

    async def end_user(self, user_id: str, *, keep_sign_in: str | None = None) -> None:
        """End every session of a user who signed out everywhere, or is no longer allowed to.

        Those that were begun in the sign-in `keep_sign_in` go on.
        """
        await self._end_where(
            "signed_out",
            lambda session: (
                session.plan.user_id == user_id
                and (keep_sign_in is None or session.plan.sign_in_id != keep_sign_in)
            ),
        )

    async def end_sign_in(self, sign_in_id: str) -> None:
        """End every session that was begun in a sign-in that is over."""
        await self._end_where("signed_out", lambda session: session.plan.sign_in_id == sign_in_id)

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

    async def _end_where(self, reason: EndReason, chosen: Callable[[LiveSession], bool]) -> None:
        ids = [i for i, (session, _) in self._running.items() if chosen(session)]
        await asyncio.gather(*(self.end(session_id, reason) for session_id in ids))
