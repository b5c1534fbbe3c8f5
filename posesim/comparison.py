"""One user against one reference, frame by frame: the same object live and from a file.

Embedder, follower and scorer in a row. Nothing here knows where frames come from or
where results go.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean, median

from posesim.alignment import Follower, Place
from posesim.embedding import Embedder, Features, Frame
from posesim.engines.base import Engine
from posesim.engines.calls import Calls, run
from posesim.engines.pose import PoseNetworks
from posesim.framers import open_framer
from posesim.references import Reference, Settings
from posesim.scoring import Calibration, Components, Scorer, State
from posesim.timebase import Gap, GapReason


@dataclass(frozen=True)
class ScoreUpdate:
    """What is known after one chunk of frames.

    Attributes:
        t_s: Presentation time of the newest position that the update speaks of.
        state: "scoring", or why there is no number.
        score: 0 to 100; None unless `state` is "scoring".
        components: None unless `state` is "scoring".
        reference_s: Where in the reference the user is; None until it is known.
        tempo: User's speed over the reference's; None until it is known.
    """

    t_s: float
    state: State
    score: float | None
    components: Components | None
    reference_s: float | None
    tempo: float | None


@dataclass(frozen=True)
class GapUpdate:
    """A time in which nothing was seen; what follows begins anew."""

    start_s: float
    end_s: float
    reason: GapReason


Update = ScoreUpdate | GapUpdate


@dataclass(frozen=True)
class Summary:
    """A whole session.

    Attributes:
        score: Mean of the scores; None if there was none.
        state: "scoring" if there was a score, else the most frequent state.
        components: Their means; None if there was no score.
        tempo: The median tempo; None if it was never known.
        scored_s: For how long there was a number.
        duration_s: Presentation time of the last update.
        best_score: The highest score; None if there was none.
        best_s: When it was reached.
        gaps: How many.
    """

    score: float | None
    state: State
    components: Components | None
    tempo: float | None
    scored_s: float
    duration_s: float
    best_score: float | None
    best_s: float | None
    gaps: int


class Comparator:
    """Compare a stream of frames with a reference.

    Args:
        engine: Runs the network.
        reference: What to compare with.
        settings: What the engine and its weights make.
        calibration: Turns similarities into scores.
        poses: Find the person, where the settings frame one.

    Raises:
        SettingsMismatch: If the reference was made with other settings.
    """

    def __init__(
        self,
        engine: Engine,
        reference: Reference,
        settings: Settings,
        calibration: Calibration,
        poses: PoseNetworks | None = None,
    ) -> None:
        settings.require(reference.settings, reference.name)
        self._engine = engine
        self._embedder = Embedder(engine, open_framer(settings.framing, poses))
        self._reference = reference
        self._scorer = Scorer(reference, calibration)
        self._history = History()
        self._begin()

    @property
    def tail_hop(self) -> int:
        """Frames between two runs of the tail, a multiple of 8; may be changed between pushes."""
        return self._embedder.tail_hop

    @tail_hop.setter
    def tail_hop(self, frames: int) -> None:
        self._embedder.tail_hop = frames

    def push(self, time_s: float, frame: Frame) -> list[Update]:
        """Take a frame; return what it completes. Runs the network every 8 frames."""
        return run(self._engine, self.pushing(time_s, frame))

    def pushing(self, time_s: float, frame: Frame) -> Calls[list[Update]]:
        """`push` for whoever drives several comparators; see `posesim.engines.calls`."""
        parts = yield from self._embedder.push(time_s, frame)
        return [self._update(part) for part in parts]

    def interrupt(self, reason: GapReason) -> None:
        """Announce that frames were dropped here: the next one comes after a gap."""
        self._embedder.interrupt(reason)

    def finish(self) -> list[Update]:
        """End the stream; return what was still waiting."""
        return run(self._engine, self.finishing())

    def finishing(self) -> Calls[list[Update]]:
        """`finish` for whoever drives several comparators."""
        parts = yield from self._embedder.finish()
        return [self._update(part) for part in parts]

    def summary(self) -> Summary:
        """What has been seen so far, as a whole."""
        return self._history.summary()

    def _begin(self) -> None:
        layout = self._reference.settings.layout
        self._follower = Follower(self._reference.features.taps, layout.position_s, layout.tap_grid)
        self._place: Place | None = None
        self._scorer.reset()

    def _update(self, part: Features | Gap) -> Update:
        update: Update
        if isinstance(part, Gap):
            self._begin()
            update = GapUpdate(part.start_s, part.end_s, part.reason)
        else:
            for tap in part.taps:
                self._place = self._follower.push(tap)
            self._scorer.see(part.end_s, part.taps, part.window)
            state, components, score = self._scorer.judge(self._place, part.hint)
            place, times_s = self._place, self._reference.features.times_s
            update = ScoreUpdate(
                t_s=part.end_s,
                state=state,
                score=score,
                components=components,
                reference_s=None if place is None else float(times_s[place.index]),
                tempo=None if place is None else place.tempo,
            )
        self._history.add(update)
        return update


class History:
    """What a summary needs of all updates."""

    def __init__(self) -> None:
        self._scores: list[tuple[float, float, Components]] = []
        self._tempos: list[float] = []
        self._states: Counter[State] = Counter()
        self._scored_s = 0.0
        self._last_s = 0.0
        self._gaps = 0

    def add(self, update: Update) -> None:
        """Take the next update."""
        if isinstance(update, GapUpdate):
            self._gaps += 1
            self._last_s = update.end_s
            return
        self._states[update.state] += 1
        if update.score is not None and update.components is not None:
            self._scores.append((update.score, update.t_s, update.components))
            self._scored_s += update.t_s - self._last_s
            if update.tempo is not None:
                self._tempos.append(update.tempo)
        self._last_s = update.t_s

    def summary(self) -> Summary:
        """The whole so far."""
        best_score, best_s, _ = max(self._scores, key=lambda s: s[0], default=(None, None, None))
        parts = [components for _, _, components in self._scores]
        most_frequent = self._states.most_common(1)
        state: State = most_frequent[0][0] if most_frequent else "warming_up"
        return Summary(
            score=fmean(score for score, _, _ in self._scores) if parts else None,
            state="scoring" if parts else state,
            components=Components(
                movement=fmean(c.movement for c in parts),
                timing=fmean(c.timing for c in parts),
                range=fmean(c.range for c in parts),
            )
            if parts
            else None,
            tempo=median(self._tempos) if self._tempos else None,
            scored_s=self._scored_s,
            duration_s=self._last_s,
            best_score=best_score,
            best_s=best_s,
            gaps=self._gaps,
        )
