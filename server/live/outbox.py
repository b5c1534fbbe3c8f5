"""What was said to a page over all its connections, and what of it is said again."""

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from .server_messages import Cue, Gap, Pose, Rep, Score, ServerMessage, StateChanged

MOST_EVENTS = 256  # kept for a page that comes back; far more than are said in a minute
MOST_SCORES = 64  # 20 s of them
# Numbers between two restarts of the server: more than one run can need of any kind (a session of
# a day at 20 messages a second has 2 million), so that nothing has to be stored of each.
NUMBERS_A_RUN = 2**24

Message = TypeVar("Message", Score, Pose, ServerMessage)


class Outbox:
    """Numbers messages, whatever connection they go by, and keeps the newest.

    Args:
        restarts: How often the server was restarted under the session: all numbers, `epoch` too,
            go on far above those that the run before may have used.

    Attributes:
        epoch: Which connection it is, counted from 0; every message carries it.
        skipped_scores, skipped_poses: How many were not sent, because they would have waited.
    """

    def __init__(self, restarts: int = 0) -> None:
        first = restarts * NUMBERS_A_RUN
        self.epoch = first
        self.skipped_scores = 0
        self.skipped_poses = 0
        self._begun = False
        self._next_score = first
        self._next_pose = first
        self._next_event = first
        self._events: deque[StateChanged | Gap | Rep | Cue] = deque(maxlen=MOST_EVENTS)
        self._scores: deque[Score] = deque(maxlen=MOST_SCORES)

    def begin(self) -> None:
        """A page is there: events are numbered from now on, also while none is."""
        self._begun = True

    def score(self, make: Callable[[int], Score]) -> Score:
        """Number a score and keep it."""
        message = self._stamped(make(self._next_score))
        self._next_score += 1
        self._scores.append(message)
        return message

    def pose(self, make: Callable[[int], Pose]) -> Pose:
        """Number a pose."""
        message = self._stamped(make(self._next_pose))
        self._next_pose += 1
        return message

    def event(self, make: Callable[[int], ServerMessage]) -> ServerMessage | None:
        """Number an event, and keep it if it is of use later; None before a page was there."""
        if not self._begun:
            return None
        message = self._stamped(make(self._next_event))
        self._next_event += 1
        if isinstance(message, StateChanged | Gap | Rep | Cue):
            self._events.append(message)
        return message

    def missed(self, last_event: int | None, last_score: int | None) -> list[ServerMessage]:
        """What a page has not got that has got all up to these, in the order in which it was said.

        Of scores, which may be lost on the way, it may have got later ones as well. A page that
        comes for the first time, and tells of none, has missed nothing.
        """
        missed: list[ServerMessage] = []
        if last_score is not None:
            missed += [self._stamped(each) for each in self._scores if each.seq > last_score]
        if last_event is not None:
            missed += [self._stamped(each) for each in self._events if each.seq > last_event]
        return missed

    def _stamped(self, message: Message) -> Message:
        return message.model_copy(update={"epoch": self.epoch})
