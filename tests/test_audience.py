"""What an audience hears, and that the session does not depend on it."""

import structlog
from live_fakes import FakeAudience

from posesim.updates import ScoreUpdate
from posesim_server.live.audience import Told

UPDATE = ScoreUpdate(5.44, "warming_up", None, None, None, None)


def test_an_audience_hears_what_is_said_in_order() -> None:
    audience = FakeAudience()
    told = Told(audience)
    told.update(UPDATE, age_s=0.25)
    told.state(5.44, "warming_up")
    told.ended("left", None)
    assert audience.heard == [
        ("update", UPDATE, 0.25),
        ("state", 5.44, "warming_up"),
        ("ended", "left", None),
    ]


def test_the_end_is_told_once() -> None:
    audience = FakeAudience()
    told = Told(audience)
    told.ended("left", None)
    told.ended("failed", None)
    assert audience.heard == [("ended", "left", None)]


def test_without_an_audience_nothing_happens() -> None:
    told = Told(None)
    told.update(UPDATE, age_s=0.25)
    told.state(5.44, "warming_up")
    told.ended("left", None)


def test_an_audience_that_fails_is_logged_once_and_still_told_of_the_end() -> None:
    audience = FakeAudience(error=RuntimeError("a planted failure"))
    told = Told(audience)
    with structlog.testing.capture_logs() as logs:
        told.update(UPDATE, age_s=0.25)
        told.state(5.44, "warming_up")
        told.update(UPDATE, age_s=0.25)
        told.ended("left", None)
    assert [log["event"] for log in logs] == ["the audience could not be told"]
    assert [each[0] for each in audience.heard] == ["update", "state", "update", "ended"]
