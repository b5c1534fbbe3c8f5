import numpy as np
import pytest

from posesim.smoothing import OneEuro


def run(smooth: OneEuro, values: np.ndarray, size: float = 1.0) -> np.ndarray:
    return np.array([smooth(n * 0.08, value, size) for n, value in enumerate(values)])


def test_jitter_at_rest_becomes_less():
    noise = np.random.default_rng(0).normal(0, 0.01, (100, 5))
    assert run(OneEuro(0.5, 1.0), noise)[20:].std() < 0.5 * noise[20:].std()


def test_a_fast_movement_is_followed_more_closely_than_a_slow_one():
    ramp = np.arange(50.0)[:, None]
    lag_in_frames = [
        (ramp * step - run(OneEuro(0.1, 40.0), ramp * step))[-1, 0] / step for step in (0.001, 1.0)
    ]
    assert lag_in_frames[1] < 0.1 < lag_in_frames[0]


def test_speed_counts_in_sizes_of_the_object():
    values = np.random.default_rng(0).normal(0, 1, (30, 2))
    np.testing.assert_allclose(
        100 * run(OneEuro(0.1, 5.0), values), run(OneEuro(0.1, 5.0), 100 * values, size=100.0)
    )


def test_the_first_values_are_taken_as_they_are():
    smooth = OneEuro(0.1, 1.0)
    assert smooth(1.0, np.array([5.0])) == pytest.approx(5.0)
    smooth(2.0, np.array([6.0]))
    smooth.reset()
    assert smooth(3.0, np.array([9.0])) == pytest.approx(9.0)


@pytest.mark.parametrize("time_s", [1.0, 0.5])
def test_a_time_that_does_not_go_on_begins_anew(time_s):
    smooth = OneEuro(0.1, 1.0)
    smooth(1.0, np.array([5.0]))
    assert smooth(time_s, np.array([7.0])) == pytest.approx(7.0)
