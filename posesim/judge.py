"""What is said of a user, from what was seen of them: states, scores, repetitions, cues.

Takes the parts of a stream in order (poses, features, gaps) and gives updates. Nothing here runs a
network or looks at a picture, so that a benchmark can replay what was seen once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from posesim.alignment import Place
from posesim.body import STIRRING, Body, extent
from posesim.cues import Coach, Fault
from posesim.differences import Differences
from posesim.embedding import WINDOW_S, Features, Part, TimedPose
from posesim.expectation import Expectation
from posesim.followed import Followed, FollowedClip
from posesim.likeness import Impression, Likeness, bhattacharyya, cosine
from posesim.movement import Kind
from posesim.posture import Postures, of_poses
from posesim.presence import Hint
from posesim.reps import Repetition
from posesim.scoring import Calibration
from posesim.timebase import Gap
from posesim.updates import (
    Components,
    CueName,
    CueUpdate,
    GapUpdate,
    PoseUpdate,
    ReferenceClock,
    RepUpdate,
    ScoreUpdate,
    State,
    Update,
)

SETTLED_S = WINDOW_S + 0.6  # after somebody came: until then the network saw the empty room, too
MOST_AHEAD = (
    1  # positions that poses alone go beyond the taps; each costs precision (docs/score.md)
)
LOST_S = 4.0  # who does something else for so long is lost
LOST_MOVEMENT = 0.1  # a lower movement component is something else
SAME_MOVEMENT = 0.5  # from here on it is the reference's exercise
MOST_WAITING = 5  # repetitions kept until the first number tells what they were
SCORES_KEPT = 200  # a minute of them, for repetitions


@dataclass(frozen=True)
class _Moment:
    """A number, and when."""

    time_s: float
    components: Components


class Judge:
    """Judge one user against one reference.

    Args:
        expected: The reference; None while it is not known, and nobody is judged.
        calibration: Turns comparisons into components.
        followed: The reference's positions; None takes those of `expected`.
    """

    def __init__(
        self,
        expected: Expectation | None,
        calibration: Calibration,
        followed: Followed | None = None,
    ) -> None:
        self._expected = expected
        self._calibration = calibration
        if followed is None:
            assert expected is not None, "a reference that is not known has no positions"
            followed = FollowedClip(expected)
        self._followed = followed
        self._coach = Coach()
        self._counted = 0  # repetitions
        self._valid = 0  # of them
        self._at_s = 0.0  # of the last score
        self._reference_s = 0.0  # where in the reference the user then was
        self._hint: Hint | None = None  # what then kept the user from being judged
        self.likeness: Likeness | None = None  # the newest; for calibration
        self._begin()

    def follow(self, clock: ReferenceClock | None) -> None:
        """The reference is played to the user, as `clock` says; None: it no longer is."""
        self._followed.clock = clock

    @property
    def _kind(self) -> Kind | None:
        return None if self._expected is None else self._expected.movement.kind

    @property
    def extent(self) -> float | None:
        """How far the user lately moved, over the reference; for calibration."""
        return self._body.extent()

    @property
    def moves(self) -> float:
        """How far the user moved in the last seconds, over the reference; for calibration."""
        return self._body.moves()

    def take(self, part: Part) -> list[Update]:
        """Take the next part of the stream; return what it says."""
        match part:
            case Gap():
                self._begin()
                return [GapUpdate(part.start_s, part.end_s, part.reason)]
            case TimedPose():
                return self._see(part)
            case Features():
                return self._judge(part)

    def finish(self) -> list[Update]:
        """End the stream; return what was still waiting.

        A short clip gets its one number here, though it may show no whole repetition.
        """
        last = self._body.finish()
        if last is not None:
            self._waiting.append(last)
        if self._moments:
            return self._repeated(self._waiting)
        said = self._say(early=True)
        return said if self._moments else []

    def _begin(self) -> None:
        """Forget the stretch; what was counted stays."""
        self._followed.begin()
        self._place: Place | None = None
        self._followed_s = 0.0  # time of the last tap
        self._settle(None)

    def _settle(self, since_s: float | None) -> None:
        """Forget the person: another one, or the same one anew, is to be judged."""
        self._settling_s = since_s  # until when somebody was missing; None: from the beginning on
        self._body = Body(None if self._expected is None else self._expected.movement)
        self._impression = Impression()
        self._differences = Differences(self._calibration.tolerated_deg)
        self._waiting: list[Repetition] = []
        self._moments: deque[_Moment] = deque(maxlen=SCORES_KEPT)
        self._other_since_s: float | None = None  # since when it has been another movement
        self._holding_since_s: float | None = None

    def renew(self, expected: Expectation | None) -> None:
        """Expect something else from now on; None: it is not known what.

        What was counted stays, and so does what the user did lately, which is seen anew.
        """
        if expected is None or self._expected is None or self._kind != expected.movement.kind:
            self._holding_since_s = self._other_since_s = None
        self._expected = expected
        mirrored = self._place is not None and self._place.mirrored
        movement = None if expected is None else expected.movement
        found = self._body.renew(movement, mirrored=mirrored)
        self._waiting = [*self._waiting, *found][-MOST_WAITING:]

    # Poses

    def _see(self, seen: TimedPose) -> list[Update]:
        posture = of_poses([seen.pose])
        mirrored = self._place is not None and self._place.mirrored
        repetition = self._body.see(seen.time_s, posture, mirrored)
        parts = self._differences.now() if self._is_same() else ()
        pose = PoseUpdate(seen.time_s, seen.pose.landmarks[:, [0, 1, 3]], parts)
        if repetition is None:
            return [pose]
        if not self._moments:  # what it was is not known yet
            self._waiting = [*self._waiting, repetition][-MOST_WAITING:]
            return [pose]
        return [pose, *self._repeated([repetition])]

    def _is_same(self) -> bool:
        """Whether the last number was one of the reference's exercise."""
        return bool(self._moments) and self._moments[-1].components.movement >= SAME_MOVEMENT

    def _repeated(self, repetitions: list[Repetition]) -> list[Update]:
        """What is said of repetitions, where they are of the reference's exercise."""
        updates: list[Update] = []
        for each in repetitions if self._kind == "repetitions" else ():
            if (rep := self._result(each)) is not None:
                updates.append(rep)
                if cue := self._coach.after(rep, self._farther(each)):
                    updates.append(cue)
        return updates

    def _result(self, each: Repetition) -> RepUpdate | None:
        """A repetition as it is told; None for one of another exercise."""
        during = [m.components for m in self._moments if each.start_s <= m.time_s <= each.end_s]
        during = during or [m.components for m in self._moments][-1:]
        if not during:
            return None
        assert self._expected is not None
        movement = float(np.mean([c.movement for c in during]))
        if movement < SAME_MOVEMENT:
            return None
        timing = float(np.mean([c.timing for c in during]))
        goes = extent(each.near, each.far)
        whole = Components(movement, timing, self._calibration.range_of(goes))
        valid = goes >= self._calibration.valid_range
        self._counted += 1
        self._valid += valid
        cycle_s = self._expected.movement.cycle_s
        return RepUpdate(
            number=self._counted,
            start_s=each.start_s,
            end_s=each.end_s,
            valid=valid,
            score=self._calibration.score(whole),
            range=goes,
            tempo=cycle_s / (each.end_s - each.start_s) if cycle_s else None,
            differences=self._differences.between(each.start_s, each.end_s),
        )

    def _farther(self, each: Repetition) -> CueName:
        """How to tell who does not go far enough: towards the end that is missed by more."""
        towards_far = 1 - each.far >= each.near
        rises = 0 if self._expected is None else self._expected.rises
        match rises * (1 if towards_far else -1):
            case 1:
                return "higher"
            case -1:
                return "lower"
            case _:
                return "further"

    # Features

    def _judge(self, part: Features) -> list[Update]:
        at_s, reference_s = self._follow(part)
        if part.window is not None:
            self._impression.see(part.end_s, part.window)
        if self._place is not None and at_s <= self._at_s:
            return []  # the last window of a clip, which tells no new moment
        self._at_s = at_s
        shown_too = frozenset() if self._expected is None else self._expected.shown_too
        self._hint = part.hint if part.hint not in shown_too else None
        if self._hint is not None:
            self._settle(at_s)
        self._reference_s = reference_s
        return self._say()

    def _say(self, *, early: bool = False) -> list[Update]:
        """What is to be said now, a `ScoreUpdate` last; `early` does not wait for a repetition."""
        at_s, hint = self._at_s, self._hint
        reference_s = self._reference_s
        lag_s = self._followed.lag_s(at_s, reference_s)
        state, components = (hint, None) if hint is not None else self._look(at_s, lag_s, early)
        updates: list[Update] = []
        if components is not None:
            self._moments.append(_Moment(at_s, components))
            updates += self._repeated(self._waiting)
            self._waiting = []
            if self._kind == "hold":
                updates += self._correct(at_s, components)
        place = self._place if state in ("warming_up", "scoring") else None
        scoring = components is not None
        updates.append(
            ScoreUpdate(
                t_s=at_s,
                state=state,
                score=self._calibration.score(components) if components else None,
                components=components,
                reference_s=reference_s if place else None,
                tempo=self._tempo() if scoring else None,
                lag_s=lag_s if scoring else None,
                mirrored=place is not None and place.mirrored,
                repetitions=self._valid,
                held_s=self._held_s(at_s, components),
            )
        )
        return updates

    def _follow(self, part: Features) -> tuple[float, float]:
        """Follow taps, then poses, which are newer; return the time and the reference's reached."""
        poses = self._body.at(part.times_s)
        for row, (each_s, tap) in enumerate(zip(part.times_s, part.taps, strict=True)):
            posture = Postures(poses.values[row : row + 1], poses.seen[row : row + 1])
            time_s = float(each_s)
            self._place = self._followed.push(time_s, tap, posture)
            self._followed_s = time_s
            if self._place is not None and np.isfinite(posture.values).all():
                at = self._followed.at(self._place.index)
                self._differences.see(time_s, posture, at, self._place.mirrored)
        if self._place is None:
            return part.end_s, 0.0
        step_s = self._followed.position_s
        ahead_s = self._followed_s + step_s * np.arange(1, MOST_AHEAD + 1)
        ahead_s = ahead_s[ahead_s <= self._body.newest_s + 1e-6]
        if not len(ahead_s):
            return self._followed_s, self._followed.at(self._place.index).time_s
        newest_s = float(ahead_s[-1])
        index = self._followed.ahead(newest_s, self._body.at(ahead_s))
        return newest_s, self._followed.at(index).time_s

    def _look(
        self, at_s: float, lag_s: float | None, early: bool
    ) -> tuple[State, Components | None]:
        """The state while somebody is there and, while it is "scoring", the components."""
        likeness, goes, place = self._compare(), self._body.extent(early=early), self._place
        settling = self._settling_s is not None and at_s - self._settling_s < SETTLED_S
        if likeness is None or goes is None or place is None or place.coherence is None or settling:
            return "warming_up", None
        moves = self._body.moves()
        stands = moves < self._calibration.still_extent and self._body.stirs() < STIRRING
        if stands and self._kind != "hold":
            return "still", None
        movement = self._calibration.movement_of(likeness)
        if movement >= LOST_MOVEMENT:
            self._other_since_s = None
        elif self._other_since_s is None:
            self._other_since_s = at_s
        elif at_s - self._other_since_s >= LOST_S:
            return "lost", None
        if self._kind == "hold":
            steady, close = self._calibration.hold_of(moves, self._body.apart())
            return "scoring", Components(movement, steady, close)
        late_s = None if lag_s is None else max(abs(lag_s) - self._followed.patience_s, 0.0)
        timing = self._calibration.timing_of(place.coherence, self._tempo(), late_s)
        return "scoring", Components(movement, timing, self._calibration.range_of(goes))

    def _compare(self) -> Likeness | None:
        habit, place, shown = self._body.habit(), self._place, self._impression
        expected = self._expected
        if expected is None or habit is None or place is None:
            return None
        if shown.classes is None or shown.embedding is None:
            return None
        self.likeness = Likeness(
            classes=bhattacharyya(shown.classes, expected.classes),
            embedding=cosine(shown.embedding, expected.embedding),
            posture=min(expected.habit.distance(each) for each in (habit, habit.mirrored)),
            misfit=place.misfit,
        )
        return self.likeness

    def _tempo(self) -> float | None:
        """From the last repetitions; before the first, or without any, from the alignment."""
        expected_s = None if self._expected is None else self._expected.movement.cycle_s
        cycle_s = self._body.cycle_s()
        if expected_s is not None and cycle_s is not None:
            return expected_s / cycle_s
        return None if self._place is None else self._place.tempo

    # A hold

    def _held_s(self, at_s: float, components: Components | None) -> float | None:
        """How long the posture has been held; None where the reference holds none."""
        if self._kind != "hold":
            return None
        if components is None or min(components.movement, components.range) < SAME_MOVEMENT:
            self._holding_since_s = None
            return 0.0
        if self._holding_since_s is None:
            self._holding_since_s = at_s
        return at_s - self._holding_since_s

    def _correct(self, at_s: float, components: Components) -> list[CueUpdate]:
        if components.movement < SAME_MOVEMENT:
            return []
        faults = [Fault("keep_still")] if components.timing < 0.5 else []
        faults += [Fault("check", part) for part in self._differences.now()[:1]]
        cue = self._coach.during(at_s, faults)
        return [] if cue is None else [cue]
