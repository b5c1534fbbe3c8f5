"""How long what is asked for takes: known from what comes. The clock is an argument."""

import pytest

from posesim_server.live.prompt_video.assembly import MOST_PATIENCE_S
from posesim_server.live.prompt_video.way import LONGEST_TRIP_S, PACKET_BITS, RESTART_S, Way

PERIOD_S = 0.04


def seen(way: Way, *late_s: float, first: int = 0, now_s: float = 100.0) -> None:
    """Let pictures come, each so late."""
    for number, each in enumerate(late_s, first):
        way.saw(number * PERIOD_S, now_s + number * PERIOD_S + each)


def test_of_a_way_that_nothing_is_known_of_nothing_is_expected_to_take_time():
    way = Way()
    assert way.expected_s == 0.0
    seen(way, 0.0, 0.0, 0.0)
    assert way.expected_s == pytest.approx(0.0, abs=0.001)


def test_what_comes_later_and_later_waits_on_its_way():
    way = Way()
    seen(way, 0.3, 0.3, 0.5, 0.9)
    assert way.expected_s == pytest.approx(0.6, abs=0.01)
    seen(way, 0.3, first=4)
    assert way.expected_s == pytest.approx(0.0, abs=0.01)


def test_the_quickest_is_forgotten_in_time():
    way = Way()
    seen(way, 0.0, *[0.5] * (60 * 25))  # a minute
    assert way.expected_s == pytest.approx(0.0, abs=0.01)


def test_timestamps_that_begin_anew_are_not_late():
    way = Way()
    seen(way, 0.0, 0.0, RESTART_S + 1, RESTART_S + 1)
    assert way.expected_s == pytest.approx(0.0, abs=0.01)


def test_there_and_back_is_what_a_packet_took_that_was_asked_for_without_the_lag():
    way = Way()
    way.came(asked_s=100.0, now_s=100.2)
    assert way.expected_s == pytest.approx(0.2)
    seen(way, 0.0, 0.5)
    assert way.expected_s == pytest.approx(0.7, abs=0.01)
    way.came(asked_s=101.0, now_s=101.7)  # in the meantime it takes 0.5 s longer, as seen
    assert way.expected_s == pytest.approx(0.7, abs=0.01)


def test_of_packets_that_were_asked_for_together_the_first_counts():
    way = Way()
    way.came(asked_s=100.0, now_s=100.1)
    way.came(asked_s=100.0, now_s=100.5)
    assert way.expected_s == pytest.approx(0.1)


def test_one_that_comes_soon_tells_more_than_one_that_had_to_be_asked_for_again():
    way = Way()
    way.came(asked_s=100.0, now_s=100.4)
    way.came(asked_s=101.0, now_s=101.2)
    assert way.expected_s == pytest.approx(0.3)
    way.came(asked_s=102.0, now_s=102.7)
    assert way.expected_s == pytest.approx(0.35)


def test_however_late_one_comes_the_next_is_tried_all_the_same():
    way = Way()
    way.came(asked_s=100.0, now_s=160.0)
    assert way.expected_s == LONGEST_TRIP_S < MOST_PATIENCE_S
    for asked_s in range(200, 210):
        way.came(asked_s=asked_s, now_s=asked_s + 0.1)
    assert way.expected_s == pytest.approx(0.1, abs=0.01)


def test_many_packets_take_as_long_as_the_line_needs_for_them():
    way = Way()
    way.came(asked_s=100.0, now_s=100.1)
    assert way.repair_s(20, rate_bit_s=10 * PACKET_BITS) == pytest.approx(2.1)
