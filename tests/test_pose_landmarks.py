import math

import numpy as np
import pytest

from posesim.pose_landmarks import CENTRE, CROP_SIZE, RIM, body, crop_input, refined
from posesim.roi import Roi

NO_HEAT = np.full((64, 64, 39), -100, np.float32)


def hot(column: int, row: int, landmark: int, logit: float = 100.0) -> np.ndarray:
    heat = NO_HEAT.copy()
    heat[row, column, landmark] = logit
    return heat


@pytest.mark.parametrize("angle", [0.0, 0.7, -math.pi / 2])
def test_points_of_the_crop_are_points_of_the_picture(angle):
    roi = Roi(320, 180, 200, angle)
    random = np.random.default_rng(1)
    values = np.zeros((39, 5), np.float32)
    values[:, :3] = random.uniform(0, CROP_SIZE, (39, 3))
    values[:, 3] = 2.0
    world = random.normal(size=(39, 3)).astype(np.float32)
    found = body(values, 0.9, NO_HEAT, world, roi)

    expected = roi.to_picture(values[:, :2].astype(np.float64) / CROP_SIZE)
    np.testing.assert_allclose(found.points, expected[:33])
    np.testing.assert_allclose(found.circle, expected[[CENTRE, RIM]])
    np.testing.assert_allclose(found.depth, values[:33, 2] * 200 / 256, rtol=1e-6)
    np.testing.assert_allclose(found.visibility, 1 / (1 + math.exp(-2)))
    # The body leans in the picture as the square does, and is no nearer for it.
    np.testing.assert_allclose(found.world[:, 2], world[:33, 2])
    cos, sin = math.cos(angle), math.sin(angle)
    np.testing.assert_allclose(
        found.world[:, 0], cos * world[:33, 0] - sin * world[:33, 1], atol=1e-6
    )


def test_a_clear_heat_map_moves_its_point():
    points = np.full((35, 2), 0.5)
    moved = refined(points, hot(34, 31, landmark=7))
    np.testing.assert_allclose(moved[7], [34 / 64, 31 / 64])
    others = np.arange(35) != 7
    np.testing.assert_array_equal(moved[others], points[others])


@pytest.mark.parametrize(
    ("column", "row", "logit"), [(36, 32, 100.0), (32, 28, 100.0), (33, 33, -0.1)]
)
def test_heat_far_away_or_weak_moves_nothing(column, row, logit):
    points = np.full((35, 2), 0.5)
    np.testing.assert_array_equal(refined(points, hot(column, row, 7, logit)), points)


def test_between_two_hot_cells_is_the_point():
    heat = np.maximum(hot(31, 32, 0), hot(34, 32, 0))
    assert refined(np.array([[0.5, 0.5]]), heat)[0] == pytest.approx([32.5 / 64, 0.5])


@pytest.mark.parametrize("at", [(-0.2, 0.5), (0.5, 1.0), (7.0, -7.0)])
def test_a_point_outside_of_the_crop_stays(at):
    heat = np.full((64, 64, 39), 100, np.float32)
    np.testing.assert_array_equal(refined(np.array([at]), heat), [at])


def test_at_the_edge_only_cells_that_exist_count():
    heat = np.full((64, 64, 39), 100, np.float32)
    np.testing.assert_allclose(refined(np.array([[0.0, 0.0]]), heat) * 64, [[1.5, 1.5]])


def test_the_network_gets_zero_to_one():
    square = crop_input(np.full((9, 9, 3), 255, np.uint8), Roi(4, 4, 5))
    assert square.shape == (1, 256, 256, 3)
    assert square.dtype == np.float32
    assert square.min() == square.max() == 1
