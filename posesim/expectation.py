"""What a reference lets one expect of a user: computed of it once, before anybody comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posesim.alignment import at_times
from posesim.embedding import ClipFeatures
from posesim.engines.base import Layout
from posesim.likeness import Habit, posterior, typical_energy
from posesim.movement import Movement, movement
from posesim.pose import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from posesim.posture import Floats, Postures, degrees, postures
from posesim.presence import Hint
from posesim.references import Reference

SHOWN_TOO = 0.2  # share of a reference from which on a hint is part of the exercise
VERTICAL = 0.06  # of the body's height in the picture: a way that rises less goes sideways


@dataclass(frozen=True)
class Expectation:
    """A reference, ready to be compared with.

    Attributes:
        times_s: Of its positions, (M,).
        taps: At them, (M, D).
        postures: At them, M; NaN where nobody was seen.
        degrees: The postures' parts in degrees, (M, 17).
        position_s: Seconds from one position to the next.
        tap_grid: Cells of a tap each way.
        duration_s: Of the clip.
        classes: The mean class posterior, (C,).
        embedding: The mean embedding, (E,).
        habit: The postures it takes.
        movement: Where it goes to and fro.
        rises: How the trunk moves from the way's beginning to its turn: 1 up, -1 down, 0 neither.
        shown_too: What keeps a user from being judged and is to be seen in the reference as well.
    """

    times_s: Floats
    taps: np.ndarray
    postures: Postures
    degrees: Floats
    position_s: float
    tap_grid: int
    duration_s: float
    classes: np.ndarray
    embedding: np.ndarray
    habit: Habit
    movement: Movement
    rises: int
    shown_too: frozenset[Hint]

    @classmethod
    def of(cls, reference: Reference, hold_energy: float) -> Expectation:
        """Prepare a reference.

        Args:
            reference: The reference.
            hold_energy: Its taps move less where it may be a hold, see `Calibration`.
        """
        return cls.of_features(
            reference.features,
            reference.settings.layout,
            duration_s=reference.duration_s,
            hint_shares=reference.hint_shares,
            hold_energy=hold_energy,
        )

    @classmethod
    def of_features(
        cls,
        features: ClipFeatures,
        layout: Layout,
        *,
        duration_s: float,
        hint_shares: Mapping[Hint, float],
        hold_energy: float,
        before: Movement | None = None,
    ) -> Expectation:
        """Prepare what was seen in a clip, or in a part of something longer.

        Args:
            features: What was seen, with at least one position and one window.
            layout: Of the backbone that saw it.
            duration_s: Of the clip.
            hint_shares: See `Reference`.
            hold_energy: Its taps move less where it may be a hold, see `Calibration`.
            before: See `posesim.movement.movement`.
        """
        seen = postures(features.landmarks[..., 3], features.world)
        if not len(seen):  # nobody was looked for
            seen = Postures(np.zeros((1, seen.values.shape[1])), np.zeros((1, seen.seen.shape[1])))
        poses_s = features.poses_s if len(features.poses_s) else np.zeros(1)
        quiet = typical_energy(features.taps, layout.window_positions) < hold_energy
        moves = movement(poses_s, seen, quiet=quiet, before=before)
        at_positions = at_times(features.times_s, features.poses_s, seen)
        return cls(
            times_s=features.times_s,
            taps=features.taps,
            postures=at_positions,
            degrees=degrees(at_positions.values),
            position_s=layout.position_s,
            tap_grid=layout.tap_grid,
            duration_s=duration_s,
            classes=posterior(features.logits).mean(axis=0),
            embedding=features.embeddings.mean(axis=0),
            habit=Habit.of(seen),
            movement=moves,
            rises=_rises(features.landmarks, moves.along(seen)),
            shown_too=_shown_too(hint_shares),
        )


def _shown_too(shares: Mapping[Hint, float]) -> frozenset[Hint]:
    return frozenset(hint for hint, share in shares.items() if share > SHOWN_TOO)


def _rises(landmarks: np.ndarray, along: Floats) -> int:
    """Whether the trunk is higher in the picture where `along` is near 1 than near 0."""
    if len(landmarks) != len(along):
        return 0
    trunk = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
    heights = -landmarks[:, trunk, 1].mean(axis=1)
    near, far = along <= 0.25, along >= 0.75
    if not near.any() or not far.any():
        return 0
    body = float(np.median(np.ptp(landmarks[..., 1], axis=1)))
    rise = float(np.median(heights[far]) - np.median(heights[near])) / max(body, 1e-6)
    return 0 if abs(rise) < VERTICAL else int(np.sign(rise))
