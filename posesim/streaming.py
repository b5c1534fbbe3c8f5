"""The streamed stem: each position is computed once, with its true neighbours.

Which positions a backbone gives, and when, says its `Layout`. What follows is of Inception-I3D.

A temporal convolution over a stream keeps its last inputs: 6 frames before `Conv3d_1a_7x7`, 2
positions before each 3x3x3 of the stem. Fed 8 frames at a time it then gives 4 positions at a time,
equal to the convolution over the whole clip. What "SAME" padding does at the two ends of a clip
is done by masks: what lies outside the clip is set to zero before every temporal operation.

Position `p` is centred on frame `2 p + 1` and, at `Mixed_3c`, depends on frames up to
`2 p + 10`. After chunk `k` (frames `8 k` to `8 k + 7`) the layers have given these positions:

    Conv3d_1a_7x7   4 k - 2 … 4 k + 1
    Conv3d_2c_3x3   4 k - 3 … 4 k
    Mixed_3b        4 k - 4 … 4 k - 1
    Mixed_3c        4 k - 5 … 4 k - 2
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from posesim.engines.base import (
    CHUNK_FRAMES,
    CHUNK_POSITIONS,
    I3D,
    KEPT_FRAMES,
    KEPT_POSITIONS,
    Engine,
    Inside,
    Window,
)
from posesim.engines.calls import Calls, StemCall, TailCall
from posesim.i3d import FRAME_SIZE


def inside(chunk: int, clip_frames: int | None) -> Inside:
    """Masks of Inception-I3D for chunk number `chunk`, from 0.

    `clip_frames` is the length of its clip, None while that goes on.
    """

    def mask(first: int, count: int, end: int | None) -> np.ndarray:
        index = np.arange(first, first + count)
        return ((index >= 0) & (end is None or index < end)).astype(np.float32)

    end = None if clip_frames is None else I3D.position_count(clip_frames)
    at, count = CHUNK_POSITIONS * chunk, CHUNK_POSITIONS + KEPT_POSITIONS
    return Inside(
        frames=mask(CHUNK_FRAMES * chunk - KEPT_FRAMES, CHUNK_FRAMES + KEPT_FRAMES, clip_frames),
        conv3d_2c=mask(at - 4, count, end),
        mixed_3b=mask(at - 5, count, end),
        mixed_3c=mask(at - 6, count, end),
    )


@dataclass(frozen=True)
class Positions:
    """Taps of consecutive positions: `taps` is (n, D) float32, the first at position `first`."""

    first: int
    taps: np.ndarray

    @property
    def end(self) -> int:
        """The position after the last."""
        return self.first + len(self.taps)


class StreamingStem:
    """Frames in, stem positions out, for one stretch of video without a gap.

    What needs the network is a generator; see `posesim.engines.calls`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._layout = engine.layout
        self.reset()

    def reset(self) -> None:
        """Begin a new stretch: nothing of the earlier one is kept."""
        self._stream = self._engine.open()
        self._chunks = 0  # taken so far
        self._waiting: list[np.ndarray] = []
        self._window_end = 0  # the position after the newest window

    def push(self, frames: Iterable[np.ndarray]) -> Calls[list[Positions]]:
        """Take any number of frames; return the positions of each chunk that they complete.

        Args:
            frames: Each (224, 224, 3) uint8 RGB.
        """
        done: list[Positions] = []
        for frame in frames:
            self._waiting.append(frame)
            if len(self._waiting) == CHUNK_FRAMES:
                done += yield from self._step(np.stack(self._waiting), None)
                self._waiting.clear()
        return done

    def finish(self) -> Calls[list[Positions]]:
        """End the clip: complete the last window, which may wait for frames that won't come.

        Returns:
            The positions that were waiting with it.
        """
        frames = CHUNK_FRAMES * self._chunks + len(self._waiting)
        done: list[Positions] = []
        while self._window_end < self._layout.position_count(frames):
            chunk = np.zeros((CHUNK_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
            if self._waiting:
                chunk[: len(self._waiting)] = self._waiting
                self._waiting.clear()
            done += yield from self._step(chunk, frames)
        return done

    def window(self) -> Calls[Window | None]:
        """The newest window; None before there are positions enough."""
        if self._window_end < self._layout.window_positions:
            return None
        behind = self._newest - self._layout.window_behind - self._window_end
        window: Window = yield TailCall(self._stream, behind)
        return window

    @property
    def _newest(self) -> int:
        """The position after the newest of the chunks so far."""
        return self._layout.chunk_positions * self._chunks

    def _step(self, chunk: np.ndarray, clip_frames: int | None) -> Calls[list[Positions]]:
        taps = yield StemCall(self._stream, chunk, inside(self._chunks, clip_frames))
        self._chunks += 1
        end = self._newest - self._layout.taps_behind
        first = end - self._layout.chunk_positions
        window_end = max(self._newest - self._layout.window_behind, 0)
        if clip_frames is not None:
            count = self._layout.position_count(clip_frames)
            end, window_end = min(end, count), min(window_end, count)
        self._window_end = window_end
        if end <= max(first, 0):
            return []
        return [Positions(max(first, 0), taps[max(-first, 0) : end - first])]
