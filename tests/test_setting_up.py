"""What is counted of a session's set-up."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from posesim_server.live.outcomes import EndReason
from posesim_server.live.setting_up import SettingUp
from posesim_server.metrics import Metrics


class Counted:
    """A set-up at a time that the tests set, and what was counted of it."""

    def __init__(self, *, before: bool = False) -> None:
        self.now_s = 0.0
        self._metrics = Metrics()
        self.setting_up = SettingUp(self._metrics, before=before, clock=lambda: self.now_s)

    def of(self, name: str) -> float:
        families = text_string_to_metric_families(self._metrics.text(live=0, contacts={}).decode())
        return sum(
            sample.value for family in families for sample in family.samples if sample.name == name
        )

    @property
    def resumed(self) -> float:
        return self.of("posesim_resumed_sessions_total")

    @property
    def failed(self) -> float:
        return self.of("posesim_session_setup_failures_total")


def test_it_takes_from_the_offer_to_the_first_picture() -> None:
    counted = Counted()
    counted.setting_up.joined(1.0)
    for counted.now_s in (3.5, 60.0):
        counted.setting_up.frame()
    counted.setting_up.ended("left")
    assert counted.of("posesim_session_setup_seconds_sum") == 2.5
    assert counted.of("posesim_session_setup_seconds_count") == 1
    assert (counted.resumed, counted.failed) == (0, 0)


def test_a_second_connection_is_a_return_and_the_first_offer_counts() -> None:
    counted = Counted()
    counted.setting_up.joined(1.0)
    counted.setting_up.joined(2.0)
    assert counted.setting_up.offered_s == 1.0
    assert counted.resumed == 1


def test_a_session_of_an_earlier_run_was_set_up_there() -> None:
    counted = Counted(before=True)
    counted.setting_up.joined(1.0)
    counted.setting_up.frame()
    counted.setting_up.ended("lost")
    assert counted.setting_up.offered_s is None
    assert counted.resumed == 1
    assert counted.of("posesim_session_setup_seconds_count") == 0
    assert counted.failed == 0


@pytest.mark.parametrize(
    ("reason", "failed"),
    [("never_joined", 1), ("lost", 1), ("failed", 1), ("left", 0), ("signed_out", 0)],
)
def test_an_end_before_the_first_picture_is_a_failure_unless_it_was_wanted(
    reason: EndReason, failed: int
) -> None:
    counted = Counted()
    counted.setting_up.ended(reason)
    assert counted.failed == failed
