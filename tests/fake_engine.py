"""An engine that is quick and can be foreseen, for tests of what stands around the network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bodies import Motion, pose, repeated, squat

from posesim.embedding import Features, FeatureStream, Part, TimedPose, join
from posesim.engines.base import I3D, TAP, Engine, EngineInfo, Inside, Window
from posesim.engines.calls import run
from posesim.framers import POSE_EVERY_S, Framed
from posesim.framing import Picture, square
from posesim.network import Network
from posesim.references import Reference, Settings
from posesim.scoring import Calibration
from posesim.video import read_frames

SETTINGS = Settings(weights="fake")
SQUATS = repeated(squat, 2.0)  # as `videos.stick_figure` draws them
CALIBRATION = Calibration(
    movement=(10.0, 0.0, -8.0, 0.0, -5.0),
    coherence=(0.2, 0.7),
    octaves=(1.5, 0.4),
    lag_s=(2.0, 0.8),
    range=(12.0, -6.0),
    valid_range=0.7,
    still_extent=0.25,
    hold_energy=0.2,
    held=(0.4, 0.15),
    unsteady=0.8,
    tolerated_deg=(25.0, 25.0, 25.0, 25.0, 25.0),
    powers=(1.0, 1.0),
)


class FakeEngine:
    """A tap is the picture in 8x8 cells; the class of a window is its brightness in tenths."""

    layout = I3D
    info = EngineInfo("fake", "none", "float32", "a test asked for it")

    def __init__(self) -> None:
        self.stems = 0
        self.tails = 0

    def open(self) -> list[np.ndarray]:
        return []

    def stem(
        self, streams: Sequence[Any], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        taps = []
        for stream, chunk in zip(streams, chunks, strict=True):
            self.stems += 1
            cells = chunk[::2].reshape(4, 8, 28, 8, 28, 3).mean(axis=(2, 4))
            tap = np.tile(cells.reshape(4, -1) / 255, TAP // 192).astype(np.float32)
            stream.append(tap)
            taps.append(tap)
        return taps

    def tail(self, streams: Sequence[Any], behind: Sequence[int]) -> list[Window]:
        windows = []
        for stream in streams:
            self.tails += 1
            mean = float(np.mean(stream[-8:]))
            logits = np.zeros(400, np.float32)
            logits[int(mean * 10)] = 20
            windows.append(Window(np.full(1024, mean, np.float32), logits))
        return windows


class PlantedFramer:
    """Shows the whole picture, and in it a body that moves as planted, whatever is there."""

    def __init__(self, motion: Motion = SQUATS) -> None:
        self._motion = motion
        self.reset()

    def frame(self, time_s: float, rgb: Picture) -> Framed:
        due = self._seen_s is None or time_s - self._seen_s > POSE_EVERY_S - 0.02
        if due:
            self._seen_s = time_s
        return Framed(square(rgb), None, pose(self._motion(time_s)) if due else None)

    def reset(self) -> None:
        self._seen_s: float | None = None


class FakeNetwork(Network):
    """A network that takes no time, and sees squats whatever its user does."""

    def framer(self) -> PlantedFramer:
        return PlantedFramer()


def open_fake_network(_: object = None) -> Network:
    """For a worker."""
    return FakeNetwork(FakeEngine(), SETTINGS, CALIBRATION)


def embed_planted(
    clip: Path, engine: Engine, settings: Settings, motion: Motion = SQUATS
) -> Reference:
    """A reference of a clip, in which a body moves as planted."""
    stream = FeatureStream(engine, PlantedFramer(motion))
    parts: list[Part] = []
    duration_s = 0.0
    for frame in read_frames(clip):
        duration_s = frame.time_s
        parts += run(engine, stream.push(frame.time_s, frame.rgb))
    parts += run(engine, stream.finish())
    seen = [part for part in parts if isinstance(part, TimedPose | Features)]
    return Reference(clip.stem, duration_s, settings, join(seen))
