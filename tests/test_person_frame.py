from itertools import pairwise

import cv2
import numpy as np
import pytest
from videos import corner_names, corners

from posesim.framing import GREY
from posesim.person_frame import PATIENCE_S, REMEMBERED_S, Box, PersonFrame, crop
from posesim.pose import Pose

SHAPE = (480, 640, 3)
STEP_S = 0.08


def standing(x: float = 320, top: float = 150, bottom: float = 350, half: float = 40) -> Pose:
    """A body in pixels of a 640x480 picture, upright, the hips in its middle."""
    landmarks = np.empty((33, 4), np.float32)
    y = np.linspace(top, bottom, 33)
    landmarks[:, 0] = (x + half * np.where(np.arange(33) % 2, 1, -1)) / 640
    landmarks[:, 1] = y / 480
    landmarks[:, 2:] = 0, 1
    circle = (x / 640, (top + bottom) / 2 / 480, (bottom - top) / 2 / 640)
    return Pose(landmarks, np.zeros((33, 3), np.float32), 1.0, 1, circle)


def boxes(poses: list[Pose | None], frame: PersonFrame | None = None) -> list[Box]:
    frame = frame or PersonFrame()
    return [frame.update(n * STEP_S, pose, SHAPE) for n, pose in enumerate(poses)]


def changes(found: list[Box]) -> int:
    return sum(a != b for a, b in pairwise(found))


def contains(box: Box, left: float, top: float, right: float, bottom: float) -> bool:
    return (
        box.left <= left
        and box.top <= top
        and right <= box.left + box.side
        and bottom <= box.top + box.side
    )


def test_the_first_pose_gives_a_square_with_room_around_the_body():
    (box,) = boxes([standing()])
    assert contains(box, 280, 150, 360, 350)
    assert 220 <= box.side <= 260
    assert box.left + box.side / 2 == pytest.approx(320, abs=1)
    assert box.top + box.side / 2 == pytest.approx(250, abs=1)


def test_before_the_first_pose_it_is_the_whole_picture():
    assert boxes([None])[0] == Box(0, -80, 640)


def test_a_movement_on_the_spot_and_jitter_change_nothing():
    random = np.random.default_rng(0)
    poses = []
    for n in range(250):
        squat = 100 * (1 - np.cos(n / 6)) / 2
        wide = 30 + 70 * (1 - np.cos(n / 9)) / 2
        poses.append(standing(320 + random.normal(0, 3), 150 + squat, 350, wide))
    assert changes(boxes(poses)) == 0


def test_no_pose_keeps_the_square():
    found = boxes([standing(), *[None] * 200, standing()])
    assert changes(found) == 0


def test_one_wrong_pose_changes_nothing():
    assert changes(boxes([standing(), standing(600), *[standing()] * 20])) == 0


def test_landmarks_that_are_not_seen_count_for_nothing():
    far = standing()
    far.landmarks[5] = (1.0, 1.0, 0.0, 0.1)
    assert changes(boxes([standing(), *[far] * 30])) == 0


def test_who_walks_away_is_followed_in_few_steps():
    poses = [standing(200 + min(n, 100) * 2.5) for n in range(200)]
    found = boxes(poses)
    assert 1 <= changes(found) <= 3
    assert contains(found[-1], 450 - 40, 150, 450 + 40, 350)


def test_a_change_waits_until_it_is_sure():
    found = boxes([standing(), *[standing(500)] * 20])
    first = next(n for n, box in enumerate(found) if box != found[0])
    assert PATIENCE_S <= first * STEP_S <= PATIENCE_S + 3 * STEP_S


def test_a_larger_movement_grows_the_square_once():
    poses = [standing()] * 10 + [standing(half=160 + n / 4) for n in range(60)]
    found = boxes(poses)
    assert changes(found) == 1
    assert found[-1].side > found[0].side
    assert contains(found[-1], 320 - 170, 150, 320 + 170, 350)


def test_a_slowly_growing_movement_changes_it_seldom():
    found = boxes([standing(half=90 + n / 2.5) for n in range(250)])
    assert contains(found[-1], 320 - 180, 150, 320 + 180, 350)
    assert 1 <= changes(found) <= 3


