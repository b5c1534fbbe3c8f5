"""A demonstration as one user follows it, who is a little behind."""

from __future__ import annotations

import numpy as np

from posesim.alignment import Place, Stretch
from posesim.demonstration import Demonstration, Positions
from posesim.engines.base import Layout
from posesim.followed import At
from posesim.posture import Floats, Postures
from posesim.rolling import RollingFollower
from posesim.updates import ReferenceClock

BEHIND_S = 5.0  # the largest lag that is looked for
AHEAD_S = 0.5  # and how far ahead, where so much has been shown
PATIENCE_S = 1.0  # what anybody is behind who does what they see


class FollowedDemonstration:
    """What somebody shows live.

    While the demonstrator rests, or while it is not known when demonstrator and user were at the
    same moment, the user may be anywhere in what was shown.

    Args:
        demonstration: What is shown; whoever owns it goes on showing.
        layout: Of the backbone.
    """

    patience_s = PATIENCE_S

    def __init__(self, demonstration: Demonstration, layout: Layout) -> None:
        self.clock: ReferenceClock | None = None
        self._demonstration = demonstration
        self._layout = layout
        self.begin()

    @property
    def position_s(self) -> float:
        """Seconds from one position to the next."""
        return self._layout.position_s

    def begin(self) -> None:
        """Forget where the user was."""
        self._follower: RollingFollower | None = None
        self._first = self._end = 0  # numbers of its first position and of the next one to come
        self._times_s: Floats = np.empty(0)
        self._degrees: Floats = np.empty((0, 0))
        self._seen: Floats = np.empty((0, 0))

    def push(self, time_s: float, tap: np.ndarray, posture: Postures) -> Place | None:
        """Take the user's next position; return where it is; None while nothing is shown."""
        self._go_along()
        if self._follower is None:
            return None
        return self._follower.push(tap, posture, self._where(time_s))

    def ahead(self, time_s: float, postures: Postures) -> int:
        """Where the user is after some more positions, up to `time_s`, that have no taps yet."""
        assert self._follower is not None, "push first"
        return self._follower.ahead(postures, self._where(time_s))

    def at(self, index: int) -> At:
        """The demonstration at a position that a user was just found at."""
        return At(float(self._times_s[index]), self._degrees[index], self._seen[index])

    def lag_s(self, time_s: float, reference_s: float) -> float | None:
        """How far behind the demonstrator a user is; None while the demonstrator rests."""
        shown_s = self._shown_s(time_s)
        return None if shown_s is None else shown_s - reference_s

    def _shown_s(self, time_s: float) -> float | None:
        """The demonstrator's time at a moment of the user; None if there is nothing to keep up."""
        clock, expected = self.clock, self._demonstration.expected
        if clock is None or clock.rate <= 0 or self._demonstration.rests:
            return None
        if expected is None or expected.movement.kind == "hold" or not len(self._times_s):
            return None
        shown_s = clock.reference_s + (time_s - clock.at_s) * clock.rate
        late = shown_s - BEHIND_S > self._times_s[-1]  # nothing has come for long
        return None if late else shown_s

    def _where(self, time_s: float) -> Stretch:
        shown_s = self._shown_s(time_s)
        if shown_s is None:
            return Stretch(0, len(self._times_s) - 1)
        first = int(np.searchsorted(self._times_s, shown_s - BEHIND_S))
        last = int(np.searchsorted(self._times_s, shown_s + AHEAD_S, side="right")) - 1
        now = float(np.interp(shown_s, self._times_s, np.arange(len(self._times_s))))
        return Stretch(first, max(last, first), now)

    def _go_along(self) -> None:
        """Take over what was shown meanwhile, and forget what the demonstration has forgotten."""
        shown = self._demonstration
        if self._follower is not None and shown.first >= self._end:
            self.begin()
        if shown.end > max(self._end, shown.first):
            self._extend(shown.since(max(self._end, shown.first)))
            if self._end == 0:
                self._first = shown.first
            self._end = shown.end
        count = shown.first - self._first
        if self._follower is not None and count > 0:
            self._follower.drop(count)
            self._first = shown.first
            self._times_s = self._times_s[count:]
            self._degrees, self._seen = self._degrees[count:], self._seen[count:]

    def _extend(self, blocks: list[Positions]) -> None:
        taps = np.concatenate([block.taps for block in blocks])
        values = np.concatenate([block.postures.values for block in blocks])
        seen = np.concatenate([block.postures.seen for block in blocks])
        postures = Postures(values, seen)
        turned = np.concatenate([block.degrees for block in blocks])
        if self._follower is None:
            self._follower = RollingFollower(taps, postures, self.position_s, self._layout.tap_grid)
            self._times_s, self._degrees, self._seen = np.empty(0), turned[:0], seen[:0]
        else:
            self._follower.extend(taps, postures)
        times_s = [block.times_s for block in blocks]
        self._times_s = np.concatenate([self._times_s, *times_s])
        self._degrees = np.concatenate([self._degrees, turned])
        self._seen = np.concatenate([self._seen, seen])
