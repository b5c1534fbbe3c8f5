"""A camera's frames, from its track to the scorer: awaited at once, kept while few, never thinned.

aiortc's queues have no limit and its sender never slows down, so whoever accepts a track must read
it all the time. Frames that nobody takes are dropped here, all of them together: a stretch with
single frames missing would look like a faster movement, a gap is known to be a gap.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import av
from aiortc.mediastreams import MediaStreamError

from posesim.errors import PosesimError

from ..compute.frames import size

LONGEST_WAIT_S = 2.0  # what is older is of no use to a person who watches the score
MOST_FRAMES = 128  # two seconds of a 60 Hz camera
MOST_BYTES = 96 * 2**20  # of one session; a second of 2560x1440, seven of 640x480
MOST_PIXELS = 2560 * 1440  # of one frame; the network looks at 224x224


class FrameTooLarge(PosesimError):
    """A picture with more pixels than the server takes."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(
            f"The camera sends {width}x{height} pixels; 2560x1440 is the most. "
            "Ask for 640x480, which is all that is needed."
        )


class Track(Protocol):
    """What is needed of aiortc's `MediaStreamTrack`."""

    async def recv(self) -> object:
        """Wait for the next frame; raise MediaStreamError at the end."""
        ...


@dataclass(frozen=True)
class Arrival:
    """A frame, its presentation time from the first frame, and when it came (monotonic clock)."""

    time_s: float
    arrived_s: float
    frame: av.VideoFrame


@dataclass(frozen=True)
class Batch:
    """Frames to score, and how many were dropped just before the first of them."""

    frames: tuple[Arrival, ...]
    dropped: int


class Backlog:
    """The frames that wait for the scorer: few, or none.

    When the oldest has waited for `longest_wait_s`, or there are too many or too large ones, all
    that wait are dropped for the newest, and the next batch says how many were.
    """

    def __init__(
        self,
        longest_wait_s: float = LONGEST_WAIT_S,
        most_frames: int = MOST_FRAMES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._longest_wait_s = longest_wait_s
        self._most_frames = most_frames
        self._most_bytes = most_bytes
        self._frames: deque[Arrival] = deque()
        self._bytes = 0
        self.dropped = 0  # frames, ever
        self._dropped_now = 0  # since the last batch
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, arrival: Arrival) -> None:
        """Add the newest frame. Ignored after `close`."""
        if self._closed:
            return
        bytes_ = size(arrival.frame)
        if self._frames and (
            arrival.arrived_s - self._frames[0].arrived_s > self._longest_wait_s
            or len(self._frames) >= self._most_frames
            or self._bytes + bytes_ > self._most_bytes
        ):
            self.dropped += len(self._frames)
            self._dropped_now += len(self._frames)
            self._frames.clear()
            self._bytes = 0
        self._frames.append(arrival)
        self._bytes += bytes_
        self._changed.set()

    def close(self) -> None:
        """Take no more frames; those that wait can still be taken."""
        self._closed = True
        self._changed.set()

    async def take(self, most: int, most_bytes: int = MOST_BYTES) -> Batch | None:
        """Wait for frames and take the oldest; None after the last one.

        At most `most`, and as many as fit into `most_bytes`; at least one.
        """
        await self._changed.wait()
        if not self._frames:
            return None  # closed
        taken: list[Arrival] = []
        left_bytes = most_bytes
        while self._frames and len(taken) < most:
            left_bytes -= size(self._frames[0].frame)
            if taken and left_bytes < 0:
                break
            taken.append(self._frames.popleft())
        self._bytes -= sum(size(arrival.frame) for arrival in taken)
        dropped, self._dropped_now = self._dropped_now, 0
        if not self._frames and not self._closed:
            self._changed.clear()
        return Batch(tuple(taken), dropped)


class StreamClock:
    """How far the present is behind a frame, from its presentation time.

    The quickest arrival seen so far tells when a frame of a given presentation time could have
    come. That notices a late event loop as well, which the length of a queue can't. The belief
    ages by `drift` seconds a second, because no two clocks run alike and networks change; a frame
    later than `restart_s` is not late, its timestamps began anew.
    """

    def __init__(self, drift: float = 0.01, restart_s: float = 5.0) -> None:
        self._drift = drift
        self._restart_s = restart_s
        self._start_s: float | None = None  # clock time of presentation time 0, at the earliest
        self._seen_s = 0.0

    def saw(self, time_s: float, arrived_s: float) -> None:
        """Note that the frame of `time_s` came at `arrived_s`."""
        start_s = arrived_s - time_s
        if self._start_s is not None:
            aged_s = self._start_s + self._drift * (arrived_s - self._seen_s)
            if start_s < aged_s + self._restart_s:
                start_s = min(aged_s, start_s)
        self._start_s = start_s
        self._seen_s = arrived_s

    def lag_s(self, time_s: float, now_s: float) -> float:
        """How long ago the frame of `time_s` could have come; 0 before the first frame."""
        return 0.0 if self._start_s is None else max(0.0, now_s - self._start_s - time_s)

    def time_s(self, now_s: float) -> float | None:
        """Presentation time of the newest frame that could have come; None before the first."""
        return None if self._start_s is None else now_s - self._start_s


class Intake:
    """Reads one track to its end into a backlog."""

    def __init__(
        self,
        track: Track,
        backlog: Backlog,
        clock: Callable[[], float],
        on_frame: Callable[[], None],
    ) -> None:
        self._track = track
        self._backlog = backlog
        self._clock = clock
        self._on_frame = on_frame
        self.stream_clock = StreamClock()
        self.last_arrival_s: float | None = None
        self.frames = 0

    async def run(self) -> None:
        """Pump until the track ends; then the backlog is closed.

        Raises:
            FrameTooLarge: If a picture is larger than `MOST_PIXELS`.
        """
        first_pts: int | None = None
        try:
            while True:
                frame = await self._track.recv()
                if not isinstance(frame, av.VideoFrame) or frame.pts is None or not frame.time_base:
                    continue  # no picture, or none that has a place in time
                if frame.width * frame.height > MOST_PIXELS:
                    raise FrameTooLarge(frame.width, frame.height)
                now_s = self._clock()
                if first_pts is None:
                    first_pts = frame.pts
                time_s = float((frame.pts - first_pts) * frame.time_base)
                self.stream_clock.saw(time_s, now_s)
                self.last_arrival_s = now_s
                self.frames += 1
                self._backlog.put(Arrival(time_s, now_s, frame))
                self._on_frame()
        except MediaStreamError:  # the camera stopped or the peer is gone: the normal end
            pass
        finally:
            self._backlog.close()
