"""The network in OpenVINO: the fast way on a CPU.

The two graphs, one chunk of the stem and one window of the tail, are built from the tables of
`posesim.i3d`, not traced from PyTorch, so a start needs no conversion. Compiled graphs are cached
in a folder.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

# OpenVINO reports its use to its maker over the network, from a thread begun at import. Nobody
# agreed to that here; where this package is missing OpenVINO does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino import opset13 as op  # noqa: E402

from posesim.engines.base import (  # noqa: E402
    CHUNK_FRAMES,
    CHUNK_POSITIONS,
    KEPT_FRAMES,
    KEPT_POSITIONS,
    RING_POSITIONS,
    TAP_GRID,
    WINDOW_POSITIONS,
    EngineInfo,
    Inside,
    Stream,
    Window,
)
from posesim.i3d import (  # noqa: E402
    FRAME_SIZE,
    LOGITS,
    STEM,
    TAIL,
    Conv,
    MaxPool,
    Mixed,
    Triple,
    same_padding,
)

Node: TypeAlias = ov.Node | ov.Output


class Graph:
    """Builds parts of the network as OpenVINO nodes."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._tensors = tensors

    def conv(self, unit: Conv, x: Node, *, pad_time: bool = True, relu: bool = True) -> Node:
        """One unit; without `pad_time`, only where the kernel has all its inputs."""
        begin, end = _pads(x, unit.kernel, unit.stride, pad_time)
        weight = op.constant(self._tensors[f"{unit.name}/weight"])
        bias = op.constant(self._tensors[f"{unit.name}/bias"].reshape(1, -1, 1, 1, 1))
        y = op.convolution(x, weight, list(unit.stride), begin, end, [1, 1, 1])
        y = op.add(y, bias)
        return op.relu(y) if relu else y

    def mixed(self, module: Mixed, x: Node, inside: Node | None = None) -> Node:
        """One Inception module; `inside` as in `posesim.i3d.Network.mixed`."""
        u = module.units
        padded = inside is None

        def reduced(name: str) -> Node:
            y = self.conv(u[name], x)
            return y if inside is None else op.multiply(y, inside)

        own = x if padded else _positions(x, 1, -1)
        branches = [
            self.conv(u["Branch_0/Conv3d_0a_1x1"], own),
            self.conv(
                u["Branch_1/Conv3d_0b_3x3"], reduced("Branch_1/Conv3d_0a_1x1"), pad_time=padded
            ),
            self.conv(
                u["Branch_2/Conv3d_0b_3x3"], reduced("Branch_2/Conv3d_0a_1x1"), pad_time=padded
            ),
            self.conv(
                u["Branch_3/Conv3d_0b_1x1"],
                max_pool(x, (3, 3, 3), (1, 1, 1), pad_time=padded),
            ),
        ]
        return op.concat(branches, 1)

    def layer(self, layer: Conv | MaxPool | Mixed, x: Node) -> Node:
        """One row of the table, padded in time as well."""
        if isinstance(layer, Mixed):
            return self.mixed(layer, x)
        if isinstance(layer, Conv):
            return self.conv(layer, x)
        return max_pool(x, layer.kernel, layer.stride)

    def stem_step(self) -> ov.Model:
        """One chunk: see `posesim.engines.torch.TorchEngine.stem`, which this repeats."""
        conv_1a, pool_2a, conv_2b, conv_2c, pool_3a, mixed_3b, mixed_3c = STEM
        frame_count, count = CHUNK_FRAMES + KEPT_FRAMES, CHUNK_POSITIONS + KEPT_POSITIONS
        frames = _input([1, frame_count, FRAME_SIZE, FRAME_SIZE, 3], np.uint8, "frames")
        in_frames = _input([frame_count, 1, 1], np.float32, "inside_frames")
        kept, masks = {}, {}
        for name, channels, size in (
            ("conv3d_2c", 64, 56),
            ("mixed_3b", 192, 28),
            ("mixed_3c", 256, 28),
        ):
            kept[name] = _input([1, channels, KEPT_POSITIONS, size, size], np.float32, name)
            masks[name] = _input([count, 1, 1], np.float32, f"inside_{name}")
        results = []

        def with_kept(name: str, new: Node) -> Node:
            x = op.concat([kept[name], new], 2)
            results.append(_output(_positions(x, CHUNK_POSITIONS, count), f"next_{name}"))
            return op.multiply(x, masks[name])

        x = op.transpose(op.convert(frames, "f32"), op.constant(np.array([0, 4, 1, 2, 3])))
        x = op.subtract(op.multiply(x, _number(1 / 127.5)), _number(1))
        x = op.multiply(x, in_frames)
        x = self.conv(conv_1a, x, pad_time=False)
        x = self.conv(conv_2b, self.layer(pool_2a, x))
        x = self.conv(conv_2c, with_kept("conv3d_2c", x), pad_time=False)
        x = self.layer(pool_3a, x)
        x = self.mixed(mixed_3b, with_kept("mixed_3b", x), masks["mixed_3b"])
        x = self.mixed(mixed_3c, with_kept("mixed_3c", x), masks["mixed_3c"])

        pooled = max_pool(x, (1, 3, 3), (1, 2, 2))
        pooled = op.squeeze(op.transpose(pooled, op.constant(np.array([2, 0, 1, 3, 4]))), _axes(1))
        cell = 28 // TAP_GRID
        grid = op.avg_pool(
            x, [1, cell, cell], [0, 0, 0], [0, 0, 0], [1, cell, cell], exclude_pad=True
        )
        taps = op.transpose(grid, op.constant(np.array([0, 2, 3, 4, 1])))
        results += [_output(taps, "taps"), _output(pooled, "pooled")]
        inputs = [frames, in_frames, *kept.values(), *masks.values()]
        return ov.Model(results, inputs, "stem")

    def tail(self) -> ov.Model:
        """One window: pooled Mixed_3c of 32 positions -> embedding and logits."""
        positions = _input([WINDOW_POSITIONS, 480, 14, 14], np.float32, "positions")
        x = op.transpose(positions, op.constant(np.array([1, 0, 2, 3])))
        x = op.unsqueeze(x, _axes(0))
        x = max_pool(x, (3, 1, 1), (2, 1, 1))  # the rest of MaxPool3d_4a
        for layer in TAIL[1:]:
            x = self.layer(layer, x)
        embedding = op.reduce_mean(x, _axes(2, 3, 4))
        pairs = op.avg_pool(x, [1, 1, 1], [0, 0, 0], [0, 0, 0], [2, 7, 7], exclude_pad=True)
        logits = op.reduce_mean(self.conv(LOGITS, pairs, relu=False), _axes(2, 3, 4))
        results = [_output(embedding, "embedding"), _output(logits, "logits")]
        return ov.Model(results, [positions], "tail")


