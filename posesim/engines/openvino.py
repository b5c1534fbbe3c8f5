"""The network in OpenVINO: the fast way on a CPU.

The graphs come from `posesim.engines.graphs`. Compiled ones are kept in a folder, each under a name
that says what it was made of and with its own hash, so that a start needs neither building nor
compiling, and a damaged file is noticed and made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from posesim import i3d
from posesim.engines import base, graphs, winograd
from posesim.engines.base import (
    CHUNK_FRAMES,
    I3D,
    KEPT_FRAMES,
    KEPT_POSITIONS,
    RING_POSITIONS,
    WINDOW_POSITIONS,
    EngineInfo,
    Inside,
    Layout,
    Stream,
    Window,
)
from posesim.engines.graphs import EDGES, KEPT_INPUTS, Graphs, kept, ov, used, used_pooled
from posesim.engines.processor import processor
from posesim.i3d import FRAME_SIZE

Precision = Literal["f32", "bf16"]


def computes_in_bf16() -> bool:
    """Whether this processor has bfloat16 instructions, so that bfloat16 is faster than float32."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@dataclass
class OpenVinoStream:
    """The last inputs of each temporal operation, and what the tail reads.

    Arrays have their channels last, in float32; or in bfloat16, as float16 arrays of the same bits,
    because NumPy has no bfloat16.
    """

    frames: np.ndarray  # (14, 224, 224, 3) uint8: 6 kept, 8 new
    inputs: dict[str, np.ndarray]  # (2, H, W, C), by layer
    pooled: deque[np.ndarray]  # of Mixed_3c, (1, 14, 14, 480) each: 40 positions, oldest first
    chunks: int = 0  # taken
    looked: int | None = None  # the number of chunks when the layers below were computed
    layers: dict[int, deque[np.ndarray]] = field(default_factory=dict)  # see `graphs.kept`


