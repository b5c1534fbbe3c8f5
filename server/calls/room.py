"""A call with somebody present: messages go in, effects come out.

It knows no network, no clock and no store.
"""

from dataclasses import dataclass, replace

from ..live.outcomes import EndReason, SummaryValues
from . import effects as do
from .course import Course, Refused
from .effects import Effect
from .page_messages import (
    CallAdmit,
    CallCandidate,
    CallCorrect,
    CallDescription,
    CallDismiss,
    CallEnd,
    CallLiveReference,
    CallMedia,
    CallNext,
    CallNote,
    CallPause,
    CallProgram,
    CallReady,
    CallResume,
    CallSelect,
    CallStart,
    CallStop,
    FromCoach,
    Signal,
)
from .seats import OTHER, Seats
from .server_messages import (
    ByeReason,
    CallItem,
    CallMark,
    CallReadiness,
    CallReference,
    CallRefused,
    CallResult,
    CallSeat,
    CallState,
    CallTicket,
    LiveMessage,
    Role,
)
from .streams import Stream
from .wishes import Wishes

Message = CallMedia | Signal | CallReady | FromCoach  # the others are the connection's


@dataclass(frozen=True)
class Known:
    """What is stored of a call.

    Attributes:
        sessions: How many were made in it.
    """

    title: str
    coach_name: str
    member_name: str | None
    admitted: bool
    program: tuple[CallItem, ...] = ()
    marks: tuple[CallMark, ...] = ()
    results: tuple[CallResult, ...] = ()
    sessions: int = 0


