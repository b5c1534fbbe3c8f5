"""One user against somebody who shows the movement live."""

from __future__ import annotations

from collections.abc import Sequence

from posesim.demonstration import Demonstration
from posesim.embedding import Features, Part
from posesim.engines.base import Engine
from posesim.expectation import Expectation
from posesim.followed_demonstration import FollowedDemonstration
from posesim.framers import Framer
from posesim.judge import Judge
from posesim.judged_stream import JudgedStream
from posesim.references import Settings
from posesim.scoring import Calibration
from posesim.updates import ReferenceClock, ReferenceUpdate, Update

SAME_CYCLE = 0.15  # of a repetition's length: a smaller change of it is not said


class DemonstrationJudge:
    """Judge one user against what is shown: parts of both streams in, updates out.

    Args:
        settings: What made the parts.
        calibration: Turns comparisons into components.
    """

    def __init__(self, settings: Settings, calibration: Calibration) -> None:
        self._demonstration = Demonstration(settings.layout, calibration)
        followed = FollowedDemonstration(self._demonstration, settings.layout)
        self._judge = Judge(None, calibration, followed)
        self._expected: Expectation | None = None
        self._told: ReferenceUpdate | None = None

    def show(self, parts: Sequence[Part]) -> None:
        """Take the demonstrator's next parts."""
        for part in parts:
            self._demonstration.take(part)

    def follow(self, clock: ReferenceClock | None) -> None:
        """Say when both were at the same moment; see `DemonstrationComparator.follow`."""
        self._judge.follow(clock)

    def take(self, part: Part) -> list[Update]:
        """Take the user's next part; return what it says."""
        renewed = self._renew(part.end_s) if isinstance(part, Features) else []
        return [*renewed, *self._judge.take(part)]

    def finish(self) -> list[Update]:
        """End the user's stream; return what was still waiting."""
        return self._judge.finish()

    def _renew(self, time_s: float) -> list[Update]:
        """Expect what is shown by now; return what is to be said of it."""
        expected = self._demonstration.expected
        if expected is self._expected:
            return []
        self._expected = expected
        self._judge.renew(expected)
        if expected is None:
            self._told = None
            return []
        movement = expected.movement
        cycle_s = movement.cycle_s if movement.kind == "repetitions" else None
        if self._told is not None and self._told.kind == movement.kind:
            before_s = self._told.cycle_s
            if cycle_s == before_s:
                return []
            if cycle_s and before_s and abs(cycle_s - before_s) <= SAME_CYCLE * before_s:
                return []
        self._told = ReferenceUpdate(time_s, movement.kind, cycle_s)
        return [self._told]


class DemonstrationComparator(JudgedStream[DemonstrationJudge]):
    """Compare a stream of frames with a demonstration; otherwise as `Comparator`.

    `follow` says when the user and the demonstrator were at the same moment: `clock.reference_s` is
    on the time of the demonstrator's parts, and its rate is 1. With None nothing is said of lag.

    Args:
        engine: Runs the network.
        settings: What the engine and its weights make; the demonstrator's parts come of the same.
        calibration: Turns similarities into scores.
        framer: Frames the user, by the rule that the settings name.
    """

    def __init__(
        self, engine: Engine, settings: Settings, calibration: Calibration, framer: Framer
    ) -> None:
        super().__init__(engine, framer, DemonstrationJudge(settings, calibration))

    def show(self, parts: Sequence[Part]) -> None:
        """Take what the demonstrator has shown since the last call, on the demonstrator's time.

        A comparator that begins later is given all of the last minute at once.
        """
        self._judge.show(parts)
