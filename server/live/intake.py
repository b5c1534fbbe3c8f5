"""A camera's frames, from its track to the scorer: awaited at once, kept while few, never thinned.

aiortc's queues have no limit and its sender never slows down, so whoever accepts a track must read
it all the time. Frames that nobody takes are dropped here, all of them together: a stretch with
single frames missing would look like a faster movement, a gap is known to be a gap.

Times never run back here, whatever the sender's timestamps do: two streams can then be put on one
clock, and a worker that takes over finds times that go on.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import av
from aiortc.mediastreams import MediaStreamError

from posesim.engines.base import FRAMES_PER_SECOND
from posesim.errors import PosesimError
from posesim.timebase import GapReason

from ..compute.frames import size

LONGEST_WAIT_S = 2.0  # what is older is of no use to a person who watches the score
MOST_FRAMES = 128  # two seconds of a 60 Hz camera
MOST_BYTES = 96 * 2**20  # of one session; a second of 2560x1440, seven of 640x480
MOST_PIXELS = 2560 * 1440  # of one frame; the network looks at 224x224
MOST_RATE = 60.0  # frames a second; of more the worker would see no more
PERIOD_S = 1 / FRAMES_PER_SECOND  # from one position of the grid to the next


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
    """A frame.

    Attributes:
        time_s: Its presentation time from the first frame.
        arrived_s: When it came, on the monotonic clock.
        frame: The picture.
        gap: Why frames are missing before it; None if none are.
    """

    time_s: float
    arrived_s: float
    frame: av.VideoFrame
    gap: GapReason | None = None


@dataclass(frozen=True)
class Batch:
    """Frames to score, without a gap between them, and how many the server had to drop before."""

    frames: tuple[Arrival, ...]
    dropped: int

    @property
    def gap(self) -> GapReason | None:
        """Why frames are missing before the first; None if none are."""
        return self.frames[0].gap


class Backlog:
    """The frames that wait for the scorer: few, or none.

    When the oldest has waited for `longest_wait_s`, or there are too many or too large ones, all
    that wait are dropped for the newest, and the next batch says how many were. While it is paused
    all that come are dropped, and those that wait can still be taken. Where frames are missing for
    several reasons, the first one counts.
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
        self._paused = False
        self._gap: GapReason | None = None  # before the next frame
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, arrival: Arrival) -> None:
        """Add the newest frame. Ignored after `close`."""
        if self._closed:
            return
        if self._paused:
            self._gap = "paused"
            return
        gap, self._gap = self._gap or arrival.gap, None
        bytes_ = size(arrival.frame)
        if self._frames and (
            arrival.arrived_s - self._frames[0].arrived_s > self._longest_wait_s
            or len(self._frames) >= self._most_frames
            or self._bytes + bytes_ > self._most_bytes
        ):
            gap = self._frames[0].gap or "overload"
            self.dropped += len(self._frames)
            self._dropped_now += len(self._frames)
            self._frames.clear()
            self._bytes = 0
        self._frames.append(replace(arrival, gap=gap))
        self._bytes += bytes_
        self._changed.set()

    def pause(self) -> None:
        """Drop what comes, until `resume`. Pausing twice is harmless."""
        self._paused = True

    def resume(self) -> None:
        """Take frames again; if any were dropped, the next one comes after a gap."""
        self._paused = False

    def close(self) -> None:
        """Take no more frames; those that wait can still be taken."""
        self._closed = True
        self._changed.set()

    async def take(self, most: int, most_bytes: int = MOST_BYTES) -> Batch | None:
        """Wait for frames and take the oldest; None after the last one.

        At most `most`, as many as fit into `most_bytes`, and none after a gap but the first; at
        least one.
        """
        await self._changed.wait()
        if not self._frames:
            return None  # closed
        taken: list[Arrival] = []
        left_bytes = most_bytes
        while self._frames and len(taken) < most:
            left_bytes -= size(self._frames[0].frame)
            if taken and (left_bytes < 0 or self._frames[0].gap):
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


