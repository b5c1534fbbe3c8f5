"""A session as a whole, from its updates."""

from dataclasses import replace

import numpy as np
import pytest

from posesim.history import History
from posesim.updates import (
    Components,
    CueUpdate,
    GapUpdate,
    PoseUpdate,
    RepUpdate,
    ScoreUpdate,
    Summary,
    Update,
)

NOT_SCORED = ScoreUpdate(0.0, "warming_up", None, None, None, None)


def scored(t_s: float, score: float, part: float = 1.0, tempo: float | None = 1.0) -> ScoreUpdate:
    return ScoreUpdate(t_s, "scoring", score, Components(part, part, part), 1.0, tempo)


def rep(number: int, *, valid: bool) -> RepUpdate:
    return RepUpdate(number, number, number + 0.8, valid, 50.0, 1.0, 1.0)


def summary(*updates: Update) -> Summary:
    history = History()
    for update in updates:
        history.add(update)
    return history.summary()


def test_of_nothing_there_is_a_summary():
    assert summary() == Summary(None, "warming_up", None, None, 0.0, 0.0, None, None, 0)


def test_the_score_is_the_mean_and_the_best_is_remembered_with_its_time():
    whole = summary(NOT_SCORED, scored(1.0, 60, 0.6), scored(2.0, 90, 0.9), scored(3.0, 75, 0.3))
    assert whole.score == pytest.approx(75)
    assert whole.components is not None
    assert whole.components.range == pytest.approx(0.6)
    assert (whole.best_score, whole.best_s) == (90, 2.0)
    assert whole.state == "scoring"


def test_the_time_with_a_number_is_counted():
    waiting = replace(NOT_SCORED, t_s=3.0)
    still = replace(NOT_SCORED, t_s=4.5, state="still")
    whole = summary(waiting, scored(3.5, 80), scored(4.0, 80), still, scored(5.0, 80))
    assert whole.scored_s == pytest.approx(1.5)
    assert whole.duration_s == 5.0


def test_a_gap_is_counted_and_its_time_is_not_scored():
    whole = summary(scored(1.0, 80), GapUpdate(1.0, 9.0, "no_frames"), scored(9.5, 80))
    assert whole.gaps == 1
    assert whole.scored_s == pytest.approx(1.5)
    assert whole.duration_s == 9.5


def test_without_a_number_the_most_frequent_state_is_told():
    still = replace(NOT_SCORED, state="still")
    whole = summary(NOT_SCORED, still, still)
    assert (whole.state, whole.score, whole.components) == ("still", None, None)


def test_tempo_is_the_median_of_where_it_was_known():
    whole = summary(*(scored(n, 80, tempo=t) for n, t in enumerate([1.0, None, 1.2, 9.0])))
    assert whole.tempo == 1.2


def test_repetitions_and_attempts_are_counted_apart():
    whole = summary(rep(1, valid=True), rep(2, valid=False), rep(3, valid=True))
    assert (whole.repetitions, whole.attempts) == (2, 1)


def test_the_longest_hold_is_told():
    holds = [replace(scored(n, 80), held_s=held_s) for n, held_s in enumerate([0, 4, 0, 2])]
    assert summary(*holds).held_s == 4
    assert summary(scored(1.0, 80)).held_s is None


def test_poses_and_cues_change_nothing():
    landmarks = np.zeros((33, 3), np.float32)
    whole = summary(PoseUpdate(1.0, landmarks, ()), CueUpdate(2.0, "lower"))
    assert whole == summary()


def test_a_summary_can_be_asked_for_on_the_way():
    history = History()
    history.add(scored(1.0, 80))
    assert history.summary().score == 80
    history.add(scored(2.0, 60))
    assert history.summary().score == 70
