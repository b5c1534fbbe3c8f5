import math

import cv2
import numpy as np
import pytest

from posesim.roi import Roi


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 2, -2.0, math.pi])
def test_what_is_cropped_comes_back_to_where_it_was(angle):
    dots = np.array([[100.0, 80.0], [130.0, 90.0], [95.0, 120.0]])
    rgb = np.zeros((200, 240, 3), np.uint8)
    for number, (x, y) in enumerate(dots.astype(int)):
        cv2.circle(rgb, (x, y), 3, tuple(255 * (number == c) for c in range(3)), -1)
    roi = Roi(110, 100, 100, angle)
    crop = roi.crop(rgb, 256)
    found = []
    for channel in range(3):
        y, x = np.nonzero(crop[..., channel] > 127)
        found.append([x.mean() / 256, y.mean() / 256])
    np.testing.assert_allclose(roi.to_picture(np.array(found)), dots, atol=0.5)


@pytest.mark.parametrize(
    ("rim", "angle"),
    [((50, 20), 0), ((80, 50), math.pi / 2), ((20, 50), -math.pi / 2), ((50, 80), math.pi)],
)
def test_a_body_is_upright_in_its_square(rim, angle):
    roi = Roi.around(np.array([(50, 50), rim], float), 1.25)
    assert (roi.x, roi.y) == (50, 50)
    assert roi.side == pytest.approx(75)
    assert roi.angle == pytest.approx(angle)
    # The rim is above the centre: the circle's top is at 10 % of the square.
    np.testing.assert_allclose(roi.to_picture(np.array([[0.5, 0.1]])), [rim], atol=1e-9)


def test_vectors_turn_with_the_square():
    turned = Roi(0, 0, 10, math.pi / 2).turn(np.array([[1.0, 0.0], [0.0, -1.0]]))
    np.testing.assert_allclose(turned, [[0, 1], [1, 0]], atol=1e-12)


def test_outside_of_the_picture_is_what_was_asked_for():
    white = np.full((20, 20, 3), 255, np.uint8)
    roi = Roi(10, 10, 40)
    assert roi.crop(white, 64).min() == 255
    assert roi.crop(white, 64, cv2.BORDER_CONSTANT)[0, 0].max() == 0