class OpenVinoEngine:
    """Compiled graphs on the CPU.

    Args:
        tensors: Weights and biases as `posesim.weights.load` gives them.
        cache: Folder for compiled graphs; None compiles them at every start. If it can't be used,
            that is a warning.
        precision: What is computed in, but for the first convolution, and a stream's state kept in.
        reason: Why this engine was chosen, for whoever reads the log.
    """

    layout: Layout = I3D

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        *,
        cache: Path | None = None,
        precision: Precision = "f32",
        reason: str = "asked for",
    ) -> None:
        self._state = ov.Type.bf16 if precision == "bf16" else ov.Type.f32
        self._dtype = np.float16 if precision == "bf16" else np.float32
        builder = Graphs(tensors, state=self._state)
        compiler = _Compiler(tensors, precision, cache)
        # Always in float32: what bfloat16 loses of the pixels moves scores by several points.
        self._front = compiler.request("front", builder.front, "f32")
        self._stem = compiler.request("stem", builder.stem, precision)
        self._whole_tail = compiler.request("whole_tail", builder.whole_tail, precision)
        self._next_tail = compiler.request("next_tail", builder.next_tail, precision)
        self.info = EngineInfo("openvino", "cpu", precision, reason)

    def open(self) -> OpenVinoStream:
        """Make the state of a stream that begins: nothing but padding before it."""
        inputs = {
            name: np.zeros((KEPT_POSITIONS, side, side, channels), self._dtype)
            for name, (side, channels) in KEPT_INPUTS.items()
        }
        nothing = np.zeros((1, 14, 14, 480), self._dtype)
        return OpenVinoStream(
            frames=np.zeros((KEPT_FRAMES + CHUNK_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8),
            inputs=inputs,
            pooled=deque([nothing] * RING_POSITIONS, RING_POSITIONS),
        )

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """Advance each stream by one chunk; see `Engine.stem`."""
        return [self._advance(*one) for one in zip(streams, chunks, inside, strict=True)]

    def _advance(self, stream: OpenVinoStream, chunk: np.ndarray, inside: Inside) -> np.ndarray:
        stream.frames[:KEPT_FRAMES] = stream.frames[CHUNK_FRAMES:]
        stream.frames[KEPT_FRAMES:] = chunk
        in_frames = np.repeat(inside.frames.reshape(-1, 2), 3, axis=1)  # a pair's colours: (7, 6)
        front = {"frames": stream.frames, "inside_frames": in_frames[:, None, None]}
        outputs = self._front.infer(front, share_inputs=True, share_outputs=True)
        inputs = {
            "conv3d_2b": self._tensor(outputs["conv3d_2b"]),
            "inside_conv3d_2c": inside.conv3d_2c[:, None, None, None],
            "inside_mixed_3b": inside.mixed_3b[:, None, None, None],
            "inside_mixed_3c": inside.mixed_3c[:, None, None, None],
            **{name: self._tensor(array) for name, array in stream.inputs.items()},
        }
        outputs = self._stem.infer(inputs, share_inputs=True, share_outputs=True)
        stream.inputs = {name: outputs[f"next_{name}"].copy() for name in stream.inputs}
        stream.pooled.extend(_single(outputs["pooled"].copy()))
        stream.chunks += 1
        taps: np.ndarray = outputs["taps"].copy()
        return taps.reshape(len(taps), -1)  # (4, 2, 2, 480) -> (4, 1920)

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the last 32 positions of each stream; see `Engine.tail`."""
        return [self._look(*one) for one in zip(streams, behind, strict=True)]

    def _look(self, stream: OpenVinoStream, behind: int) -> Window:
        end = RING_POSITIONS - behind
        pooled = list(stream.pooled)[end - WINDOW_POSITIONS : end]
        if not behind and stream.looked is not None and stream.looked == stream.chunks - 1:
            outputs = self._next_tail.infer(
                {f"pooled_{p}": self._tensor(pooled[p]) for p in used_pooled()}
                | {
                    f"layer_{layer}_{p}": self._tensor(positions[p - kept(layer)[0]])
                    for layer, positions in stream.layers.items()
                    for p in used(layer)
                },
                share_inputs=True,
                share_outputs=True,
            )
            for layer, positions in stream.layers.items():
                positions.extend(_single(outputs[f"new_{layer}"].copy()))
            stream.looked = stream.chunks
        else:
            outputs = self._whole_tail.infer(
                {f"pooled_{p}": self._tensor(position) for p, position in enumerate(pooled)},
                share_inputs=True,
                share_outputs=True,
            )
            if not behind:
                stream.layers = {
                    layer: deque(_single(outputs[f"kept_{layer}"].copy()), len(kept(layer)))
                    for layer in EDGES
                }
                stream.looked = stream.chunks
        return Window(outputs["embedding"][0].copy(), outputs["logits"][0].copy())

    def _tensor(self, array: np.ndarray) -> ov.Tensor:
        return ov.Tensor(array, ov.Shape(array.shape), self._state)


def _single(positions: np.ndarray) -> Iterable[np.ndarray]:
    """Each position by itself, as a view that keeps its axis."""
    return (positions[i : i + 1] for i in range(len(positions)))


class _Compiler:
    """Compiles graphs, or reads what was compiled before."""

    def __init__(
        self, tensors: Mapping[str, np.ndarray], state: Precision, cache: Path | None
    ) -> None:
        self._core = ov.Core()
        self._cache = cache
        self._state = state
        if cache is not None:
            made_of = hashlib.sha256()
            device = self._core.get_property("CPU", "FULL_DEVICE_NAME")
            abilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            for part in (ov.__version__, device, abilities, processor()):
                made_of.update(repr(part).encode())
            for module in (base, graphs, i3d, winograd):  # what builds the graphs
                made_of.update(Path(str(module.__file__)).read_bytes())
            for name in sorted(tensors):
                made_of.update(name.encode())
                made_of.update(np.ascontiguousarray(tensors[name]).data)
            self._key = made_of.hexdigest()[:16]

    def request(
        self, name: str, build: Callable[[], ov.Model], precision: Precision
    ) -> ov.InferRequest:
        """Prepare one graph for use."""
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        if self._cache is None:
            return self._core.compile_model(build(), "CPU", settings).create_infer_request()
        path = self._cache / f"{name}-{self._state}-{self._key}.blob"
        compiled = self._read(path, settings)
        if compiled is None:
            compiled = self._core.compile_model(build(), "CPU", settings)
            try:
                self._write(path, compiled)
            except OSError as error:
                warnings.warn(
                    f"Compiled graphs can't be kept in {self._cache}: {error.strerror or error}. "
                    "Every start will take longer.",
                    RuntimeWarning,
                    stacklevel=2,
                )
        return compiled.create_infer_request()

    def _read(self, path: Path, settings: Mapping[str, str]) -> ov.CompiledModel | None:
        """Read a compiled graph; None if there is none or it is damaged."""
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, blob = content[:32], content[32:]
        if hashlib.sha256(blob).digest() != digest:
            return None
        return self._core.import_model(blob, "CPU", settings)

    def _write(self, path: Path, compiled: ov.CompiledModel) -> None:
        """Write a compiled graph whole or not at all; remove what it replaces."""
        stream = io.BytesIO()
        compiled.export_model(stream)
        blob = stream.getvalue()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(blob).digest())
                file.write(blob)
            Path(name).replace(path)
        except BaseException:  # also Ctrl-C
            Path(name).unlink()
            raise
        kind = path.name.removesuffix(f"{self._key}.blob")
        for old in path.parent.glob(f"{kind}*.blob"):
            if old != path:
                with contextlib.suppress(OSError):  # another process uses or removed it
                    old.unlink()
