"""Following a planted path through a reference."""

import numpy as np
import pytest
from bodies import FRONT, Motion, View, postures, repeated, squat, wandering
from hypothesis import given
from hypothesis import strategies as st

from posesim.alignment import Band, Follower, Place, at_times, mirrored, root, unit, with_trend
from posesim.posture import SIZE, Postures

RNG = np.random.default_rng(3)
POSITION_S = 0.08
SETTLED = 15  # positions until a user has been found
NOTHING = Postures(np.full((1, SIZE), np.nan), np.zeros((1, SIZE)))


def features(positions: int, seed: int = 0, dimensions: int = 64) -> np.ndarray:
    """Smooth features of a movement that does not repeat, (positions, dimensions)."""
    rng = np.random.default_rng(seed)
    t = np.arange(positions)[:, None] * POSITION_S
    waves = rng.uniform(0.2, 0.9, dimensions)
    return np.sin(2 * np.pi * waves * t + rng.uniform(0, 6.3, dimensions)).astype(np.float32)


def unknown(positions: int) -> Postures:
    return Postures(np.full((positions, SIZE), np.nan), np.zeros((positions, SIZE)))


def seen(at: np.ndarray, motion: Motion | None = None, view: View = FRONT) -> Postures:
    """The postures of a motion at some positions."""
    return postures(motion or wandering(), np.asarray(at) * POSITION_S, view)


def by_taps(reference: np.ndarray, user: np.ndarray, grid: int = 1) -> list[Place]:
    """Follow taps alone."""
    follower = Follower(reference, unknown(len(reference)), POSITION_S, grid)
    return [follower.push(tap, NOTHING) for tap in user]


def pushed(follower: Follower, user: Postures, band=None) -> list[Place]:
    """Push postures whose taps say nothing."""
    tap = np.zeros(4)
    return [
        follower.push(tap, Postures(user.values[i : i + 1], user.seen[i : i + 1]), band)
        for i in range(len(user))
    ]


def by_postures(reference: Postures, user: Postures) -> list[Place]:
    return pushed(Follower(np.zeros((len(reference), 4)), reference, POSITION_S), user)


def indices(places: list[Place]) -> np.ndarray:
    return np.array([place.index for place in places])


@pytest.mark.parametrize("start", [0, 20, 70])
def test_a_user_who_does_the_same_is_found_wherever_they_begin(start):
    reference = features(120)
    found = indices(by_taps(reference, reference[start:]))
    assert np.abs(found - np.arange(start, 120))[SETTLED:].max() <= 1


@pytest.mark.parametrize("start", [0, 20, 70])
def test_a_body_alone_is_found_wherever_it_begins(start):
    found = indices(by_postures(seen(np.arange(120)), seen(np.arange(start, 120))))
    assert np.abs(found - np.arange(start, 120))[SETTLED:].max() <= 3


def test_another_picture_and_another_light_do_not_matter():
    reference = features(120)
    found = indices(by_taps(reference, 3 * reference + 40))
    assert np.abs(found - np.arange(120))[SETTLED:].max() <= 1


def test_another_side_and_another_size_of_the_body_do_not_matter():
    at = np.arange(120)
    found = indices(by_postures(seen(at), seen(at, view=View(turned_deg=70, size=0.7))))
    assert np.abs(found - at)[SETTLED:].max() <= 3


def test_where_nothing_is_known_of_a_body_the_network_is_believed():
    reference, body = features(120), seen(np.arange(120))
    follower = Follower(reference, body, POSITION_S)
    found = indices([follower.push(tap, NOTHING) for tap in reference])
    assert np.abs(found - np.arange(120))[SETTLED:].max() <= 1


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.25, 1.7, 2.0])
def test_a_planted_warping_path_and_its_tempo_are_recovered(speed):
    reference = features(200)
    at = np.arange(0, 199, speed)
    user = np.array([np.interp(at, np.arange(200), column) for column in reference.T]).T
    places = by_taps(reference, user)
    assert np.abs(indices(places) - at)[SETTLED:].max() <= 3
    assert places[-1].tempo == pytest.approx(speed, rel=0.15)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_body_that_speeds_up_on_the_way_is_followed(speed):
    at = np.concatenate([np.arange(0, 60), np.arange(60, 199, speed)])
    found = indices(by_postures(seen(np.arange(200)), seen(at)))
    assert np.abs(found - at)[SETTLED:].max() <= 4


