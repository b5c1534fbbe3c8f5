"""What a user follows: a reference's positions in time, and where among them the user may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from posesim.alignment import Follower, Place
from posesim.expectation import Expectation
from posesim.played import Played
from posesim.posture import Floats, Postures
from posesim.updates import ReferenceClock


@dataclass(frozen=True)
class At:
    """A reference at one of its positions.

    Attributes:
        time_s: Of the reference.
        degrees: Its parts, (17,); NaN where nobody was seen.
        seen: How well it shows each, (17,).
    """

    time_s: float
    degrees: Floats
    seen: Floats


class Followed(Protocol):
    """A reference as one user follows it."""

    clock: ReferenceClock | None  # where it is as the user sees it; None where that is not known

    @property
    def position_s(self) -> float:
        """Seconds from one position to the next."""

    @property
    def patience_s(self) -> float:
        """Whoever is so far behind or ahead is in step."""

    def begin(self) -> None:
        """Forget where the user was: after a gap it may be anybody."""

    def push(self, time_s: float, tap: np.ndarray, posture: Postures) -> Place | None:
        """Take the user's next position; return where in the reference it is, if there is one."""

    def ahead(self, time_s: float, postures: Postures) -> int:
        """Where the user is after some more positions, up to `time_s`, that have no taps yet."""

    def at(self, index: int) -> At:
        """The reference at a position that a user was just found at."""

    def lag_s(self, time_s: float, reference_s: float) -> float | None:
        """How far behind the reference a user is, who is at `reference_s`; None: not known."""


class FollowedClip:
    """A clip that a player may repeat.

    Args:
        expected: The clip.
    """

    patience_s = 0.0

    def __init__(self, expected: Expectation) -> None:
        self._expected = expected
        self._played = Played(float(expected.times_s[0]), expected.position_s, expected.duration_s)
        self.begin()

    @property
    def clock(self) -> ReferenceClock | None:
        """Where the player is; None: it does not play."""
        return self._played.clock

    @clock.setter
    def clock(self, clock: ReferenceClock | None) -> None:
        self._played.clock = clock

    @property
    def position_s(self) -> float:
        """Seconds from one position to the next."""
        return self._expected.position_s

    def begin(self) -> None:
        """Forget where the user was."""
        expected = self._expected
        self._follower = Follower(
            expected.taps, expected.postures, expected.position_s, expected.tap_grid
        )

    def push(self, time_s: float, tap: np.ndarray, posture: Postures) -> Place | None:
        """Take the user's next position; return where in the clip it is."""
        return self._follower.push(tap, posture, self._played.band(time_s))

    def ahead(self, time_s: float, postures: Postures) -> int:
        """Where the user is after some more positions, up to `time_s`, that have no taps yet."""
        return self._follower.ahead(postures, self._played.band(time_s))

    def at(self, index: int) -> At:
        """The clip at a position."""
        expected = self._expected
        return At(
            float(expected.times_s[index]), expected.degrees[index], expected.postures.seen[index]
        )

    def lag_s(self, time_s: float, reference_s: float) -> float | None:
        """How far behind the player a user is; None while nothing is played."""
        return self._played.lag_s(time_s, reference_s)
