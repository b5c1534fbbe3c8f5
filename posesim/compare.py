"""A whole video of a user against a reference, by the same code as live."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posesim.comparison import Comparator
from posesim.embedding import LARGEST_SIDE
from posesim.updates import CueUpdate, GapUpdate, RepUpdate, ScoreUpdate, Summary, Update
from posesim.video import probe, read_frames


@dataclass(frozen=True)
class Comparison:
    """The result of comparing a video with a reference.

    Attributes:
        reference: The reference's name.
        summary: The whole.
        updates: Everything that was said on the way, as live.
        frames_per_second: Frames of the video that were read and compared per second of work.
    """

    reference: str
    summary: Summary
    updates: list[Update]
    frames_per_second: float

    @property
    def path(self) -> list[tuple[float, float]]:
        """Where in the reference the user was: (user_s, reference_s), one for each chunk."""
        return [
            (update.t_s, update.reference_s)
            for update in self.updates
            if isinstance(update, ScoreUpdate) and update.reference_s is not None
        ]

    def as_json(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "reference": self.reference,
            **asdict(self.summary),
            "path": [
                [round(user_s, 3), round(reference_s, 3)] for user_s, reference_s in self.path
            ],
            "frames_per_second": self.frames_per_second,
            "timeline": self._all(ScoreUpdate, GapUpdate),
            "repetition_results": self._all(RepUpdate),
            "cues": self._all(CueUpdate),
        }

    def _all(self, *kinds: type[ScoreUpdate | GapUpdate | RepUpdate | CueUpdate]) -> list[Any]:
        return [asdict(update) for update in self.updates if isinstance(update, kinds)]

    def as_table(self) -> str:
        """The whole in a few lines for a terminal."""
        s = self.summary
        rows = [
            ("reference", self.reference),
            ("state", s.state),
            ("score", "-" if s.score is None else f"{s.score:.0f} of 100"),
        ]
        if s.components is not None:
            rows += [(name, f"{value:.2f}") for name, value in asdict(s.components).items()]
        if s.tempo is not None:
            rows.append(("tempo", f"{s.tempo:.2f} of the reference's"))
        if s.repetitions or s.attempts:
            rows.append(("counted", f"{s.repetitions} repetitions, {s.attempts} attempts"))
        if s.held_s is not None:
            rows.append(("held", f"{s.held_s:.1f} s"))
        if s.best_score is not None:
            rows.append(("best", f"{s.best_score:.0f} at {s.best_s:.1f} s"))
        rows += [
            ("scored", f"{s.scored_s:.1f} of {s.duration_s:.1f} s"),
            ("gaps", str(s.gaps)),
            ("speed", f"{self.frames_per_second:.1f} frames per second"),
        ]
        return "\n".join(f"{name:<10} {value}" for name, value in rows)


def compare(
    comparator: Comparator,
    user: Path,
    *,
    reference: str,
    on_progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Compare a video file with the reference of a fresh `comparator`.

    Args:
        comparator: Nothing must have been pushed to it.
        user: The video file.
        reference: The reference's name, for the result.
        on_progress: Called with the share of the video that is done, 0 to 1.

    Raises:
        VideoError: If the file can't be read as video.
    """
    duration_s = probe(user).duration_s
    updates: list[Update] = []
    frames = 0
    started = time.perf_counter()
    for frame in read_frames(user, largest_side=LARGEST_SIDE):
        frames += 1
        if new := comparator.push(frame.time_s, frame.rgb):
            updates += new
            if on_progress is not None and duration_s > 0:
                on_progress(min(frame.time_s / duration_s, 1.0))
    updates += comparator.finish()
    took_s = time.perf_counter() - started
    return Comparison(reference, comparator.summary(), updates, frames / took_s)
