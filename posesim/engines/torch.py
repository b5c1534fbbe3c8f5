"""The network in PyTorch: on a GPU, and on a CPU the plain way, against which others are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posesim.engines.base import (
    CHUNK_FRAMES,
    I3D,
    KEPT_FRAMES,
    KEPT_POSITIONS,
    RING_POSITIONS,
    TAP_GRID,
    WINDOW_POSITIONS,
    EngineInfo,
    Inside,
    Layout,
    Stream,
    Window,
)
from posesim.i3d import STEM, TAIL, Network, embedding, max_pool

CONV_1A, POOL_2A, CONV_2B, CONV_2C, POOL_3A, MIXED_3B, MIXED_3C = STEM
POOL_4A = TAIL[0]


def best_device() -> str:
    """A GPU of CUDA, else one of Apple, else the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def best_dtype(device: str) -> torch.dtype:
    """What a device computes fastest in without loss that would be seen in a score."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if device == "mps" else torch.float32


@dataclass
class TorchStream:
    """The last inputs of each temporal operation, and the positions that the tail reads."""

    frames: Tensor  # (6, 224, 224, 3) uint8
    conv3d_2c: Tensor  # (64, 2, 56, 56)
    mixed_3b: Tensor  # (192, 2, 28, 28)
    mixed_3c: Tensor  # (256, 2, 28, 28)
    ring: Tensor  # (480, 40, 14, 14), oldest first


class TorchEngine:
    """Eager PyTorch; the streams of one call are one batch.

    Args:
        tensors: Weights and biases as `posesim.weights.load` gives them.
        device: Where to compute.
        dtype: What to compute in; None takes what is best there, float32 on a CPU.
        reason: Why this engine was chosen, for whoever reads the log.
    """

    layout: Layout = I3D

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        reason: str = "asked for",
    ) -> None:
        self._device = torch.device(device)
        self._dtype = dtype or best_dtype(device)
        # The tensor cores of CUDA read channels last; elsewhere it gains nothing.
        self._format = torch.channels_last_3d if device == "cuda" else torch.contiguous_format

        def moved(array: np.ndarray) -> Tensor:
            tensor = torch.from_numpy(array).to(self._device, self._dtype)
            return tensor.to(memory_format=self._format) if tensor.dim() == 5 else tensor

        self._network = Network({name: moved(array) for name, array in tensors.items()})
        precision = str(self._dtype).removeprefix("torch.")
        self.info = EngineInfo("torch", device, precision, reason)

    def open(self) -> TorchStream:
        """Make the state of a stream that begins: nothing but padding before it."""

        def zeros(*shape: int, dtype: torch.dtype) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=self._device)

        return TorchStream(
            frames=zeros(KEPT_FRAMES, 224, 224, 3, dtype=torch.uint8),
            conv3d_2c=zeros(64, KEPT_POSITIONS, 56, 56, dtype=self._dtype),
            mixed_3b=zeros(192, KEPT_POSITIONS, 28, 28, dtype=self._dtype),
            mixed_3c=zeros(256, KEPT_POSITIONS, 28, 28, dtype=self._dtype),
            ring=zeros(480, RING_POSITIONS, 14, 14, dtype=self._dtype),
        )

    @torch.inference_mode()
    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """Advance each stream by one chunk; see `Engine.stem`."""
        net = self._network

        def with_kept(name: str, new: Tensor) -> tuple[Tensor, Tensor]:
            """Put the kept positions before the new ones; return this, masked, and the mask."""
            joined = torch.cat([torch.stack([getattr(s, name) for s in streams]), new], dim=2)
            for stream, last in zip(streams, joined[:, :, -KEPT_POSITIONS:], strict=True):
                setattr(stream, name, last.clone())
            mask = self._moved([getattr(i, name) for i in inside])[:, None, :, None, None]
            mask = mask.to(self._dtype)
            return joined * mask, mask

        kept = torch.stack([stream.frames for stream in streams])
        frames = torch.cat([kept, self._moved(chunks)], dim=1)  # (N, 14, 224, 224, 3)
        for stream, last in zip(streams, frames[:, CHUNK_FRAMES:], strict=True):
            stream.frames = last.clone()
        x = frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1  # (N, T, H, W, C) -> (N, C, T, H, W)
        x = x * self._moved([i.frames for i in inside])[:, None, :, None, None]
        x = x.to(self._dtype, memory_format=self._format)
        x = net.conv(CONV_1A, x, pad_time=False)  # 14 frames -> 4 positions
        x = net.conv(CONV_2B, max_pool(x, POOL_2A.kernel, POOL_2A.stride))
        x, _ = with_kept("conv3d_2c", x)
        x = max_pool(net.conv(CONV_2C, x, pad_time=False), POOL_3A.kernel, POOL_3A.stride)
        x = net.mixed(MIXED_3B, *with_kept("mixed_3b", x))
        x = net.mixed(MIXED_3C, *with_kept("mixed_3c", x))

        # MaxPool3d_4a over space here, once a position, and over time in the tail: a maximum of
        # maxima is the maximum, and what is kept for the window is a quarter.
        for stream, pooled in zip(streams, max_pool(x, (1, 3, 3), (1, 2, 2)), strict=True):
            stream.ring = torch.cat([stream.ring, pooled], dim=1)[:, -RING_POSITIONS:]
        grid = functional.avg_pool3d(x, (1, 28 // TAP_GRID, 28 // TAP_GRID))
        taps = grid.permute(0, 2, 3, 4, 1).flatten(2)  # (N, 480, T, 2, 2) -> (N, T, 2 * 2 * 480)
        return list(taps.float().cpu().numpy())

    @torch.inference_mode()
    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the last 32 positions of each stream; see `Engine.tail`."""
        ends = [RING_POSITIONS - positions for positions in behind]
        pairs = zip(streams, ends, strict=True)
        x = torch.stack([stream.ring[:, end - WINDOW_POSITIONS : end] for stream, end in pairs])
        x = max_pool(x, (3, 1, 1), (2, 1, 1))  # the rest of MaxPool3d_4a
        x = x.contiguous(memory_format=self._format)
        x = self._network.run(TAIL[1:], x)["Mixed_5c"]
        embeddings = embedding(x.float()).cpu().numpy()
        logits = self._network.logits(x).float().cpu().numpy()
        return [Window(*one) for one in zip(embeddings, logits, strict=True)]

    def _moved(self, arrays: Sequence[np.ndarray]) -> Tensor:
        """One batch of them on the device."""
        return torch.from_numpy(np.stack(arrays)).to(self._device)
