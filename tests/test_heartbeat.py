"""When a page counts as away, on a clock that the tests set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.live.heartbeat import Heartbeat
from posesim_server.live.plan import Limits

LIMITS = Limits(setup_s=20.0, silence_s=10.0, degraded_s=3.0, free_s=10.0)


def joined(frame_s: float | None = 0.0) -> Heartbeat:
    heartbeat = Heartbeat(LIMITS)
    heartbeat.joined(0.0)
    if frame_s is not None:
        heartbeat.frame(frame_s)
    return heartbeat


@pytest.mark.parametrize(
    ("now_s", "contact"),
    [(2.9, "good"), (3.0, "degraded"), (9.9, "degraded"), (10.0, "away"), (100.0, "away")],
)
def test_a_page_that_nobody_hears_is_degraded_and_then_away(now_s: float, contact: str) -> None:
    assert joined().look(now_s) == contact


def test_a_frame_or_a_message_makes_it_well_again() -> None:
    heartbeat = joined()
    heartbeat.message(5.0)
    assert heartbeat.look(7.9) == "good"
    heartbeat.frame(8.5)
    assert heartbeat.look(11.4) == "good"


def test_a_page_that_talks_and_shows_nothing_is_silent_and_not_away() -> None:
    heartbeat = joined()
    for second in range(1, 11):
        heartbeat.message(float(second))
        assert heartbeat.look(second - 0.01) == "good"
    assert heartbeat.look(10.0) == "silent"


def test_whose_last_message_came_a_little_after_the_last_picture_is_away() -> None:
    heartbeat = joined()
    heartbeat.message(2.0)
    assert heartbeat.look(11.9) == "degraded"
    assert heartbeat.look(12.0) == "away"


def test_the_first_picture_has_the_time_of_the_set_up() -> None:
    heartbeat = joined(frame_s=None)
    assert heartbeat.look(19.9) == "good"
    assert heartbeat.look(20.0) == "silent"


def test_whose_connection_is_closed_is_away_until_there_is_another() -> None:
    heartbeat = joined()
    heartbeat.closed()
    assert heartbeat.look(0.1) == "away"
    heartbeat.joined(50.0)
    assert heartbeat.look(50.1) == "good"
    assert heartbeat.look(60.0) == "away"  # it never connected


signs = st.lists(
    st.tuples(st.sampled_from(["frame", "message", "joined"]), st.floats(0.0, 30.0)), max_size=20
)


@given(signs, st.floats(0.0, 60.0))
def test_who_waits_until_it_may_change_misses_nothing(
    told: list[tuple[str, float]], now_s: float
) -> None:
    heartbeat = joined(frame_s=None)
    for kind, at_s in sorted(told, key=lambda each: each[1]):
        getattr(heartbeat, kind)(min(at_s, now_s))
    contact, next_s = heartbeat.look(now_s), heartbeat.next_s(now_s)
    if contact in ("good", "degraded"):
        assert next_s > now_s
        assert heartbeat.look(now_s + 0.999 * (next_s - now_s)) == contact
