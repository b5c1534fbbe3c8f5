"""Where in the reference is the user now: alignment of a live stream to a reference, online.

Two things are observed 12.5 times a second: the network's early tap, and the body's posture. Each
is centred on its side's own mean first, so that what remains is the movement and not the person or
the room; and its change over the last quarter of a second is added, which tells the way down from
the way up. How far an observation is from each position of the reference is one minus a cosine.

The position is followed by a Bayesian filter over (position, speed): the bar pointer of
N. Whiteley, A. T. Cemgil and S. Godsill, "Bayesian Modelling of Temporal Structure in Musical
Audio" (ISMIR 2006), which was made for following the beat of music. Speeds change slowly. A small
share of the belief is spread over all positions at each step, by which loops, pauses, restarts and
mistakes are survived.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from posesim.posture import MIRRORED, SIZE, Floats, Postures, shared_weights

SPEEDS = np.array([0.0, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8])  # reference positions per live one
CHANGE = 2.0  # how much less likely each next speed is, as a natural logarithm
SHARPNESS = 3.0  # of the likelihood of an observation, per unit of distance
ALONE = 3.0  # what a pose's distance counts where there is no tap
NEARER = 0.2  # how much less likely the edge of the band is than the player, as a logarithm
OUTSIDE = 1e-6  # how likely what is outside it is
JUMP = 0.01  # of the belief: somewhere else altogether
TREND = 3  # positions over which the change is taken
MEMORY_S = 30.0  # how far back the user's mean reaches
BELIEF_S = 8.0  # how far back it counts whether the user fits better as seen or mirrored
CLEARLY = 0.97  # a mirror image must fit better by so much, or the two would take turns
RECENT_S = 4.0  # what tempo and coherence are taken from
MOVING = 0.2  # a slower one stands
FARTHEST_POSE_S = 0.3  # from a moment, for a pose to say something of it


@dataclass(frozen=True)
class Place:
    """Where the user is in the reference.

    Attributes:
        index: The reference position, 0 to M - 1.
        tempo: The user's speed over the reference's, in the last 4 s. None before 1 s.
        coherence: Share of the last 4 s in which the user went on along the reference, at any speed
            that can be followed, without a jump; 0 to 1. None before 1 s.
        misfit: Mean distance from the reference along the way, lately; 0 to 2.
        mirrored: Whether the user moves as the reference's mirror image.
    """

    index: int
    tempo: float | None
    coherence: float | None
    misfit: float
    mirrored: bool = False


@dataclass(frozen=True)
class Band:
    """Positions around the one that is played to the user.

    Attributes:
        middle: The one that is played.
        reach: To each side.
        loop: After so many positions the player begins anew.
    """

    middle: float
    reach: float
    loop: float

    def likely(self, positions: int) -> Floats:
        """1 in the middle, less towards its edges, nearly 0 outside, (positions,).

        Of two repetitions in it the nearer one is meant.
        """
        off = np.arange(positions) - self.middle + self.loop / 2
        off = np.abs(off % self.loop - self.loop / 2)
        if not (off <= self.reach).any():
            return np.ones(positions)
        near = np.exp(-NEARER * (off / self.reach) ** 2)
        return np.where(off <= self.reach, near, OUTSIDE)


@dataclass(frozen=True)
class Stretch:
    """Positions among which alone the user is looked for, of a reference that goes on.

    Attributes:
        first, last: The first of them and the last.
        now: The one at which the user is least behind; None where all are as likely.
    """

    first: int
    last: int
    now: float | None = None

    def likely(self, positions: int) -> Floats:
        """1 at `now`, less the farther from it, nearly 0 outside, (positions,)."""
        rows = np.arange(positions)
        inside = (rows >= self.first) & (rows <= self.last)
        if self.now is None:
            return np.where(inside, 1.0, OUTSIDE)
        reach = max(self.now - self.first, 1.0)
        return np.where(inside, np.exp(-NEARER * ((rows - self.now) / reach) ** 2), OUTSIDE)

    def evenly(self, positions: int) -> Floats:
        """What each position gets of something that is shared by all of them, (positions,)."""
        rows = np.arange(positions)
        inside = (rows >= self.first) & (rows <= self.last)
        return inside / max(int(inside.sum()), 1)


class Follower:
    """Follow a reference with a user's taps and postures, who may be its mirror image.

    Who faces the trainer moves the other arm, and who was filmed from the other side faces the
    other way. So two filters run, for the user as seen and mirrored, and the one that has lately
    fitted better is believed.

    Args:
        taps: Of the reference, (M, D), M at least 1.
        postures: Of the reference at the same positions, (M, 17); rows of NaN where unknown.
        position_s: Seconds from one position to the next, on both sides.
        tap_grid: A tap is channels on a grid of so many cells each way; 1 has no mirror image.

    Raises:
        ValueError: If `taps` is not a non-empty matrix, or the lengths differ.
    """

    def __init__(
        self, taps: np.ndarray, postures: Postures, position_s: float, tap_grid: int = 1
    ) -> None:
        if taps.ndim != 2 or len(taps) == 0 or len(postures) != len(taps):
            raise ValueError(
                f"taps must be (M, D) and postures (M, {SIZE}) with M >= 1, "
                f"got {taps.shape} and {postures.values.shape}"
            )
        rooted = root(taps)
        moved = unit(with_trend(rooted - rooted.mean(axis=0)))
        self._taps = moved.astype(np.float32)  # (M, 2 D): most of the time here goes by with it
        known = np.isfinite(postures.values).all(axis=1)
        mean = postures.values[known].mean(axis=0) if known.any() else np.zeros(SIZE)
        self._postures = with_trend(postures.values - mean)  # (M, 34), NaN where unknown
        self._seen = postures.seen[known].mean(axis=0) if known.any() else np.zeros(SIZE)
        self._grid = tap_grid
        memory = round(MEMORY_S / position_s)
        self._user_taps = _Centred(taps.shape[1], memory)
        self._user_postures = _Centred(SIZE, memory)
        self._user_seen = _Mean(SIZE, memory)
        self._filters = tuple(Filter(len(taps), position_s) for _ in range(2))
        self._believed = 0

    def push(self, tap: np.ndarray, posture: Postures, band: Band | Stretch | None = None) -> Place:
        """Take the user's next position; return where it is.

        Args:
            tap: (D,).
            posture: One, at the same moment; NaN where it is not known.
            band: Where in the reference the user is looked for; None looks everywhere.
        """
        moved = self._user_taps.push(root(tap))
        both = unit(np.stack([moved, mirrored(moved, self._grid)])).astype(np.float32)
        tap_distances = 1 - self._taps @ both.T  # (M, 2)
        posed = self._pose(posture)
        for mirror, each in enumerate(self._filters):
            distances = self._pose_distances(posed, bool(mirror)) + tap_distances[:, mirror]
            each.go_on(np.asarray(distances, np.float64), band)
        as_seen, turned = (each.misfit for each in self._filters)
        self._believed = int(turned < CLEARLY * as_seen)
        return self._filters[self._believed].place(bool(self._believed))

    def ahead(self, postures: Postures, band: Band | Stretch | None = None) -> int:
        """Where the user is after some more positions whose taps are not known yet.

        Taps wait for later frames; postures do not. Changes nothing.
        """
        trial = self._filters[self._believed].copy()
        user = self._user_postures.copy()
        for row in range(len(postures)):
            posture = Postures(postures.values[row : row + 1], postures.seen[row : row + 1])
            posed = self._pose(posture, user)
            trial.go_on(ALONE * self._pose_distances(posed, bool(self._believed)), band)
        return trial.index

    def _pose(self, posture: Postures, user: _Centred | None = None) -> Floats | None:
        if not np.isfinite(posture.values).all():
            return None
        if user is None:
            self._user_seen.push(posture.seen[0])
        return (user or self._user_postures).push(posture.values[0])

    def _pose_distances(self, posed: Floats | None, mirror: bool) -> Floats:
        if posed is None:
            return np.ones(len(self._taps))  # says nothing
        seen = self._user_seen.value
        if mirror:
            posed, seen = posed.reshape(2, SIZE)[:, MIRRORED].reshape(-1), seen[MIRRORED]
        weights = np.tile(shared_weights(seen, self._seen), 2)
        near = unit(self._postures * weights) @ unit((posed * weights)[None])[0]
        return np.asarray(1 - np.nan_to_num(near))


class _Mean:
    """The mean of the last so many vectors, nearly: the older ones fade out."""

    def __init__(self, size: int, memory: int) -> None:
        self.value = np.zeros(size)
        self._count = 0
        self._memory = memory

    def push(self, vector: np.ndarray) -> None:
        self._count = min(self._count + 1, self._memory)
        self.value = self.value + (vector - self.value) / self._count


class _Centred:
    """Vectors minus their running mean, with their change over the last `TREND`."""

    def __init__(self, size: int, memory: int) -> None:
        self._mean = _Mean(size, memory)
        self._last: deque[np.ndarray] = deque(maxlen=TREND + 1)

    def push(self, vector: np.ndarray) -> Floats:
        """Take the next one; return (2 * size,)."""
        self._mean.push(vector)
        self._last.append(vector)
        whole = len(self._last) == TREND + 1
        change = vector - self._last[0] if whole else np.zeros(len(vector))
        return np.concatenate([vector - self._mean.value, change])

    def copy(self) -> _Centred:
        other = _Centred.__new__(_Centred)
        other._mean = _Mean.__new__(_Mean)
        other._mean.__dict__.update(self._mean.__dict__)
        other._last = self._last.copy()
        return other


class Filter:
    """Belief over speed and position, and what it says of the way."""

    def __init__(self, positions: int, position_s: float) -> None:
        self._belief = np.full((len(SPEEDS), positions), 1 / (len(SPEEDS) * positions))
        self._keep = math.exp(-position_s / BELIEF_S)
        self._recent: deque[tuple[float, float]] = deque(maxlen=round(RECENT_S / position_s))
        self._least = self._recent.maxlen // 4 if self._recent.maxlen else 1
        self._fit, self._weight = 0.0, 0.0
        self.index = 0

    @property
    def misfit(self) -> float:
        """Mean distance along the way, the older the less."""
        return self._fit / max(self._weight, 1e-9)

    def copy(self) -> Filter:
        """One that may go on without this one."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._recent = deque(maxlen=self._recent.maxlen)
        return other

    def go_on(self, distances: Floats, band: Band | Stretch | None) -> None:
        """Take the next observation's distances from each position, (M,)."""
        went = stepped(CHANGES @ self._belief)
        went = (1 - JUMP) * (went + (1 - went.sum()) / went.size)  # who passed the end begins anew
        jumped = JUMP / went.size
        likelihood = np.exp(-SHARPNESS * (distances - distances.min()))
        if band is not None:
            likelihood = likelihood * band.likely(len(distances))
        belief = (went + jumped) * likelihood
        total = max(float(belief.sum()), 1e-300)
        self._belief = belief / total
        on, anywhere = float((went * likelihood).sum()), float(likelihood.mean())
        self._note(distances, on, anywhere)

    def _note(self, distances: Floats, on: float, anywhere: float) -> None:
        """Keep what the new belief says; `on` and `anywhere` fit to going on and to jumping."""
        positions = self._belief.sum(axis=0)
        self.index = int(positions.argmax())
        speed = float(SPEEDS @ self._belief.sum(axis=1))
        # As if going on and being anywhere had been equally likely beforehand: noise gives a half.
        self._recent.append((speed, on / (on + anywhere)))
        self._fit = self._keep * self._fit + float(positions @ distances)
        self._weight = self._keep * self._weight + 1

    def place(self, mirror: bool) -> Place:
        """What is believed now."""
        if len(self._recent) < self._least:
            return Place(self.index, None, None, self.misfit, mirror)
        recent = np.array(self._recent)
        going = recent[:, 1] * (recent[:, 0] > MOVING)
        return Place(
            self.index, float(recent[:, 0].mean()), float(going.mean()), self.misfit, mirror
        )


