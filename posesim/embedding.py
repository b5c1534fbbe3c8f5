"""Frames in, features out: what a reference and a user go through alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import av
import numpy as np

from posesim.engines.base import (
    CHUNK_FRAMES,
    FRAMES_PER_SECOND,
    WINDOW_FRAMES,
    Engine,
    Window,
)
from posesim.engines.calls import Calls
from posesim.framers import Framed, Framer
from posesim.framing import Picture
from posesim.picture_watch import PictureWatch
from posesim.pose import Pose
from posesim.pose_landmarks import LANDMARKS
from posesim.presence import Hint
from posesim.streaming import Positions, StreamingStem
from posesim.timebase import Gap, GapReason, Grid, Tick
from posesim.video import to_rgb

WINDOW_S = WINDOW_FRAMES / FRAMES_PER_SECOND
LARGEST_SIDE = 640  # pixels; what is larger is scaled down before it is framed

Frame = av.VideoFrame | Picture


@dataclass(frozen=True)
class TimedPose:
    """A pose, and the presentation time of its picture; given out before the chunk's `Features`."""

    time_s: float
    pose: Pose


@dataclass(frozen=True)
class Features:
    """What the network saw in one chunk.

    Attributes:
        end_s: Presentation time of the newest position that has a tap.
        times_s: Presentation time of each position that saw frames alone, (n,). The first ones of a
            stretch and the last ones of a clip saw padding too, which looks like a cut in the
            film; they count in windows only.
        taps: The tap of each of those positions, (n, D) float32.
        window: The last 64 frames, where the tail was run.
        hint: What keeps the newest frames from being judged, if anything.
    """

    end_s: float
    times_s: np.ndarray
    taps: np.ndarray
    window: Window | None
    hint: Hint | None = None


Part = TimedPose | Features | Gap  # what a stream of frames becomes, in order


class FeatureStream:
    """Put one stream of frames through grid, framing, stem and tail.

    What needs the network is a generator; see `posesim.engines.calls`.

    The tail runs every `tail_hop` frames, a multiple of 8; it may be changed between calls.
    """

    def __init__(self, engine: Engine, framer: Framer) -> None:
        self.tail_hop = CHUNK_FRAMES
        self._layout = engine.layout
        self._framer = framer
        self._watch = PictureWatch()
        self._grid: Grid[Frame] = Grid(FRAMES_PER_SECOND)
        self._stem = StreamingStem(engine)
        self._first_tick: int | None = None  # of this stretch without a gap
        self._since_tail = 0  # chunks
        self._prepared: tuple[Frame, Framed] | None = None
        self._hint: Hint | None = None  # of the newest frame

    def push(self, time_s: float, frame: Frame) -> Calls[list[Part]]:
        """Take a frame; return what it completes."""
        done: list[Part] = []
        for item in self._grid.push(time_s, frame):
            if isinstance(item, Gap):
                self._stem.reset()
                self._framer.reset()
                self._watch.reset()
                self._first_tick = None
                self._since_tail = 0
                done.append(item)
            else:
                done += yield from self._take(item)
        return done

    @property
    def shift_s(self) -> float:
        """How much later the stream's own time is than that of the frames that are pushed."""
        return self._grid.shift_s

    def interrupt(self, reason: GapReason) -> None:
        """Announce that frames were dropped here: the next one comes after a gap."""
        self._grid.interrupt(reason)

    def finish(self) -> Calls[list[Part]]:
        """End the clip: return the positions that waited for later frames, and their window."""
        done: list[Part] = []
        for tick in self._grid.finish():
            done += yield from self._take(tick)
        if positions := (yield from self._stem.finish()):
            end_s = float(self._times_s(positions[-1])[-1])
            window = yield from self._stem.window()
            taps = positions[-1].taps[:0]
            done.append(Features(end_s, np.empty(0), taps, window, self._hint))
        return done

    def _take(self, tick: Tick[Frame]) -> Calls[list[Part]]:
        if self._first_tick is None:
            self._first_tick = tick.index
        framed, pose = self._prepare(tick.time_s, tick.item)
        self._hint = framed.hint
        done: list[Part] = [] if pose is None else [TimedPose(tick.time_s, pose)]
        for part in (yield from self._stem.push([framed.square])):
            self._since_tail += 1
            due = self._since_tail * CHUNK_FRAMES >= self.tail_hop
            if due:
                self._since_tail = 0
            window = (yield from self._stem.window()) if due else None
            times_s = self._times_s(part)
            whole = slice(max(self._layout.first_whole - part.first, 0), None)
            done.append(
                Features(
                    float(times_s[-1]),
                    times_s[whole],
                    part.taps[whole],
                    window,
                    framed.hint,
                )
            )
        return done

    def _prepare(self, time_s: float, frame: Frame) -> tuple[Framed, Pose | None]:
        """What the network sees of a frame, and the pose where it is a new one."""
        # A slow camera's frames repeat.
        if self._prepared is not None and self._prepared[0] is frame:
            return self._prepared[1], None
        rgb = to_rgb(frame, LARGEST_SIDE) if isinstance(frame, av.VideoFrame) else frame
        framed = self._framer.frame(time_s, rgb)
        if matter := self._watch.see(time_s, rgb):
            framed = replace(framed, hint=matter)
        self._prepared = frame, framed
        return framed, framed.pose

    def _times_s(self, part: Positions) -> np.ndarray:
        assert self._first_tick is not None
        positions = np.arange(part.first, part.end)
        middles = self._layout.position_frames * positions + self._layout.middle_frame
        return np.asarray((self._first_tick + middles) / FRAMES_PER_SECOND)


@dataclass(frozen=True)
class ClipFeatures:
    """What the network saw in a whole clip without gaps.

    Attributes:
        times_s: (M,).
        taps: (M, D) float32.
        window_ends_s: Presentation time up to which was seen when each window was, (K,).
        embeddings: (K, E) float32.
        logits: (K, C) float32.
        poses_s: When the person was seen, (P,); 0 where nobody was looked for.
        landmarks: (P, 33, 4) float32, see `posesim.pose.Pose`.
        world: (P, 33, 3) float32, metres.

    D, E and C are `tap_size`, `embedding_size` and `classes` of the backbone's `Layout`.
    """

    times_s: np.ndarray
    taps: np.ndarray
    window_ends_s: np.ndarray
    embeddings: np.ndarray
    logits: np.ndarray
    poses_s: np.ndarray
    landmarks: np.ndarray
    world: np.ndarray


def join(parts: Sequence[TimedPose | Features]) -> ClipFeatures:
    """Put the features of one clip together."""
    chunks = [part for part in parts if isinstance(part, Features)]
    poses = [part for part in parts if isinstance(part, TimedPose)]
    windows = [(part.end_s, part.window) for part in chunks if part.window is not None]
    seen = [each.pose for each in poses]
    return ClipFeatures(
        times_s=np.concatenate([np.empty(0), *(p.times_s for p in chunks)]),
        taps=np.concatenate([p.taps for p in chunks]) if chunks else np.empty((0, 0), np.float32),
        window_ends_s=np.array([end_s for end_s, _ in windows]),
        embeddings=np.array([window.embedding for _, window in windows]),
        logits=np.array([window.logits for _, window in windows]),
        poses_s=np.array([each.time_s for each in poses]),
        landmarks=np.array([p.landmarks for p in seen], np.float32).reshape(-1, LANDMARKS, 4),
        world=np.array([p.world for p in seen], np.float32).reshape(-1, LANDMARKS, 3),
    )
