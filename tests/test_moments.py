from dataclasses import replace

import pytest

from posesim_server.moments import Moment, moments_of
from posesim_server.store.parts import ScoreRow


def rows(scores, hop_s=0.5):
    return [
        ScoreRow(
            seq, seq * hop_s, score, "scoring" if score else "lost", 1, 1, 1, seq * hop_s % 3, 1
        )
        for seq, score in enumerate(scores)
    ]


GOOD = [80.0] * 10


def test_the_best_moment_is_the_first_of_the_highest_scores():
    found = moments_of(rows([50.0, 90.0, 60.0, 90.0]), reference_start_s=10.0)
    assert found.best == Moment(0.5, 90.0, 0.5, 10.5)


def test_the_worst_moment_is_the_lowest_point_of_a_bad_stretch():
    found = moments_of(rows([*GOOD, 40.0, 30.0, 35.0, 40.0, *GOOD]), reference_start_s=1.0)
    assert found.worst == Moment(5.5, 30.0, 2.5, 3.5)


def test_one_bad_score_between_good_ones_is_no_worst_moment():
    found = moments_of(rows([*GOOD, 5.0, *GOOD, 50.0, 50.0, 50.0, 50.0, *GOOD]), 0.0)
    assert found.worst.score == 50.0


@pytest.mark.parametrize("before", [[], [*GOOD, None]])
def test_a_score_that_has_just_begun_is_no_worst_moment(before):
    scores = [*before, 10.0, 10.0, 10.0, 10.0, *GOOD, 60.0, 60.0, 60.0, 60.0, *GOOD]
    assert moments_of(rows(scores), 0.0).worst.score == 60.0


def test_what_comes_after_a_hole_in_time_has_just_begun():
    before, after = rows(GOOD), rows([10.0, 10.0, 10.0, 10.0, *GOOD])
    moved = [ScoreRow(row.seq + 10, row.t_s + 60, *list(vars(row).values())[2:]) for row in after]
    assert moments_of([*before, *moved], 0.0).worst.score == 80.0


def test_a_session_that_is_scored_too_briefly_has_no_worst_moment():
    found = moments_of(rows([80.0, 70.0, 60.0, 50.0, 40.0]), 0.0)
    assert (found.best.score, found.worst) == (80.0, None)


def test_a_session_without_a_score_has_no_moments():
    found = moments_of(rows([None] * 20), 0.0)
    assert (found.best, found.worst) == (None, None)


def test_a_session_that_was_always_the_same_has_no_worst_moment():
    (row,) = rows([80.0])
    same = [ScoreRow(0, 3.0, *list(vars(row).values())[2:])]
    assert moments_of(same, 0.0).worst is None


def test_a_moment_whose_place_is_not_known_has_none():
    row = ScoreRow(0, 1.0, 80.0, "scoring", 1, 1, 1, None, None)
    assert moments_of([row], 5.0).best == Moment(1.0, 80.0, None, None)


def test_thousands_of_scores_in_a_second_have_their_moments_too():
    begin, end = rows([80.0] * 6, hop_s=1.0), rows([60.0] * 3, hop_s=1.0)
    dense = [replace(end[0], t_s=5.5 + seq / 100_000, score=60.0) for seq in range(90_000)]
    dense[50_000] = replace(dense[50_000], score=20.0)  # minutes, if each looked at all others
    found = moments_of([*begin, *dense, *(replace(row, t_s=row.t_s + 7) for row in end)], 0.0)
    assert (found.worst.t_s, found.worst.score) == (6.0, 20.0)


def test_scores_that_come_seldom_have_a_worst_moment_too():
    found = moments_of(rows([80.0, 80.0, 80.0, 30.0, 40.0, 80.0, 80.0], hop_s=1.28), 0.0)
    assert found.worst.score == 30.0
