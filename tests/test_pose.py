import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from videos import COOL_WALL, CORAL, draw_person

from posesim.engines.pose import PoseNetworks
from posesim.pose import (
    LEFT_ANKLE,
    LEFT_HIP,
    LEFT_SHOULDER,
    LEFT_WRIST,
    MARGIN,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Pose,
    PoseTracker,
    count_persons,
)
from posesim.pose_detection import Detection
from posesim.roi import Roi
from posesim.timebase import Gap, Grid
from posesim.video import read_frames

SIZE = (320, 240)
STEP_S = 0.08

pytestmark = pytest.mark.weights


class Counted:
    """The networks, with every call of the detector counted."""

    def __init__(self, networks: PoseNetworks) -> None:
        self._networks = networks
        self.detections = 0

    def open(self) -> "Counted":
        self._requests = self._networks.open()
        return self

    def detect(self, square):
        self.detections += 1
        return self._requests.detect(square)

    def landmarks(self, square):
        return self._requests.landmarks(square)


def pixels(pose: Pose, *joints: int, size=SIZE) -> np.ndarray:
    return pose.landmarks[list(joints), :2] * size


def test_a_drawn_person_is_found_where_it_is_drawn(pose_networks):
    pose = PoseTracker(pose_networks).see(0.0, draw_person(0.0, SIZE, "jumping_jack"))
    assert pose is not None
    assert pose.landmarks.shape == (33, 4)
    assert pose.world.shape == (33, 3)
    assert pose.landmarks.dtype == pose.world.dtype == np.float32
    assert pose.presence > 0.9
    assert pose.persons == 1
    nose, left, right = pixels(pose, NOSE, LEFT_SHOULDER, RIGHT_SHOULDER)
    assert nose == pytest.approx([160, 55], abs=12)
    assert left[0] > 160 > right[0]  # who faces the camera has the left shoulder on its right
    hips = pixels(pose, LEFT_HIP, RIGHT_HIP).mean(axis=0)
    assert hips == pytest.approx([160, 133], abs=12)
    np.testing.assert_allclose(pose.circle[:2] * np.array(SIZE), hips, atol=12)
    assert 60 < pose.circle[2] * SIZE[0] < 140
    height = np.ptp(pose.world[[NOSE, LEFT_ANKLE], 1])
    assert 1.0 < height < 2.0  # metres


def test_it_follows_arms_up_and_down_with_few_looks_at_the_whole_picture(pose_networks):
    counted = Counted(pose_networks)
    tracker = PoseTracker(counted)
    wrists = []
    for n in range(50):
        pose = tracker.see(n * STEP_S, draw_person(n * STEP_S, SIZE, "jumping_jack"))
        assert pose is not None
        assert pose.persons == 1
        wrists.append(pose.landmarks[[LEFT_WRIST, RIGHT_WRIST], 1].mean())
    seen_s = 50 * STEP_S
    assert counted.detections <= 1 + seen_s
    up = (1 - np.cos(np.arange(50) * STEP_S * np.pi)) / 2
    assert np.corrcoef(wrists, up)[0, 1] < -0.95


def test_it_follows_who_walks_and_comes_nearer(pose_networks):
    tracker = PoseTracker(pose_networks)
    drawn = draw_person(0.0, (480, 360), "still")
    for n in range(30):
        scale, shift = 0.6 + 0.01 * n, -80 + 5 * n
        matrix = np.array([[scale, 0, 96 + shift], [0, scale, 60]])
        rgb = cv2.warpAffine(drawn, matrix, (480, 360), borderMode=cv2.BORDER_REPLICATE)
        pose = tracker.see(n * STEP_S, rgb)
        assert pose is not None
        x = pixels(pose, LEFT_HIP, RIGHT_HIP, size=(480, 360)).mean(axis=0)[0]
        expected = matrix @ np.array([240, 200, 1])
        assert x == pytest.approx(expected[0], abs=25)


