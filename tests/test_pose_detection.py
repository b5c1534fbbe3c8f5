import numpy as np
import pytest

from posesim.pose_detection import (
    ANCHORS,
    detections,
    detector_input,
    weighted_suppression,
)

COUNT = 2 * 28**2 + 2 * 14**2 + 6 * 7**2  # what the detector gives


def output(*persons: tuple[int, float, tuple[float, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Detector output with `persons`: anchor, logit, and the twelve values."""
    values, logits = np.zeros((COUNT, 12), np.float32), np.full(COUNT, -100, np.float32)
    for anchor, logit, numbers in persons:
        values[anchor], logits[anchor] = numbers, logit
    return values, logits


def person(face: tuple[float, float], hips: tuple[float, float], rim: tuple[float, float]):
    return (*face, 20.0, 20.0, *hips, *rim, 0.0, 0.0, 0.0, 0.0)


def test_there_is_an_anchor_for_each_output():
    assert ANCHORS.shape == (COUNT, 2) == (2254, 2)


def test_anchors_go_row_by_row_through_the_cells_of_each_stride():
    np.testing.assert_allclose(ANCHORS[:3] * 224, [[4, 4], [4, 4], [12, 4]], rtol=1e-6)
    np.testing.assert_allclose(ANCHORS[2 * 28] * 224, [4, 12], rtol=1e-6)
    np.testing.assert_allclose(ANCHORS[2 * 28**2] * 224, [8, 8], rtol=1e-6)
    last = ANCHORS[2 * 28**2 + 2 * 14**2 :] * 224
    np.testing.assert_allclose(last[:7], [[16, 16]] * 6 + [[48, 16]], rtol=1e-6)
    np.testing.assert_allclose(last[-1], [208, 208], rtol=1e-6)


@pytest.mark.parametrize(("width", "height"), [(224, 224), (640, 360), (360, 640)])
def test_a_planted_person_is_found_where_it_is(width, height):
    rgb = np.zeros((height, width, 3), np.uint8)
    _, roi = detector_input(rgb)
    scale = max(width, height) / 224
    x, y = ANCHORS[1000] * 224
    values, logits = output((1000, 3.0, person((0, 0), (10, 40), (10, -5))))
    (found,) = detections(values, logits, roi)
    shift = np.array([width, height]) / 2 - 112 * scale  # of the bars
    np.testing.assert_allclose(found.circle[0], shift + np.array([x + 10, y + 40]) * scale)
    np.testing.assert_allclose(found.circle[1], shift + np.array([x + 10, y - 5]) * scale)
    assert found.radius == pytest.approx(45 * scale)
    assert found.score == pytest.approx(1 / (1 + np.exp(-3)))


def test_the_bars_around_a_picture_are_black():
    square, _ = detector_input(np.full((100, 200, 3), 255, np.uint8))
    assert square.shape == (1, 224, 224, 3)
    assert square[0, 0].max() == -1
    assert square[0, 112, :-1].min() == 1


def test_unsure_output_is_nobody():
    values, logits = output((5, -0.1, person((0, 0), (0, 0), (0, 9))))
    assert detections(values, logits, detector_input(np.zeros((9, 9, 3), np.uint8))[1]) == []


def test_one_face_seen_by_two_anchors_is_one_person_at_the_weighted_mean():
    roi = detector_input(np.zeros((224, 224, 3), np.uint8))[1]
    logit = float(np.log(0.8 / 0.2)), float(np.log(0.6 / 0.4))
    values, logits = output(
        (1000, logit[0], person((0, 0), (0, 40), (0, 0))),
        (1001, logit[1], person((0, 0), (7, 40), (7, 0))),  # the same point's second anchor
    )
    (found,) = detections(values, logits, roi)
    assert found.circle[0, 0] == pytest.approx(float(ANCHORS[1000, 0]) * 224 + 7 * 0.6 / 1.4)
    assert found.score == pytest.approx(0.8)


def test_two_faces_are_two_persons_the_surest_first():
    roi = detector_input(np.zeros((224, 224, 3), np.uint8))[1]
    values, logits = output(
        (0, 1.0, person((0, 0), (0, 40), (0, 0))), (1000, 2.0, person((0, 0), (0, 40), (0, 0)))
    )
    first, second = detections(values, logits, roi)
    assert first.score > second.score
    assert first.circle[0, 1] > second.circle[0, 1]


def test_suppression_groups_by_overlap():
    boxes = np.array([[0, 0, 2, 2], [5, 5, 6, 6], [0, 0, 2, 1.8], [1.9, 0, 4, 2]], np.float32)
    groups = weighted_suppression(boxes, np.array([0.7, 0.6, 0.9, 0.5], np.float32))
    assert [members.tolist() for _, members in groups] == [[2, 0], [1], [3]]
    assert [score for score, _ in groups] == pytest.approx([0.9, 0.6, 0.5])


def test_a_box_without_area_is_a_group_of_its_own():
    groups = weighted_suppression(np.zeros((2, 4), np.float32), np.ones(2, np.float32))
    assert [members.tolist() for _, members in groups] == [[0], [1]]
