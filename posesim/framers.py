"""From the pictures of a stream to the squares that the network sees.

A reference's settings name the rule: the whole picture by one of `posesim.framing.FRAMINGS`, or
"person", a square around one person that stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from posesim.engines.base import FRAMES_PER_SECOND
from posesim.engines.pose import PoseNetworks
from posesim.framing import Picture, square
from posesim.person_frame import RULE as PERSON
from posesim.person_frame import PersonFrame, crop
from posesim.pose import Pose, PoseTracker
from posesim.presence import Hint, Presence

POSE_EVERY_S = 3 / FRAMES_PER_SECOND  # 8.3 Hz


@dataclass(frozen=True)
class Framed:
    """What the network sees of a picture, (224, 224, 3) uint8.

    Attributes:
        square: The picture's part that the network sees.
        hint: What keeps the person in it from being judged, if anything.
        pose: The person's, where this picture was looked at for one and somebody was found.
    """

    square: Picture
    hint: Hint | None
    pose: Pose | None = None


class Framer(Protocol):
    """Frames the pictures of one stream, in the order of their times."""

    def frame(self, time_s: float, rgb: Picture) -> Framed:
        """Frame the next picture."""
        ...

    def reset(self) -> None:
        """Forget the pictures before: after a gap it may be another scene."""
        ...


class WholePicture:
    """Frame each picture by itself, by one of `posesim.framing.FRAMINGS`; never a hint."""

    def __init__(self, rule: str) -> None:
        self._rule = rule

    def frame(self, time_s: float, rgb: Picture) -> Framed:  # noqa: ARG002
        """Frame the next picture."""
        return Framed(square(rgb, rule=self._rule), None)

    def reset(self) -> None:
        """Nothing is remembered."""


class PersonFramer:
    """Frame one person, whose pose is looked for 8 times a second."""

    def __init__(self, networks: PoseNetworks) -> None:
        self._tracker = PoseTracker(networks)
        self._frame = PersonFrame()
        self._presence = Presence()
        self._seen_s: float | None = None
        self._hint: Hint | None = None

    def reset(self) -> None:
        """Forget the person: another one may come after a gap."""
        self._tracker.reset()
        self._frame.reset()
        self._presence.reset()
        self._seen_s = self._hint = None

    def frame(self, time_s: float, rgb: Picture) -> Framed:
        """Frame the next picture."""
        pose = None
        if self._seen_s is None or time_s - self._seen_s > POSE_EVERY_S - 0.5 / FRAMES_PER_SECOND:
            self._seen_s = time_s
            pose = self._tracker.see(time_s, rgb)
            self._hint = self._presence.update(time_s, pose)
            if self._hint == "no_person":
                self._frame.reset()  # who comes next is framed anew
        return Framed(crop(rgb, self._frame.update(time_s, pose, rgb.shape)), self._hint, pose)


def open_framer(rule: str, networks: PoseNetworks | None) -> Framer:
    """Begin to frame a stream by a rule.

    Raises:
        ValueError: If the rule is "person" and there are no networks to find one.
    """
    if rule != PERSON:
        return WholePicture(rule)
    if networks is None:
        raise ValueError(f"the framing {rule!r} needs the networks for body landmarks, got None")
    return PersonFramer(networks)
