"""How many sessions this machine serves: measured at start, on the engine that will serve them."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import av
import numpy as np

from posesim.embedding import Features, FeatureStream, Part
from posesim.engines.base import CHUNK_FRAMES, FRAMES_PER_SECOND
from posesim.engines.calls import run
from posesim.network import Network

from ..live.shedding import HOPS

PICTURE = 640, 480  # what the page asks the camera for
CHUNK_S = CHUNK_FRAMES / FRAMES_PER_SECOND
# The rest is for receiving and decoding, for uploads, and for a machine that is slower later on.
HEADROOM = 0.75
MEASURED_CHUNKS = 12  # in which the tail runs three times at the largest hop


@dataclass(frozen=True)
class Cost:
    """Seconds of a worker for one chunk of one session, preparation included.

    Attributes:
        smallest_hop_s: With the tail at every chunk: what an idle machine gives.
        largest_hop_s: With the tail at every fourth: what a full one still gives.
    """

    smallest_hop_s: float
    largest_hop_s: float


def measure(network: Network) -> Cost:
    """Run a session on pictures of noise, for a second or two.

    Not kept from one start to the next: another load, engine or processor would make it wrong.
    """
    stream = FeatureStream(network.engine, network.framer())
    pictures = enumerate(_noise())

    def chunk() -> tuple[float, bool]:
        """Seconds that one chunk took, and whether the tail ran."""
        begun_s = time.perf_counter()
        parts: list[Part] = []
        for _ in range(CHUNK_FRAMES):
            frame, picture = next(pictures)
            parts += run(network.engine, stream.push(frame / FRAMES_PER_SECOND, picture))
        windows = [part for part in parts if isinstance(part, Features) and part.window]
        return time.perf_counter() - begun_s, bool(windows)

    # Until there is a window, and once more: the first run of the tail is slower.
    while not chunk()[1]:
        pass
    stream.tail_hop = HOPS[-1]
    took = [chunk() for _ in range(MEASURED_CHUNKS)]
    # Medians: what else the machine did meanwhile is not the session's cost.
    stem_s = median(seconds for seconds, tail in took if not tail)
    both_s = median(seconds for seconds, tail in took if tail)
    with_tail = CHUNK_FRAMES / HOPS[-1]  # of all chunks
    return Cost(both_s, with_tail * both_s + (1 - with_tail) * stem_s)


def capacity(cost: Cost) -> int:
    """How many sessions one worker keeps up with at the largest hop; at least 1."""
    return max(1, int(HEADROOM * CHUNK_S / cost.largest_hop_s))


def _noise() -> Iterator[av.VideoFrame]:
    """Two pictures in turn, for ever: each is new to whoever keeps the last one."""
    random = np.random.default_rng(0)
    width, height = PICTURE
    planes = random.integers(0, 256, (2, height * 3 // 2, width), np.uint8)
    return itertools.cycle([av.VideoFrame.from_ndarray(each, format="yuv420p") for each in planes])
