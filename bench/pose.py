"""Body landmarks against an oracle's, and what they cost.

python bench/pose.py ../shared/clips            every clip
python bench/pose.py ../shared/clips --only squat,push_up --json out.json

The folder holds NAME.mp4 and landmarks/NAME.npz: `image`, (n, 33, 4) at 12.5 per second.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from posesim import pose_models
from posesim.cli import weights_path
from posesim.engines.pose import PoseNetworks
from posesim.person_frame import PersonFrame
from posesim.pose import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, PoseTracker
from posesim.pose_detection import detections, detector_input
from posesim.pose_landmarks import crop_input
from posesim.presence import Presence
from posesim.roi import Roi
from posesim.timebase import Gap, Grid
from posesim.video import read_frames


@dataclass(frozen=True)
class Row:
    """One clip.

    Attributes:
        found, found_by_oracle: Share of the pictures with a person.
        median, p90: Distance of body landmarks from the oracle's, in torsos.
        hints: Share of the pictures in which `Presence` said something.
        several: Share of the poses with other persons.
        changes: How often the square around the person changed.
        ms: Mean cost of a picture.
    """

    clip: str
    found: float
    found_by_oracle: float
    median: float
    p90: float
    hints: float
    several: float
    changes: int
    ms: float


def main() -> None:
    """Measure every clip; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="parts of names, with commas between them")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    args = parser.parse_args()
    folder = weights_path().parent
    networks = PoseNetworks(pose_models.load(folder), cache=folder.parent / "openvino")
    clips = [
        clip
        for clip in sorted(args.folder.glob("*.mp4"))
        if any(part in clip.stem for part in args.only.split(","))
    ]
    calls(networks)
    rows = [measure(clip, networks) for clip in tqdm(clips)]
    print("| clip | found | oracle | median | p90 | hints | several | changes | ms |")
    print("|---|" + "---|" * 8)
    for row in rows:
        print(
            f"| {row.clip} | {row.found:.2f} | {row.found_by_oracle:.2f} | {row.median:.3f} | "
            f"{row.p90:.2f} | {row.hints:.2f} | {row.several:.2f} | {row.changes} | {row.ms:.1f} |"
        )
    medians = [row.median for row in rows]
    print(f"median of medians {np.median(medians):.3f}, largest {max(medians):.3f}")
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


def calls(networks: PoseNetworks, count: int = 30) -> None:
    """Print the median cost of each call, on one thread, with what prepares it."""
    requests = networks.open()
    rgb = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    roi = Roi(320, 180, 400, 0.3)

    def detect() -> None:
        square, fitted = detector_input(rgb)
        detections(*requests.detect(square), fitted)

    def landmarks() -> None:
        requests.landmarks(crop_input(rgb, roi))

    for name, call in (("detector", detect), ("landmarks", landmarks)):
        costs = []
        for _ in range(count):
            start = time.perf_counter()
            call()
            costs.append(time.perf_counter() - start)
        print(f"{name}: {1e3 * np.median(costs):.1f} ms a call, least {1e3 * min(costs):.1f}")


def measure(clip: Path, networks: PoseNetworks) -> Row:
    """Follow the person through one clip, at every second tick of the 25 fps grid."""
    oracle = np.load(clip.parent / "landmarks" / f"{clip.stem}.npz")["image"].astype(np.float64)
    grid, tracker = Grid[np.ndarray](25.0), PoseTracker(networks)
    frame, presence = PersonFrame(), Presence()
    poses, hints, boxes, cost_s, size = [], [], [], 0.0, np.ones(2)
    for shown in read_frames(clip, largest_side=640):
        size = np.array([shown.rgb.shape[1], shown.rgb.shape[0]])
        for tick in grid.push(shown.time_s, shown.rgb):
            if isinstance(tick, Gap) or tick.index % 2:
                continue
            start = time.perf_counter()
            pose = tracker.see(tick.time_s, tick.item)
            cost_s += time.perf_counter() - start
            poses.append(pose)
            boxes.append(frame.update(tick.time_s, pose, tick.item.shape))
            hints.append(presence.update(tick.time_s, pose))
    count = min(len(poses), len(oracle))
    nobody = np.full((33, 4), np.nan)
    ours = np.array([pose.landmarks if pose else nobody for pose in poses[:count]])
    ours, theirs = ours[..., :2] * size, oracle[:count, :, :2] * size
    shoulders = theirs[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=1)
    torso = np.nanmedian(np.hypot(*(shoulders - theirs[:, [LEFT_HIP, RIGHT_HIP]].mean(axis=1)).T))
    distances = np.hypot(*np.moveaxis(ours - theirs, -1, 0))[:, LEFT_SHOULDER:] / torso
    return Row(
        clip=clip.stem,
        found=float(np.mean([pose is not None for pose in poses])),
        found_by_oracle=float(np.mean(~np.isnan(oracle[:, 0, 0]))),
        median=float(np.nanmedian(distances)),
        p90=float(np.nanpercentile(distances, 90)),
        hints=float(np.mean([hint is not None for hint in hints])),
        several=float(np.mean([pose.persons > 1 for pose in poses if pose])),
        changes=sum(a != b for a, b in pairwise(boxes)),
        ms=1e3 * cost_s / len(poses),
    )


if __name__ == "__main__":
    main()
