"""What a comparison says, to all who are to know it: page, audience, record, figures."""

from collections.abc import Callable, Iterable

from posesim.updates import CueUpdate, GapUpdate, PoseUpdate, RepUpdate, ScoreUpdate, Update

from ..metrics import Metrics
from .audience import Told
from .channels import Channels
from .live_comparison import end_s
from .outcomes import EndReason, StateName, SummaryValues
from .record import Record


class Publisher:
    """Tells everybody the same, in the same order.

    Args:
        record: Keeps it.
        audience: Hears it as well.
        channels: Those that lead to the page now.
        metrics: Count gaps and ages.
        lag_s: How long ago a picture of a presentation time could have come.
    """

    def __init__(
        self,
        record: Record,
        audience: Told,
        channels: Callable[[], Channels],
        metrics: Metrics,
        lag_s: Callable[[float], float],
    ) -> None:
        self._record = record
        self._audience = audience
        self._channels = channels
        self._metrics = metrics
        self._lag_s = lag_s
        self._state: StateName | None = None

    def publish(self, updates: Iterable[Update]) -> None:
        """Tell of updates.

        Raises:
            NotReading: If the page lets its events pile up.
        """
        updates = list(updates)
        for update in updates:  # all of it, also if the page does not take the first
            self._record.add(update)
        for update in updates:
            age_s = self._lag_s(end_s(update))
            self._audience.update(update, age_s=age_s)
            match update:
                case GapUpdate():
                    self._metrics.gap(update.reason)
                    self._channels().gap(update)
                case ScoreUpdate():
                    self._metrics.aged(age_s)
                    self._channels().score(update, age_s=age_s)
                    self._tell_state(update)
                case PoseUpdate():
                    self._channels().pose(update)
                case RepUpdate():
                    self._channels().rep(update)
                case CueUpdate():
                    self._channels().cue(update)

    def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
        """Tell of the end."""
        self._audience.ended(reason, summary)
        self._channels().ended(reason, summary)

    def _tell_state(self, update: ScoreUpdate) -> None:
        if update.state != self._state:
            self._state = update.state
            self._audience.state(update.t_s, update.state)
            self._channels().state(update.t_s, update.state)
