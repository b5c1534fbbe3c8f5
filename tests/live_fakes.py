"""What the tests of the live side use in place of the network, the database and the camera."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError
from videos import draw_person

from posesim.embedding import Part
from posesim.network import Network
from posesim.timebase import GapReason
from posesim.updates import (
    Components,
    CueUpdate,
    Difference,
    GapUpdate,
    PoseUpdate,
    ReferenceClock,
    RepUpdate,
    ScoreUpdate,
    Update,
)
from posesim_server.compute.protocol import LiveComparator, OpenComparator
from posesim_server.database import StoreError
from posesim_server.live.outcomes import EndReason, StateName, SummaryValues
from posesim_server.live.quiet_end import end_quietly
from posesim_server.store.parts import CueRow, GapRow, Parts, RepetitionRow, ScoreRow, without

COMPONENTS = Components(movement=0.9, timing=0.8, range=0.7)
REP_FRAMES = 16
LANDMARKS = np.full((33, 3), 0.5, np.float32)


class FakeComparator:
    """A pose and a score every `tail_hop` frames, a repetition and a cue every 16.

    Every third repetition is an attempt. While `may_run` is cleared, it blocks its thread.
    """

    def __init__(self) -> None:
        self.tail_hop = 8
        self.may_run = threading.Event()
        self.may_run.set()
        self.reached = threading.Event()
        self.times_s: list[float] = []
        self.sizes: list[tuple[int, int]] = []
        self.means: list[float] = []
        self.interrupts: list[str] = []
        self.clock: ReferenceClock | None = None
        self.threads: set[str] = set()
        self.error: Exception | None = None
        self.finished = False
        self._interrupted: GapReason | None = None

    def pushing(self, time_s: float, frame: av.VideoFrame) -> Generator[Any, Any, list[Update]]:
        yield from ()
        return self._push(time_s, frame)

    def finishing(self) -> Generator[Any, Any, list[Update]]:
        yield from ()
        self.finished = True
        return []

    def _push(self, time_s: float, frame: av.VideoFrame) -> list[Update]:
        self.reached.set()
        self.may_run.wait()
        if self.error:
            raise self.error
        self.threads.add(threading.current_thread().name)
        updates: list[Update] = []
        if self._interrupted:
            start_s = self.times_s[-1] if self.times_s else 0.0
            updates.append(GapUpdate(start_s, time_s, self._interrupted))
            self._interrupted = None
        self.times_s.append(time_s)
        self.sizes.append((frame.width, frame.height))
        self.means.append(float(frame.to_ndarray(format="gray").mean()))
        if len(self.times_s) % REP_FRAMES == 0:
            updates += [self._rep(time_s), CueUpdate(time_s, "check", "left_knee")]
        if len(self.times_s) % self.tail_hop == 0:
            updates += [PoseUpdate(time_s, LANDMARKS, ("trunk",)), self._score(time_s)]
        return updates

    def follow(self, clock: ReferenceClock | None) -> None:
        self.clock = clock

    def interrupt(self, reason: GapReason) -> None:
        self.interrupts.append(reason)
        self._interrupted = reason

    def _score(self, time_s: float) -> ScoreUpdate:
        if len(self.times_s) < 16:
            return ScoreUpdate(time_s, "warming_up", None, None, None, None)
        reps = len(self.times_s) // REP_FRAMES
        lag_s = None if self.clock is None else 0.25
        return ScoreUpdate(
            time_s, "scoring", 82.125, COMPONENTS, 2.16, 0.97, lag_s, repetitions=reps - reps // 3
        )

    def _rep(self, time_s: float) -> RepUpdate:
        number = len(self.times_s) // REP_FRAMES
        return RepUpdate(
            number=number,
            start_s=max(0.0, time_s - 0.64),
            end_s=time_s,
            valid=number % 3 != 0,
            score=82.125,
            range=0.9,
            tempo=0.97,
            differences=(Difference("left_knee", -20),),
        )


class FollowingComparator(FakeComparator):
    """Notes what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[list[Part]] = []  # at each push

    def show(self, parts: Sequence[Part]) -> None:
        self.shown.append(list(parts))


