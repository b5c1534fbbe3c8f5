"""The network that runs here, with the settings that make its results comparable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posesim.comparison import Comparator
from posesim.engines import Engine, EngineChoice, open_engine
from posesim.references import EmbeddingJob, Reference, Settings
from posesim.scoring import Calibration
from posesim.weights import load


@dataclass(frozen=True)
class Network:
    """An engine, the settings that go into each reference it makes, and how results are scored."""

    engine: Engine
    settings: Settings
    calibration: Calibration

    @classmethod
    def open(cls, weights: Path, engine: EngineChoice = "auto") -> Network:
        """Load the weights and prepare the engine: seconds of work.

        Prepared parts are kept beside the folder of the weights, so that the next start is quick.

        Raises:
            WeightsError: If the weights are missing or damaged.
        """
        loaded = load(weights)
        made = open_engine(engine, loaded.tensors, cache=weights.parents[1] / "openvino")
        return cls(made, Settings(weights=loaded.sha256), Calibration.load())

    def embedding_job(self, clip: Path, name: str, longest_s: float | None = None) -> EmbeddingJob:
        """Begin to embed a clip; see `EmbeddingJob`."""
        return EmbeddingJob(clip, self.engine, self.settings, name=name, longest_s=longest_s)

    def comparator(self, reference: Reference) -> Comparator:
        """Begin a comparison; see `Comparator`."""
        return Comparator(self.engine, reference, self.settings, self.calibration)