class _Time:
    """Timestamps as seconds from the first, which never run back.

    A timestamp before the newest one by less than a position of the grid belongs to a frame out of
    order; it is left as it is, and `posesim.timebase.Grid` leaves the frame out. Further back they
    began anew: the frame comes as much later than the one before as it arrived later.
    """

    def __init__(self, begins_s: Callable[[float], float]) -> None:
        self._begins_s = begins_s  # our time of the first frame, by its arrival
        self._shift_s: float | None = None  # our time - the sender's
        self._newest_s = 0.0
        self._arrived_s = 0.0  # the newest
        self._interrupted: GapReason | None = None

    def begin_anew(self, reason: GapReason) -> None:
        """The next timestamps are of another sender; a frame lost before it doesn't count."""
        if self._shift_s is not None:
            self._interrupted = reason

    def of(self, sent_s: float, arrived_s: float) -> tuple[float, GapReason | None]:
        """The time of the next frame, and the gap before it if there is one."""
        gap, self._interrupted = self._interrupted, None
        if self._shift_s is None:
            self._shift_s = self._begins_s(arrived_s) - sent_s
        elif gap is not None or sent_s + self._shift_s <= self._newest_s - PERIOD_S:
            gap = gap or "clock"
            step_s = max(PERIOD_S, arrived_s - self._arrived_s)
            self._shift_s = self._newest_s + step_s - sent_s
        time_s = sent_s + self._shift_s
        if time_s > self._newest_s:
            self._newest_s, self._arrived_s = time_s, arrived_s
        return time_s, gap


class _Thinning:
    """Leaves out frames of a stream with more than `MOST_RATE`, spread evenly; times stay theirs.

    A stretch that is thinned evenly is no faster movement: the worker looks at times, and needs 25
    frames a second of them.
    """

    def __init__(self) -> None:
        self._due_s = -1 / MOST_RATE  # when the next may be kept, by presentation time
        self._newest_s = -1.0  # that was kept

    def keeps(self, time_s: float) -> bool:
        """Whether a frame is kept. One out of order is: it is left out later, as too late."""
        if time_s <= self._newest_s:
            return True
        if time_s < self._due_s:
            return False
        self._newest_s = time_s
        # One period may be saved up, so that uneven times of a camera of 60 Hz all pass.
        self._due_s = max(self._due_s, time_s - 1 / MOST_RATE) + 1 / MOST_RATE
        return True


class Intake:
    """Reads one track after the other into a backlog, on one time.

    What another track brings comes as much later as it arrived later, after a gap "connection".

    Args:
        backlog: Where frames go.
        clock: The monotonic clock.
        on_frame: Called after each.
        begins_s: The time of the first frame, by its arrival.
        stream_clock: Sees each frame; None for one that nobody else asks.
    """

    def __init__(
        self,
        backlog: Backlog,
        clock: Callable[[], float],
        on_frame: Callable[[], None],
        begins_s: Callable[[float], float] = lambda _: 0.0,
        stream_clock: StreamClock | None = None,
    ) -> None:
        self._track: Track | None = None
        self._time = _Time(begins_s)
        self._backlog = backlog
        self._clock = clock
        self._on_frame = on_frame
        self.stream_clock = stream_clock or StreamClock()
        self.last_arrival_s: float | None = None
        self.frames = 0
        self.thinned = 0  # frames of a camera with too many a second
        self._thinning = _Thinning()

    async def run(self, track: Track) -> None:
        """Pump until the track ends, or another one is pumped.

        Raises:
            FrameTooLarge: If a picture is larger than `MOST_PIXELS`.
        """
        self._track = track
        self._time.begin_anew("connection")
        with contextlib.suppress(MediaStreamError):  # the camera stopped or the peer is gone
            while True:
                frame = await track.recv()
                if self._track is not track:
                    return
                if not isinstance(frame, av.VideoFrame) or frame.pts is None or not frame.time_base:
                    continue  # no picture, or none that has a place in time
                if frame.width * frame.height > MOST_PIXELS:
                    raise FrameTooLarge(frame.width, frame.height)
                now_s = self._clock()
                time_s, gap = self._time.of(float(frame.pts * frame.time_base), now_s)
                self.stream_clock.saw(time_s, now_s)
                self.last_arrival_s = now_s
                self.frames += 1
                if gap is None and not self._thinning.keeps(time_s):
                    self.thinned += 1
                    continue
                self._backlog.put(Arrival(time_s, now_s, frame, gap))
                self._on_frame()
