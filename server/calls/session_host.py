"""Sessions that run here for rooms on other nodes, which have no place for them."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from posesim.errors import PosesimError

from ..cluster.errors import ClusterAway
from ..cluster.lines import Line
from ..live.outcomes import EndReason, SummaryValues
from ..live.sessions import ClusterFull, NoPlace
from ..store.calls import CallRows
from .audience import CallAudience
from .server_messages import CallReference, LiveMessage
from .session_line import Cant, Heard, IsMade, Opening, Wanted, say
from .sessions import CallSessions, CantStart, Made


class _OverLine:
    """A session's listener that tells a room on another node."""

    def __init__(self, line: Line, time_s: Callable[[str], float | None]) -> None:
        self._line = line
        self._time_s = time_s

    def heard(self, session_id: str, message: LiveMessage) -> None:
        """The member's page was told something."""
        lossy = message.type in ("score", "pose")
        say(self._line, Heard(message=message, time_s=self._time_s(session_id)), lossy=lossy)

    def reference_is(self, reference: CallReference) -> None:
        """Nothing is shown live here."""

    def session_ended(
        self, _session_id: str, _reason: EndReason, _summary: SummaryValues | None
    ) -> None:
        """A session is over and stored, which was the last that was heard."""
        self._line.end()


class Host:
    """Makes sessions here for rooms on other nodes.

    Args:
        sessions: Of this node.
        calls: Where their calls are stored.
        release: Gives back the place that was kept for a session.
    """

    def __init__(
        self, sessions: CallSessions, calls: CallRows, release: Callable[[str], Awaitable[None]]
    ) -> None:
        self._sessions = sessions
        self._calls = calls
        self._release = release

    async def accept(self, line: Line, opening: dict[str, Any]) -> None:
        """Make a session and do with it what its room wants, until the line is over."""
        wanted = Opening.model_validate(opening)
        try:
            made = await self._make(line, wanted)
        except PosesimError as error:
            # It was asked because all others are full: of itself alone is not what is to be said.
            why = ClusterFull() if isinstance(error, NoPlace) else error
            say(line, Cant(detail=str(why)))
            with contextlib.suppress(ClusterAway):
                await self._release(wanted.session_id)
            return
        say(line, IsMade(name=made.name, whip_url=made.ticket.whip_url))
        try:
            async for said in line:
                self._do(wanted.session_id, Wanted.model_validate(said))
        finally:
            self._sessions.end(wanted.session_id, "lost")  # with its room, unless it has ended

    async def _make(self, line: Line, wanted: Opening) -> Made:
        call = await self._calls.get(wanted.coach_id, wanted.call_id)
        if call is None:
            raise CantStart("This call was deleted.")
        listener = _OverLine(line, self._sessions.time_s)
        return await self._sessions.score(
            call,
            wanted.exercise_id,
            sign_in_id=wanted.sign_in_id,
            audience_of=lambda session_id: CallAudience(session_id, listener),
            session_id=wanted.session_id,
        )

    def _do(self, session_id: str, wanted: Wanted) -> None:
        if wanted.pause is not None:
            self._sessions.pause(session_id, wanted.pause)
        if wanted.end is not None:
            self._sessions.end(session_id, wanted.end)
