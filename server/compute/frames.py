"""Decoded pictures in memory that the server and one worker share.

The memory has no name: it is gone with the last process that holds it, however that ends, and
no later start has to tidy up. Nor does it count against the small /dev/shm of a container.
"""

import mmap
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from typing import Any

import av
import numpy as np

from posesim.embedding import LARGEST_SIDE, Frame
from posesim.errors import PosesimError
from posesim.video import to_rgb

SLOT_BYTES = 8 * 2**20  # one 2560x1440 picture, or 18 of 640x480
SLOTS = 64  # in a worker's memory; one that nobody uses takes none

# What aiortc's decoders give; the second is the first in full range.
FORMATS = ("yuv420p", "yuvj420p")


class UnknownPicture(PosesimError):
    """A picture in a form that no browser sends."""

    def __init__(self, form: str) -> None:
        super().__init__(
            f"The camera sends pictures of the form {form}. Send 8-bit YUV 4:2:0, as every browser "
            "does in VP8 and H264."
        )


class NoSlot(PosesimError):
    """All slots are taken."""

    def __init__(self) -> None:
        super().__init__("All places of this worker are taken. Try again when someone has left.")


@dataclass(frozen=True)
class Placed:
    """Where a picture lies in its slot, what it is, and its presentation time."""

    time_s: float
    offset: int
    width: int
    height: int
    form: str
    colors: tuple[int, int, int, int]  # range, space, primaries, transfer: what FFmpeg calls them
    quarter_turns: int  # counter-clockwise, to be upright


class FrameMemory:
    """Slots of `SLOT_BYTES`, one for each session.

    A slot is written by the server alone, and read by the worker from when it is told what lies
    there until it answers. So no lock is needed.

    Args:
        handle: A file descriptor; closed by `close`.
    """

    def __init__(self, handle: int, slots: int = SLOTS) -> None:
        self._handle = handle
        self._slots = slots
        self._map = mmap.mmap(handle, slots * SLOT_BYTES)
        self._bytes: np.ndarray | None = np.frombuffer(self._map, np.uint8)
        self._free = set(range(slots))
        self._used: dict[int, int] = {}  # bytes, at most so far

    @classmethod
    def create(cls, slots: int = SLOTS) -> "FrameMemory":
        """Make a memory. Its pages come into being when they are written."""
        handle = _nameless()
        os.ftruncate(handle, slots * SLOT_BYTES)
        return cls(handle, slots)

    def __reduce__(self) -> Any:
        """Share it with a process that is being started; only then can it be pickled."""
        return _shared, (reduction.DupFd(self._handle), self._slots)

    def take(self) -> int:
        """Reserve a slot.

        Raises:
            NoSlot: If there is none left.
        """
        if not self._free:
            raise NoSlot
        slot = min(self._free)  # the lowest first: pages that exist are used again
        self._free.remove(slot)
        return slot

    def give_back(self, slot: int) -> None:
        """Let others have a slot; the pictures in it are overwritten."""
        if self._bytes is not None:
            self._slot(slot)[: self._used.pop(slot, 0)] = 0  # to touch more would use more memory
        self._free.add(slot)

    def put(self, slot: int, frames: Sequence[tuple[float, av.VideoFrame]]) -> tuple[Placed, ...]:
        """Lay pictures with their times into a slot, in place of what lay there.

        Raises:
            UnknownPicture: If one is not planar YUV 4:2:0 in 8 bits.
            ValueError: If they do not fit; see `size`.
        """
        self._used[slot] = max(min(bytes_of(frames), SLOT_BYTES), self._used.get(slot, 0))
        return lay(self._slot(slot), frames)

    def get(self, slot: int, placed: Placed) -> Frame:
        """Copy a picture out of a slot; equal to what was put in, for `posesim.video.to_rgb`."""
        return lift(self._slot(slot), placed)

    def close(self) -> None:
        """Give it back. Closing twice is harmless."""
        if self._bytes is not None:
            self._bytes = None
            self._map.close()
            os.close(self._handle)

    def _slot(self, slot: int) -> np.ndarray:
        assert self._bytes is not None, "the memory is closed"
        return self._bytes[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES]


def size(frame: av.VideoFrame) -> int:
    """Bytes that a picture takes in a slot."""
    chroma = ((frame.width + 1) // 2) * ((frame.height + 1) // 2)
    return frame.width * frame.height + 2 * chroma


def bytes_of(frames: Sequence[tuple[float, av.VideoFrame]]) -> int:
    """Bytes that pictures take together."""
    return sum(size(frame) for _, frame in frames)


def lay(memory: np.ndarray, frames: Sequence[tuple[float, av.VideoFrame]]) -> tuple[Placed, ...]:
    """Lay pictures with their times into memory, a row of bytes.

    Raises:
        UnknownPicture: If one is not planar YUV 4:2:0 in 8 bits.
        ValueError: If they do not fit.
    """
    placed = []
    offset = 0
    for time_s, frame in frames:
        form = frame.format.name
        if form not in FORMATS:
            raise UnknownPicture(form)
        if offset + size(frame) > memory.size:
            raise ValueError(f"{len(frames)} pictures do not fit into {memory.size} bytes")
        placed.append(
            Placed(
                time_s=time_s,
                offset=offset,
                width=frame.width,
                height=frame.height,
                form=form,
                colors=(
                    int(frame.color_range),
                    int(frame.colorspace),
                    int(frame.color_primaries),
                    int(frame.color_trc),
                ),
                quarter_turns=round(frame.rotation / 90) % 4,
            )
        )
        for plane in _planes(frame):
            end = offset + plane.size
            memory[offset:end].reshape(plane.shape)[:] = plane
            offset = end
    return tuple(placed)


def lift(memory: np.ndarray, placed: Placed) -> Frame:
    """Copy a picture out of memory; equal to what was laid there, for `posesim.video.to_rgb`."""
    frame = av.VideoFrame(placed.width, placed.height, placed.form)
    range_, space, primaries, transfer = placed.colors
    frame.color_range, frame.colorspace = range_, space
    frame.color_primaries, frame.color_trc = primaries, transfer
    offset = placed.offset
    for plane in _planes(frame):
        end = offset + plane.size
        plane[:] = memory[offset:end].reshape(plane.shape)
        offset = end
    if placed.quarter_turns:  # which a frame that was made here can't carry
        turned = np.rot90(to_rgb(frame, LARGEST_SIDE), placed.quarter_turns)
        return np.ascontiguousarray(turned)
    return frame


def _shared(handle: Any, slots: int) -> FrameMemory:
    return FrameMemory(handle.detach(), slots)


def _planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """The planes' own memory as (H, W) uint8, without what pads their lines."""
    planes = []
    for plane in frame.planes:
        # PyAV's planes are buffers, which its types do not say.
        buffer: Any = plane
        lines = np.frombuffer(buffer, np.uint8, plane.line_size * plane.height)
        planes.append(lines.reshape(plane.height, plane.line_size)[:, : plane.width])
    return planes


def _nameless() -> int:
    """A file in memory, or else one that has no name any more; its descriptor."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("posesim-frames")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
