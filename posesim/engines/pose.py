"""The two networks that find body landmarks, in OpenVINO on one thread of the CPU.

OpenVINO reads the published files as they are. One thread, because each call is short and the
other cores have the video network to run.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# For the reason given in `posesim.engines.openvino`.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

from posesim.pose_models import PoseModels  # noqa: E402

Floats = NDArray[np.float32]

# The landmark network's outputs in the files' own names; "Identity_2", a mask of the person, is not
# wanted, and what computes it alone is left out.
_VALUES, _PRESENCE, _HEAT, _WORLD = "Identity", "Identity_1", "Identity_3", "Identity_4"
_SETTINGS = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_NUM_THREADS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
}


@dataclass(frozen=True)
class LandmarkOutput:
    """What the landmark network says of one square; see `posesim.pose_landmarks.body`."""

    values: Floats  # (39, 5)
    presence: float
    heat: Floats  # (64, 64, 39)
    world: Floats  # (39, 3)


class PoseNetworks:
    """Both networks, compiled once for any number of trackers.

    Args:
        models: The verified files.
        cache: Folder for the compiled networks; None compiles them at every start.
    """

    def __init__(self, models: PoseModels, cache: Path | None = None) -> None:
        core = ov.Core()
        if cache is not None:
            core.set_property({"CACHE_DIR": str(cache)})
        landmarks = core.read_model(models.landmarks)
        wanted = [landmarks.output(name) for name in (_VALUES, _PRESENCE, _HEAT, _WORLD)]
        landmarks = ov.Model(wanted, landmarks.get_parameters(), "landmarks")
        self._detector = core.compile_model(core.read_model(models.detector), "CPU", _SETTINGS)
        self._landmarks = core.compile_model(landmarks, "CPU", _SETTINGS)

    def open(self) -> PoseRequests:
        """Memory for the calls of one tracker."""
        return PoseRequests(
            self._detector.create_infer_request(), self._landmarks.create_infer_request()
        )


class PoseRequests:
    """The calls of one tracker, which is used by one thread at a time."""

    def __init__(self, detector: ov.InferRequest, landmarks: ov.InferRequest) -> None:
        self._detector = detector
        self._landmarks = landmarks

    def detect(self, square: Floats) -> tuple[Floats, Floats]:
        """Run the detector on (1, 224, 224, 3); return values (2254, 12) and logits (2254,)."""
        outputs = self._detector.infer([square], share_inputs=True)
        return outputs["Identity"][0].copy(), outputs["Identity_1"][0, :, 0].copy()

    def landmarks(self, square: Floats) -> LandmarkOutput:
        """Run the landmark network on (1, 256, 256, 3)."""
        outputs = self._landmarks.infer([square], share_inputs=True)
        return LandmarkOutput(
            values=outputs[_VALUES].reshape(39, 5).copy(),
            presence=float(outputs[_PRESENCE][0, 0]),
            heat=outputs[_HEAT][0].copy(),
            world=outputs[_WORLD].reshape(39, 3).copy(),
        )