def test_who_went_far_away_gets_a_smaller_square_after_a_while():
    small = standing(top=220, bottom=280, half=10)
    found = boxes([standing(), *[small] * round(2.5 * REMEMBERED_S / STEP_S)])
    assert changes(found) == 1
    assert found[-1].side < 0.5 * found[0].side
    when_s = next(n for n, box in enumerate(found) if box != found[0]) * STEP_S
    assert when_s >= REMEMBERED_S


def test_a_lying_body_whose_circle_is_cut_off_has_its_length_to_both_sides():
    pose = standing(320, 380, 440)
    pose.landmarks[:, 0] = np.linspace(0.35, 0.65, 33)  # from the head on the left to the feet
    pose.landmarks[:, 1] = 420 / 480
    lying = Pose(pose.landmarks, pose.world, 1.0, 1, (0.5, 420 / 480, 0.35))
    (box,) = boxes([lying])
    assert contains(box, 320 - 0.35 * 640, 420, 320 + 0.35 * 640, 420)


def test_who_is_seen_from_the_waist_up_does_not_shrink_in_the_square():
    pose = standing(320, 100, 480, 100)
    bust = Pose(pose.landmarks, pose.world, 1.0, 1, (0.5, 1.0, 400 / 640))
    (box,) = boxes([bust])
    assert box.side <= 500


def test_another_form_of_the_picture_begins_anew():
    frame = PersonFrame()
    frame.update(0.0, standing(), SHAPE)
    assert frame.update(0.1, None, (640, 480, 3)) == Box(-80, 0, 640)


@pytest.mark.parametrize("scale", [0.5, 0.75, 349 / 640])
def test_in_a_smaller_picture_the_square_stays_around_the_same_content(scale):
    frame, never_resized = PersonFrame(), PersonFrame()
    shape = (round(480 * scale), round(640 * scale), 3)
    walking = [standing(250 + 5 * n) for n in range(30)]  # out of the square, so that it changes
    chosen = set()
    for n, pose in enumerate(walking):
        box = frame.update(n * STEP_S, pose, SHAPE if n < 5 else shape)
        expected = never_resized.update(n * STEP_S, pose, SHAPE)
        factor = 1 if n < 5 else scale
        chosen.add(expected)
        assert (box.left, box.top, box.side) == pytest.approx(
            (factor * expected.left, factor * expected.top, factor * expected.side), abs=2.0
        )
    assert len(chosen) > 1


def test_the_same_poses_give_the_same_squares():
    poses = [standing(200 + n) for n in range(100)]
    frame = PersonFrame()
    once = boxes(poses, frame)
    frame.reset()
    assert boxes(poses, frame) == once


@pytest.mark.parametrize("side", [100, 400])
def test_the_crop_shows_what_is_in_the_square(side):
    rgb = corners((640, 480))
    shown = crop(rgb, Box(320 - side // 2, 240 - side // 2, side))
    assert shown.shape == (224, 224, 3)
    assert corner_names(shown) == "rgbw"
    middle = shown[:, :, 1].astype(int)
    assert (middle[50, :110] < 5).all()  # red ends where the picture's middle is
    assert (middle[50, 114:] > 250).all()


@pytest.mark.parametrize("side", [100, 1000])
def test_outside_of_the_picture_is_grey(side):
    rgb = np.full((480, 640, 3), 255, np.uint8)
    shown = crop(rgb, Box(-side // 2, -side // 2, side))
    assert (shown[:110] == GREY).all()
    assert (shown[:, :110] == GREY).all()
    assert (shown[115:130, 115:130] == 255).all()
    assert (crop(rgb, Box(2000, 0, side)) == GREY).all()


def test_enlarging_shifts_nothing():
    rgb = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    enlarged = cv2.resize(rgb[20:132, 10:122], (224, 224), interpolation=cv2.INTER_LINEAR)
    shown = crop(rgb, Box(10, 20, 112))
    inside = slice(2, -2)  # at its edges the square has neighbours, and the cut-out has none
    np.testing.assert_allclose(
        shown[inside, inside].astype(int), enlarged[inside, inside].astype(int), atol=3
    )


def test_a_square_of_the_right_size_is_copied():
    rgb = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop(rgb, Box(10, 20, 224)), rgb[20:244, 10:234])
