"""Engines that run the network, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from posesim.engines.base import Engine, EngineInfo

__all__ = ["ENGINES", "Engine", "EngineChoice", "EngineInfo", "open_engine"]

EngineChoice = Literal["auto", "openvino", "openvino-f32", "openvino-bf16", "torch"]
ENGINES: tuple[EngineChoice, ...] = (
    "auto",
    "openvino",
    "openvino-f32",
    "openvino-bf16",
    "torch",
)


def open_engine(
    choice: EngineChoice, tensors: Mapping[str, np.ndarray], *, cache: Path | None = None
) -> Engine:
    """Make an engine; slow, because it prepares every weight.

    Args:
        choice: "auto" takes PyTorch on a GPU where there is one, else OpenVINO; that computes in
            bfloat16 where the processor does, unless a precision is named.
        tensors: Weights and biases as `posesim.weights.load` gives them.
        cache: Folder for what can be prepared once; None prepares it at every start.
    """
    if choice in ("auto", "torch"):
        from posesim.engines.torch import TorchEngine, best_device

        device = best_device()
        if choice == "torch" or device != "cpu":
            reason = "asked for" if choice == "torch" else "there is a GPU"
            return TorchEngine(tensors, device=device, reason=reason)
    from posesim.engines.openvino import OpenVinoEngine, computes_in_bf16
    from posesim.engines.processor import processor

    if choice == "openvino-f32":
        return OpenVinoEngine(tensors, cache=cache, precision="f32")
    if choice == "openvino-bf16":
        return OpenVinoEngine(tensors, cache=cache, precision="bf16")
    why = "there is no GPU, and " if choice == "auto" else ""
    if not computes_in_bf16():
        reason = f"{why}the processor has no bfloat16"
        return OpenVinoEngine(tensors, cache=cache, precision="f32", reason=reason)
    units = "in matrix units (AMX)" if processor().has_matrix_units else "without matrix units"
    reason = f"{why}the processor computes in bfloat16, {units}"
    return OpenVinoEngine(tensors, cache=cache, precision="bf16", reason=reason)
