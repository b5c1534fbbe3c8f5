"""Who else hears what a session says to its user: the coach of a call."""

from typing import Protocol

import structlog

from posesim.updates import Update

from .outcomes import EndReason, StateName, SummaryValues

logger = structlog.get_logger(__name__)


class Audience(Protocol):
    """Hears everything that a session publishes, in order, on the event loop; it must not block."""

    def update(self, update: Update, *, age_s: float) -> None:
        """Something was found; `age_s` from the arrival of its newest frame until now."""
        ...

    def state(self, t_s: float, state: StateName) -> None:
        """The state is another one from `t_s` on. Comes after the score that has it."""
        ...

    def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
        """The session is over, and that is stored; nothing comes after it."""
        ...


class Told:
    """An audience, or none, that may fail: the session goes on.

    What fails is logged, once a session: what fails with one score fails with the next.
    """

    def __init__(self, audience: Audience | None) -> None:
        self._audience = audience
        self._failed = False
        self._over = False

    def update(self, update: Update, *, age_s: float) -> None:
        """Tell of an update."""
        if self._audience is not None:
            try:
                self._audience.update(update, age_s=age_s)
            except Exception:
                self._log()

    def state(self, t_s: float, state: StateName) -> None:
        """Tell of another state."""
        if self._audience is not None:
            try:
                self._audience.state(t_s, state)
            except Exception:
                self._log()

    def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
        """Tell of the end. A second time nothing happens."""
        if self._audience is not None and not self._over:
            self._over = True
            try:
                self._audience.ended(reason, summary)
            except Exception:
                self._log()

    def _log(self) -> None:
        if not self._failed:
            logger.exception("the audience could not be told")
        self._failed = True