class Room:
    """Who is there, who was let in, what is chosen, and what is tried.

    After each call `effects` returns what is to be done.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._wishes = Wishes()
        self._seats = Seats(self._wishes)
        self._course = Course(self._wishes, self._seats, known.results, known.sessions)
        self._current: int | None = 0 if known.program else None

    def effects(self) -> list[Effect]:
        """What is to be done since the last time, in order."""
        changed, wanted = self._wishes.changed, self._wishes.take()
        if changed:  # everybody sees how it is before they hear what is to be done about it
            self._seats.send("coach", self._state("coach"))
            self._seats.send("member", self._state("member"))
        return self._wishes.take() + wanted

    # Coming and going

    def join(self, role: Role, connection: int, epoch: str | None) -> None:
        """Somebody is there. Who was there before on the same seat is put out.

        Args:
            role: Whose seat.
            connection: What tells this connection from all others.
            epoch: Of the peer connection that the page still has.
        """
        another = self._seats.take(role, connection, epoch)
        self._course.arrived(role, another=another)
        if self._known.admitted:
            self._seats.meet()

    def leave(self, connection: int) -> None:
        """A connection is gone; one that was put out before does not matter."""
        self._seats.leave(connection)

    def take(self, role: Role, message: Message) -> None:
        """Do what a page wants, or refuse it."""
        try:
            self._take(role, message)
        except Refused as refusal:
            self._seats.send(role, CallRefused(of=message.type, detail=str(refusal)))

    def due(self, what: do.Away | Stream) -> None:
        """What was wanted later is now."""
        if isinstance(what, Stream):
            self._course.try_again(what)
        elif self._seats.is_away(what):
            self._course.stop("left")
            if what.role == "coach":
                self._course.show_no_more("left")
            if not self._seats.taken(OTHER[what.role]):
                self._wishes.do(do.Forget())

    # What came of what was to be done, and what others changed

    def known_is(self, known: Known) -> None:
        """Something was changed from outside."""
        chosen = self._chosen
        self._known = replace(known, admitted=self._known.admitted)
        self._course.results = known.results
        self._choose_again(chosen)

    def member_is(self, name: str | None) -> None:
        """Somebody used the link."""
        self._known = replace(self._known, member_name=name)
        self._wishes.changed = True

    def admitted(self) -> None:
        """The member is let in."""
        self._known = replace(self._known, admitted=True)
        self._wishes.changed = True
        self._seats.meet()

    def dismissed(self) -> None:
        """The member is put out."""
        self._known = replace(self._known, admitted=False)
        self._wishes.changed = True
        self._course.stop("coach_stopped")
        self._seats.part()
        self._seats.put_out("member", "dismissed")

    def ended(self, reason: ByeReason = "ended") -> None:
        """The call is over, for everybody."""
        self._course.stop("call_ended")
        self._course.show_no_more("call_ended")
        self._seats.put_out("coach", reason)
        self._seats.put_out("member", reason)
        self._wishes.do(do.Forget())

    def program_is(self, program: tuple[CallItem, ...]) -> None:
        """The program is another one. What was chosen stays so, if it is in it."""
        chosen = self._chosen
        self._known = replace(self._known, program=program)
        self._choose_again(chosen)

    def marked(self, mark: CallMark) -> None:
        """A mark is stored."""
        self._known = replace(self._known, marks=(*self._known.marks, mark))
        self._wishes.changed = True

    def corrected(self, session_id: str, repetitions: int | None) -> None:
        """The coach's count is stored."""
        self._course.corrected(session_id, repetitions)

    def refused(self, role: Role, of: str, detail: str) -> None:
        """What somebody wanted could not be done."""
        self._seats.send(role, CallRefused(of=of, detail=detail))

    def made(self, stream: Stream, name: str, ticket: CallTicket) -> None:
        """A session is there, for whoever is to send it pictures."""
        self._course.made(stream, name, ticket)

    def not_made(self, stream: Stream, detail: str) -> None:
        """There can be no session: the sentence says why."""
        self._course.not_made(stream, detail)

    # What live sessions say

    def shows(self, stream: Stream, shows: bool) -> None:
        """Pictures of the coach come, or no longer."""
        self._course.shows(stream, shows)

    def heard(self, session_id: str, message: LiveMessage) -> None:
        """The member's page was told something."""
        self._course.heard(session_id, message)

    def reference_is(self, reference: CallReference) -> None:
        """What the coach shows was found out."""
        self._course.reference_is(reference)

    def session_ended(
        self, session_id: str, reason: EndReason, summary: SummaryValues | None
    ) -> None:
        """A session is over and stored."""
        self._course.session_ended(session_id, reason, summary)

    # Messages

    def _take(self, role: Role, message: Message) -> None:
        if role == "member":
            if isinstance(message, FromCoach):
                raise Refused("Only the coach of this call may do this.")
            if not self._known.admitted and not isinstance(message, CallReady | CallMedia):
                raise Refused("Wait until you are let in.")
        match message:
            case CallMedia(camera=camera, microphone=microphone):
                self._seats.sends(role, camera=camera, microphone=microphone)
                self._course.camera_on(role)
            case CallReady(camera=camera, microphone=microphone, framed=framed):
                if role == "coach":
                    raise Refused("Only the member of this call checks their devices here.")
                self._seats.is_ready(
                    CallReadiness(camera=camera, microphone=microphone, framed=framed)
                )
            case CallDescription() | CallCandidate():
                if self._known.admitted:
                    self._seats.relay(role, message)
            case CallStart() | CallPause() | CallResume() | CallStop() | CallLiveReference():
                self._conduct(message)
            case _:
                self._control(message)

    def _conduct(
        self, message: CallStart | CallPause | CallResume | CallStop | CallLiveReference
    ) -> None:
        """Do what is about the run, or about the live reference."""
        match message:
            case CallPause():
                self._course.pause(True)
            case CallResume():
                self._course.pause(False)
            case CallStop():
                if not self._course.running:
                    raise Refused("No exercise is going on.")
                self._course.stop("coach_stopped")
            case CallLiveReference(on=False):
                self._course.show_no_more("coach_stopped")
            case CallStart() | CallLiveReference():
                if not self._known.admitted:
                    raise Refused("Let the person in first.")
                if isinstance(message, CallStart):
                    self._course.start(self._chosen, self._known.title)
                else:
                    self._course.show()

    def _control(
        self,
        message: CallAdmit
        | CallDismiss
        | CallProgram
        | CallSelect
        | CallNext
        | CallNote
        | CallCorrect
        | CallEnd,
    ) -> None:
        """Do what is about the call."""
        match message:
            case CallAdmit():
                self._admit()
            case CallDismiss():
                if not self._known.admitted and not self._seats.taken("member"):
                    raise Refused("Nobody is there.")
                self._wishes.do(do.Dismiss())
            case CallProgram(exercise_ids=exercise_ids):
                self._wishes.do(do.SetProgram(tuple(exercise_ids)))
            case CallSelect(index=index):
                self._select(index)
            case CallNext():
                self._next()
            case CallNote(note=note, ago_s=ago_s):
                self._wishes.do(do.AddMark(note, ago_s, self._course.session_id))
            case CallCorrect(session_id=session_id, repetitions=repetitions):
                self._wishes.do(do.Correct(session_id, repetitions))
            case CallEnd():
                self._wishes.do(do.EndCall())

    def _admit(self) -> None:
        if self._known.admitted:
            raise Refused("The person is in already.")
        if not self._seats.taken("member"):
            raise Refused("Nobody waits to be let in.")
        self._wishes.do(do.Admit())

    def _select(self, index: int) -> None:
        if index >= len(self._known.program):
            raise Refused("There is no such exercise in the program.")
        self._course.require_no_run()
        self._current = index
        self._wishes.changed = True

    def _next(self) -> None:
        following = None if self._current is None else self._current + 1
        there_is = following is not None and following < len(self._known.program)
        if not there_is and not self._course.running:
            raise Refused("This was the last exercise of the program.")
        self._course.stop("coach_stopped")
        if there_is:
            self._current = following
        self._wishes.changed = True

    @property
    def _chosen(self) -> CallItem | None:
        return self._known.program[self._current] if self._current is not None else None

    def _choose_again(self, chosen: CallItem | None) -> None:
        """Keep what was chosen, wherever in the program it is now; else choose the first."""
        ids = [item.id for item in self._known.program]
        at = self._current
        if chosen is None or chosen.id not in ids:
            self._current = 0 if ids else None
        elif at is None or at >= len(ids) or ids[at] != chosen.id:
            self._current = ids.index(chosen.id)
        self._wishes.changed = True

    # What they see

    def _state(self, role: Role) -> CallState:
        known, course = self._known, self._course
        if role == "member" and not known.admitted:
            return self._state_of_who_waits()
        return CallState(
            phase="admitted" if known.admitted else "waiting",
            title=known.title,
            coach=self._seats.shown("coach", known.coach_name),
            member=self._seats.shown("member", known.member_name),
            program=known.program,
            current=self._current,
            run=course.run,
            live_reference=course.live_reference,
            reference=course.reference,
            marks=known.marks,
            results=course.results,
        )

    def _state_of_who_waits(self) -> CallState:
        """No more than who waits for whom."""
        coach = CallSeat(
            name=self._known.coach_name,
            present=self._seats.taken("coach"),
            camera=False,
            microphone=False,
            ready=None,
        )
        return CallState(
            phase="waiting",
            title=self._known.title,
            coach=coach,
            member=self._seats.shown("member", self._known.member_name),
            program=(),
            current=None,
            run=None,
            live_reference="off",
            reference=None,
            marks=(),
            results=(),
        )
