"""The network that runs here, with the settings that make its results comparable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posesim import pose_models
from posesim.backbones import BACKBONES, DEFAULT
from posesim.clip_frames import OnProgress
from posesim.comparison import Comparator
from posesim.demonstration_comparison import DemonstrationComparator
from posesim.demonstrator import Demonstrator
from posesim.engines import Engine, EngineChoice
from posesim.engines.pose import PoseNetworks
from posesim.framers import Framer, open_framer
from posesim.references import Reference, Settings
from posesim.scoring import Calibration
from posesim.video_reference import embed


@dataclass(frozen=True)
class Network:
    """An engine, the settings that go into each reference it makes, and how results are scored."""

    engine: Engine
    settings: Settings
    calibration: Calibration
    poses: PoseNetworks | None = None  # None where the settings frame the whole picture

    @classmethod
    def open(cls, weights: Path, engine: EngineChoice = "auto", backbone: str = DEFAULT) -> Network:
        """Load the weights of a backbone and prepare its engine: seconds of work.

        Prepared parts are kept beside the folder of the weights, so that the next start is quick.

        Raises:
            WeightsError: If the weights are missing or damaged, or the backbone is not installed.
            EngineNotAvailable: If the engine can't run the backbone.
        """
        chosen = BACKBONES[backbone]
        loaded = chosen.load(weights)
        prepared = weights.parents[1] / "openvino"
        made = chosen.open_engine(engine, loaded, prepared)
        models = pose_models.load(weights.parent)
        settings = Settings.of(chosen.layout, loaded.sha256, models.sha256)
        return cls(made, settings, Calibration.load(backbone), PoseNetworks(models, prepared))

    @property
    def warning(self) -> str | None:
        """What must be said to whoever sees its scores; None if there is nothing."""
        if self.calibration.fitted:
            return None
        return (
            f"The scores of the backbone {self.settings.backbone} are not calibrated: they tell "
            "better from worse, and their numbers mean nothing by themselves."
        )

    def framer(self) -> Framer:
        """Begin to frame a stream, by the rule that the settings name."""
        return open_framer(self.settings.framing, self.poses)

    def embed(
        self,
        clip: Path,
        name: str,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        longest_s: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Reference:
        """Make a reference of a clip; see `posesim.video_reference.embed`."""
        return embed(
            clip,
            self.engine,
            self.settings,
            name=name,
            framer=self.framer(),
            start_s=start_s,
            end_s=end_s,
            longest_s=longest_s,
            on_progress=on_progress,
        )

    def comparator(self, reference: Reference) -> Comparator:
        """Begin a comparison; see `Comparator`."""
        return Comparator(self.engine, reference, self.settings, self.calibration, self.framer())

    def demonstrator(self) -> Demonstrator:
        """Begin to look at who shows a movement; see `Demonstrator`."""
        return Demonstrator(self.engine, self.framer())

    def demonstration_comparator(self) -> DemonstrationComparator:
        """Begin a comparison with a demonstration; see `DemonstrationComparator`."""
        return DemonstrationComparator(self.engine, self.settings, self.calibration, self.framer())
