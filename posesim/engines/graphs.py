"""The network as OpenVINO graphs, built from the tables of `posesim.i3d`.

A value is a set of positions, each (1, C, H, W), by their index in time: time is a matter of which
positions are combined, so every operation is 2-d. Convolutions along time are computed for several
neighbouring positions at once, see `posesim.engines.winograd`. What goes in and out has its
channels last, which is how the CPU plugin keeps it.

There are four graphs: `front` and then `stem` advance a stream by a chunk; `whole_tail` looks at a
window; and `next_tail` looks at the window one chunk after one that was looked at. Padding
reaches one position further into a window with every layer; between that, the layers of both
windows have the same values two positions apart, and `next_tail` is given them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
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
    TAP_GRID,
    WINDOW_POSITIONS,
)
from posesim.engines.winograd import fast_filter  # noqa: E402
from posesim.i3d import FRAME_SIZE, LOGITS, STEM, TAIL, Mixed  # noqa: E402

__all__ = [
    "EDGES",
    "KEPT_INPUTS",
    "Graphs",
    "kept",
    "ov",
    "used",
    "used_pooled",
]

Node: TypeAlias = ov.Node | ov.Output
Positions: TypeAlias = dict[int, Node]  # what is missing is padding: zero
Tile: TypeAlias = tuple[int, int]  # first position, how many positions are computed together

CONV_1A, _, CONV_2B, CONV_2C, _, MIXED_3B, MIXED_3C = STEM
MIXED_4 = [layer for layer in TAIL[1:6] if isinstance(layer, Mixed)]  # 4b … 4f
MIXED_5 = [layer for layer in TAIL[7:] if isinstance(layer, Mixed)]  # 5b, 5c
KEPT_INPUTS = {
    "conv3d_2c": (56, 64),
    "mixed_3b": (28, 192),
    "mixed_3c": (28, 256),
}  # side, channels

PAIR_CHANNELS = 6  # of two frames side by side: three of one, three of the other
POSITIONS_4 = WINDOW_POSITIONS // 2  # of the layers 4a … 4f
SHIFT = CHUNK_POSITIONS // 2  # of their positions, from a window to the next
FOUR: list[Tile] = [(0, 4)]
WHOLE: list[Tile] = [(0, 4), (4, 4), (8, 4), (12, 4)]
# What `next_tail` computes of Mixed_4b … 4e; the first part is at the beginning of the window.
EDGES: dict[int, list[Tile]] = {
    1: [(0, 1), (12, 4)],
    2: [(0, 2), (11, 3), (14, 2)],
    3: [(0, 3), (10, 3), (13, 3)],
    4: [(0, 4), (9, 4), (13, 3)],
}


def kept(layer: int) -> range:
    """Positions of layer 1 (Mixed_4b) … 4 (4e) that `next_tail` is not to compute again."""
    return range(layer, POSITIONS_4 - SHIFT - 1 - layer)


def used(layer: int) -> list[int]:
    """Those of `kept` that `next_tail` reads: all of the last layer, else what borders on edges."""
    positions = list(kept(layer))
    return positions if layer == max(EDGES) else positions[:2] + positions[-2:]


def used_pooled() -> list[int]:
    """Positions of the pooled Mixed_3c that `next_tail` reads."""
    return [*range(5), *range(22, WINDOW_POSITIONS)]


class Graphs:
    """Builds the graphs.

    Args:
        tensors: Weights and biases as `posesim.weights.load` gives them.
        state: The type of what goes from one graph to another.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], *, state: ov.Type = ov.Type.f32) -> None:
        self._tensors = tensors
        self._state = state

    def front(self) -> ov.Model:
        """14 frames -> Conv3d_2b_1x1 at 4 positions."""
        model = _Model(self._state)
        count = KEPT_FRAMES + CHUNK_FRAMES
        frames = model.input("frames", [count, FRAME_SIZE, FRAME_SIZE, 3], ov.Type.u8)
        inside = model.input("inside_frames", [count // 2, 1, 1, PAIR_CHANNELS])
        x = _pool_space(self._conv_1a(frames, inside))
        model.keep("conv3d_2b", self._pointwise(CONV_2B.name, x))
        return model.finish("front")

    def stem(self) -> ov.Model:
        """The rest of a chunk: see `TorchEngine.stem`, whose results both have together."""
        model = _Model(self._state)
        count = KEPT_POSITIONS + CHUNK_POSITIONS

        def with_kept(name: str, new: Node) -> tuple[Positions, Node]:
            side, channels = KEPT_INPUTS[name]
            old = _split(model.state(name, [KEPT_POSITIONS, side, side, channels]), 2)
            joined = [*old, *_split(new, CHUNK_POSITIONS)]
            model.keep(f"next_{name}", _join(joined[-KEPT_POSITIONS:]))
            inside = model.input(f"inside_{name}", [count, 1, 1, 1])
            masked = map(op.multiply, joined, _split(inside, count))
            return dict(enumerate(masked, start=-1)), inside

        x = model.state("conv3d_2b", [CHUNK_POSITIONS, 56, 56, 64])
        inputs, _ = with_kept("conv3d_2c", x)
        x = _pool_space(_join(self._temporal(CONV_2C.name, inputs, FOUR).values()))
        inputs, inside = with_kept("mixed_3b", x)
        x = _join(self._mixed(MIXED_3B, inputs, FOUR, inside).values())
        inputs, inside = with_kept("mixed_3c", x)
        x = _join(self._mixed(MIXED_3C, inputs, FOUR, inside).values())

        cell = 28 // TAP_GRID
        taps = op.avg_pool(x, [cell, cell], [0, 0], [0, 0], [cell, cell], exclude_pad=True)
        model.output("taps", _nhwc(taps))
        model.keep("pooled", _pool_space(x))
        return model.finish("stem")

    def whole_tail(self) -> ov.Model:
        """One window: pooled Mixed_3c of 32 positions -> embedding and logits, and what is kept."""
        model = _Model(self._state)
        pooled = _pooled_inputs(model, range(WINDOW_POSITIONS))
        x = _pool_4a(pooled, range(POSITIONS_4))
        for layer, module in enumerate(MIXED_4, start=1):
            x = self._mixed(module, x, WHOLE)
            if layer in EDGES:
                later = [x[p + SHIFT] for p in kept(layer)]
                model.keep(f"kept_{layer}", _join(later))
        self._end(model, x)
        return model.finish("whole_tail")

    def next_tail(self) -> ov.Model:
        """The window one chunk later: the same from what is kept, and what else is to be kept."""
        model = _Model(self._state)
        pooled = _pooled_inputs(model, used_pooled())
        x = _pool_4a(pooled, [0, 1, 11, 12, 13, 14, 15])
        for layer, module in enumerate(MIXED_4[:-1], start=1):
            x = self._mixed(module, x, EDGES[layer])
            new = [x[p + SHIFT] for p in kept(layer)[-SHIFT:]]
            model.keep(f"new_{layer}", _join(new))
            for p in used(layer):
                x[p] = model.state(f"layer_{layer}_{p}", [1, 14, 14, module.outputs])
        self._end(model, self._mixed(MIXED_4[-1], x, WHOLE))
        return model.finish("next_tail")

    def _end(self, model: _Model, mixed_4f: Positions) -> None:
        """MaxPool3d_5a … Logits."""
        pairs = [op.maximum(mixed_4f[p], mixed_4f[p + 1]) for p in range(0, POSITIONS_4, 2)]
        count = len(pairs)
        x = dict(enumerate(_split(_pool_space(_join(pairs), size=2), count)))
        for module in MIXED_5:
            x = self._mixed(module, x, WHOLE[: count // 4])
        means = op.reduce_mean(_join(x[p] for p in range(count)), _ints(2, 3))  # (8, 1024)
        # Logits averages over pairs of neighbours and then over these: the ends count half.
        shares = np.full(count, 1 / (count - 1), np.float32)
        shares[[0, -1]] /= 2
        shares = np.stack([np.full(count, 1 / count, np.float32), shares])
        embedding, mean = op.split(
            op.matmul(_floats(shares), means, False, False), _int(0), 2
        ).outputs()
        weight = self._tensors[f"{LOGITS.name}/weight"][:, :, 0, 0, 0]
        bias = self._tensors[f"{LOGITS.name}/bias"]
        model.output("embedding", embedding)
        model.output("logits", op.add(op.matmul(mean, _floats(weight), False, True), _floats(bias)))

    def _conv_1a(self, frames: Node, inside: Node) -> Node:
        """Conv3d_1a_7x7: its stride in time makes pairs of frames into positions of 6 channels."""
        weight = self._tensors[f"{CONV_1A.name}/weight"]
        weight = np.pad(weight, [(0, 0), (0, 0), (0, 1), (0, 0), (0, 0)])  # 7 frames -> 4 pairs
        weight = weight.reshape(CONV_1A.outputs, 3, 4, 2, 7, 7).transpose(0, 3, 1, 2, 4, 5)
        weight = weight.reshape(CONV_1A.outputs, PAIR_CHANNELS, 4, 7, 7)

        count = (KEPT_FRAMES + CHUNK_FRAMES) // 2
        x = op.reshape(frames, _ints(count, 2, FRAME_SIZE, FRAME_SIZE, 3), False)
        x = op.transpose(x, _ints(0, 2, 3, 1, 4))
        x = op.reshape(x, _ints(count, FRAME_SIZE, FRAME_SIZE, PAIR_CHANNELS), False)
        x = op.multiply(op.convert(x, "f32"), _floats(1 / 127.5))
        x = _nchw(op.multiply(op.subtract(x, _floats(1)), inside))
        made = self._fast(_split(x, count), weight, CHUNK_POSITIONS, (2, 2), ((2, 2), (3, 3)))
        return self._activated(_join(made), CONV_1A.name)

    def _mixed(
        self, module: Mixed, x: Positions, tiles: Sequence[Tile], inside: Node | None = None
    ) -> Positions:
        """The positions in `tiles` of an Inception module; `inside` as in `Network.mixed`."""
        wanted = [p for first, count in tiles for p in range(first, first + count)]
        needed = sorted({q for p in wanted for q in (p - 1, p, p + 1) if q in x})
        around = _join(x[p] for p in needed)

        def spread(branch: int) -> Positions:
            reduced = self._pointwise(f"{module.name}/Branch_{branch}/Conv3d_0a_1x1", around)
            if inside is not None:
                reduced = op.multiply(reduced, inside)
            positions = dict(zip(needed, _split(reduced, len(needed)), strict=True))
            return self._temporal(f"{module.name}/Branch_{branch}/Conv3d_0b_3x3", positions, tiles)

        middle = _join(x[p] for p in wanted)
        highest = _join(_maximum(x[q] for q in (p - 1, p, p + 1) if q in x) for p in wanted)
        spread_1, spread_2 = spread(1), spread(2)
        branches = [
            self._pointwise(f"{module.name}/Branch_0/Conv3d_0a_1x1", middle),
            _join(spread_1[p] for p in wanted),
            _join(spread_2[p] for p in wanted),
            self._pointwise(
                f"{module.name}/Branch_3/Conv3d_0b_1x1", _pool_space(highest, stride=1)
            ),
        ]
        joined = _split(op.concat(branches, 1), len(wanted))
        return dict(zip(wanted, joined, strict=True))

    def _temporal(self, name: str, x: Positions, tiles: Sequence[Tile]) -> Positions:
        """A 3x3x3 unit at the positions in `tiles`; tiles of one size are one batch."""
        weight = self._tensors[f"{name}/weight"]
        made: Positions = {}
        for size in sorted({count for _, count in tiles}):
            firsts = [first for first, count in tiles if count == size]
            inputs = [
                _batch([x.get(first + i) for first in firsts], x) for i in range(-1, size + 1)
            ]
            for i, y in enumerate(self._fast(inputs, weight, size)):
                parts = _split(self._activated(y, name), len(firsts))
                made |= {first + i: part for first, part in zip(firsts, parts, strict=True)}
        return made

    def _fast(
        self,
        inputs: Sequence[Node | None],
        weight: np.ndarray,
        outputs: int,
        stride: Sequence[int] = (1, 1),
        pads: tuple[Sequence[int], Sequence[int]] = ((1, 1), (1, 1)),
    ) -> list[Node]:
        """`outputs` neighbouring results, without bias, of a filter (O, C, T, H, W)."""
        fast = fast_filter(outputs, weight.shape[2])
        products: list[Node | None] = []
        for row, taps in zip(fast.before, fast.weights, strict=True):
            x = _combined(row, inputs)
            if x is None:
                products.append(None)
                continue
            spatial = np.tensordot(weight, taps.astype(np.float32), (2, 0))
            products.append(
                op.convolution(
                    x, _floats(spatial), list(stride), list(pads[0]), list(pads[1]), [1, 1]
                )
            )
        made = [_combined(row, products) for row in fast.after]
        return [y for y in made if y is not None]

    def _pointwise(self, name: str, x: Node) -> Node:
        """A 1x1x1 unit."""
        weight = _floats(self._tensors[f"{name}/weight"][:, :, 0])
        return self._activated(op.convolution(x, weight, [1, 1], [0, 0], [0, 0], [1, 1]), name)

    def _activated(self, x: Node, name: str) -> Node:
        bias = self._tensors[f"{name}/bias"].reshape(1, -1, 1, 1)
        return op.relu(op.add(x, _floats(bias)))


class _Model:
    """Collects the named inputs and outputs of a graph."""

    def __init__(self, state: ov.Type) -> None:
        self._state = state
        self._inputs: list[ov.Node] = []
        self._outputs: list[ov.Node] = []

    def input(self, name: str, shape: Sequence[int], dtype: ov.Type = ov.Type.f32) -> ov.Node:
        node = op.parameter(ov.PartialShape(list(shape)), dtype, name)
        node.output(0).get_tensor().set_names({name})
        self._inputs.append(node)
        return node

    def output(self, name: str, x: Node) -> None:
        node = op.result(x)
        node.output(0).get_tensor().set_names({name})
        self._outputs.append(node)

    def state(self, name: str, shape: Sequence[int]) -> Node:
        """An input with its channels last that an earlier call gave as an output."""
        return _nchw(op.convert(self.input(name, shape, self._state), "f32"))

    def keep(self, name: str, x: Node) -> None:
        """An output for `state`."""
        self.output(name, op.convert(_nhwc(x), self._state))

    def finish(self, name: str) -> ov.Model:
        return ov.Model(self._outputs, self._inputs, name)


def _pooled_inputs(model: _Model, positions: Iterable[int]) -> Positions:
    return {p: model.state(f"pooled_{p}", [1, 14, 14, 480]) for p in positions}


def _pool_4a(pooled: Positions, positions: Iterable[int]) -> Positions:
    """MaxPool3d_4a over time; over space it was done in the stem. Position p sees 2 p … 2 p + 2."""
    return {
        p: _maximum(pooled[q] for q in range(2 * p, 2 * p + 3) if q in pooled) for p in positions
    }


def _pool_space(x: Node, size: int = 3, stride: int = 2) -> Node:
    """Max pool over height and width with "SAME" padding of an even side."""
    before, after = (1, 1) if stride == 1 else (0, size - stride)
    pooled = op.max_pool(x, [stride] * 2, [1, 1], [before] * 2, [after] * 2, [size] * 2, "floor")
    return pooled.output(0)


def _combined(factors: np.ndarray, xs: Sequence[Node | None]) -> Node | None:
    """The sum of factor * x; None if nothing is left."""
    total: Node | None = None
    for factor, x in zip(factors, xs, strict=True):
        if factor and x is not None:
            term = x if factor == 1 else op.multiply(x, _floats(factor))
            total = term if total is None else op.add(total, term)
    return total


def _maximum(xs: Iterable[Node]) -> Node:
    first, *others = xs
    for x in others:
        first = op.maximum(first, x)
    return first


def _batch(xs: Sequence[Node | None], like: Positions) -> Node | None:
    """Join positions, with zeros for those that are padding; None if all are."""
    if not any(x is not None for x in xs):
        return None
    one = next(iter(like.values()))
    shape = list((one.output(0) if isinstance(one, ov.Node) else one).shape)
    zeros = _floats(np.zeros(shape))
    return _join(zeros if x is None else x for x in xs)


def _join(xs: Iterable[Node]) -> Node:
    parts = list(xs)
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    source = first.get_node() if isinstance(first, ov.Output) else first
    if source.get_type_name() == "Split" and parts == list(source.outputs()):
        return source.input_value(0)  # joins what was split
    return op.concat(parts, 0)


def _split(x: Node, count: int) -> list[Node]:
    return [x] if count == 1 else list(op.split(x, _int(0), count).outputs())


def _nchw(x: Node) -> Node:
    return op.transpose(x, _ints(0, 3, 1, 2))


def _nhwc(x: Node) -> Node:
    return op.transpose(x, _ints(0, 2, 3, 1))


def _floats(values: np.ndarray | float) -> Node:
    return op.constant(np.ascontiguousarray(values, np.float32))


def _ints(*values: int) -> Node:
    return op.constant(np.array(values))


def _int(value: int) -> Node:
    return op.constant(np.array(value))
