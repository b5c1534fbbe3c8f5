"""The measures of bench/score.py, on planted answers. Its modules are not importable from here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
CODE = """
import json
import numpy as np
from calibrate import logistic
from footage import there_and_back
from score import auc, phases, rank_correlation

coins = np.array([[-2.0], [-1.0], [1.0], [2.0]])
slope, intercept = logistic(coins, np.array([False, False, True, True]), np.ones(4), ridge=0.1)
pictures = list(range(100))
print(json.dumps({
    "auc": [auc([3, 4], [1, 2]), auc([1, 2], [3, 4]), auc([1], [1])],
    "phases": list(np.diff(phases(np.array([0.0, 1.0, 2.0, 6.0]), (1.0, 3.0, 5.0)))),
    "rank": [rank_correlation([1, 2, 9], [3, 4, 5]), rank_correlation([9, 2, 1], [3, 4, 5])],
    "logistic": [slope, intercept],
    "there_and_back": [picture for _, picture in there_and_back(pictures, 0.4, 0.52, 0.4)],
}))
"""


@pytest.fixture(scope="module")
def measured():
    result = subprocess.run(
        [sys.executable, "-c", CODE], cwd=BENCH, capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


def test_the_auc_is_the_share_of_pairs_in_the_right_order(measured):
    assert measured["auc"] == [1, 0, 0.5]


def test_phases_count_repetitions_from_turn_to_turn_and_on_beyond_the_last(measured):
    assert measured["phases"] == pytest.approx([0.5, 0.5, 2.0])


def test_ranks_that_agree_correlate_with_1_and_those_that_do_not_with_minus_1(measured):
    assert measured["rank"] == pytest.approx([1, -1])


def test_the_logistic_model_finds_the_middle_between_two_kinds(measured):
    slope, intercept = measured["logistic"]
    assert slope > 0.5
    assert intercept == pytest.approx(0, abs=1e-6)


def test_a_stretch_is_played_there_and_back(measured):
    assert measured["there_and_back"] == [10, 11, 12, 13, 12, 11, 10, 11, 12, 13]
