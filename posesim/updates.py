"""What a comparison says, update by update: the contract between the library and who shows it.

All times are seconds of the user's presentation time, unless a name says `reference_s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from posesim.timebase import GapReason

State = Literal[
    "black",
    "frozen",
    "no_person",
    "partial",
    "several",
    "still",
    "warming_up",
    "lost",
    "gap",
    "scoring",
]

# Parts of the body that are compared; left is the person's own left.
Part = Literal[
    "left_elbow",
    "right_elbow",
    "left_shoulder",
    "right_shoulder",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "trunk",
]
PARTS: tuple[Part, ...] = get_args(Part)

# What a person can be told to change: how far, how fast, how still, or a part to look at.
CueName = Literal["lower", "higher", "further", "slow_down", "speed_up", "keep_still", "check"]


@dataclass(frozen=True)
class Components:
    """What the score is made of, each 0 to 1."""

    movement: float
    timing: float
    range: float


@dataclass(frozen=True)
class ScoreUpdate:
    """What is known after one chunk of frames.

    Attributes:
        t_s: Presentation time of the newest position that the update speaks of.
        state: "scoring", or why there is no number.
        score: 0 to 100; None unless `state` is "scoring".
        components: None unless `state` is "scoring".
        reference_s: Where in the reference the user is; None where that is not known.
        tempo: User's speed over the reference's; None where that is not known.
        lag_s: How far the user is behind the reference that is played, below 0 ahead of it; None
            where none is played, or it is not known.
        mirrored: Whether the user moves as the reference's mirror image.
        repetitions: Valid ones so far; 0 where the reference repeats nothing.
        held_s: How long the posture has been held; None unless the reference holds one.
    """

    t_s: float
    state: State
    score: float | None
    components: Components | None
    reference_s: float | None
    tempo: float | None
    lag_s: float | None = None
    mirrored: bool = False
    repetitions: int = 0
    held_s: float | None = None


@dataclass(frozen=True)
class GapUpdate:
    """A time in which nothing was seen; what follows begins anew."""

    start_s: float
    end_s: float
    reason: GapReason


@dataclass(frozen=True)
class PoseUpdate:
    """Where the user's body is, for drawing.

    Attributes:
        t_s: Presentation time of the picture.
        landmarks: (33, 3) float32: x and y as shares of the picture's width and height, visibility
            0 to 1; MediaPipe's order.
        parts: What differs from the reference here and now, the farthest first.
    """

    t_s: float
    landmarks: NDArray[np.float32]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Difference:
    """How a part of the body differed from the reference, an estimate.

    Attributes:
        part: Which.
        degrees: By how much it was more open than the reference's (below 0: more bent), in tens.
    """

    part: Part
    degrees: int


@dataclass(frozen=True)
class RepUpdate:
    """One repetition is over.

    Attributes:
        number: Counted from 1, attempts included.
        start_s, end_s: From its beginning to its end.
        valid: Whether it counts; otherwise it was an attempt.
        score: 0 to 100; None where nothing could be scored.
        range: How far it went, over the reference's; 1 is as far.
        tempo: Its speed over that of the reference's repetitions; None if it shows no whole one.
        differences: Of the parts that differed clearly, the farthest first.
    """

    number: int
    start_s: float
    end_s: float
    valid: bool
    score: float | None
    range: float
    tempo: float | None
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class CueUpdate:
    """One thing to tell the user now.

    Attributes:
        t_s: When it was found.
        cue: What to change; with `praise`, what was mended.
        part: Of the body, with the cue "check".
        praise: Whether the fault has been mended.
    """

    t_s: float
    cue: CueName
    part: Part | None = None
    praise: bool = False


@dataclass(frozen=True)
class ReferenceUpdate:
    """What a live demonstration is now; said when that changes, and of no other reference.

    Attributes:
        t_s: When it was found.
        kind: What the demonstrator does, see `posesim.movement.Movement`.
        cycle_s: How long a repetition takes; None without one.
    """

    t_s: float
    kind: Literal["repetitions", "hold", "routine"]
    cycle_s: float | None


Update = ScoreUpdate | GapUpdate | PoseUpdate | RepUpdate | CueUpdate | ReferenceUpdate


@dataclass(frozen=True)
class ReferenceClock:
    """The reference is being played to the user: where it is, and how fast it goes.

    Attributes:
        at_s: Presentation time of the user's stream.
        reference_s: Where in the reference the player was then.
        rate: Reference seconds per second; 0 where it is paused.
    """

    at_s: float
    reference_s: float
    rate: float = 1.0


@dataclass(frozen=True)
class Summary:
    """A whole session.

    Attributes:
        score: Mean of the scores; None if there was none.
        state: "scoring" if there was a score, else the most frequent state.
        components: Their means; None if there was no score.
        tempo: The median of the repetitions', or of all there is; None if it was never known.
        scored_s: For how long there was a number.
        duration_s: Presentation time of the last update.
        best_score: The highest score; None if there was none.
        best_s: When it was reached.
        gaps: How many.
        repetitions: Valid ones.
        attempts: Others.
        held_s: The longest that a posture was held; None unless the reference holds one.
    """

    score: float | None
    state: State
    components: Components | None
    tempo: float | None
    scored_s: float
    duration_s: float
    best_score: float | None
    best_s: float | None
    gaps: int
    repetitions: int = 0
    attempts: int = 0
    held_s: float | None = None