@pytest.mark.parametrize("turned", [False, True])
def test_taps_of_a_mirror_image_are_followed_and_known_as_such(turned):
    reference = features(150)  # 64 values: a grid of 2x2 cells, 16 channels
    user = reference.reshape(150, 2, 2, 16)[:, :, ::-1].reshape(150, 64) if turned else reference
    places = by_taps(reference, user, grid=2)
    assert np.abs(indices(places) - np.arange(150))[SETTLED:].max() <= 1
    assert {place.mirrored for place in places[SETTLED:]} == {turned}


@pytest.mark.parametrize("turned", [False, True])
def test_a_body_that_is_the_mirror_image_is_followed_and_known_as_such(turned):
    at = np.arange(150)
    places = by_postures(seen(at), seen(at, view=View(mirrored=turned)))
    assert np.abs(indices(places) - at)[2 * SETTLED :].max() <= 3
    assert {place.mirrored for place in places[2 * SETTLED :]} == {turned}


def test_a_body_that_moves_left_and_right_alike_is_not_called_mirrored():
    at = np.arange(150)
    motion = repeated(squat)
    places = by_postures(seen(at, motion), seen(at, motion, View(noise_m=0.01)))
    assert not any(place.mirrored for place in places)


def test_a_restart_is_found_again():
    reference = features(100)
    found = indices(by_taps(reference, np.concatenate([reference[:80], reference])))
    assert np.abs(found[80:] - np.arange(100))[SETTLED:].max() <= 1


def test_a_jump_over_a_part_is_found_again():
    reference = features(150)
    found = indices(by_taps(reference, np.concatenate([reference[:40], reference[100:]])))
    assert np.abs(found[40:] - np.arange(100, 150))[SETTLED:].max() <= 1


def test_whoever_repeats_the_whole_reference_is_followed_each_time():
    reference = features(60)
    found = indices(by_taps(reference, np.tile(reference, (4, 1))))
    off = np.abs(found - np.tile(np.arange(60), 4)).reshape(4, 60)
    assert off[:, SETTLED:].max() <= 1


def test_a_pause_holds_the_place():
    reference = features(100)
    user = np.concatenate([reference[:50], np.repeat(reference[49:50], 30, axis=0), reference[50:]])
    found = indices(by_taps(reference, user))
    assert np.abs(found[50:80] - 49).max() <= 3
    assert abs(found[-1] - 99) <= 1


def test_the_band_tells_one_repetition_from_another():
    at = np.arange(100)  # four squats of 25 positions
    motion = repeated(squat, 25 * POSITION_S)
    for first in (0, 25, 75):
        follower = Follower(np.zeros((100, 4)), seen(at, motion), POSITION_S)
        places = [
            pushed(follower, seen([i], motion), band=Band(first + i, 5, 100))[0] for i in range(25)
        ]
        assert np.abs(indices(places) - first - np.arange(25))[SETTLED:].max() <= 3


def test_a_band_beyond_the_end_goes_on_at_the_beginning():
    reference = features(100)
    follower = Follower(reference, unknown(100), POSITION_S)
    user = np.concatenate([reference[60:], reference[:40]])
    places = [follower.push(tap, NOTHING, Band(60 + i, 8, 100)) for i, tap in enumerate(user)]
    off = (indices(places) - 60 - np.arange(80) + 50) % 100 - 50  # round the loop
    assert np.abs(off)[SETTLED:].max() <= 3


def test_coherence_is_high_along_the_reference_and_low_for_noise():
    reference = features(150)
    along = by_taps(reference, reference)[-1]
    astray = by_taps(reference, RNG.normal(size=(150, 64)))[-1]
    assert along.coherence > 0.9
    assert astray.coherence < along.coherence - 0.2
    assert astray.misfit > along.misfit + 0.3


def test_coherence_is_low_for_whoever_stands():
    reference = features(150)
    user = np.concatenate([reference[:60], np.repeat(reference[59:60], 80, axis=0)])
    places = by_taps(reference, user)
    assert places[-1].coherence < 0.5 < places[55].coherence


@pytest.mark.parametrize("tempo", [0.6, 1.0, 1.6])
def test_coherence_does_not_ask_for_the_references_tempo(tempo):
    at = np.arange(0, 199, tempo)
    reference = features(200)
    user = np.array([np.interp(at, np.arange(200), column) for column in reference.T]).T
    assert by_taps(reference, user)[-1].coherence > 0.9