class FakeAudience:
    """Notes what it hears, and fails with `error` if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.over = asyncio.Event()
        self._error = error

    def update(self, update: Update, *, age_s: float) -> None:
        self._hear("update", update, age_s)

    def state(self, t_s: float, state: StateName) -> None:
        self._hear("state", t_s, state)

    def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
        self.over.set()
        self._hear("ended", reason, summary)

    def _hear(self, *what: Any) -> None:
        self.heard.append(what)
        if self._error:
            raise self._error


_planted: dict[str, Callable[[], LiveComparator]] = {}


def plant(make: Callable[[], LiveComparator]) -> OpenComparator:
    """What can be sent to a worker on a thread of this process, and calls `make` there."""
    name = str(uuid.uuid4())
    _planted[name] = make
    return partial(_open_planted, name)


def _open_planted(name: str, network: Network) -> LiveComparator:
    return _planted[name]()


class MemoryStore:
    """What `Store` does for a session, in lists."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.rows: list[ScoreRow] = []
        self.repetitions: list[RepetitionRow] = []
        self.gaps: list[GapRow] = []
        self.cues: list[CueRow] = []
        self.ended: list[tuple[str, str, dict[str, Any] | None]] = []
        self.an_end = asyncio.Event()
        self.error: Exception | None = None  # of every try
        self.answers_lost = 0  # of the next tries, which succeed all the same
        self.tries = 0
        self._tried = asyncio.Event()

    async def start(self, session_id: str, *, run: int | None = None) -> bool:
        self._try()
        self.started.append(session_id)
        return True

    async def add_parts(self, session_id: str, parts: Parts, *, run: int | None = None) -> None:
        self._try()
        parts = without(parts, self.parts)
        self.rows.extend(parts.scores)
        self.repetitions.extend(parts.repetitions)
        self.gaps.extend(parts.gaps)
        self.cues.extend(parts.cues)
        if self.answers_lost:
            self.answers_lost -= 1
            raise StoreError("a planted failure")

    def _try(self) -> None:
        self.tries += 1
        self._tried.set()
        if self.error:
            raise self.error

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a try to store something after which this holds."""
        while not holds():
            self._tried.clear()
            await self._tried.wait()
            await asyncio.sleep(0)  # the try ends

    @property
    def parts(self) -> Parts:
        return Parts(tuple(self.rows), tuple(self.repetitions), tuple(self.gaps), tuple(self.cues))

    async def held(self, session_id: str, held_s: float, *, run: int | None = None) -> None:
        self._try()

    async def end(
        self,
        session_id: str,
        reason: str,
        summary: dict[str, Any] | None,
        *,
        run: int | None = None,
    ) -> bool:
        self.ended.append((session_id, reason, summary))
        self.an_end.set()
        return True


class FakeTrack:
    """Frames at given times, then the end."""

    def __init__(self, times_s: Sequence[float], size: tuple[int, int] = (64, 48)) -> None:
        self.frames = [frame_at(time_s, size) for time_s in times_s]

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0)
        if not self.frames:
            raise MediaStreamError
        return self.frames.pop(0)


class FakeChannel:
    """A data channel that keeps what was sent."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.readyState = "open"
        self.bufferedAmount = 0
        self.sent: list[str] = []
        self.listener: Callable[[str | bytes], None] | None = None

    def send(self, data: str) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.readyState = "closed"

    def on(self, event: str, f: Callable[..., Any]) -> None:
        assert event == "message"
        self.listener = f


class MovingPicture(VideoStreamTrack):
    """A bright bar that moves over a dark ground, 30 pictures a second.

    After `stop_after` pictures no more come, as from a camera that hangs.
    """

    def __init__(self, width: int = 320, height: int = 240, stop_after: int | None = None) -> None:
        super().__init__()
        self._stop_after = stop_after
        self._n = 0
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        self._picture = np.full((height, width, 3), 40, np.uint8)

    async def recv(self) -> av.VideoFrame:
        if self._n == self._stop_after:
            await asyncio.Event().wait()
        pts, time_base = await self.next_timestamp()
        picture = self._picture.copy()
        left = self._n * 4 % (picture.shape[1] - 32)
        picture[:, left : left + 32] = 220
        self._n += 1
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Person(VideoStreamTrack):
    """A drawn person who does squats before the camera."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(draw_person(float(pts * time_base)), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Client:
    """The page's side: a peer connection with a camera and both data channels."""

    def __init__(
        self,
        track: VideoStreamTrack | None = None,
        configuration: RTCConfiguration | None = None,
    ) -> None:
        self.peer = RTCPeerConnection(configuration)
        self.peer.addTrack(track or MovingPicture())
        self.scores = self.peer.createDataChannel("scores", ordered=False, maxRetransmits=0)
        self.events = self.peer.createDataChannel("events")
        self.score_messages: asyncio.Queue[str] = asyncio.Queue()
        self.event_messages: asyncio.Queue[str] = asyncio.Queue()
        self.scores.on("message", self.score_messages.put_nowait)
        self.events.on("message", self.event_messages.put_nowait)
        self.hello = '{"v":1,"type":"hello"}'
        self.events.on("open", lambda: self.events.send(self.hello))

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        end_quietly(self.peer)  # it may send again what the server, which is gone, did not confirm


def frame_at(time_s: float, size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    """A black picture with WebRTC's time base, not beginning at 0."""
    frame = av.VideoFrame(*size, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 9000 + round(time_s * 90000)
    frame.time_base = Fraction(1, 90000)
    return frame
