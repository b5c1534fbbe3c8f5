import numpy as np
import pytest
from videos import corner_names, corners

from posesim.framing import FRAMINGS, GREY, center, letterbox, square


@pytest.mark.parametrize("rule", FRAMINGS)
@pytest.mark.parametrize(
    "size", [(640, 480), (480, 640), (224, 224), (1, 1), (1, 900), (900, 1), (3, 2), (3840, 2160)]
)
def test_any_picture_becomes_the_square(rule, size):
    framed = square(corners(size), rule=rule)
    assert framed.shape == (224, 224, 3)
    assert framed.dtype == np.uint8


@pytest.mark.parametrize(
    ("size", "inside"),
    [
        ((640, 480), (slice(28, 196), slice(0, 224))),
        ((480, 640), (slice(0, 224), slice(28, 196))),
        ((64, 16), (slice(84, 140), slice(0, 224))),
    ],
)
def test_a_letterbox_shows_the_whole_picture_between_grey_bars(size, inside):
    framed = letterbox(corners(size))
    assert corner_names(framed[inside]) == "rgbw"
    bars = np.ones((224, 224), bool)
    bars[inside] = False
    assert (framed[bars] == GREY).all()
    white = framed[inside][-1, -1]
    assert (white == 255).all()


def test_the_bars_say_nothing_to_the_network():
    assert abs(GREY / 127.5 - 1) < 0.005


@pytest.mark.parametrize("size", [(100, 60), (60, 100)])
def test_center_cuts_the_ends_of_the_longer_side(size):
    width, height = size
    rgb = np.zeros((height, width, 3), np.uint8)
    top, left = (height - 60) // 2, (width - 60) // 2
    rgb[top : top + 60, left : left + 60] = 200
    assert (center(rgb, 30) == 200).all()


def test_a_circle_stays_a_circle():
    y, x = np.mgrid[:480, :640]
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[(x - 320) ** 2 + (y - 240) ** 2 < 150**2] = 255
    for rule in FRAMINGS:
        disc = square(rgb, rule=rule)[..., 0] == 255
        assert abs(int(disc.any(0).sum()) - int(disc.any(1).sum())) <= 1


def test_shrinking_averages_and_enlarging_interpolates():
    stripes = np.zeros((448, 448, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (square(stripes) == 100).all()
    edge = np.zeros((2, 2, 3), np.uint8)
    edge[:, 1] = 200
    assert len(np.unique(square(edge))) > 100


def test_a_square_of_the_right_size_stays_as_it_is():
    rgb = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    for rule in FRAMINGS:
        np.testing.assert_array_equal(square(rgb, rule=rule), rgb)


def test_the_memory_layout_does_not_matter():
    rgb = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    views = (rgb[::-1, ::-1], rgb[..., ::-1], rgb[::3, ::2], rgb.transpose(1, 0, 2))
    for view in views:
        view.flags.writeable = False
        for rule in FRAMINGS:
            np.testing.assert_array_equal(square(view, rule=rule), square(view.copy(), rule=rule))


def test_the_result_shares_no_memory_with_the_picture():
    rgb = np.zeros((224, 224, 3), np.uint8)
    for rule in FRAMINGS:
        assert not np.shares_memory(square(rgb, rule=rule), rgb)


def test_square_is_the_letterbox_unless_told_otherwise():
    rgb = corners((640, 480))
    np.testing.assert_array_equal(square(rgb), letterbox(rgb))
    np.testing.assert_array_equal(square(rgb, rule="center"), center(rgb))


@pytest.mark.parametrize(
    ("rgb", "named"),
    [
        (np.zeros((4, 4), np.uint8), r"got \(4, 4\) uint8"),
        (np.zeros((4, 4, 4), np.uint8), r"got \(4, 4, 4\) uint8"),
        (np.zeros((0, 4, 3), np.uint8), r"got \(0, 4, 3\) uint8"),
        (np.zeros((4, 4, 3), np.float32), r"got \(4, 4, 3\) float32"),
    ],
)
@pytest.mark.parametrize("rule", FRAMINGS)
def test_what_is_no_picture_is_refused_with_what_was_given(rule, rgb, named):
    with pytest.raises(ValueError, match=named):
        square(rgb, rule=rule)


def test_a_wrong_size_or_rule_is_refused_with_what_was_given():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        square(corners(), size=0)
    with pytest.raises(ValueError, match="rule must be one of letterbox, center, got 'stretch'"):
        square(corners(), rule="stretch")
