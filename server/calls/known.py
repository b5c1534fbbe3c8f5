"""What the store holds of a call, as its room knows it and its messages say it."""

from ..store.calls import Call, CallRows, Mark
from ..store.exercises import Exercise
from ..store.sessions import StoredSession
from .room import Known
from .server_messages import CallItem, CallMark, CallResult


async def known(rows: CallRows, call: Call) -> Known:
    """Read what is stored of a call."""
    sessions = await rows.sessions(call.id)
    return Known(
        title=call.title,
        coach_name=call.coach_name,
        member_name=call.member_name,
        admitted=call.admitted_at is not None,
        program=tuple(item(exercise) for exercise in await rows.program(call.id)),
        marks=tuple(mark(each) for each in await rows.marks(call.id)),
        results=tuple(result(each) for each in sessions if each.summary is not None),
        sessions=len(sessions),
    )


def item(exercise: Exercise) -> CallItem:
    """An exercise of the program."""
    return CallItem(
        id=exercise.id,
        name=exercise.name,
        kind=exercise.kind,
        target=exercise.target,
        start_s=exercise.start_s or 0.0,
        mirrored=exercise.mirrored,
    )


def mark(stored: Mark) -> CallMark:
    """A mark."""
    return CallMark(
        id=stored.id,
        at=stored.at,
        session_id=stored.session_id,
        t_s=stored.t_s,
        note=stored.note,
    )


def result(session: StoredSession) -> CallResult:
    """What an ended session came to."""
    summary = session.summary or {}
    return CallResult(
        session_id=session.id,
        name=session.exercise_name,
        repetitions=summary.get("repetitions", 0),
        corrected=session.corrected_repetitions,
        score=summary.get("score"),
    )
