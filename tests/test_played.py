"""Where the player of the reference is, and how far behind it a user is."""

import pytest

from posesim.played import BAND_S, Played
from posesim.updates import ReferenceClock

FIRST_S, POSITION_S, DURATION_S = 0.4, 0.1, 10.0


def played(clock: ReferenceClock | None) -> Played:
    player = Played(FIRST_S, POSITION_S, DURATION_S)
    player.clock = clock
    return player


@pytest.mark.parametrize("clock", [None, ReferenceClock(3.0, 2.0, rate=0)], ids=["none", "paused"])
def test_nothing_is_said_of_a_reference_that_does_not_play(clock):
    player = played(clock)
    assert player.at(5.0) is None
    assert player.band(5.0) is None
    assert player.lag_s(5.0, 1.0) is None


@pytest.mark.parametrize(
    ("rate", "time_s", "at_s"),
    [
        (1, 3, 2),
        (1, 5, 4),
        (0.5, 5, 3),
        (2, 4, 4),
        (1, 11, 0),
        (1, 12.5, 1.5),
        (1, 33, 2),
        (1, 2, 1),
    ],
)
def test_the_player_goes_on_at_its_rate_and_begins_anew_at_the_end(rate, time_s, at_s):
    assert played(ReferenceClock(3.0, 2.0, rate)).at(time_s) == pytest.approx(at_s)


@pytest.mark.parametrize(
    ("reference_s", "lag_s"),
    [(2.0, 0.0), (1.5, 0.5), (2.5, -0.5), (9.0, 3.0), (6.5, -4.5), (7.5, 4.5)],
)
def test_lag_is_above_0_behind_the_player_and_below_0_ahead_of_it(reference_s, lag_s):
    player = played(ReferenceClock(0.0, 2.0))
    assert player.lag_s(0.0, reference_s) == pytest.approx(lag_s)


def test_lag_goes_the_short_way_over_the_loops_end():
    player = played(ReferenceClock(0.0, 0.5))
    assert player.lag_s(0.0, 9.5) == pytest.approx(1.0)
    player = played(ReferenceClock(0.0, 9.5))
    assert player.lag_s(0.0, 0.5) == pytest.approx(-1.0)


def test_a_user_is_looked_for_around_the_player():
    band = played(ReferenceClock(0.0, 5.0)).band(0.0)
    assert band is not None
    assert band.middle == pytest.approx((5.0 - FIRST_S) / POSITION_S)
    assert band.reach == pytest.approx(BAND_S / POSITION_S)


def test_the_band_goes_round_with_the_clip_and_not_with_the_positions_that_it_has():
    band = played(ReferenceClock(0.0, 5.0)).band(0.0)
    assert band is not None
    assert band.loop == pytest.approx(DURATION_S / POSITION_S)


def test_a_clip_without_length_can_be_played():
    player = Played(0.0, POSITION_S, 0.0)
    player.clock = ReferenceClock(0.0, 0.0)
    assert player.at(5.0) == pytest.approx(0.0, abs=POSITION_S)