def max_pool(x: Node, kernel: Triple, stride: Triple, *, pad_time: bool = True) -> Node:
    """Max pool with "SAME" padding."""
    begin, end = _pads(x, kernel, stride, pad_time)
    pooled = op.max_pool(x, list(stride), [1, 1, 1], begin, end, list(kernel), "floor")
    return pooled.output(0)


def _pads(x: Node, kernel: Triple, stride: Triple, pad_time: bool) -> tuple[list[int], list[int]]:
    shape = list(x.shape if isinstance(x, ov.Output) else x.output(0).shape)[2:]
    pads = [same_padding(n, k, s) for n, k, s in zip(shape, kernel, stride, strict=True)]
    if not pad_time:
        pads[0] = (0, 0)
    return [before for before, _ in pads], [after for _, after in pads]


def _positions(x: Node, start: int, stop: int) -> Node:
    """x[:, :, start:stop]."""

    def at(value: int) -> Node:
        return op.constant(np.array([value]))

    return op.slice(x, at(start), at(stop), at(1), at(2))


def _input(shape: list[int], dtype: type[np.generic], name: str) -> ov.Node:
    node = op.parameter(shape, dtype, name)
    node.output(0).get_tensor().set_names({name})
    return node


def _output(x: Node, name: str) -> ov.Node:
    node = op.result(x)
    node.output(0).get_tensor().set_names({name})
    return node


