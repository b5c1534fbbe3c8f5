"""Components and states of planted movements."""

from collections.abc import Mapping

import numpy as np
import pytest
from fake_engine import CALIBRATION

from posesim.alignment import Place
from posesim.embedding import ClipFeatures
from posesim.engines.base import TAP, Window
from posesim.presence import Hint
from posesim.references import Reference, Settings
from posesim.scoring import Calibration, Scorer, between, bhattacharyya, cosine, energy, posterior

ALONG = Place(index=3, tempo=1.0, coherence=0.95)


def taps(positions: int, size: float = 1.0) -> np.ndarray:
    waves = np.sin(np.arange(positions)[:, None] / 4 + np.arange(TAP)[None] / 300)
    return (size * waves).astype(np.float32)


def window(kinetics_class: int) -> Window:
    logits = np.zeros(400, np.float32)
    logits[kinetics_class] = 15
    return Window(np.ones(1024, np.float32), logits)


def scorer(
    size: float = 1.0, kinetics_class: int = 260, hint_shares: Mapping[Hint, float] | None = None
) -> Scorer:
    seen = window(kinetics_class)
    features = ClipFeatures(
        times_s=np.arange(100) * 0.08,
        taps=taps(100, size),
        window_ends_s=np.array([3.0]),
        embeddings=seen.embedding[None],
        logits=seen.logits[None],
    )
    reference = Reference("r", 8.0, Settings(weights="w"), features, hint_shares or {})
    return Scorer(reference, CALIBRATION)


def test_the_same_movement_scores_near_100():
    judge = scorer()
    judge.see(5.0, taps(32), window(260))
    state, components, score = judge.judge(ALONG)
    assert state == "scoring"
    assert components is not None
    assert min(components.movement, components.timing, components.range) > 0.95
    assert score == pytest.approx(100, abs=5)


def test_another_class_scores_near_0_however_well_it_moves():
    judge = scorer()
    judge.see(5.0, taps(32), window(7))
    state, components, score = judge.judge(ALONG)
    assert state == "scoring"
    assert components is not None
    assert components.range == 1
    assert score is not None
    assert score < 5


def test_half_the_movement_loses_range_alone():
    judge = scorer()
    judge.see(5.0, taps(32, size=0.5), window(260))
    _, components, _ = judge.judge(ALONG)
    assert components is not None
    assert components.range == pytest.approx(0.5, abs=0.02)  # (0.5 - 0.2) / (0.8 - 0.2)
    assert components.movement > 0.95


def test_standing_still_is_a_state_and_not_a_number():
    judge = scorer()
    judge.see(5.0, taps(32, size=0.01), window(260))
    assert judge.judge(ALONG) == ("still", None, None)


def test_standing_still_is_right_where_the_reference_holds():
    judge = scorer(size=0.001)
    judge.see(5.0, taps(32, size=0.001), window(260))
    state, _, score = judge.judge(Place(index=0, tempo=0.0, coherence=0.0))
    assert state == "scoring"
    assert score is not None
    assert score > 95


@pytest.mark.parametrize("place", [None, Place(0, None, None)])
def test_before_there_is_a_place_there_is_no_number(place):
    judge = scorer()
    judge.see(5.0, taps(32), window(260))
    assert judge.judge(place) == ("warming_up", None, None)


def test_before_the_first_window_there_is_no_number():
    judge = scorer()
    judge.see(1.0, taps(8), None)
    assert judge.judge(ALONG)[0] == "warming_up"


@pytest.mark.parametrize("hint", ["no_person", "partial", "several"])
def test_what_keeps_a_user_from_being_judged_is_said_in_place_of_a_number(hint):
    judge = scorer()
    judge.see(5.0, taps(32), window(260))
    assert judge.judge(ALONG, hint) == (hint, None, None)


def test_what_the_reference_shows_too_is_not_held_against_the_user():
    judge = scorer(hint_shares={"partial": 0.9, "several": 0.1})
    judge.see(5.0, taps(32), window(260))
    assert judge.judge(ALONG, "partial")[0] == "scoring"
    assert judge.judge(ALONG, "several")[0] == "several"


def test_after_a_reset_nothing_is_known():
    judge = scorer()
    judge.see(5.0, taps(32), window(260))
    judge.reset()
    assert judge.judge(ALONG)[0] == "warming_up"


def test_one_strange_window_is_smoothed_away():
    judge = scorer()
    judge.see(5.0, taps(32), window(260))
    judge.see(5.32, taps(4), window(7))
    _, components, _ = judge.judge(ALONG)
    assert components is not None
    assert components.movement > 0.9


def test_the_packaged_calibration_is_sound():
    calibration = Calibration.load()
    assert sum(calibration.parts) == pytest.approx(1)
    assert calibration.movement[0] > 0
    assert calibration.timing[0] < calibration.timing[1]
    assert calibration.range[0] < calibration.range[1]


def test_bhattacharyya_is_1_for_equal_and_0_for_disjoint_distributions():
    p, q = np.array([0.5, 0.5, 0]), np.array([0, 0, 1.0])
    assert bhattacharyya(p, p) == pytest.approx(1)
    assert bhattacharyya(p, q) == 0


def test_a_posterior_of_large_logits_is_finite_and_sums_to_1():
    p = posterior(np.array([[1000.0, 999.0, -1000.0]]))
    assert p.sum() == pytest.approx(1)
    assert p[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_the_cosine_of_a_zero_vector_is_0():
    assert cosine(np.zeros(3), np.ones(3)) == 0


def test_energy_is_the_distance_from_the_mean_and_not_from_zero():
    assert energy(np.full((5, 3), 7.0)) == 0
    assert energy(np.array([[1.0], [-1.0]]) + 100) == pytest.approx(1)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0.5, 0.5), (1, 1), (9, 1)])
def test_between_is_straight_and_capped(value, expected):
    assert between(value, 0, 1) == expected
