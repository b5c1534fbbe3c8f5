"""An engine that is quick and can be foreseen, for tests of what stands around the network."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posesim.engines.base import I3D, TAP, EngineInfo, Inside, Window
from posesim.network import Network
from posesim.references import Settings
from posesim.scoring import Calibration

SETTINGS = Settings(weights="fake")
CALIBRATION = Calibration(
    movement=(10.0, 0.0, -5.0),
    timing=(0.5, 0.9),
    range=(0.2, 0.8),
    parts=(0.6, 0.2, 0.2),
    still_ratio=0.2,
    hold_energy=0.05,
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


def open_fake_network(_: object = None) -> Network:
    """For a worker: a network that takes no time."""
    return Network(FakeEngine(), SETTINGS, CALIBRATION)
