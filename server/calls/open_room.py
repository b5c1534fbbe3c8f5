"""A room and what it wants done: messages to its connections, rows in the store, live sessions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from posesim.errors import PosesimError

from ..database import now
from ..live.outcomes import EndReason, SummaryValues
from ..store import Store
from ..store.calls import Call
from . import effects as do
from .known import item, known, mark
from .making import Making
from .page_messages import FromCoach
from .room import Message, Room
from .server_messages import ByeReason, CallReference, LiveMessage, Role, ServerMessage
from .sessions import CallSessions
from .streams import Stream

logger = structlog.get_logger(__name__)

MOST_WORK = 100  # that waits; whoever wants more is told to wait
LAST_WORK_S = 10.0  # for what is being stored when the room closes
BUSY = "The server is busy. Try again in a moment."
UNEXPECTED = "Something went wrong on the server. Try again."


class Connection(Protocol):
    """What is needed of `socket.CallSocket`."""

    number: int
    role: Role
    sign_in_id: str | None

    def send(self, message: ServerMessage, *, lossy: bool = False) -> None:
        """Send a message, without waiting for it."""
        ...

    def put_out(self, reason: ByeReason) -> None:
        """Say why, and close, without waiting for it."""
        ...


@dataclass(frozen=True)
class Said:
    """A wish of the coach that came while an earlier one was being done."""

    connection: Connection
    message: Message


@dataclass(frozen=True)
class Refresh:
    """Read from the store what was changed by others."""


Task = do.Work | Said | Refresh


class OpenRoom:
    """A call with somebody present. Owns the task that does what takes time.

    Args:
        call: As it is stored.
        room: What is decided in it.
        store: Where what happens is stored.
        sessions: Make and end sessions.
        on_forget: Called when it is not needed any more.
    """

    def __init__(
        self,
        call: Call,
        room: Room,
        store: Store,
        sessions: CallSessions,
        on_forget: Callable[["OpenRoom"], None],
    ) -> None:
        self.call = call
        self._room = room
        self._rows = store.calls
        self._audit = store.audit
        self._on_forget = on_forget
        self._connections: dict[int, Connection] = {}
        self._making = Making(sessions, self, self._shows)
        self._timers: set[asyncio.TimerHandle] = set()
        self._work: asyncio.Queue[Task | None] = asyncio.Queue()
        self._busy = False  # something is being done, or waits for it
        self._closed = False
        self._worker = asyncio.create_task(self._run(), name=f"call {call.id}")

    # Connections

    @property
    def present(self) -> list[Connection]:
        """Who is there."""
        return list(self._connections.values())

    def join(self, connection: Connection, call: Call, epoch: str | None) -> None:
        """Somebody is there; `call` is as it is stored now."""
        if call.member_name != self.call.member_name:  # the link was used since the room opened
            self._room.member_is(call.member_name)
        self.call = call
        self._connections[connection.number] = connection
        self._making.sign_ins[connection.role] = connection.sign_in_id
        self._room.join(connection.role, connection.number, epoch)
        self._perform()

    async def listen(self) -> None:
        """What it says comes from here."""

    def renewed(self, connection: Connection) -> None:
        """A connection goes on, perhaps by another sign-in."""
        if connection.number in self._connections:
            self._making.sign_ins[connection.role] = connection.sign_in_id

    def leave(self, connection: Connection) -> None:
        """Somebody is gone. Leaving twice is harmless."""
        if self._connections.pop(connection.number, None) is not None:
            self._room.leave(connection.number)
            self._perform()

    def take(self, connection: Connection, message: Message) -> None:
        """Do what a page wants; one that was put out has nothing to say any more.

        What the coach wants is done in the order in which it was wanted; signals wait for nothing.
        """
        if self._work.qsize() >= MOST_WORK:
            self._room.refused(connection.role, message.type, BUSY)
        elif self._busy and connection.role == "coach" and isinstance(message, FromCoach):
            self._put(Said(connection, message))
        else:
            self._take(connection, message)
        self._perform()

    def _take(self, connection: Connection, message: Message) -> None:
        if connection.number in self._connections:
            self._room.take(connection.role, message)

    # From outside

    def refresh(self) -> None:
        """Something of it was changed in the store."""
        self._put(Refresh())

    def end(self, reason: ByeReason) -> None:
        """It is over for both, and that is stored."""
        self._room.ended(reason)
        self._perform()

    def shut(self) -> None:
        """Stop at once: what is to be stored is being stored, no more."""
        if not self._closed:
            self._closed = True
            for timer in self._timers:
                timer.cancel()
            self._making.shut()
            while not self._work.empty():
                self._work.get_nowait()
            self._work.put_nowait(None)

    @property
    def working(self) -> bool:
        """Whether something is done, or may be."""
        return not self._worker.done()

    async def closed(self) -> None:
        """Wait, after `shut`, until nothing is done any more."""
        _, late = await asyncio.wait({self._worker}, timeout=LAST_WORK_S)
        if late:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        await self._making.closed()

    # What live sessions say

    def heard(self, session_id: str, message: LiveMessage) -> None:
        """The member's page was told something."""
        self._room.heard(session_id, message)
        self._perform()

    def reference_is(self, reference: CallReference) -> None:
        """What the coach shows was found out."""
        self._room.reference_is(reference)
        self._perform()

    def session_ended(
        self, session_id: str, reason: EndReason, summary: SummaryValues | None
    ) -> None:
        """A session is over and stored."""
        self._room.session_ended(session_id, reason, summary)
        self._perform()

    def _shows(self, stream: Stream, shows: bool) -> None:
        self._room.shows(stream, shows)
        self._perform()

    # What the room wants

    def _perform(self) -> None:
        for effect in self._room.effects():
            match effect:
                case do.Send(connection=number, message=message, lossy=lossy):
                    if (connection := self._connections.get(number)) is not None:
                        connection.send(message, lossy=lossy)
                case do.PutOut(connection=number, reason=reason):
                    if (connection := self._connections.pop(number, None)) is not None:
                        connection.put_out(reason)
                case do.EndSession(session_id=session_id, reason=end_reason):
                    self._making.end(session_id, end_reason)
                case do.PauseSession(session_id=session_id, paused=paused):
                    self._making.pause(session_id, paused)
                case do.Later(after_s=after_s, due=due):
                    self._later(after_s, due)
                case do.Forget():
                    self._on_forget(self)
                case do.AddMark():
                    self._put(self._placed(effect))
                case _:
                    self._put(effect)

    def _put(self, task: Task) -> None:
        self._busy = True
        self._work.put_nowait(task)

    def _later(self, after_s: float, due: do.Away | Stream) -> None:
        def come() -> None:
            self._timers.discard(timer)
            self._room.due(due)
            self._perform()

        if not self._closed:
            timer = asyncio.get_running_loop().call_later(after_s, come)
            self._timers.add(timer)

    def _placed(self, wanted: do.AddMark) -> do.AddMark:
        """A mark with its moment, also on the time of its session."""
        at = now() - timedelta(seconds=wanted.ago_s)
        time_s = self._making.time_s(wanted.session_id) if wanted.session_id else None
        t_s = None if time_s is None else max(0.0, time_s - wanted.ago_s)
        return replace(wanted, at=at, t_s=t_s)

    async def _run(self) -> None:
        """Do what takes time, one after the other, until the room is shut."""
        while (work := await self._next()) is not None:
            try:
                await self._do(work)
            except PosesimError as error:
                self._failed(work, str(error))
            except Exception:
                logger.exception("a call's wish failed", call_id=self.call.id)
                self._failed(work, UNEXPECTED)
            self._perform()

    async def _next(self) -> Task | None:
        if self._work.empty():
            self._busy = False
        return await self._work.get()

    async def _do(self, work: Task) -> None:
        call_id = self.call.id
        match work:
            case do.Admit():
                await self._rows.admit(call_id)
                self._room.admitted()
            case do.Dismiss():
                await self._rows.dismiss(call_id)
                self._room.dismissed()
            case do.EndCall():
                await self._rows.end(call_id)
                await self._note("call.ended", call_id)
                self._room.ended()
            case do.SetProgram(exercise_ids=exercise_ids):
                await self._rows.set_program(call_id, exercise_ids)
                program = await self._rows.program(call_id)
                self._room.program_is(tuple(item(exercise) for exercise in program))
            case do.MakeScored() | do.MakeShown():
                made = await self._making.make(self.call, work)
                self._room.made(work.stream, made.name, made.ticket)
            case do.AddMark(note=note, session_id=session_id, at=at, t_s=t_s):
                added = await self._rows.add_mark(
                    call_id, note=note, session_id=session_id, t_s=t_s, at=at
                )
                await self._note("call.changed", call_id)
                self._room.marked(mark(added))
            case do.Correct(session_id=session_id, repetitions=repetitions):
                if await self._rows.correct(call_id, session_id, repetitions):
                    await self._note("call.corrected", session_id)
                    self._room.corrected(session_id, repetitions)
                else:
                    self._room.refused(
                        "coach", do.OF[do.Correct], "There is no such run in this call."
                    )
            case Said(connection=connection, message=message):
                self._take(connection, message)
            case Refresh():
                await self._read_again()

    async def _note(self, action: str, object_id: str) -> None:
        """Write down that the coach changed what is the member's as well."""
        if self.call.member_id is not None:
            await self._audit.note(self.call.coach_id, action, self.call.member_id, object_id)

    async def _read_again(self) -> None:
        call = await self._rows.get(self.call.coach_id, self.call.id)
        if call is not None:
            self.call = call
            self._room.known_is(await known(self._rows, call))

    def _failed(self, work: Task, detail: str) -> None:
        match work:
            case do.MakeScored(stream=stream) | do.MakeShown(stream=stream):
                self._room.not_made(stream, detail)
            case Said() | Refresh():
                logger.warning("a call could not be read again", call_id=self.call.id)
            case _:
                self._room.refused("coach", do.OF[type(work)], detail)