def _number(value: float) -> Node:
    return op.constant(np.array(value, np.float32))


def _axes(*axes: int) -> Node:
    return op.constant(np.array(axes))


def computes_in_bf16() -> bool:
    """Whether this processor has bfloat16 instructions, so that bfloat16 is faster than float32."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@dataclass
class OpenVinoStream:
    """The last inputs of each temporal operation, and the positions that the tail reads."""

    frames: np.ndarray  # (1, 14, 224, 224, 3) uint8: 6 kept, 8 new
    kept: dict[str, np.ndarray]  # (1, C, 2, H, W) float32, by layer
    ring: np.ndarray  # (40, 480, 14, 14) float32, oldest first


class OpenVinoEngine:
    """Compiled graphs on the CPU.

    Args:
        tensors: Weights and biases as `posesim.weights.load` gives them.
        cache: Folder for compiled graphs; None compiles them at every start.
        precision: "f32" or "bf16".
        reason: Why this engine was chosen, for whoever reads the log.
    """

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        *,
        cache: Path | None = None,
        precision: str = "f32",
        reason: str = "asked for",
    ) -> None:
        core = ov.Core()
        if cache is not None:
            core.set_property({"CACHE_DIR": str(cache)})
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        graph = Graph(tensors)
        self._stem = core.compile_model(graph.stem_step(), "CPU", settings).create_infer_request()
        self._tail = core.compile_model(graph.tail(), "CPU", settings).create_infer_request()
        self.info = EngineInfo("openvino", "cpu", precision, reason)

    def open(self) -> OpenVinoStream:
        """Make the state of a stream that begins: nothing but padding before it."""

        def zeros(channels: int, size: int) -> np.ndarray:
            return np.zeros((1, channels, KEPT_POSITIONS, size, size), np.float32)

        return OpenVinoStream(
            frames=np.zeros((1, KEPT_FRAMES + CHUNK_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8),
            kept={
                "conv3d_2c": zeros(64, 56),
                "mixed_3b": zeros(192, 28),
                "mixed_3c": zeros(256, 28),
            },
            ring=np.zeros((RING_POSITIONS, 480, 14, 14), np.float32),
        )

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """Advance each stream by one chunk; see `Engine.stem`."""
        return [self._advance(*one) for one in zip(streams, chunks, inside, strict=True)]

    def _advance(self, stream: OpenVinoStream, chunk: np.ndarray, inside: Inside) -> np.ndarray:
        stream.frames[0, :KEPT_FRAMES] = stream.frames[0, CHUNK_FRAMES:]
        stream.frames[0, KEPT_FRAMES:] = chunk
        inputs = {
            "frames": stream.frames,
            "inside_frames": inside.frames[:, None, None],
            "inside_conv3d_2c": inside.conv3d_2c[:, None, None],
            "inside_mixed_3b": inside.mixed_3b[:, None, None],
            "inside_mixed_3c": inside.mixed_3c[:, None, None],
            **stream.kept,
        }
        outputs = self._stem.infer(inputs, share_inputs=True)
        stream.kept = {name: outputs[f"next_{name}"].copy() for name in stream.kept}
        stream.ring[:-CHUNK_POSITIONS] = stream.ring[CHUNK_POSITIONS:]
        stream.ring[-CHUNK_POSITIONS:] = outputs["pooled"]
        return np.array(outputs["taps"], np.float32).reshape(CHUNK_POSITIONS, -1)

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the last 32 positions of each stream; see `Engine.tail`."""
        return [self._look(*one) for one in zip(streams, behind, strict=True)]

    def _look(self, stream: OpenVinoStream, behind: int) -> Window:
        end = RING_POSITIONS - behind
        window = stream.ring[end - WINDOW_POSITIONS : end]
        outputs = self._tail.infer({"positions": window}, share_inputs=True)
        return Window(outputs["embedding"][0].copy(), outputs["logits"][0].copy())
