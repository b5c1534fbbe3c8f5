"""pytorchvideo's I3D-ResNet50 in PyTorch: the second backbone.

Of every chunk it keeps one frame, the last. A window is the last 8 kept frames, evenly spaced over
64, and the tail runs the whole network on them, so a window is exactly what pytorchvideo gives.

A tap is read from the first block (a convolution of 5x7x7, batch norm, ReLU and a pool over space)
at the newest kept frame that has its two neighbours on either side, 0.64 s behind the camera.
Deeper blocks look further: after the second it would be five neighbours, 1.6 s. The block is
computed for this one position alone, and equals the block over the whole clip.

The package, Apache-2.0, is not a dependency of posesim but of its extra `pytorchvideo`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from posesim.backbones import I3D_R50
from posesim.engines.base import EngineInfo, Inside, Layout, Stream, Window
from posesim.errors import BackboneNotInstalled, BrokenCheckpoint

EXTRA = "pytorchvideo"
MEAN, STD = 0.45, 0.225  # of RGB in 0 to 1, all channels alike: what the weights were trained with
KEPT_FRAMES = I3D_R50.window_positions  # of which a tap needs the last 5
TAP_FRAMES = 5
FRAME_SIZE = 224


def network() -> Any:
    """Make the network, with random weights, ready to be evaluated.

    It is a `pytorchvideo.models.net.Net`; `Any`, because the package is not installed everywhere.

    Raises:
        BackboneNotInstalled: If pytorchvideo or torchvision is missing or does not fit this torch.
    """
    try:
        # fvcore compiles a loss at import, by a function that PyTorch is about to retire.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torchvision  # noqa: F401 - first, so that what is missing is called by its name
            from pytorchvideo.models.hub.resnet import i3d_r50
    except ModuleNotFoundError as error:
        reason = f"the package {error.name} is not installed"
        raise BackboneNotInstalled(I3D_R50.backbone, EXTRA, reason) from error
    except (ImportError, RuntimeError) as error:  # torchvision of another torch
        reason = f"its packages don't fit together ({str(error).rstrip('.')})"
        raise BackboneNotInstalled(I3D_R50.backbone, EXTRA, reason) from error
    return i3d_r50(pretrained=False).eval()


def weight_shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of floats that the weights must hold."""
    state = net.state_dict()
    return {name: tuple(t.shape) for name, t in state.items() if t.is_floating_point()}


@dataclass
class R50Stream:
    """The kept frames, oldest first: (3, 8, 224, 224) float32, normalised, 0 before the clip."""

    frames: Tensor


class R50Engine:
    """Eager PyTorch in float32, on a GPU of CUDA where there is one.

    Args:
        tensors: What `posesim.weights_r50.load` gives.

    Raises:
        BackboneNotInstalled: If pytorchvideo or torchvision is missing.
        BrokenCheckpoint: If the tensors are not those of this network.
    """

    layout: Layout = I3D_R50

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = torch.device(device)
        net = network()
        shapes = weight_shapes(net)
        if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
            raise BrokenCheckpoint(
                f"The weights are not those of {I3D_R50.backbone}. Fetch them again with: "
                f"posesim weights fetch --backbone {I3D_R50.backbone}"
            )
        state = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
        net.load_state_dict(state, strict=False)  # but for counters that only training reads
        self._blocks: list[nn.Module] = list(net.to(self._device).blocks)
        self.info = EngineInfo(
            "torch", device, "float32", "pytorchvideo's networks run in PyTorch alone"
        )

    def open(self) -> R50Stream:
        """Make the state of a stream that begins: nothing but padding before it."""
        shape = (3, KEPT_FRAMES, FRAME_SIZE, FRAME_SIZE)
        return R50Stream(torch.zeros(shape, device=self._device))

    @torch.inference_mode()
    def stem(
        self,
        streams: Sequence[Stream],
        chunks: Sequence[np.ndarray],
        inside: Sequence[Inside],  # noqa: ARG002 - what is outside is never pushed
    ) -> list[np.ndarray]:
        """Advance each stream by one chunk; see `Engine.stem`."""
        for stream, chunk in zip(streams, chunks, strict=True):
            new = torch.from_numpy(chunk[I3D_R50.middle_frame]).to(self._device)
            new = (new.permute(2, 0, 1).float() / 255 - MEAN) / STD  # (H, W, C) -> (C, H, W)
            stream.frames = torch.cat([stream.frames[:, 1:], new[:, None]], dim=1)
        block: Any = self._blocks[0]
        conv = block.conv
        x = torch.stack([stream.frames[:, -TAP_FRAMES:] for stream in streams])
        # As the block, but without its padding in time: 5 frames -> 1 position.
        x = functional.conv3d(x, conv.weight, None, conv.stride, (0, *conv.padding[1:]))
        x = block.pool(block.activation(block.norm(x)))  # (N, 64, 1, 56, 56)
        grid = functional.adaptive_avg_pool3d(x, (1, I3D_R50.tap_grid, I3D_R50.tap_grid))
        taps = grid.permute(0, 2, 3, 4, 1).flatten(2)  # (N, 64, 1, 4, 4) -> (N, 1, 4 * 4 * 64)
        return list(taps.cpu().numpy())

    @torch.inference_mode()
    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the last 8 kept frames of each stream; see `Engine.tail`.

        Raises:
            ValueError: If a window is wanted that is not the newest: its frames are gone.
        """
        if any(behind):
            raise ValueError(f"only the newest window can be seen, got {behind=}")
        x = torch.stack([stream.frames for stream in streams])
        for block in self._blocks[:-1]:
            x = block(x)
        head: Any = self._blocks[-1]
        embeddings = head.pool(x).flatten(1)  # (N, 2048, 1, 1, 1) -> (N, 2048)
        logits = head.proj(embeddings)
        pairs = zip(embeddings.cpu().numpy(), logits.cpu().numpy(), strict=True)
        return [Window(embedding, scores) for embedding, scores in pairs]
