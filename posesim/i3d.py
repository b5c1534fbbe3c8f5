"""The Inception-I3D network, endpoint by endpoint, as a table.

The table follows Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the
Kinetics Dataset" (CVPR 2017), figure 3, with the endpoint names that its weights use. Batch norm is
folded into the convolutions (see `posesim.weights`), so a unit is a convolution, a bias and a ReLU.

The network is cut where it is cheap to cut: `STEM` works position by position and can be streamed,
`TAIL` needs a whole window. Everything that runs the network, in whatever framework, is made from
these tables.

A clip is (N, 3, T, 224, 224) float32 in [-1, 1]. Convolutions and pools pad as TensorFlow's "SAME".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Triple = tuple[int, int, int]  # (time, height, width)

FRAME_SIZE = 224  # pixels, height and width
CLASSES = 400  # Kinetics-400
EMBEDDING = 1024  # channels of Mixed_5c


@dataclass(frozen=True)
class Conv:
    """A 3-d convolution with bias and ReLU ("Unit3D")."""

    name: str
    inputs: int
    outputs: int
    kernel: Triple
    stride: Triple = (1, 1, 1)


@dataclass(frozen=True)
class MaxPool:
    """A 3-d max pool."""

    name: str
    kernel: Triple
    stride: Triple


@dataclass(frozen=True)
class Mixed:
    """An Inception module: four branches side by side, joined along the channels.

    `widths` are the channels of, in order: branch 0 (1x1x1); branch 1 (1x1x1, then 3x3x3);
    branch 2 (1x1x1, then 3x3x3); branch 3 (a pool of 3x3x3, then 1x1x1).
    """

    name: str
    inputs: int
    widths: tuple[int, int, int, int, int, int]

    @property
    def outputs(self) -> int:
        """Channels after joining."""
        return self.widths[0] + self.widths[2] + self.widths[4] + self.widths[5]

    @property
    def units(self) -> dict[str, Conv]:
        """The convolutions, by their names inside the module."""
        one, three = (1, 1, 1), (3, 3, 3)
        w = self.widths
        table = {
            "Branch_0/Conv3d_0a_1x1": (self.inputs, w[0], one),
            "Branch_1/Conv3d_0a_1x1": (self.inputs, w[1], one),
            "Branch_1/Conv3d_0b_3x3": (w[1], w[2], three),
            "Branch_2/Conv3d_0a_1x1": (self.inputs, w[3], one),
            "Branch_2/Conv3d_0b_3x3": (w[3], w[4], three),
            "Branch_3/Conv3d_0b_1x1": (self.inputs, w[5], one),
        }
        return {unit: Conv(f"{self.name}/{unit}", *row) for unit, row in table.items()}


Layer = Conv | MaxPool | Mixed

STEM: tuple[Conv, MaxPool, Conv, Conv, MaxPool, Mixed, Mixed] = (
    Conv("Conv3d_1a_7x7", 3, 64, (7, 7, 7), (2, 2, 2)),
    MaxPool("MaxPool3d_2a_3x3", (1, 3, 3), (1, 2, 2)),
    Conv("Conv3d_2b_1x1", 64, 64, (1, 1, 1)),
    Conv("Conv3d_2c_3x3", 64, 192, (3, 3, 3)),
    MaxPool("MaxPool3d_3a_3x3", (1, 3, 3), (1, 2, 2)),
    Mixed("Mixed_3b", 192, (64, 96, 128, 16, 32, 32)),
    Mixed("Mixed_3c", 256, (128, 128, 192, 32, 96, 64)),
)
TAIL: tuple[Layer, ...] = (
    MaxPool("MaxPool3d_4a_3x3", (3, 3, 3), (2, 2, 2)),
    Mixed("Mixed_4b", 480, (192, 96, 208, 16, 48, 64)),
    Mixed("Mixed_4c", 512, (160, 112, 224, 24, 64, 64)),
    Mixed("Mixed_4d", 512, (128, 128, 256, 24, 64, 64)),
    Mixed("Mixed_4e", 512, (112, 144, 288, 32, 64, 64)),
    Mixed("Mixed_4f", 528, (256, 160, 320, 32, 128, 128)),
    MaxPool("MaxPool3d_5a_2x2", (2, 2, 2), (2, 2, 2)),
    Mixed("Mixed_5b", 832, (256, 160, 320, 32, 128, 128)),
    Mixed("Mixed_5c", 832, (384, 192, 384, 48, 128, 128)),
)
LOGITS = Conv("Logits/Conv3d_0c_1x1", EMBEDDING, CLASSES, (1, 1, 1))  # no ReLU


def units() -> Iterator[Conv]:
    """Every convolution of the network, in order."""
    for layer in (*STEM, *TAIL, LOGITS):
        if isinstance(layer, Mixed):
            yield from layer.units.values()
        elif isinstance(layer, Conv):
            yield layer


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a checkpoint must hold."""
    shapes: dict[str, tuple[int, ...]] = {}
    for unit in units():
        shapes[f"{unit.name}/weight"] = (unit.outputs, unit.inputs, *unit.kernel)
        shapes[f"{unit.name}/bias"] = (unit.outputs,)
    return shapes


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros (before, after) that TensorFlow's "SAME" adds along one axis.

    What is odd goes after: for a kernel of 7 and a stride of 2 on an even size that is (2, 3).
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Network:
    """Run the tables with PyTorch.

    Args:
        tensors: Weight and bias of every unit, by the names of `weight_shapes`.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    def run(self, layers: tuple[Layer, ...], x: Tensor) -> dict[str, Tensor]:
        """Apply `layers` to `x`; return the output of each by its endpoint name."""
        outputs: dict[str, Tensor] = {}
        for layer in layers:
            if isinstance(layer, Mixed):
                x = self.mixed(layer, x)
            elif isinstance(layer, Conv):
                x = self.conv(layer, x)
            else:
                x = max_pool(x, layer.kernel, layer.stride)
            outputs[layer.name] = x
        return outputs

    def conv(self, unit: Conv, x: Tensor, *, pad_time: bool = True) -> Tensor:
        """Apply one unit; without `pad_time`, only where the kernel has all its inputs."""
        x = pad_same(x, unit.kernel, unit.stride, pad_time=pad_time)
        weight, bias = self._tensors[f"{unit.name}/weight"], self._tensors[f"{unit.name}/bias"]
        return functional.conv3d(x, weight, bias, unit.stride).relu_()

    def mixed(self, module: Mixed, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """Apply one Inception module.

        Args:
            module: The module.
            x: (N, C, T, H, W).
            inside: For a stretch of a longer stream: 1 where a position of `x` lies inside the clip
                and 0 where it would be padding, shape (T, 1, 1). The result then leaves out
                the first and the last position, which lack a neighbour.
        """
        u = module.units
        streamed = inside is not None

        def reduced(name: str) -> Tensor:
            y = self.conv(u[name], x)
            return y * inside if inside is not None else y

        own = x[:, :, 1:-1] if streamed else x
        pool = max_pool(x, (3, 3, 3), (1, 1, 1), pad_time=not streamed)
        branches = (
            self.conv(u["Branch_0/Conv3d_0a_1x1"], own),
            self.conv(
                u["Branch_1/Conv3d_0b_3x3"],
                reduced("Branch_1/Conv3d_0a_1x1"),
                pad_time=not streamed,
            ),
            self.conv(
                u["Branch_2/Conv3d_0b_3x3"],
                reduced("Branch_2/Conv3d_0a_1x1"),
                pad_time=not streamed,
            ),
            self.conv(u["Branch_3/Conv3d_0b_1x1"], pool),
        )
        return torch.cat(branches, dim=1)

    def logits(self, mixed_5c: Tensor) -> Tensor:
        """Class scores before softmax, (N, 400), from Mixed_5c (N, 1024, T, 7, 7).

        Averages over pairs of neighbouring positions and then over time, as the original does.
        """
        x = functional.avg_pool3d(mixed_5c, (2, 7, 7), stride=1)
        weight = self._tensors[f"{LOGITS.name}/weight"]
        x = functional.conv3d(x, weight, self._tensors[f"{LOGITS.name}/bias"])
        return x.mean(dim=(2, 3, 4))  # (N, 400, T - 1, 1, 1) -> (N, 400)


def embedding(mixed_5c: Tensor) -> Tensor:
    """The embedding of a window, (N, 1024): the mean of Mixed_5c over time and space."""
    return mixed_5c.mean(dim=(2, 3, 4))


def pad_same(x: Tensor, kernel: Triple, stride: Triple, *, pad_time: bool = True) -> Tensor:
    """Pad (N, C, T, H, W) with zeros as "SAME" asks; leave time alone without `pad_time`."""
    time, height, width = (
        same_padding(size, k, s) for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)
    )
    pads = (*width, *height, *(time if pad_time else (0, 0)))  # F.pad starts at the last axis
    return functional.pad(x, pads) if any(pads) else x


def max_pool(x: Tensor, kernel: Triple, stride: Triple, *, pad_time: bool = True) -> Tensor:
    """Max pool with "SAME" padding.

    Every pool follows a ReLU, so padding with zeros is padding with minus infinity.
    """
    return functional.max_pool3d(pad_same(x, kernel, stride, pad_time=pad_time), kernel, stride)


def whole_clip(network: Network, clip: Tensor) -> dict[str, Tensor]:
    """Every endpoint of a whole clip (N, 3, T, 224, 224), and "Logits" (N, 400)."""
    outputs = network.run(STEM, clip)
    outputs |= network.run(TAIL, outputs["Mixed_3c"])
    return outputs | {"Logits": network.logits(outputs["Mixed_5c"])}
