"""A whole video of a user against a reference, by the same code as live."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from posesim.clip_frames import OnProgress, frames_of
from posesim.comparison import Comparator
from posesim.engines.calls import Calls
from posesim.updates import CueUpdate, GapUpdate, RepUpdate, ScoreUpdate, Summary, Update


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


def comparing(
    comparator: Comparator,
    user: Path,
    *,
    reference: str,
    start_s: float | None = None,
    end_s: float | None = None,
    longest_s: float | None = None,
    on_progress: OnProgress | None = None,
) -> Calls[Comparison]:
    """Compare a video file with the reference of a fresh `comparator`.

    Asks for the network; see `posesim.engines.calls`. `posesim.library.compare` runs it.

    Args:
        comparator: Nothing must have been pushed to it.
        user: The video file.
        reference: The reference's name, for the result.
        start_s: Where the part of the video begins that is compared; its time 0.
        end_s: Where that part ends.
        longest_s: A longer part is refused; None takes any.
        on_progress: Told the share that is done, 0 to 1. What it raises ends the work.

    Raises:
        VideoError: If the file can't be read as video, has no such part or is too long.
    """
    updates: list[Update] = []
    count = 0
    began_s = time.perf_counter()
    reading = frames_of(
        user, start_s=start_s, end_s=end_s, longest_s=longest_s, on_progress=on_progress
    )
    with contextlib.closing(reading) as frames:
        for frame in frames:
            count += 1
            updates += yield from comparator.pushing(frame.time_s, frame.rgb)
    updates += yield from comparator.finishing()
    took_s = time.perf_counter() - began_s
    return Comparison(reference, comparator.summary(), updates, count / took_s)