@pytest.mark.parametrize("angle", [0, 90, -90])
def test_a_lying_person_is_a_turned_one(pose_networks, angle):
    """The network sees an upright crop; what it says is turned back."""
    upright = np.full((320, 320, 3), 220, np.uint8)
    upright[:240] = draw_person(0.0, (320, 240), "jumping_jack")
    matrix = cv2.getRotationMatrix2D((160, 120), angle, 1.0)
    lying = cv2.warpAffine(upright, matrix, (320, 320), borderMode=cv2.BORDER_REPLICATE)
    standing, turned = (PoseTracker(pose_networks).see(0.0, rgb) for rgb in (upright, lying))
    assert standing is not None
    assert turned is not None
    joints = (LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP, LEFT_ANKLE, RIGHT_ANKLE)
    expected = np.column_stack([pixels(standing, *joints, size=(320, 320)), np.ones(6)]) @ matrix.T
    found = pixels(turned, *joints, size=(320, 320))
    assert np.median(np.hypot(*(found - expected).T)) < 10
    torso = turned.world[[LEFT_SHOULDER, RIGHT_SHOULDER], :2].mean(0)
    towards = {0: (0, -1), 90: (-1, 0), -90: (1, 0)}[angle]
    assert torso @ np.array(towards) > 0.8 * np.hypot(*torso)


def test_who_is_followed_wrongly_turned_is_found_anew(pose_networks):
    """A square that lies, around a body that does not."""
    tracker = PoseTracker(pose_networks)
    rgb = draw_person(0.0, (640, 480), "jumping_jack")
    expected = tracker.see(0.0, rgb)
    assert tracker._roi is not None
    tracker._roi = replace(tracker._roi, angle=math.pi / 2)
    for n in range(1, 20):
        pose = tracker.see(n * STEP_S, rgb)
    assert expected is not None
    assert pose is not None
    np.testing.assert_allclose(pose.landmarks[:, :2], expected.landmarks[:, :2], atol=0.03)


NOBODY = {
    "black": np.zeros((240, 320, 3), np.uint8),
    "grey": np.full((240, 320, 3), 128, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8),
    "shade": np.ascontiguousarray(
        np.broadcast_to(np.linspace(0, 255, 320).astype(np.uint8)[None, :, None], (240, 320, 3))
    ),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "a line": np.full((1, 900, 3), 255, np.uint8),
}


@pytest.mark.parametrize("rgb", NOBODY.values(), ids=NOBODY.keys())
def test_an_empty_picture_has_nobody(pose_networks, rgb):
    tracker = PoseTracker(pose_networks)
    assert [tracker.see(n * STEP_S, rgb) for n in range(5)] == [None] * 5


def test_who_leaves_is_gone_and_who_comes_back_is_found(pose_networks):
    tracker = PoseTracker(pose_networks)
    person, empty = draw_person(0.0, SIZE), np.full((240, 320, 3), 200, np.uint8)
    pictures = [person] * 3 + [empty] * 3 + [person] * 3
    found = [tracker.see(n * STEP_S, rgb) is not None for n, rgb in enumerate(pictures)]
    assert found == [True] * 3 + [False] * 3 + [True] * 3


def test_two_people_are_counted_and_one_again_when_the_other_leaves(pose_networks):
    tracker = PoseTracker(pose_networks)
    one = draw_person(0.0, SIZE, "jumping_jack")
    other = draw_person(0.0, SIZE, "jumping_jack", shirt=CORAL, wall=COOL_WALL)
    alone = np.hstack([one, np.full_like(one, 225)])
    counts = []
    for n in range(75):
        rgb = np.hstack([one, other]) if 25 <= n < 50 else alone
        pose = tracker.see(n * STEP_S, rgb)
        assert pose is not None
        counts.append(pose.persons)
    assert counts[:25] == [1] * 25
    assert 2 in counts[25 : 25 + 17]  # within a second and a little
    assert counts[45:50] == [2] * 5
    assert counts[-5:] == [1] * 5


@pytest.mark.parametrize(
    ("x", "radius", "persons"),
    [
        (400, 100, 2),
        (400, 60, 2),
        (400, 40, 1),  # somebody in the background, or on a poster
        (230, 95, 1),  # the one who is followed, seen a little elsewhere
        (340, 250, 2),  # somebody in front
    ],
)
def test_who_counts_beside_the_one_who_is_followed(x, radius, persons):
    def detection(x: float, radius: float) -> Detection:
        return Detection(0.9, np.array([[x, 200.0], [x, 200.0 - radius]]))

    followed = detection(200, 100)
    people = [followed, detection(x, radius)]
    assert count_persons(people, Roi.around(followed.circle, MARGIN)) == persons


def test_another_picture_size_or_an_earlier_time_begins_anew(pose_networks):
    tracker = PoseTracker(pose_networks)
    assert tracker.see(5.0, draw_person(0.0, (640, 480)))
    assert tracker.see(5.1, draw_person(0.0, (240, 320)))
    pose = tracker.see(1.0, np.ascontiguousarray(draw_person(0.0, (240, 320))[:, ::-1]))
    fresh = PoseTracker(pose_networks).see(
        1.0, np.ascontiguousarray(draw_person(0.0, (240, 320))[:, ::-1])
    )
    assert pose is not None
    assert fresh is not None
    np.testing.assert_array_equal(pose.landmarks, fresh.landmarks)


