import pytest

from posesim_server.live.shedding import Shedding


def test_the_hop_grows_step_by_step_while_the_lag_is_high() -> None:
    shedding = Shedding()
    hops = [shedding.update(1.5, now_s) for now_s in (0.0, 0.4, 0.5, 1.0, 2.0, 9.0)]
    assert hops == [16, 16, 32, 32, 32, 32]


def test_the_hop_shrinks_again_after_a_calm_while() -> None:
    shedding = Shedding()
    shedding.update(1.5, 0.0)
    hops = [shedding.update(0.2, now_s) for now_s in (1.0, 5.9, 6.0, 7.0)]
    assert hops == [16, 16, 8, 8]


def test_a_lag_between_the_limits_changes_nothing() -> None:
    shedding = Shedding()
    shedding.update(1.5, 0.0)
    assert {shedding.update(0.8, float(now_s)) for now_s in range(1, 100)} == {16}


def test_calm_must_last_without_interruption() -> None:
    shedding = Shedding()
    shedding.update(1.5, 0.0)
    hops = [shedding.update(lag, t) for t, lag in [(1, 0.2), (5, 0.8), (7, 0.2), (11, 0.2)]]
    assert hops == [16, 16, 16, 16]


def test_the_limits_must_be_apart() -> None:
    with pytest.raises(ValueError, match="caught_up_s < behind_s"):
        Shedding(behind_s=0.5, caught_up_s=0.5)
