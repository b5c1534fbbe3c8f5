"""The network in PyTorch: the plain way, on any device; the others are held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posesim.engines.base import (
    CHUNK_FRAMES,
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
from posesim.i3d import STEM, TAIL, Network, embedding, max_pool

CONV_1A, POOL_2A, CONV_2B, CONV_2C, POOL_3A, MIXED_3B, MIXED_3C = STEM
POOL_4A = TAIL[0]


@dataclass
class TorchStream:
    """The last inputs of each temporal operation, and the positions that the tail reads."""

    frames: Tensor  # (6, 224, 224, 3) uint8
    conv3d_2c: Tensor  # (1, 64, 2, 56, 56)
    mixed_3b: Tensor  # (1, 192, 2, 28, 28)
    mixed_3c: Tensor  # (1, 256, 2, 28, 28)
    ring: Tensor  # (1, 480, 40, 14, 14), oldest first


class TorchEngine:
    """Eager PyTorch in float32.

    Args:
        tensors: Weights and biases as `posesim.weights.load` gives them.
        device: Where to compute.
        reason: Why this engine was chosen, for whoever reads the log.
    """

    def __init__(
        self, tensors: Mapping[str, np.ndarray], *, device: str = "cpu", reason: str = "asked for"
    ) -> None:
        self._device = torch.device(device)
        moved = {name: torch.from_numpy(a).to(self._device) for name, a in tensors.items()}
        self._network = Network(moved)
        self.info = EngineInfo("torch", device, "float32", reason)

    def open(self) -> TorchStream:
        """Make the state of a stream that begins: nothing but padding before it."""

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=self._device)

        return TorchStream(
            frames=zeros(KEPT_FRAMES, 224, 224, 3, dtype=torch.uint8),
            conv3d_2c=zeros(1, 64, KEPT_POSITIONS, 56, 56),
            mixed_3b=zeros(1, 192, KEPT_POSITIONS, 28, 28),
            mixed_3c=zeros(1, 256, KEPT_POSITIONS, 28, 28),
            ring=zeros(1, 480, RING_POSITIONS, 14, 14),
        )

    @torch.inference_mode()
    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """Advance each stream by one chunk; see `Engine.stem`."""
        return [self._stem(*one) for one in zip(streams, chunks, inside, strict=True)]

    def _stem(self, stream: TorchStream, chunk: np.ndarray, inside: Inside) -> np.ndarray:
        net = self._network

        def mask(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values).to(self._device)[:, None, None]

        frames = torch.cat([stream.frames, torch.from_numpy(chunk).to(self._device)])
        stream.frames = frames[CHUNK_FRAMES:].clone()
        x = frames.permute(3, 0, 1, 2)[None].float()  # (T, H, W, C) -> (1, C, T, H, W)
        x = (x / 127.5 - 1) * mask(inside.frames)
        x = net.conv(CONV_1A, x, pad_time=False)  # 14 frames -> 4 positions
        x = net.conv(CONV_2B, max_pool(x, POOL_2A.kernel, POOL_2A.stride))

        x = torch.cat([stream.conv3d_2c, x], dim=2)
        stream.conv3d_2c = x[:, :, -KEPT_POSITIONS:].clone()
        x = net.conv(CONV_2C, x * mask(inside.conv3d_2c), pad_time=False)
        x = max_pool(x, POOL_3A.kernel, POOL_3A.stride)

        x = torch.cat([stream.mixed_3b, x], dim=2)
        stream.mixed_3b = x[:, :, -KEPT_POSITIONS:].clone()
        inner = mask(inside.mixed_3b)
        x = net.mixed(MIXED_3B, x * inner, inner)

        x = torch.cat([stream.mixed_3c, x], dim=2)
        stream.mixed_3c = x[:, :, -KEPT_POSITIONS:].clone()
        inner = mask(inside.mixed_3c)
        x = net.mixed(MIXED_3C, x * inner, inner)

        # MaxPool3d_4a over space here, once a position, and over time in the tail: a maximum of
        # maxima is the maximum, and what is kept for the window is a quarter.
        pooled = max_pool(x, (1, 3, 3), (1, 2, 2))
        stream.ring = torch.cat([stream.ring, pooled], dim=2)[:, :, -RING_POSITIONS:]
        grid = functional.avg_pool3d(x, (1, 28 // TAP_GRID, 28 // TAP_GRID))
        taps = grid[0].permute(1, 2, 3, 0).flatten(1)  # (480, T, 2, 2) -> (T, 2 * 2 * 480)
        return taps.cpu().numpy()

    @torch.inference_mode()
    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the last 32 positions of each stream; see `Engine.tail`."""
        return [self._tail(*one) for one in zip(streams, behind, strict=True)]

    def _tail(self, stream: TorchStream, behind: int) -> Window:
        end = RING_POSITIONS - behind
        x = stream.ring[:, :, end - WINDOW_POSITIONS : end]
        x = max_pool(x, (3, 1, 1), (2, 1, 1))  # the rest of MaxPool3d_4a
        x = self._network.run(TAIL[1:], x)["Mixed_5c"]
        logits = self._network.logits(x)
        return Window(embedding(x)[0].cpu().numpy(), logits[0].cpu().numpy())
