"""The coach hears what a session tells the member's page."""

from typing import Protocol

from posesim.updates import (
    CueUpdate,
    GapUpdate,
    PoseUpdate,
    ReferenceUpdate,
    RepUpdate,
    ScoreUpdate,
    Update,
)

from ..live.outcomes import EndReason, StateName, SummaryValues
from ..live.server_messages import Ended, StateChanged
from ..live.update_messages import (
    cue_message,
    gap_message,
    pose_message,
    rep_message,
    score_message,
)
from .server_messages import CallReference, LiveMessage


class Listener(Protocol):
    """Where it is heard: a room."""

    def heard(self, session_id: str, message: LiveMessage) -> None:
        """The member's page was told something."""
        ...

    def reference_is(self, reference: CallReference) -> None:
        """What the coach shows was found out."""
        ...

    def session_ended(
        self, session_id: str, reason: EndReason, summary: SummaryValues | None
    ) -> None:
        """A session is over and stored."""
        ...


class CallAudience:
    """One session's. Its messages are those of the data channels, with numbers of their own."""

    def __init__(self, session_id: str, listener: Listener) -> None:
        self._session_id = session_id
        self._listener = listener
        self._scores = 0
        self._poses = 0
        self._events = 0

    def update(self, update: Update, *, age_s: float) -> None:
        """Something was found."""
        match update:
            case ScoreUpdate():
                self._tell(score_message(update, seq=self._scores, age_s=age_s))
                self._scores += 1
            case PoseUpdate():
                self._tell(pose_message(update, seq=self._poses))
                self._poses += 1
            case GapUpdate():
                self._tell(gap_message(update, seq=self._event()))
            case RepUpdate():
                self._tell(rep_message(update, seq=self._event()))
            case CueUpdate():
                self._tell(cue_message(update, seq=self._event()))
            case ReferenceUpdate(kind=kind, cycle_s=cycle_s):
                self._listener.reference_is(CallReference(kind=kind, cycle_s=cycle_s))

    def state(self, t_s: float, state: StateName) -> None:
        """The state is another one."""
        self._tell(StateChanged(seq=self._event(), t_s=t_s, state=state))

    def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
        """The session is over."""
        self._tell(Ended(seq=self._event(), reason=reason, summary=summary))
        self._listener.session_ended(self._session_id, reason, summary)

    def _tell(self, message: LiveMessage) -> None:
        self._listener.heard(self._session_id, message)

    def _event(self) -> int:
        self._events += 1
        return self._events - 1
