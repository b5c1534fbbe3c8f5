"""How fast a video file is compared with a reference on this machine.

    python bench/compare.py ../shared/clips/squat__kg_sqD__side.mp4 --json compare.json

The clip is shown again and again until the video is long enough, and compared with a reference
made of the clip itself, as `posesim compare` does it. What counts is wall time, from opening the
file to the summary; the network was opened before, and has made the reference. CPU time tells how
busy the machine was meanwhile: where others take its cores, less of it fits into the wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from posesim import Embedder, Reference, compare
from posesim.timebase import Grid, Tick
from posesim.video import read_frames

FPS = 25
LARGEST_SIDE = 1280  # pixels of the video that is compared


@dataclass(frozen=True)
class Figures:
    """One run: seconds of video that are compared per second of work, and what surrounded it."""

    video_s: float
    wall_s: float
    cpu_s: float
    speed: float
    score: float | None
    repetitions: int
    engine: str
    precision: str
    cores: int
    load_before: float


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path, help="a video of somebody who exercises")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the video gets")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "looped.mp4"
        loop(args.clip, video, args.seconds)
        figures = measure(args.clip, video)
    print(
        f"{figures.video_s:.1f} s of video in {figures.wall_s:.1f} s of work: "
        f"{figures.speed:.2f} times as fast as it plays; {figures.cpu_s:.1f} s of CPU time, "
        f"{figures.cores} cores, load {figures.load_before:.1f} before; "
        f"{figures.engine} in {figures.precision}; score {figures.score}, "
        f"{figures.repetitions} repetitions"
    )
    if args.json:
        args.json.write_text(json.dumps(asdict(figures), indent=2) + "\n")


def loop(clip: Path, video: Path, seconds: float) -> None:
    """Write a clip as H.264, again and again, as a phone would: a key frame each second."""
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "23", "g": str(FPS)})
        for n, rgb in enumerate(pictures(clip, round(seconds * FPS))):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            if n == 0:
                stream.width, stream.height = frame.width // 2 * 2, frame.height // 2 * 2
                stream.pix_fmt = "yuv420p"
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pictures(clip: Path, count: int) -> Iterator[np.ndarray]:
    """So many pictures of a clip that begins anew at its end."""
    while True:
        grid: Grid[np.ndarray] = Grid(float(FPS))
        for frame in read_frames(clip, largest_side=LARGEST_SIDE):
            for tick in grid.push(frame.time_s, frame.rgb):
                if isinstance(tick, Tick):
                    yield tick.item
                    count -= 1
                    if count == 0:
                        return


def measure(clip: Path, video: Path) -> Figures:
    """Compare a video with a reference of a clip."""
    load_before = os.getloadavg()[0]
    embedder = Embedder.open()
    reference = Reference.from_video(clip, embedder)
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    result = compare(video, reference, embedder)
    wall_s = time.perf_counter() - begun_s
    cpu_s = time.process_time() - begun_cpu_s
    video_s = sum(1 for _ in read_frames(video, largest_side=16)) / FPS
    info = embedder.network.engine.info
    return Figures(
        video_s=video_s,
        wall_s=round(wall_s, 2),
        cpu_s=round(cpu_s, 2),
        speed=round(video_s / wall_s, 2),
        score=None if result.summary.score is None else round(result.summary.score, 1),
        repetitions=result.summary.repetitions,
        engine=info.name,
        precision=info.precision,
        cores=os.cpu_count() or 0,
        load_before=round(load_before, 2),
    )


if __name__ == "__main__":
    main()
