"""Whether there is one person, far enough in the picture, to say anything about."""

from __future__ import annotations

from typing import Literal, get_args

from posesim.pose import (
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    Pose,
)

# What keeps a user from being judged: what `Presence` says, and `posesim.picture_watch`.
Hint = Literal["black", "frozen", "no_person", "partial", "several"]
HINTS: tuple[Hint, ...] = get_args(Hint)

HOLD_S = 0.5  # something must be so for this long before it is said, and before it is unsaid
VISIBLE = 0.5
BEYOND = 0.1  # of the picture; hips as little below it are still known well from what is inside


class Presence:
    """Say what keeps a stream of poses from being judged."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self._hint: Hint | None = None
        self._candidate: Hint | None = None
        self._since_s: float | None = None

    def update(self, time_s: float, pose: Pose | None) -> Hint | None:
        """Take the pose of a picture; return what is the matter, or None.

        "no_person": nobody is there. "several": others of a comparable size are. "partial": too
        little of the body is in the picture, see `is_whole`.
        """
        now = _now(pose)
        if now == self._hint:
            self._since_s = None
        elif self._since_s is None or now != self._candidate:
            self._candidate, self._since_s = now, time_s
        elif time_s - self._since_s >= HOLD_S:
            self._hint, self._since_s = now, None
        return self._hint


def _now(pose: Pose | None) -> Hint | None:
    if pose is None:
        return "no_person"
    if pose.persons > 1:
        return "several"
    return None if is_whole(pose) else "partial"


def is_whole(pose: Pose) -> bool:
    """Whether a shoulder, a hip, and a knee or an elbow are to be seen.

    One side is enough: of a person seen from the side, lying or not, the other one is hidden.
    """
    visible = pose.landmarks[:, 3] >= VISIBLE
    low, high = pose.landmarks[:, :2].min(axis=1), pose.landmarks[:, :2].max(axis=1)
    inside = visible & (low >= 0) & (high <= 1)
    close = visible & (low >= -BEYOND) & (high <= 1 + BEYOND)
    shoulder = inside[[LEFT_SHOULDER, RIGHT_SHOULDER]].any()
    hip = close[[LEFT_HIP, RIGHT_HIP]].any()
    limb = inside[[LEFT_KNEE, RIGHT_KNEE, LEFT_ELBOW, RIGHT_ELBOW]].any()
    return bool(shoulder and hip and limb)
