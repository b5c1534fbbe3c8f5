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
from posesim.pose import PoseTracker
from posesim.presence import Hint, Presence

POSE_EVERY_S = 3 / FRAMES_PER_SECOND  # 8.3 Hz


@dataclass(frozen=True)
class Framed:
    """What the network sees of a picture, (224, 224, 3) uint8.

    `hint` is what keeps the person in it from being judged, if anything.
    """

    square: Picture
    hint: Hint | None


class Framer(Protocol):
    """Frames the pictures of one stream, in the order of their times."""

    def frame(self, time_s: float, rgb: Picture) -> Framed:
        """Frame the next picture."""
        ...


class WholePicture:
    """Frame each picture by itself, by one of `posesim.framing.FRAMINGS`; never a hint."""

    def __init__(self, rule: str) -> None:
        self._rule = rule

    def frame(self, time_s: float, rgb: Picture) -> Framed:  # noqa: ARG002
        """Frame the next picture."""
        return Framed(square(rgb, rule=self._rule), None)


class PersonFramer:
    """Frame one person, whose pose is looked for 8 times a second."""

    def __init__(self, networks: PoseNetworks) -> None:
        self._tracker = PoseTracker(networks)
        self._frame = PersonFrame()
        self._presence = Presence()
        self._seen_s: float | None = None
        self._hint: Hint | None = None

    def frame(self, time_s: float, rgb: Picture) -> Framed:
        """Frame the next picture."""
        pose = None
        if self._seen_s is None or time_s - self._seen_s > POSE_EVERY_S - 0.5 / FRAMES_PER_SECOND:
            self._seen_s = time_s
            pose = self._tracker.see(time_s, rgb)
            self._hint = self._presence.update(time_s, pose)
        return Framed(crop(rgb, self._frame.update(time_s, pose, rgb.shape)), self._hint)


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
