"""What a program does with posesim: open what embeds, make references, compare videos with them.

`posesim` itself has these names; docs/library.md shows them at work.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from posesim.backbones import DEFAULT, weights_path
from posesim.clip_frames import OnProgress
from posesim.comparison import Comparator
from posesim.engines import EngineChoice
from posesim.engines.calls import run
from posesim.network import Network
from posesim.references import Reference
from posesim.video_comparison import Comparison, comparing


@dataclass(frozen=True)
class Embedder:
    """What sees videos: the networks with their weights, prepared for this machine.

    Open one and keep it. It serves one thread at a time.
    """

    network: Network

    @classmethod
    def open(
        cls,
        weights: str | os.PathLike[str] | None = None,
        *,
        engine: EngineChoice = "auto",
        backbone: str = DEFAULT,
    ) -> Embedder:
        """Load the weights and prepare the engine: seconds of work. Nothing is downloaded.

        Args:
            weights: The file of weights; None for where `posesim weights fetch` puts it.
            engine: What runs the network.
            backbone: Which network: "i3d" or "i3d_r50".

        Raises:
            WeightsError: If the weights are missing, and how to get them, or are damaged, or the
                backbone is not installed.
            EngineNotAvailable: If the engine can't run the backbone.
        """
        path = weights_path(backbone) if weights is None else Path(weights)
        return cls(Network.open(path, engine, backbone))

    @property
    def warning(self) -> str | None:
        """What must be said to whoever sees its scores; None if there is nothing."""
        return self.network.warning

    def comparator(self, reference: Reference) -> Comparator:
        """Begin to compare a stream of pictures, one by one; see `Comparator`.

        Raises:
            SettingsMismatch: If the reference was made with other settings.
        """
        return self.network.comparator(reference)


def compare(
    video: str | os.PathLike[str],
    reference: Reference,
    embedder: Embedder,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Compare a video file with a reference.

    Args:
        video: The file of the user who is scored.
        reference: What to compare with.
        embedder: What the reference was made with, or its equal.
        start_s: Where the part of the video begins that is compared; its time 0. None for the
            beginning.
        end_s: Where that part ends; None for the end.
        on_progress: Told the share that is done, 0 to 1. What it raises ends the work.

    Raises:
        VideoError: If the file can't be read as video, or has no such part.
        SettingsMismatch: If the reference was made with other settings.
    """
    calls = comparing(
        embedder.comparator(reference),
        Path(video),
        reference=reference.name,
        start_s=start_s,
        end_s=end_s,
        on_progress=on_progress,
    )
    return run(embedder.network.engine, calls)
