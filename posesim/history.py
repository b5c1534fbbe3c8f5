"""What a session was, as a whole."""

from __future__ import annotations

from collections import Counter
from statistics import fmean, median

from posesim.updates import (
    Components,
    CueUpdate,
    GapUpdate,
    PoseUpdate,
    ReferenceUpdate,
    RepUpdate,
    State,
    Summary,
    Update,
)


class History:
    """What a summary needs of all updates.

    Args:
        held_s: The longest that a posture was held before the first of them.
    """

    def __init__(self, held_s: float | None = None) -> None:
        self._scores: list[tuple[float, float, Components]] = []
        self._tempos: list[float] = []
        self._states: Counter[State] = Counter()
        self._scored_s = 0.0
        self._last_s = 0.0
        self._gaps = 0
        self._rep_tempos: list[float] = []
        self._repetitions = 0
        self._attempts = 0
        self._held_s = held_s

    def add(self, update: Update) -> None:
        """Take the next update."""
        match update:
            case GapUpdate():
                self._gaps += 1
                self._last_s = update.end_s
                return
            case RepUpdate():
                if update.tempo is not None:
                    self._rep_tempos.append(update.tempo)
                self._repetitions += update.valid
                self._attempts += not update.valid
                return
            case PoseUpdate() | CueUpdate() | ReferenceUpdate():
                return
        if update.held_s is not None:
            self._held_s = max(self._held_s or 0.0, update.held_s)
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
        tempos = self._rep_tempos or self._tempos
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
            tempo=median(tempos) if tempos else None,
            scored_s=self._scored_s,
            duration_s=self._last_s,
            best_score=best_score,
            best_s=best_s,
            gaps=self._gaps,
            repetitions=self._repetitions,
            attempts=self._attempts,
            held_s=self._held_s,
        )
