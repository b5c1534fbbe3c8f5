"""Make the calibration of a backbone, in posesim/data, from a folder of labelled clips.

    python bench/calibrate.py ../shared/clips
    python bench/calibrate.py ../shared/clips --backbone i3d_r50

The folder holds video files named in `manifest.csv` (file, exercise, person). Every ordered pair of
clips by different people is one example: a user's windows against a reference, the same exercise or
another one. Fitted is the logistic model of movement, both kinds of pairs weighing the same; the
ends of the scales of timing and range are quantiles over the pairs of the same exercise.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import numpy as np
from tqdm import tqdm

from posesim.alignment import Follower
from posesim.backbones import BACKBONES, DEFAULT
from posesim.cli import weights_path
from posesim.errors import TooShort
from posesim.network import Network
from posesim.references import Reference, embed
from posesim.scoring import bhattacharyya, cosine, posterior, typical_energy

OUTPUT = Path(__file__).parent.parent / "posesim" / "data"
HOLD_ENERGY = {"i3d": 0.35}  # by looking at clips of holds; for others nothing counts as one
# Variants of one exercise are neither the same nor another one: such pairs are left out.
VARIANTS = (
    {"push_up", "incline_push_up", "decline_push_up", "wide_push_up", "scapular_push_up"},
    {"squat", "wall_squat", "landmine_squat_press", "deep_squat_hold"},
    {"dips", "chair_dips"},
)
SAME = {"barbell_squat": "squat"}


@dataclass(frozen=True)
class Clip:
    """One labelled clip and what the network saw in it."""

    exercise: str
    person: str
    reference: Reference


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--features", type=Path, help="keep features in this folder")
    parser.add_argument("--backbone", choices=tuple(BACKBONES), default=DEFAULT)
    args = parser.parse_args()
    clips = read_clips(args.folder, args.features, args.backbone)
    calibration = fit(clips)
    digest = hashlib.sha256()
    for path in sorted(args.folder.glob("*.mp4")):
        digest.update(path.read_bytes())
    about = {
        "calibration": calibration,
        "provenance": {
            "made_by": "bench/calibrate.py",
            "date": datetime.now(UTC).date().isoformat(),
            "clips": len(clips),
            "people": len({clip.person for clip in clips}),
            "exercises": len({clip.exercise for clip in clips}),
            "clips_sha256": digest.hexdigest(),
            "weights": clips[0].reference.settings.weights,
        },
    }
    output = OUTPUT / f"calibration-{args.backbone}.json"
    output.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(about, indent=2))


def read_clips(folder: Path, keep: Path | None, backbone: str) -> list[Clip]:
    """Embed every clip of the manifest, or load its features where they were kept."""
    network = Network.open(weights_path(backbone), backbone=backbone)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    clips = []
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest))
    for row in tqdm(rows, unit="clip"):
        path = folder / row["file"]
        kept = keep / f"{path.stem}.npz" if keep is not None else None
        if kept is not None and kept.exists():
            reference = Reference.load(kept)
            network.settings.require(reference.settings, reference.name)
        else:
            try:
                reference = embed(
                    path, network.engine, network.settings, name=path.stem, poses=network.poses
                )
            except TooShort as error:
                tqdm.write(str(error))
                continue
            if kept is not None:
                reference.save(kept)
        exercise = SAME.get(row["exercise"], row["exercise"])
        clips.append(Clip(exercise, row["person"], reference))
    return clips


def fit(clips: list[Clip]) -> dict[str, object]:
    """The numbers of `posesim.scoring.Calibration`."""
    same, seen, coherences, ratios = [], [], [], []
    layout = clips[0].reference.settings.layout
    window = layout.window_positions
    for user, other in permutations(clips, 2):
        alike = user.exercise == other.exercise
        related = any({user.exercise, other.exercise} <= group for group in VARIANTS)
        if user.person == other.person or (related and not alike):
            continue
        ours, theirs = user.reference.features, other.reference.features
        expected = posterior(theirs.logits).mean(axis=0)
        mean = theirs.embeddings.mean(axis=0)
        windows = zip(posterior(ours.logits), ours.embeddings, strict=True)
        pairs = [(bhattacharyya(p, expected), cosine(e, mean)) for p, e in windows]
        same.append(alike)
        seen.append(np.mean(pairs, axis=0))
        if alike:
            follower = Follower(theirs.taps, layout.position_s, layout.tap_grid)
            coherence = [follower.push(tap).coherence for tap in ours.taps]
            coherences += [c for c in coherence if c is not None]
            ratios.append(
                typical_energy(ours.taps, window) / max(typical_energy(theirs.taps, window), 1e-9)
            )
    movement = logistic(np.array(seen), np.array(same))
    return {
        "movement": [round(float(v), 4) for v in movement],
        "timing": [round(float(np.quantile(coherences, q)), 3) for q in (0.02, 0.5)],
        "range": [0.25, round(float(np.quantile(ratios, 0.25)), 3)],
        "parts": [0.6, 0.2, 0.2],
        "still_ratio": 0.2,
        "hold_energy": HOLD_ENERGY.get(layout.backbone, 0.001),
    }


def logistic(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Weights and intercept of a logistic model by Newton's method, both classes weighing the same.

    `ridge` holds the weights, not the intercept, back from infinity.
    """
    design = np.c_[x, np.ones(len(x))]
    share = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    penalty = ridge * np.diag([*np.ones(x.shape[1]), 0.0])
    w = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ w))
        slope = design.T @ (share * (p - y)) + penalty @ w
        curve = (design * (share * p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(curve, slope)
        w -= step
        if math.isclose(float(np.abs(step).max()), 0.0, abs_tol=1e-9):
            break
    return w


if __name__ == "__main__":
    main()
