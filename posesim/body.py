"""What a user's body did lately, against the way that the reference goes."""

from __future__ import annotations

from collections import deque

import numpy as np

from posesim.alignment import at_times
from posesim.likeness import Habit
from posesim.movement import Movement, smoothed
from posesim.posture import MIRRORED, WEIGHTS, Floats, Postures
from posesim.reps import RepCounter, Repetition

LEAST_LOOK_S, MOST_LOOK_S = 4.0, 12.0  # how far back it counts how far the user moves
LOOK_CYCLES = 1.5  # the same, in the reference's repetitions
LEAST_FIRST_LOOK_S = 2.0  # a first number needs a repetition of the reference, or so long
FIRST_LOOK_S = 4.0  # but no user is made to wait longer
STILL_S = 2.5  # over which it counts whether the user stands still
STIRRING = 1.5  # in weighed posture: nobody sways so far who stands, in whatever way
LATELY = 3  # repetitions that tempo is taken from
LATELY_S = 12.0  # and no older ones
REACH = 0.5  # what the ends count in how far a movement goes, where its way counts 1
SMOOTHED = 3  # poses of which the middle one is taken, so that one wrong pose does nothing


class Body:
    """Keep the poses of a stretch in which one person was there.

    Args:
        expected: The reference's movement; None while it is not known.
    """

    def __init__(self, expected: Movement | None) -> None:
        self._measure_by(expected)
        self._times_s: deque[float] = deque()
        self._values: deque[Floats] = deque()  # as seen, (17,)
        self._seen: deque[Floats] = deque()
        self._levels: deque[tuple[float, float]] = deque()  # along the way, smoothed
        self._counter = RepCounter()
        self._cycles: deque[Repetition] = deque(maxlen=LATELY)
        self._done_s = -np.inf  # when the last repetition was over

    def renew(self, expected: Movement | None, *, mirrored: bool) -> list[Repetition]:
        """Measure by another movement from now on, and what was kept as well.

        Returns:
            Repetitions that are known now, and were not when they were done.
        """
        self._measure_by(expected)
        self._levels.clear()
        self._counter = RepCounter()
        found: list[Repetition] = []
        for end in range(SMOOTHED, len(self._times_s) + 1):
            repetition = self._go_on(end, mirrored)
            if repetition is not None and repetition.start_s >= self._done_s:
                found.append(repetition)
        for each in found:
            self._done(each)
        return found

    def _measure_by(self, expected: Movement | None) -> None:
        self._expected = expected
        cycle_s = (expected.cycle_s or 0.0) if expected is not None else np.inf
        self._look_s = min(max(LOOK_CYCLES * cycle_s, LEAST_LOOK_S), MOST_LOOK_S)
        self._first_look_s = min(max(cycle_s, LEAST_FIRST_LOOK_S), FIRST_LOOK_S)

    def see(self, time_s: float, posture: Postures, mirrored: bool) -> Repetition | None:
        """Take the next posture; return the repetition that it completes."""
        self._times_s.append(time_s)
        self._values.append(posture.values[0])
        self._seen.append(posture.seen[0])
        while self._times_s[0] < time_s - self._look_s:
            for kept in (self._times_s, self._values, self._seen):
                kept.popleft()
        if len(self._times_s) < SMOOTHED:
            return None
        return self._done(self._go_on(len(self._times_s), mirrored))

    def _go_on(self, end: int, mirrored: bool) -> Repetition | None:
        """Follow the way up to the pose before number `end`; return what that completes."""
        if self._expected is None:
            return None
        lately = np.array([self._values[i] for i in range(end - SMOOTHED, end)])
        smooth = Postures(np.median(lately, axis=0)[None], self._seen[end - 1][None])
        level = float(self._expected.along(smooth.mirrored if mirrored else smooth)[0])
        middle_s = self._times_s[end - SMOOTHED // 2 - 1]
        self._levels.append((middle_s, level))
        while self._levels[0][0] < middle_s - self._look_s:
            self._levels.popleft()
        return self._counter.push(middle_s, level)

    def finish(self) -> Repetition | None:
        """No more postures come: return the repetition that was on its way back."""
        return self._done(self._counter.finish())

    def _done(self, repetition: Repetition | None) -> Repetition | None:
        if repetition is not None:
            self._cycles.append(repetition)
            self._done_s = repetition.end_s
        return repetition

    @property
    def newest_s(self) -> float:
        """When the body was seen last; before anything in a stream if it was not."""
        return self._times_s[-1] if self._times_s else -np.inf

    def at(self, times_s: np.ndarray) -> Postures:
        """The postures at some moments of the last seconds; NaN where no pose is near."""
        known = Postures(np.array(self._values).reshape(-1, len(WEIGHTS)), np.array(self._seen))
        return at_times(times_s, np.array(self._times_s), known)

    def extent(self, *, early: bool = False) -> float | None:
        """How far the body lately went along the way, over the reference.

        None at first, when a repetition may not have been seen; `early` wants it all the same.
        """
        looked_s = self._levels[-1][0] - self._levels[0][0] if self._levels else 0.0
        if looked_s < (STILL_S / 2 if early else self._first_look_s):
            return None
        low, high = np.percentile([level for _, level in self._levels], (5, 95))
        return extent(float(low), float(high))

    def moves(self) -> float:
        """How far the body went along the way in the last 2.5 s, over the reference; 0 is still."""
        if not self._levels:
            return 0.0
        from_s = self._levels[-1][0] - STILL_S
        low, high = np.percentile([level for t, level in self._levels if t >= from_s], (5, 95))
        return float(high - low)

    def stirs(self) -> float:
        """How far the body went in the last 2.5 s in any way, in weighed posture."""
        since = [i for i, t in enumerate(self._times_s) if t >= self.newest_s - STILL_S]
        return stirred(np.array(self._values)[since], np.array(self._seen)[since]) if since else 0.0

    def habit(self) -> Habit | None:
        """The postures that it lately took; None before there are any."""
        if not self._values:
            return None
        return Habit.of(Postures(np.array(self._values), np.array(self._seen)))

    def apart(self) -> float:
        """How far its last postures are from the one that the reference holds, or its mirror."""
        if len(self._values) < SMOOTHED or self._expected is None:
            return np.inf
        middle = np.median([self._values[i] for i in range(-SMOOTHED, 0)], axis=0)
        weights, held = self._expected.weights, self._expected.held
        return min(
            float((weights * np.abs(each - held) / WEIGHTS).sum() / weights.sum())
            for each in (middle, middle[MIRRORED])
        )

    def cycle_s(self) -> float | None:
        """How long its last repetitions took, from leaving to being back."""
        lengths = [
            each.end_s - each.start_s
            for each in self._cycles
            if each.end_s >= self.newest_s - LATELY_S
        ]
        return float(np.median(lengths)) if lengths else None


def extent(near: float, far: float) -> float:
    """How far a movement between two levels goes; 1 is between 0 and 1, as the reference.

    Mostly it counts how long the way is, which is known well from any side; where its ends are
    counts too, which tells half a movement of somebody large from a whole one.
    """
    reach = min(far, 1 - near)
    return (far - near + REACH * reach) / (1 + REACH)


def stirred(values: Floats, seen: Floats) -> float:
    """How far a body went in some postures in any way, in weighed posture; (n, 17) each, n > 0."""
    low, high = np.percentile(smoothed(values), (5, 95), axis=0)
    return float(np.linalg.norm((high - low) * seen.mean(axis=0)))
