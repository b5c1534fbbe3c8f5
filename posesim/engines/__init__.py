"""Engines that run the network, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from posesim.engines.base import Engine, EngineInfo

__all__ = ["ENGINES", "Engine", "EngineChoice", "EngineInfo", "open_engine"]

EngineChoice = Literal["auto", "openvino", "torch"]
ENGINES: tuple[EngineChoice, ...] = ("auto", "openvino", "torch")


def open_engine(
    choice: EngineChoice, tensors: Mapping[str, np.ndarray], *, cache: Path | None = None
) -> Engine:
    """Make an engine; slow, because it prepares every weight.

    Args:
        choice: "auto" takes OpenVINO, in bfloat16 where the processor computes in it.
        tensors: Weights and biases as `posesim.weights.load` gives them.
        cache: Folder for what can be prepared once; None prepares it at every start.
    """
    if choice == "torch":
        from posesim.engines.torch import TorchEngine

        return TorchEngine(tensors)
    from posesim.engines.openvino import OpenVinoEngine, computes_in_bf16

    if computes_in_bf16():
        precision, reason = "bf16", "the processor computes in bfloat16"
    else:
        precision, reason = "f32", "the processor has no bfloat16"
    return OpenVinoEngine(tensors, cache=cache, precision=precision, reason=reason)
