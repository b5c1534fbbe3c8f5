"""What every engine does: run the streamed stem and the tail for any number of streams.

An engine owns the weights, and makes the state of each stream in whatever memory it computes;
callers hold opaque handles. What differs between backbones is in their `Layout`. Calls take
several streams at once, so that an engine may batch them.
An engine is used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

FRAMES_PER_SECOND = 25.0  # of the grid on which every network here sees a video
CHUNK_FRAMES = 8  # frames in each call of the stem; also the hop between windows
WINDOW_FRAMES = 64

# Of Inception-I3D, whose stem is streamed layer by layer:
CHUNK_POSITIONS = 4  # stem positions out of each chunk
KEPT_FRAMES = 6  # of a stream, before each chunk
KEPT_POSITIONS = 2  # of the input of each 3x3x3 in the stem
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


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a backbone gives, when and how much of it: all that others must know to work with it.

    A position is a place in time at which the backbone describes the video; position `p` is
    centred on frame `p * position_frames + middle_frame` of its stretch. Of `n` chunks there are
    `n * chunk_positions` positions.

    Attributes:
        backbone: Its name.
        position_frames: Frames from one position to the next; divides 8.
        middle_frame: The frame on which position 0 is centred.
        partial: Whether frames that don't fill a position make one at the end of a clip.
        taps_behind: Positions by which taps lag behind the newest, waiting for frames after them.
        window_behind: Positions by which the newest window lags behind the newest position.
        first_whole: The first position whose tap depends on no frame before the clip.
        tap: What a tap is read from: the name of a layer.
        tap_grid: It is averaged over so many by so many cells of the picture.
        tap_size: Values in a tap.
        embedding_size: Values in the embedding of a window.
        classes: Logits of a window.
    """

    backbone: str
    position_frames: int
    middle_frame: int
    partial: bool
    taps_behind: int
    window_behind: int
    first_whole: int
    tap: str
    tap_grid: int
    tap_size: int
    embedding_size: int
    classes: int

    @property
    def chunk_positions(self) -> int:
        """Positions out of each chunk."""
        return CHUNK_FRAMES // self.position_frames

    @property
    def window_positions(self) -> int:
        """Positions in a window."""
        return WINDOW_FRAMES // self.position_frames

    @property
    def position_s(self) -> float:
        """Seconds from one position to the next."""
        return self.position_frames / FRAMES_PER_SECOND

    def position_count(self, frames: int) -> int:
        """Positions of a clip of so many frames."""
        whole, rest = divmod(frames, self.position_frames)
        return whole + (1 if rest and self.partial else 0)


I3D = Layout(
    backbone="i3d",
    position_frames=2,
    middle_frame=1,
    partial=True,
    taps_behind=5,
    window_behind=5,  # the tail looks at what the stem has finished
    first_whole=4,
    tap="Mixed_3c",
    tap_grid=TAP_GRID,
    tap_size=TAP,
    embedding_size=1024,
    classes=400,
)


@dataclass(frozen=True)
class Inside:
    """1 where an input of a temporal operation of Inception-I3D lies inside the clip, else 0.

    All float32. `frames` is (14,), for `Conv3d_1a_7x7`; the others are (6,), each for the layer it
    names. A network whose layers aren't streamed needs none of it.
    """

    frames: np.ndarray
    conv3d_2c: np.ndarray
    mixed_3b: np.ndarray
    mixed_3c: np.ndarray


@dataclass(frozen=True)
class Window:
    """What the tail says of 64 frames: embedding (E,) and logits (C,), float32.

    E and C are `embedding_size` and `classes` of the engine's `Layout`.
    """

    embedding: np.ndarray
    logits: np.ndarray


class Engine(Protocol):
    """Runs the network."""

    @property
    def layout(self) -> Layout:
        """What its backbone gives."""

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
            For each stream the taps of the positions that this chunk completes, (P, T) float32;
            P and T are `chunk_positions` and `tap_size` of the layout. After `n` chunks the last
            one is of position `n * P - taps_behind - 1`. The cells of a row of the grid are side
            by side, channels last.
        """

    def tail(self, streams: Sequence[Stream], behind: Sequence[int]) -> list[Window]:
        """Look at the newest window of each stream, its newest `behind` positions left out."""
