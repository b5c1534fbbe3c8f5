"""A session as an earlier run of the server left it, and as another run goes on with it."""

from dataclasses import dataclass

from posesim.history import History
from posesim.updates import RepUpdate

from ..store.parts import Parts, repetition_update, updates_of
from .outcomes import SummaryValues
from .update_messages import summary_values


@dataclass(frozen=True)
class Earlier:
    """What is known of a session before the server was restarted.

    Attributes:
        parts: All that was said in it, as far as it was stored.
        age_s: Seconds since its first picture, when the server came back.
        restarts: How often a server was restarted under it, this time included.
        held_s: The longest that a posture was held; None if none was.
    """

    parts: Parts
    age_s: float
    restarts: int
    held_s: float | None = None

    @property
    def judged_s(self) -> float:
        """Up to when the user was judged, on the session's time: there the gap begins.

        A repetition may be known, and stored, before the score of its last pictures, which was said
        and is lost. So it does not count.
        """
        ends_s = [row.end_s for row in self.parts.gaps[-1:]]
        return max([0.0, *(row.t_s for row in self.parts.scores[-1:]), *ends_s])

    @property
    def seen_s(self) -> float:
        """Up to when anything is known; pictures that come now are later."""
        return max([self.judged_s, *(row.end_s for row in self.parts.repetitions[-1:])])

    @property
    def repetitions(self) -> list[RepUpdate]:
        """All of them, attempts included."""
        return [repetition_update(row) for row in self.parts.repetitions]

    def history(self) -> History:
        """What a summary needs of it."""
        history = History(self.held_s)
        for update in updates_of(self.parts):
            history.add(update)
        return history

    def summary(self) -> SummaryValues | None:
        """What it came to; None if nothing was said."""
        return summary_values(self.history().summary()) if len(self.parts) else None