def _changes() -> Floats:
    """How likely each speed follows each, (to, from)."""
    steps = np.abs(np.subtract.outer(np.arange(len(SPEEDS)), np.arange(len(SPEEDS))))
    likely = np.exp(-CHANGE * steps)
    return np.asarray(likely / likely.sum(axis=0))


CHANGES = _changes()


def stepped(belief: Floats) -> Floats:
    """Each row moved on by its speed; what passes the end is lost."""
    moved = np.zeros_like(belief)
    positions = belief.shape[1]
    for row, speed in enumerate(SPEEDS):
        whole, part = divmod(float(speed), 1.0)
        for shift, share in ((int(whole), 1 - part), (int(whole) + 1, part)):
            if share > 0 and shift < positions:
                moved[row, shift:] += share * belief[row, : positions - shift]
    return moved


def with_trend(rows: Floats) -> Floats:
    """Rows (n, D) with the change of each over the `TREND` before it, (n, 2 D); first ones 0."""
    change = np.zeros_like(rows)
    change[TREND:] = rows[TREND:] - rows[:-TREND]
    return np.concatenate([rows, change], axis=1)


def at_times(times_s: np.ndarray, poses_s: np.ndarray, seen: Postures) -> Postures:
    """Postures at other times, straight in between; NaN where no pose is near.

    Args:
        times_s: (n,).
        poses_s: When each posture was, (p,), rising.
        seen: The postures, p of them.
    """
    times = np.asarray(times_s, np.float64)
    values = np.full((len(times), SIZE), np.nan)
    visible = np.zeros((len(times), SIZE))
    if len(poses_s):
        nearest = np.abs(times[:, None] - poses_s[None]).min(axis=1)
        near = nearest <= FARTHEST_POSE_S
        for number in range(SIZE):
            values[near, number] = np.interp(times[near], poses_s, seen.values[:, number])
            visible[near, number] = np.interp(times[near], poses_s, seen.seen[:, number])
    return Postures(values, visible)


def mirrored(moved: np.ndarray, grid: int) -> np.ndarray:
    """Taps of a grid of cells, channels last, (n * D,), with left and right exchanged."""
    return moved.reshape(-1, grid, grid, moved.size // (2 * grid * grid))[:, :, ::-1].reshape(-1)


def root(taps: np.ndarray) -> np.ndarray:
    """The root of each value, its sign kept: a few large values otherwise outweigh all others.

    Source: F. Perronnin et al., Improving the Fisher Kernel for Large-Scale Image Classification
    (ECCV 2010), "power normalization".
    """
    return np.asarray(np.sign(taps) * np.sqrt(np.abs(taps)))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9))
