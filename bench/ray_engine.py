"""What a hop costs over Ray instead of in a process of this machine, and what pictures weigh.

    python bench/ray_engine.py --clip squat.mp4 --json ray.json

A worker in a process and one on a Ray cluster that is started here get the same 8 pictures of
640x480, in turns: once with a watcher that does nothing, which leaves the way there and back, and
once with the real network, which is what a session has. Beside it: the pictures as JPEG, in bytes
and in time. Both workers are on this machine, so no network is between them.
"""

import argparse
import asyncio
import datetime
import json
import platform
import sys
import time
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import av
import cv2
import structlog

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fake_engine import open_fake_network
from ray_cluster import ray_cluster

from posesim.network import Network
from posesim.timebase import GapReason
from posesim.updates import ReferenceClock
from posesim.video import read_frames
from posesim_server.compute.frames import bytes_of
from posesim_server.compute.network import compare_with_demonstration, open_network
from posesim_server.compute.on_ray.cluster import ray_workers
from posesim_server.compute.protocol import OpenNetwork, OpenWatcher
from posesim_server.compute.workers import Workers
from posesim_server.config import ServerConfig
from posesim_server.metrics import Metrics

SIZE = 640, 480
CHUNK = 8
LEFT_OUT = 8  # batches at first: the first window is slower
QUALITY = 90  # of JPEG


class Nothing:
    """A watcher that looks at nothing."""

    tail_hop = 8

    def __init__(self, _: Network) -> None:
        pass

    def pushing(self, *_: object) -> Generator[Any, Any, list[Any]]:
        yield from ()
        return []

    def finishing(self) -> Generator[Any, Any, list[Any]]:
        yield from ()
        return []

    def follow(self, _: ReferenceClock | None) -> None:
        pass

    def interrupt(self, _: GapReason) -> None:
        pass


Picture = av.VideoFrame


def pictures(clip: Path) -> list[Picture]:
    """The first pictures of a clip, as a camera sends them."""
    found: list[Picture] = []
    for frame in read_frames(clip):
        picture = av.VideoFrame.from_ndarray(cv2.resize(frame.rgb, SIZE), format="rgb24")
        found.append(picture.reformat(format="yuv420p"))
        if len(found) == 4 * CHUNK:
            break
    return found


async def in_turns(
    address: str,
    opening: OpenNetwork,
    watcher: OpenWatcher,
    frames: Sequence[Picture],
    rounds: int,
) -> dict[str, Any]:
    """Seconds from a batch until its answer, in a process and on Ray."""
    took_ms: dict[str, list[float]] = {"process": [], "ray": []}
    on_ray = ray_workers(
        opening, address=address, cpus=2.0, gpus=0.0, count=1, most=1, metrics=Metrics()
    )
    async with Workers(opening) as local, on_ray as remote:
        lanes = {"process": await local.watch(watcher), "ray": await remote.watch(watcher)}
        for number in range(LEFT_OUT + rounds):
            at = number * CHUNK
            batch = [((at + n) / 25, frames[(at + n) % len(frames)]) for n in range(CHUNK)]
            names = ["process", "ray"] if number % 2 else ["ray", "process"]
            for name in names:
                begun_s = time.perf_counter()
                await lanes[name].push(batch, tail_hop=CHUNK)
                if number >= LEFT_OUT:
                    took_ms[name].append(1000 * (time.perf_counter() - begun_s))
    both = list(zip(took_ms["ray"], took_ms["process"], strict=True))
    return {
        "process_ms": round(median(took_ms["process"]), 2),
        "ray_ms": round(median(took_ms["ray"]), 2),
        "more_ms": round(median(ray - process for ray, process in both), 2),
        "ratio": round(median(ray / process for ray, process in both), 3),
    }


def as_jpeg(frames: Sequence[Picture]) -> dict[str, Any]:
    """Bytes and milliseconds of 8 pictures, as planes and as JPEG."""
    batch = frames[:CHUNK]
    begun_s = time.perf_counter()
    encoded = [
        cv2.imencode(".jpg", each.to_ndarray(format="bgr24"), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[
            1
        ]
        for each in batch
    ]
    encoded_s = time.perf_counter()
    for each in encoded:
        cv2.imdecode(each, cv2.IMREAD_COLOR)
    decoded_s = time.perf_counter()
    return {
        "planes_bytes": bytes_of([(0.0, each) for each in batch]),
        "jpeg_bytes": sum(each.size for each in encoded),
        "jpeg_encode_ms": round(1000 * (encoded_s - begun_s), 1),
        "jpeg_decode_ms": round(1000 * (decoded_s - encoded_s), 1),
    }


async def measure(clip: Path, rounds: int) -> dict[str, Any]:
    """Start a cluster and measure all of it."""
    import ray_engine  # this module, under the name that workers find it by

    frames = await asyncio.to_thread(pictures, clip)
    config = ServerConfig(data=Path("data"))
    with ray_cluster(Path(__file__).parent) as address:
        way = await in_turns(address, open_fake_network, ray_engine.Nothing, frames, 5 * rounds)
        hop = await in_turns(
            address, partial(open_network, config), compare_with_demonstration, frames, rounds
        )
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "way_there_and_back": way,
        "hop": hop,
        "eight_pictures": as_jpeg(frames),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--clip", type=Path, required=True, help="a video of a person")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    figures = asyncio.run(measure(args.clip, args.rounds))
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
