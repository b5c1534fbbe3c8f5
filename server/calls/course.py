"""What is tried and shown in a call: the run, the live reference, and what sessions came to."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..live.outcomes import EndReason, SummaryValues
from . import effects as do
from .seats import Seats
from .server_messages import (
    CallItem,
    CallLive,
    CallReference,
    CallRefused,
    CallResult,
    CallRun,
    CallRunOver,
    CallTicket,
    LiveMessage,
    LiveReferenceState,
    Role,
)
from .streams import LOST, Stream
from .wishes import Wishes

RENEW_S = 2.0  # after a stream was lost: whoever reloads the page is away by then


class Refused(Exception):
    """Something that can't be done now; the sentence says why."""


@dataclass(eq=False)
class _Run:
    """What is being tried. `last` is its newest session that has ended, with its summary."""

    exercise_id: str | None
    name: str
    number: int
    stream: Stream = field(default_factory=Stream)
    paused: bool = False
    last: tuple[str, SummaryValues | None] | None = None

    @property
    def live(self) -> bool:
        return self.exercise_id is None


class Course:
    """At most one run, and at most one live reference, each with a stream that may be lost.

    Args:
        wishes: Where what is to be done goes.
        seats: Who is there to send a stream.
        results: Of sessions before.
        sessions: How many there were.
    """

    def __init__(
        self, wishes: Wishes, seats: Seats, results: Iterable[CallResult], sessions: int
    ) -> None:
        self._wishes = wishes
        self._seats = seats
        self.results = tuple(results)
        self._number = sessions
        self._run: _Run | None = None
        self._shown: Stream | None = None  # the coach's camera as the live reference
        self._shows = False  # pictures of it come
        self.reference: CallReference | None = None
        self._names: dict[str, str] = {}  # of each session made here
        self._corrections: dict[str, int | None] = {}
        self._stopped: set[str] = set()  # sessions of runs that are over, which have not ended

    # What is seen of it

    @property
    def running(self) -> bool:
        """Whether a run is on."""
        return self._run is not None

    @property
    def session_id(self) -> str | None:
        """The run's session, if there is one now."""
        return None if self._run is None else self._run.stream.session_id

    @property
    def live_reference(self) -> LiveReferenceState:
        """Whether the coach's camera is the reference."""
        if self._shown is None:
            return "off"
        return "on" if self._shows else "connecting"

    @property
    def run(self) -> CallRun | None:
        """The run as it is told."""
        run, session_id = self._run, self.session_id
        if run is None:
            return None
        return CallRun(
            state="paused" if run.paused else "running" if run.stream.begun else "starting",
            session_id=session_id,
            exercise_id=run.exercise_id,
            name=run.name,
            live=run.live,
            number=run.number,
            corrected=self._corrections.get(session_id) if session_id else None,
        )

    # What the coach wants

    def start(self, item: CallItem | None, otherwise: str) -> None:
        """Begin a run of an exercise, or of what the coach shows, which may be without a name."""
        self.require_no_run()
        if not self._seats.taken("member"):
            raise Refused("The other person is not there now. Wait until they are back.")
        if self._shown is not None:
            if not self._shows:
                raise Refused(
                    "Your picture has not arrived yet. Wait, or turn the live reference off."
                )
            self._run = _Run(None, item.name if item else otherwise, self._number + 1)
        elif item is not None:
            self._run = _Run(item.id, item.name, self._number + 1)
        else:
            raise Refused("Choose an exercise first, or turn the live reference on.")
        self._make(self._run.stream)
        self._wishes.changed = True

    def require_no_run(self) -> None:
        """Make sure that no run is on.

        Raises:
            Refused: If one is.
        """
        if self._run is not None:
            raise Refused("An exercise is going on. Stop it first.")

    def pause(self, paused: bool) -> None:
        """Interrupt the run, or go on with it."""
        run = self._run
        if run is None:
            raise Refused("No exercise is going on.")
        if run.paused == paused:
            raise Refused("It is paused already." if paused else "It is not paused.")
        if paused and not run.stream.begun:
            raise Refused("It has not begun yet.")
        run.paused = paused
        if run.stream.session_id is not None:
            self._wishes.do(do.PauseSession(run.stream.session_id, paused))
        self._wishes.changed = True

    def stop(self, reason: EndReason) -> None:
        """End the run, if one is on; its result follows when its session has ended."""
        if self._run is None:
            return
        session_id = self._run.stream.session_id
        if session_id is None:
            self._over()
            return
        self._stopped.add(session_id)
        self._run = None
        self._wishes.changed = True
        self._wishes.do(do.EndSession(session_id, reason))

    def show(self) -> None:
        """Make the coach's camera the reference."""
        if self._shown is None:
            self._shown = Stream()
            self._wishes.changed = True
            self._make(self._shown)

    def show_no_more(self, reason: EndReason) -> None:
        """It is no reference any more; nobody can be compared with it."""
        if self._shown is None:
            return
        if self._run is not None and self._run.live:
            self.stop(reason)
        session_id = self._shown.session_id
        self._shown, self._shows, self.reference = None, False, None
        self._wishes.changed = True
        if session_id is not None:
            self._wishes.do(do.EndSession(session_id, reason))

    def corrected(self, session_id: str, repetitions: int | None) -> None:
        """The coach's count is stored."""
        self._corrections[session_id] = repetitions
        self.results = tuple(
            result.model_copy(update={"corrected": repetitions})
            if result.session_id == session_id
            else result
            for result in self.results
        )
        self._wishes.changed = True

    # Who sends comes and goes

    def arrived(self, role: Role, *, another: bool) -> None:
        """Somebody is there, with `another` page than before: what they are to send is made anew.

        A page that was there before still sends, unless its session has ended meanwhile.
        """
        stream = self._stream_of(role)
        if stream is None or stream.making:  # the page that is there then gets it
            return
        if stream.session_id is None:
            self._make(stream)
        elif another:
            self._renew(stream, stream.session_id)

    def camera_on(self, role: Role) -> None:
        """Somebody's camera goes on: what was lost is made again."""
        self.try_again(self._stream_of(role))

    def try_again(self, stream: Stream | None) -> None:
        """Make what was lost again, if it is still wanted and there is a camera to send."""
        role: Role = "coach" if stream is self._shown else "member"
        if (
            stream is not None
            and stream is self._stream_of(role)
            and stream.missing
            and self._seats.camera(role)
        ):
            self._make(stream)
            self._wishes.changed = True

    # What came of it

    def made(self, stream: Stream, name: str, ticket: CallTicket) -> None:
        """A session is there, for whoever is to send it pictures."""
        stream.is_made(ticket.id)
        role: Role = "member" if ticket.purpose == "score" else "coach"
        if role == "member":
            self._names[ticket.id] = name
        if stream is not self._stream_of(role):  # stopped meanwhile
            if role == "member":
                self._stopped.add(ticket.id)
            self._wishes.do(do.EndSession(ticket.id, "coach_stopped"))
            return
        self._wishes.changed = True
        if not self._seats.taken(role):  # left meanwhile; another is made when they come
            self._wishes.do(do.EndSession(ticket.id, "left"))
            return
        if self._run is not None and stream is self._run.stream and self._run.paused:
            self._wishes.do(do.PauseSession(ticket.id, True))
        self._seats.send(role, ticket)

    def not_made(self, stream: Stream, detail: str) -> None:
        """There can be no session: the sentence says why."""
        stream.making = False
        self._give_up(stream, detail)

    def shows(self, stream: Stream, shows: bool) -> None:
        """Pictures of the coach come, or no longer."""
        if stream is self._shown:
            self._shows = shows
            self._wishes.changed = True

    def heard(self, session_id: str, message: LiveMessage) -> None:
        """The member's page was told something: the coach is told it, too."""
        run = self._run
        if run is not None and run.stream.session_id == session_id and not run.stream.begun:
            run.stream.begun = message.type != "ended"
            self._wishes.changed = True
        lossy = message.type in ("score", "pose")
        self._seats.send("coach", CallLive(session_id=session_id, message=message), lossy=lossy)

    def reference_is(self, reference: CallReference) -> None:
        """What the coach shows was found out."""
        if self._shown is not None:
            self.reference = reference
            self._wishes.changed = True

    def session_ended(
        self, session_id: str, reason: EndReason, summary: SummaryValues | None
    ) -> None:
        """A session is over and stored: one of the member's, or one in which the coach showed."""
        self._note_result(session_id, summary)
        run, shown = self._run, self._shown
        if session_id in self._stopped:
            self._stopped.discard(session_id)
            self._tell_result(session_id, summary)
        elif run is not None and run.stream.session_id == session_id:
            run.last = session_id, summary
            self._lost(run.stream, reason)
        elif shown is not None and shown.session_id == session_id:
            self._shows = False
            self._lost(shown, reason)
        self._wishes.changed = True

    # Steps

    def _stream_of(self, role: Role) -> Stream | None:
        if role == "coach":
            return self._shown
        return self._run.stream if self._run is not None else None

    def _make(self, stream: Stream) -> None:
        if stream.worn_out:
            self._give_up(stream, "The camera was lost too often. Check the connection.")
            return
        stream.make()
        if stream is self._shown:
            self._wishes.do(do.MakeShown(stream))
        elif self._run is not None:
            self._number += 1
            self._run.number = self._number
            shown = self._shown if self._run.live else None
            self._wishes.do(do.MakeScored(stream, self._run.exercise_id, self._run.name, shown))

    def _renew(self, stream: Stream, session_id: str) -> None:
        """The page that sent it is gone."""
        if not stream.ending:
            self._wishes.do(do.EndSession(session_id, "left"))
        if stream is self._shown:  # only one may show at a time: the next, when it has ended
            stream.ending = True
        else:
            if self._run is not None:
                self._run.last = session_id, None
            stream.is_gone()
            self._make(stream)

    def _lost(self, stream: Stream, reason: EndReason) -> None:
        """A session of it ended by itself, or had to for another to begin."""
        waited_for = stream.ending
        stream.is_gone()
        role: Role = "coach" if stream is self._shown else "member"
        if waited_for and self._seats.taken(role):
            self._make(stream)
        elif reason in LOST:
            self._wishes.do(do.Later(RENEW_S, stream))
        elif stream is self._shown:
            self.show_no_more("coach_stopped")
        else:
            self._over()

    def _give_up(self, stream: Stream, detail: str) -> None:
        if stream is self._shown:
            self.show_no_more("coach_stopped")
            self._seats.send("coach", CallRefused(of="live_reference", detail=detail))
        elif self._run is not None and stream is self._run.stream:
            self._over()
            self._seats.send("coach", CallRefused(of="start", detail=detail))

    def _over(self) -> None:
        """The run is over, and no session of it goes on."""
        assert self._run is not None
        last, self._run = self._run.last, None
        if last is not None:
            self._tell_result(*last)
        self._wishes.changed = True

    def _note_result(self, session_id: str, summary: SummaryValues | None) -> None:
        if summary is None or session_id not in self._names:
            return
        if self._run is not None and self._run.last == (session_id, None):
            self._run.last = session_id, summary
        result = CallResult(
            session_id=session_id,
            name=self._names[session_id],
            repetitions=summary.repetitions,
            corrected=self._corrections.get(session_id),
            score=summary.score,
        )
        others = (each for each in self.results if each.session_id != session_id)
        self.results = (*others, result)

    def _tell_result(self, session_id: str, summary: SummaryValues | None) -> None:
        over = CallRunOver(session_id=session_id, name=self._names[session_id], summary=summary)
        self._seats.send("coach", over)
        self._seats.send("member", over)
