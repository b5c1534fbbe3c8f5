"""The reference as it is played to the user: where it is, and how far behind it the user is."""

from __future__ import annotations

from posesim.alignment import Band
from posesim.updates import ReferenceClock

BAND_S = 2.5  # how far from the played reference a user is looked for


class Played:
    """A reference that a player repeats.

    Args:
        first_s: Of the reference, the time of its first position.
        position_s: Seconds from one position to the next.
        duration_s: Of the clip; then it begins anew.
    """

    def __init__(self, first_s: float, position_s: float, duration_s: float) -> None:
        self._first_s = first_s
        self._position_s = position_s
        self._duration_s = max(duration_s, position_s)
        self.clock: ReferenceClock | None = None  # None: it is not played

    def at(self, time_s: float) -> float | None:
        """Where the player is, in seconds of the reference; None while it does not play."""
        clock = self.clock
        if clock is None or clock.rate <= 0:
            return None
        return (clock.reference_s + (time_s - clock.at_s) * clock.rate) % self._duration_s

    def band(self, time_s: float) -> Band | None:
        """Where the user is looked for; None: anywhere."""
        played_s = self.at(time_s)
        if played_s is None:
            return None
        return Band(
            middle=(played_s - self._first_s) / self._position_s,
            reach=BAND_S / self._position_s,
            loop=self._duration_s / self._position_s,
        )

    def lag_s(self, time_s: float, reference_s: float) -> float | None:
        """How far behind the player a user is, who is at `reference_s`; below 0 ahead of it."""
        played_s = self.at(time_s)
        if played_s is None:
            return None
        half_s = self._duration_s / 2
        return (played_s - reference_s + half_s) % self._duration_s - half_s
