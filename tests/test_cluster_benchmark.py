"""The benchmark of a cluster finds what is lost or doubled, and what was taken back with a word."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from cluster_kept import Acknowledged, Told, compare
from cluster_webcams import Webcam

GAP = {"start_s": 2.0, "end_s": 9.0, "reason": "restart"}


def score(t_s: float) -> dict[str, Any]:
    return {"type": "score", "t_s": t_s, "score": 80.0, "epoch": 0}


def rep(number: int, start_s: float) -> dict[str, Any]:
    return {"type": "rep", "number": number, "start_s": start_s}


def welcome(repetitions: int) -> dict[str, Any]:
    return {"type": "welcome", "repetitions": repetitions, "attempts": 0}


def stored(
    scores: Sequence[float],
    repetitions: Sequence[dict[str, Any]] = (),
    gaps: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "scores": [{"t_s": t_s, "score": 80.0} for t_s in scores],
        "repetitions": list(repetitions),
        "gaps": list(gaps),
        "cues": [],
    }


def found(said: list[dict[str, Any]], record: dict[str, Any]) -> dict[str, Any]:
    return compare(Told(said), record, Acknowledged())


def test_what_was_told_and_is_stored_once_is_kept() -> None:
    said = [welcome(0), score(1.0), rep(1, 0.5), {"type": "gap", **GAP}, score(9.5)]
    figures = found(said, stored([1.0, 9.5], [{"number": 1, "start_s": 0.5}], [GAP]))
    assert figures["lost"] == figures["doubled"] == figures["not_told"] == []
    assert figures["scores_told"] == figures["scores_stored"] == 2


@pytest.mark.parametrize("told_of_gap", [True, False])
def test_a_score_is_taken_back_only_by_a_gap_that_the_page_was_told_of(told_of_gap: bool) -> None:
    said = [score(1.0), score(3.0), *([{"type": "gap", **GAP}] if told_of_gap else [])]
    figures = found(said, stored([1.0], gaps=[GAP]))
    assert figures["scores_taken_back"] == told_of_gap
    assert len(figures["lost"]) == len(figures["not_told"]) == (not told_of_gap)


def test_a_repetition_is_taken_back_by_a_welcome_that_counts_fewer() -> None:
    said = [rep(1, 0.5), rep(2, 2.5), welcome(1), rep(2, 9.5)]
    figures = found(
        said, stored([], [{"number": 1, "start_s": 0.5}, {"number": 2, "start_s": 9.5}])
    )
    assert figures["lost"] == []
    assert figures["repetitions_taken_back"] == 1


def test_a_repetition_that_is_stored_as_another_one_is_lost() -> None:
    said = [rep(1, 0.5), rep(2, 2.5)]
    figures = found(
        said, stored([], [{"number": 1, "start_s": 0.5}, {"number": 2, "start_s": 9.5}])
    )
    assert len(figures["lost"]) == 1


def test_what_is_stored_or_told_twice_is_doubled() -> None:
    assert found([score(1.0)], stored([1.0, 1.0]))["doubled"]
    assert found([score(1.0), score(1.0)], stored([1.0]))["doubled"]


def test_what_a_record_showed_and_shows_no_more_is_lost() -> None:
    known = Acknowledged()
    known.see(stored([1.0, 2.0]))
    assert compare(Told([]), stored([1.0]), known)["lost"]
    assert not compare(Told([]), stored([1.0, 3.0]), Acknowledged())["lost"]


def webcam(*scores: tuple[float, float | None]) -> Webcam:
    """One that got scores at these times."""
    found = Webcam({}, None)  # type: ignore[arg-type]
    found.scores = [(at_s, "node2", {"score": score}) for at_s, score in scores]
    return found


def test_a_session_resumes_with_the_score_after_the_longest_silence() -> None:
    page = webcam((1.0, 80.0), (1.3, 80.0), (8.0, None), (8.3, None), (10.0, 80.0), (10.3, 80.0))
    assert page.interruption(1.1, 11.0) == {
        "silent_s": 6.7,
        "resumed_s": 6.9,
        "number_s": 8.9,
        "on": "node2",
    }


def test_scores_that_come_as_ever_are_no_interruption() -> None:
    page = webcam((1.0, 80.0), (1.3, 80.0), (1.7, 80.0))
    assert page.interruption(1.1, 1.8)["resumed_s"] == 0.0
    assert page.interruption(1.1, 2.5)["resumed_s"] == 0.0


def test_a_session_that_is_silent_to_the_end_has_not_resumed() -> None:
    assert webcam((1.0, 80.0), (1.3, 80.0)).interruption(1.1, 30.0)["resumed_s"] is None
