"""What every engine does: run the streamed stem and the tail for any number of streams.

An engine owns the weights, and makes the state of each stream in whatever memory it computes;
callers hold opaque handles. Calls take several streams at once, so that an engine may batch them.
An engine is used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

CHUNK_FRAMES = 8  # frames in each call of the stem; also the hop between windows
CHUNK_POSITIONS = 4  # stem positions out of each chunk
KEPT_FRAMES = 6  # of a stream, before each chunk
KEPT_POSITIONS = 2  # of the input of each 3x3x3 in the stem
WINDOW_FRAMES = 64
WINDOW_POSITIONS = 32
TAP_GRID = 2  # Mixed_3c is averaged over 2x2 cells
TAP = 480 * TAP_GRID**2  # values in one tap
RING_POSITIONS = 40  # kept for the tail: a window and what the end of a clip pushes behind it

# The state of one stream. Only its engine looks inside.
Stream = Any


@dataclass(frozen=True)
class EngineInfo:
    """What runs the network here, and why it was chosen."""

    name: str
    device: str
    precision: str
    reason: str


@dataclass(frozen=True)
class Inside:
    """1 where an input of a temporal operation lies inside the clip, else 0; float32.

    `frames` is (14,), for `Conv3d_1a_7x7`; the others are (6,), each for the layer it names.
    """

    frames: np.ndarray
    conv3d_2c: np.ndarray
    mixed_3b: np.ndarray
    mixed_3c: np.ndarray


@dataclass(frozen=True)
class Window:
    """What the tail says of 64 frames: embedding (1024,) and logits (400,), float32."""

    embedding: np.ndarray
    logits: np.ndarray


class Engine(Protocol):
    """Runs the network."""

    @property
    def info(self) -> EngineInfo:
        """What it is."""

    def open(self) -> Stream:
        """Make the state of a stream that begins."""

    def stem(
        self, streams: Sequence[Stream], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        """Advance each stream by one chunk.

        Args:
            streams: States made by `open`; they are changed.
            chunks: For each stream (8, 224, 224, 3) uint8 RGB.
            inside: For each stream, what of this chunk lies inside its clip.

        Returns:
            For each stream the taps of 4 positions, (4, 1920) float32: Mixed_3c averaged over
            a 2x2 grid, the cells of a row side by side, channels last.
        """

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the last 32 positions of each stream, its newest `behind` left out."""
