"""What a room wants done. The room decides, `open_room` does it."""

from dataclasses import dataclass
from datetime import datetime

from ..live.outcomes import EndReason
from .server_messages import ByeReason, Role, ServerMessage
from .streams import Stream

# At once


@dataclass(frozen=True)
class Send:
    """A message to a connection. One that is `lossy` may be left out when much waits there."""

    connection: int
    message: ServerMessage
    lossy: bool = False


@dataclass(frozen=True)
class PutOut:
    """A connection is told why, and closed."""

    connection: int
    reason: ByeReason


@dataclass(frozen=True)
class EndSession:
    """A live session is to end. The room hears of it when it has."""

    session_id: str
    reason: EndReason


@dataclass(frozen=True)
class PauseSession:
    """A live session pauses, or goes on."""

    session_id: str
    paused: bool


@dataclass(frozen=True)
class Away:
    """When somebody has been away for long: whose seat, and after which of their visits."""

    role: Role
    visit: int


@dataclass(frozen=True)
class Later:
    """`Room.due` is called with `due` after this time."""

    after_s: float
    due: Away | Stream


@dataclass(frozen=True)
class Forget:
    """The room is not needed any more."""


# One after the other, because they take time; what came of it is told to the room


@dataclass(frozen=True)
class Admit:
    """Store that the member is let in."""


@dataclass(frozen=True)
class Dismiss:
    """Store that the member is put out."""


@dataclass(frozen=True)
class EndCall:
    """Store the end of the call."""


@dataclass(frozen=True)
class SetProgram:
    """Store which exercises are to be done."""

    exercise_ids: tuple[str, ...]


@dataclass(frozen=True)
class MakeScored:
    """Make a session of the member.

    Attributes:
        exercise_id: None for what the coach shows live.
        name: What it is called then.
        shown: What the coach shows then.
    """

    stream: Stream
    exercise_id: str | None
    name: str
    shown: Stream | None


@dataclass(frozen=True)
class MakeShown:
    """Make a session in which the coach shows the movement."""

    stream: Stream


@dataclass(frozen=True)
class AddMark:
    """Store a mark; `at` and `t_s` are put in by who does it."""

    note: str
    ago_s: float
    session_id: str | None
    at: datetime | None = None
    t_s: float | None = None


@dataclass(frozen=True)
class Correct:
    """Store the coach's count."""

    session_id: str
    repetitions: int | None


Work = Admit | Dismiss | EndCall | SetProgram | MakeScored | MakeShown | AddMark | Correct
Effect = Send | PutOut | EndSession | PauseSession | Later | Forget | Work

OF: dict[type[Work], str] = {  # which message asks for it
    Admit: "admit",
    Dismiss: "dismiss",
    EndCall: "end",
    SetProgram: "program",
    MakeScored: "start",
    MakeShown: "live_reference",
    AddMark: "mark",
    Correct: "correct",
}
