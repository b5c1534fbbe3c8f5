"""What somebody shows live: as much of it as others can be compared with, and what it was.

A demonstration is taken up in stretches. A bout goes on as long as the demonstrator moves, with
pauses as an exercise has them; a hold, as long as a posture is kept that is neither standing nor
sitting at ease. Of the newest one that is long enough, the last seconds are what is expected of
others, computed as of a clip and renewed as it goes on. While the demonstrator rests, it stays.

When another exercise follows without a rest, the model that tells whether a user does a reference's
exercise tells that here, too: then the bout begins anew with what was shown last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posesim.activity import Activity, Doing
from posesim.alignment import at_times
from posesim.body import STILL_S
from posesim.embedding import WINDOW_S, Features, Part, TimedPose, join
from posesim.engines.base import Layout
from posesim.expectation import Expectation
from posesim.likeness import Habit, Likeness, bhattacharyya, cosine, posterior
from posesim.posture import Floats, Postures, degrees, of_poses
from posesim.presence import HINTS
from posesim.scoring import Calibration
from posesim.timebase import Gap

LOOKED_S = 20.0  # of a bout or a hold: what is expected of others
KEPT_S = 60.0  # of positions, where no bout is known yet
RENEWED_S = 2.0  # between two looks at what is shown
LEAST_BOUT_S = 5.0  # a shorter one counts if it has shown a repetition
LEAST_REPEATED_S = 3.0  # and even then must be so long
LEAST_HOLD_S = 5.0  # where nothing else was shown before
PAUSE_S = 8.0  # a posture that is kept for less, between movements, is part of them
ONSET_S = 0.5  # what goes by until a movement is seen
RESUMED_S = 1.0  # of a rest, kept in case that the movement goes on
CHANGED_S = 5.0  # what is compared with what was shown before
NOBODY = ("black", "frozen", "no_person")  # a picture that stands would look like a hold
OTHER = 0.1  # a lower movement component of the two is another exercise
USUAL_MISFIT = 0.6  # of one who goes on with what they do; that is not measured here


@dataclass
class _Stretch:
    """A bout, or a hold."""

    start_s: float
    end_s: float
    moves: bool

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Positions:
    """Consecutive positions of a demonstration: times (n,), taps (n, D), postures and degrees."""

    times_s: Floats
    taps: np.ndarray
    postures: Postures
    degrees: Floats

    def __len__(self) -> int:
        return len(self.times_s)


class Demonstration:
    """Keep what a demonstrator has shown of late.

    Whoever goes out of the picture ends it, and so does a picture that is black or stands, or a
    gap: then nothing is expected any more.

    Args:
        layout: Of the backbone that saw the parts.
        calibration: Says what is a hold, and what is another exercise.
    """

    def __init__(self, layout: Layout, calibration: Calibration) -> None:
        self._layout = layout
        self._calibration = calibration
        self.first = 0  # number of the oldest position that is kept
        self.end = 0  # number of the next position
        self._settled_s = -np.inf
        self._forget()

    def _forget(self) -> None:
        self._activity = Activity(self._calibration.hold_energy, self._layout.window_positions)
        self._parts: deque[TimedPose | Features] = deque()
        self._waiting: deque[TimedPose | Features] = deque()  # of a rest
        self._poses: deque[TimedPose] = deque()  # of the last seconds
        self._blocks: deque[Positions] = deque()
        self.first = self.end
        self._doing: Doing | None = None
        self._now_s = -np.inf
        self._bout: _Stretch | None = None
        self._hold: _Stretch | None = None
        self._looked_s = -np.inf  # when what is expected was computed
        self._looked_at: _Stretch | None = None
        self._expected: Expectation | None = None

    @property
    def rests(self) -> bool:
        """Whether the demonstrator stands or sits at ease: there is nothing to keep up with."""
        return self._doing == "rests"

    def take(self, part: Part) -> None:
        """Take the demonstrator's next part."""
        match part:
            case Gap():
                self._forget()
            case TimedPose():
                self._activity.see(part)
                self._poses.append(part)
                while self._poses[0].time_s < part.time_s - STILL_S:
                    self._poses.popleft()
                self._put(part)
            case Features():
                if part.hint in NOBODY:
                    self._forget()
                    self._settled_s = part.end_s + WINDOW_S
                    return
                if part.end_s < self._settled_s:  # the window has seen the empty room, too
                    part = replace(part, window=None)
                self._note(part)
                self._put(part)

    def since(self, number: int) -> list[Positions]:
        """The positions that are kept, from the one with a number on, which begins a block."""
        found: list[Positions] = []
        at = self.end
        for block in reversed(self._blocks):
            if at <= number:
                break
            at -= len(block)
            found.insert(0, block)
        return found

    @property
    def expected(self) -> Expectation | None:
        """What can be expected of whoever follows; None before enough was shown.

        Another object whenever it has been renewed.
        """
        if self._now_s >= self._looked_s + RENEWED_S:
            self._looked_s = self._now_s
            self._look()
        return self._expected

    # What is kept

    def _put(self, part: TimedPose | Features) -> None:
        """Keep a part; of a rest, only the end."""
        if self._doing == "rests":
            self._waiting.append(part)
            while _time_s(self._waiting[0]) < _time_s(part) - RESUMED_S:
                self._waiting.popleft()
            return
        for each in (*self._waiting, part):
            self._parts.append(each)
            if isinstance(each, Features) and len(each.taps):
                self._place(each)
        self._waiting.clear()

    def _place(self, part: Features) -> None:
        poses_s = np.array([each.time_s for each in self._poses])
        seen = of_poses([each.pose for each in self._poses])
        here = at_times(part.times_s, poses_s, seen)
        self._blocks.append(Positions(part.times_s, part.taps, here, degrees(here.values)))
        self.end += len(part.taps)

    def _drop(self, before_s: float) -> None:
        """Forget what was before a time."""
        while self._parts and _time_s(self._parts[0]) < before_s:
            self._parts.popleft()
        while self._blocks and self._blocks[0].times_s[-1] < before_s:
            self.first += len(self._blocks.popleft())

    # What is done

    def _note(self, part: Features) -> None:
        now_s = self._now_s = part.end_s
        self._doing = self._activity.take(part)
        if self._doing == "moves":
            if self._bout is None or now_s - self._bout.end_s > PAUSE_S - STILL_S:
                self._bout = _Stretch(now_s - ONSET_S, now_s, moves=True)
            self._bout.end_s = now_s
        elif self._doing == "holds":
            if self._hold is None or now_s - self._hold.end_s > ONSET_S:
                self._hold = _Stretch(now_s - STILL_S, now_s, moves=False)
            self._hold.end_s = now_s

    def _look(self) -> None:
        """Compute what is expected, where something new was shown."""
        chosen, expected = self._choose()
        if chosen is None or expected is None:
            self._drop(self._now_s - KEPT_S)
            return
        if chosen.moves and self._changed(chosen, expected):
            chosen.start_s = max(chosen.start_s, chosen.end_s - CHANGED_S)
            expected = self._expect(chosen) or expected
        self._expected, self._looked_at = expected, chosen
        self._drop(min(self._start_s(chosen), self._now_s - WINDOW_S - LEAST_BOUT_S))

    def _choose(self) -> tuple[_Stretch | None, Expectation | None]:
        """The newest stretch that is long enough, if it has gone on, and what it shows."""
        bout, hold = self._bout, self._hold
        if hold is not None and (bout is None or hold.end_s > bout.end_s):
            least_s = LEAST_HOLD_S if self._expected is None else PAUSE_S
            if hold.length_s >= least_s:
                return hold, self._expect(hold)
        if bout is None or bout.length_s < LEAST_REPEATED_S:
            return None, None
        if self._looked_at is bout and self._doing != "moves":
            return None, None
        expected = self._expect(bout)
        if expected is None:
            return None, None
        enough = bout.length_s >= LEAST_BOUT_S or expected.movement.cycles
        return (bout, expected) if enough else (None, None)

    def _start_s(self, stretch: _Stretch) -> float:
        return max(stretch.start_s, stretch.end_s - LOOKED_S)

    def _expect(self, stretch: _Stretch) -> Expectation | None:
        """What a stretch lets one expect; None if the network has not seen enough of it."""
        start_s, end_s = self._start_s(stretch), stretch.end_s
        if stretch.moves and self._doing != "moves":
            end_s -= STILL_S - ONSET_S  # it is over
        seen_s = stretch.start_s + WINDOW_S / 2  # before that, windows show mostly what was before
        parts = [
            part if _time_s(part) >= seen_s or isinstance(part, TimedPose) else _unseen(part)
            for part in self._parts
            if start_s <= _time_s(part) <= end_s
        ]
        chunks = [part for part in parts if isinstance(part, Features)]
        if not any(p.window for p in chunks) or not any(len(p.taps) for p in chunks):
            return None
        hints = [part.hint for part in chunks]
        same = self._looked_at is stretch and self._expected is not None
        return Expectation.of_features(
            join(parts),
            self._layout,
            duration_s=end_s,
            hint_shares={hint: hints.count(hint) / len(hints) for hint in HINTS},
            hold_energy=self._calibration.hold_energy,
            before=self._expected.movement if same and self._expected is not None else None,
        )

    def _changed(self, bout: _Stretch, expected: Expectation) -> bool:
        """Whether what is shown now is another exercise than what was shown before."""
        recent_s = max(CHANGED_S, expected.movement.cycle_s or 0.0)
        turn_s = bout.end_s - recent_s
        parts = [part for part in self._parts if _time_s(part) >= self._start_s(bout)]
        before = _Shown.of([part for part in parts if _time_s(part) < turn_s])
        lately = _Shown.of(
            [p for p in parts if _time_s(p) >= turn_s], windows_from_s=turn_s + WINDOW_S / 2
        )
        if before is None or lately is None:
            return False
        return self._calibration.movement_of(before.likeness(lately)) < OTHER


@dataclass(frozen=True)
class _Shown:
    """What was shown in some parts."""

    classes: np.ndarray
    embedding: np.ndarray
    habit: Habit

    @classmethod
    def of(
        cls, parts: Sequence[TimedPose | Features], windows_from_s: float = -np.inf
    ) -> _Shown | None:
        """None where no window or no pose is."""
        windows = [
            part.window
            for part in parts
            if isinstance(part, Features) and part.window and part.end_s >= windows_from_s
        ]
        poses = [part.pose for part in parts if isinstance(part, TimedPose)]
        if not windows or not poses:
            return None
        return cls(
            np.mean([posterior(window.logits) for window in windows], axis=0),
            np.mean([window.embedding for window in windows], axis=0),
            Habit.of(of_poses(poses)),
        )

    def likeness(self, other: _Shown) -> Likeness:
        return Likeness(
            classes=bhattacharyya(self.classes, other.classes),
            embedding=cosine(self.embedding, other.embedding),
            posture=self.habit.distance(other.habit),
            misfit=USUAL_MISFIT,
        )


def _unseen(part: Features) -> Features:
    return replace(part, window=None)


def _time_s(part: TimedPose | Features) -> float:
    return part.time_s if isinstance(part, TimedPose) else part.end_s