def test_nothing_is_said_of_tempo_in_the_first_second():
    places = by_taps(features(50), features(20))
    assert (places[9].tempo, places[9].coherence) == (None, None)
    assert places[13].tempo is not None
    assert places[13].coherence is not None


# Ahead


def follower_at(position: int, length: int = 120) -> Follower:
    follower = Follower(features(length), seen(np.arange(length)), POSITION_S)
    for i, tap in enumerate(features(position)):
        follower.push(tap, seen([i]))
    return follower


def test_postures_whose_taps_are_not_there_yet_lead_on():
    assert follower_at(60).ahead(seen([60, 61, 62, 63, 64])) == pytest.approx(64, abs=1)


def test_looking_ahead_gets_where_pushing_would_have():
    watching, pushing = follower_at(60), follower_at(60)
    for position in range(60, 66):
        place = pushing.push(features(120)[position], seen([position]))
    assert watching.ahead(seen(np.arange(60, 66))) == pytest.approx(place.index, abs=1)


def test_looking_ahead_changes_nothing():
    looking, plain = follower_at(60), follower_at(60)
    looking.ahead(seen(np.arange(90, 100)), band=Band(2, 3, 120))
    tap = features(120)[60]
    assert looking.push(tap, seen([60])) == plain.push(tap, seen([60]))


def test_looking_ahead_at_nothing_stays_where_it_is():
    assert follower_at(60).ahead(unknown(0)) == pytest.approx(59, abs=1)


# The rest


def test_a_reference_of_one_position_can_be_followed():
    places = by_taps(np.ones((1, 4)), features(20, dimensions=4))
    assert {place.index for place in places} == {0}


@pytest.mark.parametrize(
    ("taps", "known"), [((0, 4), 0), ((4,), 4), ((4, 4), 3)], ids=["empty", "flat", "lengths"]
)
def test_a_reference_that_does_not_fit_together_is_refused(taps, known):
    with pytest.raises(ValueError, match=r"taps must be \(M, D\)"):
        Follower(np.zeros(taps), unknown(known), POSITION_S)


def test_mirroring_twice_changes_nothing():
    tap = RNG.normal(size=2 * 16 * 5)  # with its change
    np.testing.assert_array_equal(mirrored(mirrored(tap, 4), 4), tap)
    assert not np.array_equal(mirrored(tap, 4), tap)


def test_mirroring_exchanges_the_cells_of_each_row():
    left, right = [1.0, 2.0], [3.0, 4.0]  # channels of two cells, and of their change
    below_left, below_right = [5.0, 6.0], [7.0, 8.0]
    once = [*left, *right, *below_left, *below_right]
    turned = [*right, *left, *below_right, *below_left]
    assert mirrored(np.array([*once, *once]), 2).tolist() == [*turned, *turned]


@given(st.lists(st.floats(-100, 100), min_size=1))
def test_the_root_keeps_sign_and_order(values):
    taps = np.sort(np.array(values))
    assert (np.sign(root(taps)) == np.sign(taps)).all()
    assert (np.diff(root(taps)) >= 0).all()
    np.testing.assert_allclose(root(taps) ** 2, np.abs(taps))


def test_the_trend_is_what_changed_over_three_positions():
    rows = np.arange(6.0)[:, None] ** 2
    assert with_trend(rows)[:, 1].tolist() == [0, 0, 0, 9, 15, 21]


def test_unit_leaves_a_row_of_zeros_alone():
    np.testing.assert_array_equal(unit(np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 0], [0.6, 0.8]])


def test_postures_between_two_poses_are_straight():
    two = Postures(np.array([np.zeros(SIZE), np.ones(SIZE)]), np.ones((2, SIZE)))
    between = at_times(np.array([1.0, 1.05, 1.2]), np.array([1.0, 1.2]), two)
    np.testing.assert_allclose(between.values[:, 0], [0, 0.25, 1])


def test_far_from_any_pose_a_posture_is_not_known():
    two = Postures(np.zeros((2, SIZE)), np.ones((2, SIZE)))
    known = at_times(np.array([0.0, 1.0, 3.0, 5.0]), np.array([1.0, 3.0]), two)
    assert np.isfinite(known.values).all(axis=1).tolist() == [False, True, True, False]
    assert known.seen.any(axis=1).tolist() == [False, True, True, False]


def test_without_poses_no_posture_is_known():
    known = at_times(np.arange(3.0), np.empty(0), unknown(0))
    assert np.isnan(known.values).all()
