"""Make the calibration of a backbone, in posesim/data, from a folder of labelled clips.

    python bench/calibrate.py ../shared/clips --keep bench/out/streams
    python bench/calibrate.py ../shared/clips --keep bench/out/streams --backbone i3d_r50

The folder holds video files named in `manifest.csv` (file, exercise, person, view) and, for those
with repetitions, `phases.json` and `landmarks/` (see bench/score.py). What the network sees is kept
in another folder: it takes most of the time.

Fitted are two logistic models: of movement, on every ordered pair of clips by different people or
of different exercises, each exercise and both kinds of pairs weighing the same; and of range, on
whole repetitions against half ones. The least range of a repetition that counts and what counts as
standing still are quantiles. All else is set by hand, in `SET`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import numpy as np
from footage import Clip, partial, read_manifest, related, still
from replay import Job, Judged, run
from streams import Streams, load
from tqdm import tqdm

from posesim.backbones import BACKBONES, DEFAULT
from posesim.cli import weights_path
from posesim.differences import JOINTS, Joint, joint
from posesim.embedding import Features
from posesim.likeness import Likeness
from posesim.network import Network
from posesim.scoring import Calibration

OUTPUT = Path(__file__).parent.parent / "posesim" / "data"
WHOLE, HALF = 1.0, 0.5
# By hand. Coherence: noise gives 0.5; of those who do the same, 1 in 10 less than 0.65. Octaves: at
# twice the tempo nothing is lost, at six times everything. Hold energy: by looking at clips of
# holds; for a backbone with other taps nothing counts as one.
SET = {
    "coherence": (0.45, 0.65),
    "octaves": (2.5, 1.0),
    "lag_s": (2.0, 0.6),
    "held": (0.5, 0.15),
    "unsteady": 0.5,
    "powers": (0.25, 0.75),
}
HOLD_ENERGY = {"i3d": 0.6}


@dataclass(frozen=True)
class Pair:
    """What one user was like against one reference.

    Attributes:
        user, reference: Their clips.
        fraction: How much of the depth was done: 1, 0.5, 0 where somebody stands; None as filmed.
        likeness: The mean comparison.
        extent: The mean of how far the user moved.
        apart_deg: How far each joint was from the reference's, repetition by repetition.
        moves: The largest movement in 2.5 s.
    """

    user: Clip
    reference: Clip
    fraction: float | None
    likeness: Likeness | None
    extent: float
    apart_deg: dict[Joint, list[int]]
    moves: float

    @property
    def same(self) -> bool:
        """Whether both do the same exercise."""
        return self.user.exercise == self.reference.exercise


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="keep what the network sees here")
    parser.add_argument("--backbone", choices=tuple(BACKBONES), default=DEFAULT)
    args = parser.parse_args()
    network = Network.open(weights_path(args.backbone), backbone=args.backbone)
    clips = read_manifest(args.folder)
    pairs = collect(clips, Streams(network, args.keep), args.backbone)
    digest = hashlib.sha256()
    for clip in sorted(clips, key=lambda clip: clip.path):
        digest.update(clip.path.read_bytes())
    calibration = fit(pairs, args.backbone)
    about = {
        "calibration": {
            field.name: value if isinstance(value, float) else list(value)
            for field in fields(calibration)
            if (value := getattr(calibration, field.name)) is not True
        },
        "provenance": {
            "made_by": "bench/calibrate.py",
            "date": datetime.now(UTC).date().isoformat(),
            "clips": len(clips),
            "people": len({clip.person for clip in clips}),
            "exercises": len({clip.exercise for clip in clips}),
            "clips_sha256": digest.hexdigest(),
            "weights": network.settings.weights,
        },
    }
    output = OUTPUT / f"calibration-{args.backbone}.json"
    output.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(about, indent=2))


def collect(clips: Sequence[Clip], streams: Streams, backbone: str) -> list[Pair]:
    """Compare every clip with those by others, or of other exercises; and planted half ranges."""
    any_will_do = unfitted(backbone)
    files = {
        clip.name: path
        for clip in tqdm(clips, desc="clips", unit="clip")
        if is_usable(path := streams.keep(clip.name, clip.frames()))
    }
    wanted: list[tuple[Clip, Clip, float | None, Path]] = [
        (user, reference, None, files[user.name])
        for user, reference in permutations([c for c in clips if c.name in files], 2)
        if comparable(user, reference)
    ]
    for clip in tqdm(clips, desc="half ranges", unit="clip"):
        others = [
            other
            for other in clips
            if other.exercise == clip.exercise
            and other.person != clip.person
            and other.turns_s
            and other.name in files
        ]
        for fraction in (WHOLE, HALF, 0.0):
            footage = partial(clip, fraction) if fraction else still(clip)
            if not others or footage is None:
                continue
            name = f"{clip.name}.range{fraction}" if fraction else f"{clip.name}.still"
            path = streams.keep(name, footage)
            wanted += [(clip, other, fraction, path) for other in others]
    jobs = [Job(path, files[other.name], any_will_do) for _, other, _, path in wanted]
    judged = run(jobs, "comparing")
    return [
        Pair(
            user,
            other,
            fraction,
            each.likeness,
            _mean(each.extents),
            _apart(each),
            max(each.moves, default=0),
        )
        for (user, other, fraction, _), each in zip(wanted, judged, strict=True)
        if each.likeness is not None
    ]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _apart(judged: Judged) -> dict[Joint, list[int]]:
    found: dict[Joint, list[int]] = {name: [] for name in JOINTS}
    for repetition in judged.repetitions:
        for each in repetition.differences:
            found[joint(each.part)].append(abs(each.degrees))
    return found


def is_usable(path: Path) -> bool:
    """Whether a clip can be a reference: it has a window, and somebody is in it."""
    parts = load(path)
    windows = sum(isinstance(part, Features) and part.window is not None for part in parts)
    return windows > 0 and len(parts) > 2 * windows


def comparable(user: Clip, reference: Clip) -> bool:
    """Whether a pair says something: variants of an exercise are neither the same nor another."""
    if user.exercise == reference.exercise:
        return user.person != reference.person
    return not related(user, reference)


def unfitted(backbone: str) -> Calibration:
    """What suffices to look at pairs: nothing that is collected depends on the fitted numbers."""
    return Calibration(
        movement=(1.0, 1.0, -1.0, -1.0, 0.0),
        range=(9.0, -4.0),
        valid_range=0.4,
        still_extent=0.1,
        hold_energy=HOLD_ENERGY.get(backbone, 0.001),
        tolerated_deg=(0.0,) * 5,
        **SET,
    )


def fit(pairs: Sequence[Pair], backbone: str) -> Calibration:
    """The calibration that some pairs give."""
    filmed = [pair for pair in pairs if pair.fraction is None]
    alike = np.array([astuple(pair.likeness) for pair in filmed])
    same = np.array([pair.same for pair in filmed])
    exercises = np.array([pair.reference.exercise for pair in filmed])
    movement = logistic(alike, same, _evenly(exercises, same))
    planted = [pair for pair in pairs if pair.fraction in (WHOLE, HALF)]
    extents = np.array([[pair.extent] for pair in planted])
    whole = np.array([pair.fraction == WHOLE for pair in planted])
    # Not steep: what a camera sees otherwise should change the score little.
    range_ = logistic(extents, whole, np.ones(len(planted)), ridge=0.5)
    strangers = [pair for pair in filmed if pair.same and pair.user.turns_s]
    standing = [pair.moves for pair in pairs if pair.fraction == 0]
    return Calibration(
        movement=tuple(round(float(v), 4) for v in movement),
        range=tuple(round(float(v), 3) for v in range_),
        valid_range=round(float(np.quantile(extents[whole, 0], 0.05)), 2),
        still_extent=round(float(np.quantile(standing, 0.97)), 2),
        hold_energy=HOLD_ENERGY.get(backbone, 0.001),
        tolerated_deg=tuple(
            max(
                float(np.quantile(np.concatenate([p.apart_deg[name] for p in strangers]), 0.9)),
                20.0,
            )
            for name in JOINTS
        ),
        **SET,
    )


def _evenly(exercises: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Weights with which the pairs of the same exercise count alike for each exercise."""
    weights = np.ones(len(same))
    for exercise in set(exercises[same]):
        these = same & (exercises == exercise)
        weights[these] = 1 / these.sum()
    weights[same] *= same.sum() / weights[same].sum()
    return weights


def logistic(x: np.ndarray, y: np.ndarray, counts: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Weights and intercept of a logistic model by Newton's method, both classes weighing the same.

    `counts` is what each example counts within its class; `ridge` holds the weights, not the
    intercept, back from infinity.
    """
    design = np.c_[x, np.ones(len(x))]
    share = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean())) * counts
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
