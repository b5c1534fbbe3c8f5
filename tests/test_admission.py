import pytest
from fake_engine import CALIBRATION, SETTINGS, FakeEngine

from posesim.network import Network
from posesim_server.compute.admission import HEADROOM, Cost, capacity, measure


@pytest.mark.parametrize(
    ("largest_hop_s", "sessions"), [(0.32, 1), (5.0, 1), (0.12, 2), (0.06, 4), (0.001, 240)]
)
def test_capacity_is_what_one_worker_keeps_up_with_at_the_largest_hop(largest_hop_s, sessions):
    assert HEADROOM == 0.75
    assert capacity(Cost(smallest_hop_s=1.0, largest_hop_s=largest_hop_s)) == sessions


class Slow(FakeEngine):
    """An engine on a clock that a call alone advances."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def stem(self, *asked):
        self._clock[0] += 0.05
        return super().stem(*asked)

    def tail(self, *asked):
        self._clock[0] += 0.1
        return super().tail(*asked)


def test_a_session_costs_a_stem_a_chunk_and_a_tail_at_each_or_at_every_fourth(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("posesim_server.compute.admission.time.perf_counter", lambda: clock[0])
    engine = Slow(clock)
    cost = measure(Network(engine, SETTINGS, CALIBRATION))
    assert cost.smallest_hop_s == pytest.approx(0.15)
    assert cost.largest_hop_s == pytest.approx(0.075)
    assert engine.tails == 1 + 3
