"""Sessions of a room that another node runs, because the room's own has no place for them."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from ..cluster.lines import Line
from ..database import new_id
from ..live.outcomes import EndReason
from ..live.server_messages import Ended
from ..store.calls import Call
from .audience import Listener
from .server_messages import LiveMessage
from .session_line import PURPOSE, SAID, Cant, Heard, IsMade, Wanted, say
from .sessions import CallSessions, CantStart, Made

logger = structlog.get_logger(__name__)

MADE_S = 8.0  # for another node to make one, which may have to fetch a reference


class _Far:
    """One session, as its room knows it."""

    def __init__(self, session_id: str, line: Line, clock: Callable[[], float]) -> None:
        self.id = session_id
        self.line = line
        self._clock = clock
        self._began_s: float | None = None  # its time 0, on the clock here
        self._events = 0  # that were heard

    @property
    def time_s(self) -> float | None:
        """Where it is now, in seconds; None if it has not begun, or ends."""
        return None if self._began_s is None else self._clock() - self._began_s

    def note(self, message: LiveMessage, time_s: float | None) -> None:
        """It said this a moment ago, and was there then."""
        self._began_s = None if time_s is None else self._clock() - time_s
        if message.type not in ("score", "pose"):
            self._events = message.seq + 1

    def lost(self) -> Ended:
        """What it would say if it could."""
        return Ended(seq=self._events, reason="lost", summary=None)


class FarSessions:
    """Those of one room. Owns the tasks that hear of them.

    Args:
        sessions: Of this node, which has no place.
        listener: The room, which hears of them as of those that are here.
        clock: Tells seconds that go on steadily.
    """

    def __init__(
        self,
        sessions: CallSessions,
        listener: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._listener = listener
        self._clock = clock
        self._there: dict[str, _Far] = {}
        self._hearing: set[asyncio.Task[None]] = set()
        self._last: str | None = None  # node; a place that ends there is free before others know
        self._shut = False

    async def score(self, call: Call, exercise_id: str, *, sign_in_id: str | None) -> Made | None:
        """Have a session of the member made against an exercise.

        Returns:
            The session; None if no other node is known, or the one that was asked does not answer.

        Raises:
            ClusterFull: If no node has a place.
            CantStart: If the node that was asked can't make it; that may be full by now.
        """
        if call.member_id is None:
            return None
        session_id = new_id()
        line = await self._sessions.elsewhere(
            session_id,
            PURPOSE,
            perhaps=self._last,
            coach_id=call.coach_id,
            call_id=call.id,
            exercise_id=exercise_id,
            sign_in_id=sign_in_id,
        )
        if line is None:
            return None
        far = self._there[session_id] = _Far(session_id, line, self._clock)
        made = None
        try:
            made = await self._made(line)
        finally:
            if made is None:
                self._forget(far)
        if made is None:
            return None
        self._last = line.node_id
        logger.info("a call's session is on another node", session_id=session_id, node=self._last)
        task = asyncio.create_task(self._hear(far), name=f"far session {session_id}")
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)
        return self._sessions.made(session_id, call.member_id, made.name, whip_url=made.whip_url)

    def end(self, session_id: str, reason: EndReason) -> None:
        """Ask a session to end, if it is one of these."""
        if (far := self._there.get(session_id)) is not None:
            say(far.line, Wanted(end=reason))

    def pause(self, session_id: str, paused: bool) -> None:
        """Interrupt a session, or go on with it, if it is one of these."""
        if (far := self._there.get(session_id)) is not None:
            say(far.line, Wanted(pause=paused))

    def time_s(self, session_id: str) -> float | None:
        """Where a session is now, in seconds; None for one of which that is not known."""
        far = self._there.get(session_id)
        return None if far is None else far.time_s

    def shut(self) -> None:
        """End them all: the room is not here any more, and hears nothing more of them."""
        self._shut = True
        for task in self._hearing:
            task.cancel()
        for far in list(self._there.values()):
            say(far.line, Wanted(end="shutdown"))  # unless it was told another reason before
            self._forget(far)

    async def closed(self) -> None:
        """Wait, after `shut`, until nothing is heard of them any more."""
        await asyncio.gather(*self._hearing, return_exceptions=True)

    async def _made(self, line: Line) -> IsMade | None:
        """Wait until it is made; None if the other node does not answer."""
        said = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MADE_S):
                said = await anext(line, None)
        if said is None or self._shut:
            return None
        match SAID.validate_python(said):
            case IsMade() as made:
                return made
            case Cant(detail=detail):
                raise CantStart(detail)
        raise AssertionError("it says first whether it is made")

    async def _hear(self, far: _Far) -> None:
        """Tell the room what is said of a session, until it is over."""
        ended = None
        try:
            ended = await self._heard_end(far)
        except Exception:
            logger.exception("what another node says of a session was not understood")
        self._forget(far)
        if ended is None:
            logger.warning("a session on another node is lost", session_id=far.id)
            ended = far.lost()
            self._listener.heard(far.id, ended)
        # That node stops, not the room's: for the room its session is lost, and another is made.
        reason = "lost" if ended.reason == "shutdown" else ended.reason
        self._listener.session_ended(far.id, reason, ended.summary)

    async def _heard_end(self, far: _Far) -> Ended | None:
        """How it ended; None if that was not said."""
        async for said in far.line:
            match SAID.validate_python(said):
                case Heard(message=message, time_s=time_s):
                    far.note(message, time_s)
                    self._listener.heard(far.id, message)
                    if isinstance(message, Ended):
                        return message
        return None

    def _forget(self, far: _Far) -> None:
        far.line.end()
        self._there.pop(far.id, None)