def test_trackers_share_the_networks_and_nothing_else(pose_networks):
    pictures = [draw_person(n * STEP_S, SIZE) for n in range(8)]
    others = [draw_person(n * STEP_S, (240, 320), "jumping_jack") for n in range(8)]
    alone, together, other = (PoseTracker(pose_networks) for _ in range(3))
    for n, (rgb, another) in enumerate(zip(pictures, others, strict=True)):
        expected = alone.see(n * STEP_S, rgb)
        other.see(n * STEP_S, another)
        found = together.see(n * STEP_S, rgb)
        assert expected is not None
        assert found is not None
        np.testing.assert_array_equal(found.landmarks, expected.landmarks)


def test_smoothing_makes_a_still_body_stiller(pose_networks):
    random = np.random.default_rng(0)
    still = draw_person(0.0, SIZE, "still").astype(np.int16)
    noisy = [
        np.clip(still + random.normal(0, 20, still.shape), 0, 255).astype(np.uint8)
        for _ in range(25)
    ]

    def jitter(*, smooth: bool) -> float:
        tracker = PoseTracker(pose_networks, smooth=smooth)
        poses = [tracker.see(n * STEP_S, rgb) for n, rgb in enumerate(noisy)]
        points = [pose.landmarks[11:, :2] for pose in poses[5:] if pose]
        return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(points)]))

    assert jitter(smooth=True) < 0.7 * jitter(smooth=False)


# By clip: median distance of body landmarks from the oracle's, in torsos. The oracle smooths its
# landmarks over time, so that fast movements differ more.
AGREEMENT = {
    "squat__kg_sqD__front": 0.06,
    "push_up__kg_puB__side": 0.06,
    "pull_up__kg_plA__front": 0.06,
    "jumping_jack__wanshape_A__front": 0.08,
}


def poses_of(clip: Path, networks: PoseNetworks) -> tuple[list[Pose | None], tuple[int, int]]:
    """Poses at every second tick of the 25 fps grid, and width and height."""
    grid, tracker, poses, size = Grid[np.ndarray](25.0), PoseTracker(networks), [], (0, 0)
    for frame in read_frames(clip):
        size = frame.rgb.shape[1], frame.rgb.shape[0]
        for tick in grid.push(frame.time_s, frame.rgb):
            if not isinstance(tick, Gap) and tick.index % 2 == 0:
                poses.append(tracker.see(tick.time_s, tick.item))
    return poses, size


@pytest.mark.clips
@pytest.mark.parametrize("name", AGREEMENT)
def test_real_people_are_seen_as_the_oracle_sees_them(pose_networks, clips, name):
    poses, size = poses_of(clips / f"{name}.mp4", pose_networks)
    oracle = np.load(clips / "landmarks" / f"{name}.npz")["image"].astype(np.float64)
    assert abs(len(poses) - len(oracle)) <= 1
    pairs = [(p, o) for p, o in zip(poses, oracle, strict=False) if p and not np.isnan(o[0, 0])]
    assert len(pairs) >= 0.95 * len(oracle)
    ours = np.array([pose.landmarks[:, :2] for pose, _ in pairs]) * size
    theirs = np.array([seen[:, :2] for _, seen in pairs]) * size
    shoulders = theirs[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=1)
    torso = np.median(np.hypot(*(shoulders - theirs[:, [LEFT_HIP, RIGHT_HIP]].mean(axis=1)).T))
    distances = np.hypot(*np.moveaxis(ours - theirs, -1, 0))[:, LEFT_SHOULDER:] / torso
    assert np.median(distances) < AGREEMENT[name]
    assert {pose.persons for pose in poses if pose} == {1}


@pytest.mark.clips
def test_two_real_people_side_by_side_are_several(pose_networks, clips):
    def middle(name: str) -> list[np.ndarray]:
        frames = read_frames(clips / f"{name}.mp4")
        return [frame.rgb[:, 160:480] for frame in frames if frame.time_s < 2.5]

    tracker, counts = PoseTracker(pose_networks), []
    pairs = zip(middle("squat__kg_sqD__front"), middle("jump_rope__aisc_A__front"), strict=False)
    for n, (one, other) in enumerate(pairs):
        if n % 2 == 0 and (pose := tracker.see(n / 25, np.hstack([one, other]))):
            counts.append(pose.persons)
    assert np.mean(np.array(counts) == 2) > 0.8
