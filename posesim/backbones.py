"""The backbones: the networks that can be chosen, each with all that is particular to it.

What a backbone gives is in its `Layout`; what runs it speaks the protocol of
`posesim.engines.base`. Nothing else in posesim asks which backbone it works with. What one needs
is imported when it is used, because not everybody has installed all of them.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from posesim.engines.base import I3D, Engine, Layout
from posesim.errors import EngineNotAvailable

if TYPE_CHECKING:
    from posesim.engines import EngineChoice
    from posesim.weights import Weights

I3D_R50 = Layout(
    backbone="i3d_r50",
    position_frames=8,
    middle_frame=7,  # the last of each chunk: a window ends with the newest frame there is
    partial=False,
    taps_behind=2,  # the first layer looks two positions, 0.64 s, ahead and back
    window_behind=0,
    first_whole=2,
    tap="blocks.0",
    tap_grid=4,
    tap_size=64 * 4**2,
    embedding_size=2048,
    classes=400,
)


class Backbone(ABC):
    """A network, where its weights come from, and what runs it."""

    layout: ClassVar[Layout]
    weights_file: ClassVar[str]  # the name under which its weights are kept

    @abstractmethod
    def fetch(self, path: Path, *, from_file: Path | None, show_progress: bool) -> str | None:
        """Put its weights at `path`, unless good ones are there.

        Returns:
            What to say of it; None if there was nothing to do.

        Raises:
            WeightsError: If they can't be had.
        """

    @abstractmethod
    def load(self, path: Path) -> Weights:
        """Read its weights.

        Raises:
            WeightsError: If they are missing or damaged, or the backbone is not installed.
        """

    @abstractmethod
    def open_engine(self, choice: EngineChoice, weights: Weights, cache: Path) -> Engine:
        """Prepare what runs it: seconds of work.

        Raises:
            WeightsError: If the weights don't fit, or the backbone is not installed.
            EngineNotAvailable: If that engine can't run it.
        """


class _I3d(Backbone):
    """Inception-I3D, which sees every frame."""

    layout = I3D
    weights_file = "i3d-kinetics-400.safetensors"

    def fetch(self, path: Path, *, from_file: Path | None, show_progress: bool) -> str | None:
        from posesim.weights import fetch

        fetched = fetch(path, from_file=from_file, show_progress=show_progress)
        return f"Weights are in {path}" if fetched else None

    def load(self, path: Path) -> Weights:
        from posesim.weights import load

        return load(path)

    def open_engine(self, choice: EngineChoice, weights: Weights, cache: Path) -> Engine:
        from posesim.engines import open_engine

        return open_engine(choice, weights.tensors, cache=cache)


class _I3dR50(Backbone):
    """pytorchvideo's I3D-ResNet50, which sees every eighth frame."""

    layout = I3D_R50
    weights_file = "i3d-r50-kinetics-400.safetensors"

    def fetch(self, path: Path, *, from_file: Path | None, show_progress: bool) -> str | None:
        from posesim.weights_r50 import fetch, load

        if not fetch(path, from_file=from_file, show_progress=show_progress):
            return None
        sha256 = load(path).sha256.partition(".")[0]
        return (
            f"Weights are in {path}. Their publisher names no hash to hold the checkpoint against; "
            f"this one has the sha256 {sha256}, which every reference will carry"
        )

    def load(self, path: Path) -> Weights:
        from posesim.weights_r50 import load

        return load(path)

    def open_engine(
        self,
        choice: EngineChoice,
        weights: Weights,
        cache: Path,  # noqa: ARG002 - nothing is prepared
    ) -> Engine:
        from posesim.engines.r50 import R50Engine

        if choice not in ("auto", "torch"):
            raise EngineNotAvailable(choice, self.layout.backbone, "torch")
        return R50Engine(weights.tensors)


BACKBONES: Mapping[str, Backbone] = {
    backbone.layout.backbone: backbone for backbone in (_I3d(), _I3dR50())
}
LAYOUTS: Mapping[str, Layout] = {name: each.layout for name, each in BACKBONES.items()}
DEFAULT = I3D.backbone


def weights_path(backbone: str = DEFAULT) -> Path:
    """Where a backbone's weights are kept: under POSESIM_CACHE, else in the user's cache folder."""
    from posesim.weights import default_path

    cache = os.environ.get("POSESIM_CACHE")
    return default_path(Path(cache) if cache else None, BACKBONES[backbone].weights_file)
