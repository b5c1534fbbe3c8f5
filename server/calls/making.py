"""The sessions that one room makes, here or on another node, as its room wants them."""

from collections.abc import Callable
from functools import partial

from ..live.demonstration import Demonstration
from ..live.outcomes import EndReason
from ..live.sessions import NoPlace
from ..store.calls import Call
from .audience import CallAudience, Listener
from .effects import MakeScored, MakeShown
from .far_sessions import FarSessions
from .server_messages import Role
from .sessions import CallSessions, Made
from .streams import Stream


class Making:
    """Makes sessions whose audience is the room, and keeps what the coach shows.

    One against an exercise may be on another node. What is shown live and who is compared with it
    share that in one process, so they are here.

    Args:
        sessions: Makes each.
        listener: The room.
        shows: Called when pictures of the coach come in a stream, or no longer.

    Attributes:
        sign_ins: In which sign-in each of the two is there.
    """

    def __init__(
        self,
        sessions: CallSessions,
        listener: Listener,
        shows: Callable[[Stream, bool], None],
    ) -> None:
        self.sign_ins: dict[Role, str | None] = {}
        self._sessions = sessions
        self._listener = listener
        self._far = FarSessions(sessions, listener)
        self._shows = shows
        self._shown: tuple[Stream, Demonstration] | None = None

    async def make(self, call: Call, wanted: MakeScored | MakeShown) -> Made:
        """Make a session.

        Raises:
            PosesimError: If there can be none now; the sentence says why.
        """
        match wanted:
            case MakeShown(stream=stream):
                return self._sessions.show(
                    call,
                    self._demonstration(stream),
                    sign_in_id=self.sign_ins.get("coach"),
                    audience_of=self._audience_of,
                )
            case MakeScored(shown=None, exercise_id=str(exercise_id)):
                return await self._score(call, exercise_id)
            case MakeScored(shown=Stream() as shown, name=name):
                return await self._sessions.score_against(
                    call,
                    name,
                    self._demonstration(shown),
                    sign_in_id=self.sign_ins.get("member"),
                    audience_of=self._audience_of,
                )
        raise AssertionError("a run is of an exercise or of what is shown")

    # Each of these leaves a session alone that has ended.

    def end(self, session_id: str, reason: EndReason) -> None:
        """Ask a session to end."""
        self._sessions.end(session_id, reason)
        self._far.end(session_id, reason)

    def pause(self, session_id: str, paused: bool) -> None:
        """Interrupt a session, or go on with it."""
        self._sessions.pause(session_id, paused)
        self._far.pause(session_id, paused)

    def time_s(self, session_id: str) -> float | None:
        """Where a session is now, in seconds; None if it has ended or not begun."""
        here_s = self._sessions.time_s(session_id)
        return self._far.time_s(session_id) if here_s is None else here_s

    def shut(self) -> None:
        """The room is not here any more: what is on other nodes ends with it."""
        self._far.shut()

    async def closed(self) -> None:
        """Wait, after `shut`, until nothing is heard of what was on other nodes."""
        await self._far.closed()

    async def _score(self, call: Call, exercise_id: str) -> Made:
        sign_in_id = self.sign_ins.get("member")
        try:
            return await self._sessions.score(
                call, exercise_id, sign_in_id=sign_in_id, audience_of=self._audience_of
            )
        except NoPlace:
            made = await self._far.score(call, exercise_id, sign_in_id=sign_in_id)
            if made is None:
                raise
            return made

    def _demonstration(self, stream: Stream) -> Demonstration:
        """That of a stream; it outlives the stream's sessions, but not the stream."""
        if self._shown is None or self._shown[0] is not stream:
            demonstration = Demonstration(
                on_first=partial(self._shows, stream, True),
                on_over=partial(self._shows, stream, False),
            )
            self._shown = stream, demonstration
        return self._shown[1]

    def _audience_of(self, session_id: str) -> CallAudience:
        return CallAudience(session_id, self._listener)
