"""Following a planted path through a reference."""

from itertools import pairwise, product

import numpy as np
import pytest

from posesim.alignment import Follower, cheapest_step, mirrored, unit

RNG = np.random.default_rng(3)
POSITION_S = 0.08


def movement(positions: int, seed: int = 0, dimensions: int = 64) -> np.ndarray:
    """Smooth features of a movement that does not repeat, (positions, dimensions)."""
    rng = np.random.default_rng(seed)
    t = np.arange(positions)[:, None] * POSITION_S
    waves = rng.uniform(0.2, 0.9, dimensions)
    return np.sin(2 * np.pi * waves * t + rng.uniform(0, 6.3, dimensions)).astype(np.float32)


def followed(reference: np.ndarray, user: np.ndarray) -> np.ndarray:
    follower = Follower(reference, POSITION_S)
    return np.array([follower.push(tap).index for tap in user])


@pytest.mark.parametrize("start", [0, 20, 70])
def test_a_user_who_does_the_same_is_found_wherever_they_begin(start):
    reference = movement(120)
    indices = followed(reference, reference[start:])
    wanted = np.arange(start, 120)
    assert np.abs(indices - wanted)[15:].max() <= 1


def test_another_body_and_another_room_do_not_matter():
    reference = movement(120)
    indices = followed(reference, 3 * reference + 40)
    assert np.abs(indices - np.arange(120))[15:].max() <= 1


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.25, 1.7])
def test_tempo_is_the_users_speed_over_the_references(speed):
    reference = movement(200)
    at = np.arange(0, 199, speed)
    user = np.array([np.interp(at, np.arange(200), column) for column in reference.T]).T
    follower = Follower(reference, POSITION_S)
    places = [follower.push(tap) for tap in user]
    assert places[-1].tempo == pytest.approx(speed, abs=0.1)
    assert places[-1].index == pytest.approx(at[-1], abs=2)


@pytest.mark.parametrize("turned", [False, True])
def test_a_user_who_is_the_mirror_image_is_followed_and_known_as_such(turned):
    reference = movement(150)  # 64 values: a grid of 2x2 cells, 16 channels
    user = reference.reshape(150, 2, 2, 16)[:, :, ::-1].reshape(150, 64) if turned else reference
    follower = Follower(reference, POSITION_S, tap_grid=2)
    places = [follower.push(tap) for tap in user]
    assert np.abs([place.index - i for i, place in enumerate(places)])[15:].max() <= 1
    assert {place.mirrored for place in places[15:]} == {turned}


def test_mirroring_twice_changes_nothing():
    tap = RNG.normal(size=16 * 5)
    np.testing.assert_array_equal(mirrored(mirrored(tap, 4), 4), tap)
    assert not np.array_equal(mirrored(tap, 4), tap)


def test_a_restart_is_found_again():
    reference = movement(100)
    indices = followed(reference, np.concatenate([reference[:80], reference]))
    assert np.abs(indices[80:] - np.arange(100))[10:].max() <= 1


def test_a_pause_holds_the_place():
    reference = movement(100)
    user = np.concatenate([reference[:50], np.repeat(reference[49:50], 30, axis=0), reference[50:]])
    indices = followed(reference, user)
    assert np.abs(indices[50:80] - 49).max() <= 2
    assert abs(indices[-1] - 99) <= 1


def test_coherence_is_high_along_the_reference_and_low_for_noise():
    reference = movement(150)
    along, astray = Follower(reference, POSITION_S), Follower(reference, POSITION_S)
    for tap in reference:
        right = along.push(tap)
        wrong = astray.push(RNG.normal(size=64))
    assert right.coherence is not None
    assert wrong.coherence is not None
    assert right.coherence > 0.95
    assert wrong.coherence < 0.6


def test_nothing_is_said_of_tempo_in_the_first_second():
    follower = Follower(movement(50), POSITION_S)
    places = [follower.push(tap) for tap in movement(20)]
    assert places[11].tempo is None
    assert places[13].tempo is not None


def test_the_path_is_the_cheapest_of_all_paths():
    distances = RNG.uniform(size=(5, 4))
    steps = {1: 0.0, 0: 0.05, 2: 0.05}

    def price(path: tuple[int, ...]) -> float:
        moves = pairwise(path)
        return sum(distances[i, j] for i, j in enumerate(path)) + sum(
            min(steps.get(b - a, np.inf), 0.5) for a, b in moves
        )

    cost = distances[0]
    for row in distances[1:]:
        cost = row + cheapest_step(cost)
    assert cost.min() == pytest.approx(min(map(price, product(range(4), repeat=5))))


def test_the_cheapest_step_is_the_minimum_over_all_ways():
    cost = np.array([0.0, 1.0, 0.2, 3.0])
    expected = [0.05, 0.0, 0.05, 0.2]  # stay; from before; two before; from before
    np.testing.assert_allclose(cheapest_step(cost), expected)


def test_a_reference_of_one_position_can_be_followed():
    assert followed(np.ones((1, 4)), movement(10, dimensions=4)).tolist() == [0] * 10


@pytest.mark.parametrize("shape", [(0, 4), (4,)])
def test_a_reference_without_positions_is_refused(shape):
    with pytest.raises(ValueError, match="reference must be"):
        Follower(np.zeros(shape), POSITION_S)


def test_unit_leaves_a_row_of_zeros_alone():
    np.testing.assert_array_equal(unit(np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 0], [0.6, 0.8]])
