"""How the set-up of a session goes, from its offer to its first picture, for the figures."""

import time
from collections.abc import Callable

from ..metrics import Metrics, SetupFailure
from .outcomes import EndReason

FAILURES: dict[EndReason, SetupFailure] = {
    "never_joined": "never_joined",
    "lost": "no_frames",
    "failed": "failed",
}


class SettingUp:
    """Counts one set-up that succeeds or fails, and each connection after the first.

    Args:
        metrics: Where they are counted.
        before: Whether the session was set up in an earlier run of the server.
        clock: A monotonic clock.

    Attributes:
        offered_s: When the offer came that set the session up; None if that was in an earlier run.
    """

    def __init__(
        self, metrics: Metrics, *, before: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.offered_s: float | None = None
        self._metrics = metrics
        self._joined = before
        self._seen = before
        self._clock = clock

    def joined(self, offered_s: float) -> None:
        """An offer that came at `offered_s` was answered."""
        if self._joined:
            self._metrics.resumed()
        else:
            self._joined, self.offered_s = True, offered_s

    def frame(self) -> None:
        """A picture came."""
        if not self._seen and self.offered_s is not None:
            self._metrics.set_up(self._clock() - self.offered_s)
        self._seen = True

    def ended(self, reason: EndReason) -> None:
        """The session is over; before the first picture it failed, unless somebody wanted that."""
        if not self._seen and (failure := FAILURES.get(reason)):
            self._metrics.setup_failed(failure)
