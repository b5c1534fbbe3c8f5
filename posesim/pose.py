"""Body landmarks of the person in front of the camera, followed from picture to picture.

The detector looks at a whole picture and is needed where nobody is followed; then each picture's
landmarks say where to look in the next one. It also runs now and then beside that, to see whether
others are there, and whether what is followed is still a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posesim.engines.pose import PoseNetworks
from posesim.framing import Picture
from posesim.pose_detection import Detection, detections, detector_input
from posesim.pose_landmarks import LANDMARKS, Body, body, crop_input
from posesim.roi import Roi
from posesim.smoothing import OneEuro

# Names of landmarks, as indices: left is the person's own left.
NOSE = 0
LEFT_SHOULDER, RIGHT_SHOULDER = 11, 12
LEFT_ELBOW, RIGHT_ELBOW = 13, 14
LEFT_WRIST, RIGHT_WRIST = 15, 16
LEFT_HIP, RIGHT_HIP = 23, 24
LEFT_KNEE, RIGHT_KNEE = 25, 26
LEFT_ANKLE, RIGHT_ANKLE = 27, 28

MARGIN = 1.25  # of the square around the body's circle; the networks were trained with it
PRESENT = 0.5  # presence below this: nobody is there
DETECT_EVERY_S = 1.0  # while somebody is followed: 1 % of a core
UNSURE = 0.9  # presence below this: what is followed may be turned wrongly, or a shadow of a body
DETECT_UNSURE_S = 0.25
# As many detector runs in a row must disagree with what is believed before it is changed; one that
# disagrees is followed by others at once.
AGREEING_RUNS = 3
COMPARABLE = 0.5  # a person is another one from this share of the followed one's size on
SAME_BODY = 0.5  # circles whose centres are nearer than this share of the radius are one body


@dataclass(frozen=True)
class Pose:
    """One person at one moment.

    Attributes:
        landmarks: (33, 4) float32: x and y as shares of the picture's width and height, outside of
            0 to 1 where they are guessed beyond its edges; z in picture widths, smaller is nearer;
            visibility 0 to 1.
        world: (33, 3) float32, metres from the middle of the hips; x right, y down, z away.
        presence: 0 to 1, how sure it is that this is a person.
        persons: How many are in the picture who could be meant: this one, and others of a
            comparable size.
        circle: x, y as in `landmarks`, and radius in picture widths, of the circle around the whole
            body, whatever its posture; its centre is the middle of the hips.
    """

    landmarks: NDArray[np.float32]
    world: NDArray[np.float32]
    presence: float
    persons: int
    circle: tuple[float, float, float]


class PoseTracker:
    """Follow one person through the pictures of one stream.

    Args:
        networks: Shared by all trackers.
        smooth: Reduce the jitter of `Pose.landmarks` and `Pose.world`, for drawing. What follows
            movement rather takes them as they are: smoothing delays.
    """

    def __init__(self, networks: PoseNetworks, *, smooth: bool = False) -> None:
        self._requests = networks.open()
        # Quicker than MediaPipe's (0.01 and 1), which is made for 30 pictures per second: at 12 the
        # square would stay behind whoever lies down or sits up.
        self._circle_filter = OneEuro(0.2, 2.0)
        # As MediaPipe publishes them (pose_landmark_filtering.pbtxt).
        self._filters = (OneEuro(0.1, 40.0), OneEuro(0.1, 40.0)) if smooth else None
        self.reset()

    def reset(self) -> None:
        """Forget whom it followed: the next picture is another scene."""
        self._shape: tuple[int, ...] | None = None
        self._last_s = -math.inf  # of the last picture
        self._lose()

    def _lose(self) -> None:
        self._roi: Roi | None = None  # of the person followed
        self._presence = 0.0  # of the last pose
        self._detected_s = -math.inf  # when the detector ran last
        self._persons = 1
        self._other_count = 0  # detector runs in a row that counted another number
        self._elsewhere = 0  # detector runs in a row that saw people, but not the one followed
        self._circle_filter.reset()
        for smoothing in self._filters or ():
            smoothing.reset()

    def see(self, time_s: float, rgb: Picture) -> Pose | None:
        """Look at the next picture.

        Args:
            time_s: Its presentation time; one before the last begins anew.
            rgb: (H, W, 3) uint8. Another size than the last one's begins anew.

        Returns:
            The pose, or None where there is no person.
        """
        if rgb.shape != self._shape or time_s < self._last_s:
            self._shape = rgb.shape
            self._lose()
        self._last_s = time_s
        if self._roi is not None and self._detector_is_due(time_s):
            self._compare(time_s, rgb, self._detect(rgb))
        if self._roi is not None and (found := self._follow(time_s, rgb, self._roi)):
            return self._pose(time_s, rgb, found)
        self._lose()
        people = self._detect(rgb)
        self._detected_s = time_s
        # The largest first: who exercises is nearer than who watches.
        for person in sorted(people, key=lambda p: p.radius * p.score, reverse=True):
            roi = Roi.around(person.circle, MARGIN)
            # Twice, because the detector's circle is a rough one.
            if (first := self._look(rgb, roi)) and (
                found := self._follow(time_s, rgb, Roi.around(first.circle, MARGIN))
            ):
                self._persons = 1
                if count_persons(people, Roi.around(found.circle, MARGIN)) > 1:
                    self._other_count, self._detected_s = 1, -math.inf
                return self._pose(time_s, rgb, found)
        return None

    def _detect(self, rgb: Picture) -> list[Detection]:
        square, roi = detector_input(rgb)
        return detections(*self._requests.detect(square), roi)

    def _detector_is_due(self, time_s: float) -> bool:
        if self._other_count or self._elsewhere:
            return True
        pause_s = DETECT_EVERY_S if self._presence >= UNSURE else DETECT_UNSURE_S
        return time_s - self._detected_s >= pause_s

    def _compare(self, time_s: float, rgb: Picture, people: list[Detection]) -> None:
        """Hold what is believed against what the detector sees."""
        assert self._roi is not None
        self._detected_s = time_s
        count = count_persons(people, self._roi)
        self._other_count = self._other_count + 1 if count != self._persons else 0
        if self._other_count >= AGREEING_RUNS:
            self._persons, self._other_count = count, 0
        # That the detector sees nobody says little: it wants a face.
        there = [person for person in people if _same(person, self._roi)]
        missed = bool(people) and not there
        self._elsewhere = self._elsewhere + 1 if missed else 0
        if self._elsewhere >= AGREEING_RUNS:
            self._lose()
        elif there and not any(_same_way_up(person, self._roi) for person in there):
            # A body lost in its own turned square looks like one that lies; the surer one is right.
            turned = Roi.around(there[0].circle, MARGIN)
            if (other := self._look(rgb, turned)) and other.presence > self._presence:
                self._circle_filter.reset()
                self._roi = turned

    def _look(self, rgb: Picture, roi: Roi) -> Body | None:
        if not _sensible(roi, rgb):
            return None
        output = self._requests.landmarks(crop_input(rgb, roi))
        if not output.presence >= PRESENT:
            return None
        return body(output.values, output.presence, output.heat, output.world, roi)

    def _follow(self, time_s: float, rgb: Picture, roi: Roi) -> Body | None:
        """Look into a square, and derive the next one."""
        found = self._look(rgb, roi)
        if found is not None:
            self._presence = found.presence
            size = float(np.ptp(found.points, axis=0).mean())
            circle = self._circle_filter(time_s, found.circle, max(size, 1.0))
            self._roi = Roi.around(circle, MARGIN)
        return found

    def _pose(self, time_s: float, rgb: Picture, found: Body) -> Pose:
        height, width = rgb.shape[:2]
        points, world = found.points, found.world
        if self._filters is not None:
            size = max(float(np.ptp(points, axis=0).mean()), 1.0)
            points = self._filters[0](time_s, points, size)
            metres = max(float(np.ptp(world[:, :2], axis=0).mean()), 0.1)
            world = self._filters[1](time_s, world, metres)
        landmarks = np.empty((LANDMARKS, 4), np.float32)
        landmarks[:, :2] = points / (width, height)
        landmarks[:, 2] = found.depth / width
        landmarks[:, 3] = found.visibility
        (x, y), rim = found.circle
        radius = math.hypot(*(rim - found.circle[0]))
        return Pose(
            landmarks=landmarks,
            world=world.astype(np.float32),
            presence=found.presence,
            persons=self._persons,
            circle=(float(x / width), float(y / height), radius / width),
        )


def _sensible(roi: Roi, rgb: Picture) -> bool:
    """Whether a square is worth a look: of some size, and not all outside of the picture."""
    height, width = rgb.shape[:2]
    numbers = (roi.x, roi.y, roi.side, roi.angle)
    return (
        all(math.isfinite(n) for n in numbers)
        and 8 <= roi.side <= 8 * max(height, width)
        and -roi.side / 2 < roi.x < width + roi.side / 2
        and -roi.side / 2 < roi.y < height + roi.side / 2
    )


def _radius(roi: Roi) -> float:
    return roi.side / (2 * MARGIN)


def _same(person: Detection, roi: Roi) -> bool:
    """Whether a detection is the person in a square."""
    x, y = person.circle[0]
    return math.hypot(x - roi.x, y - roi.y) < SAME_BODY * max(_radius(roi), person.radius)


def _same_way_up(person: Detection, roi: Roi) -> bool:
    """Whether a detection's head is, within 60 degrees, where it is in a square."""
    return math.cos(Roi.around(person.circle, MARGIN).angle - roi.angle) > 0.5


def count_persons(people: list[Detection], roi: Roi) -> int:
    """The person who is followed, in `roi`, and others of a comparable size elsewhere."""
    others = [
        person
        for person in people
        if person.radius >= COMPARABLE * _radius(roi) and not _same(person, roi)
    ]
    return 1 + len(others)
