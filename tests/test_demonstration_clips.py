"""Real people follow a real demonstrator, through the objects that the server uses."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from posesim.cli import weights_path
from posesim.demonstration_comparison import DemonstrationComparator
from posesim.embedding import LARGEST_SIDE, Part
from posesim.network import Network
from posesim.updates import ReferenceClock, ReferenceUpdate, ScoreUpdate, Update
from posesim.video import read_frames

pytestmark = [pytest.mark.weights, pytest.mark.clips, pytest.mark.slow, pytest.mark.shares]

SHOWN_S = 8.0
BEGINS_S = 1.2  # on the demonstrator's time, when the user's camera starts
LASTS_S = SHOWN_S - BEGINS_S
USER_TAIL_HOP = 16  # frames; as on a server with several sessions
DEMONSTRATOR = "push_up__aisc_C__side.mp4"
SAME = "push_up__cal_puF__side.mp4"
OTHER = "pull_up__cal_plE__back.mp4"

Given = tuple[float, list[Part]]  # when parts were known, on the demonstrator's time


def camera(clip: Path, lasting_s: float) -> Iterator[tuple[float, np.ndarray]]:
    """The beginning of a clip, as a camera sends it."""
    for frame in read_frames(clip, largest_side=LARGEST_SIDE):
        if frame.time_s > lasting_s:
            return
        yield frame.time_s, frame.rgb


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.open(weights_path())


@pytest.fixture(scope="module")
def demonstration(network: Network, clips: Path) -> list[Given]:
    """Push-ups, of which each part comes when its last frame does."""
    demonstrator = network.demonstrator()
    return [
        (time_s, demonstrator.push(time_s, rgb))
        for time_s, rgb in camera(clips / DEMONSTRATOR, SHOWN_S)
    ]


def told(network: Network, demonstration: Sequence[Given], user: Path) -> list[Update]:
    """All that is said of a user whose camera starts a little after the demonstrator's."""
    comparator: DemonstrationComparator = network.demonstration_comparator()
    comparator.tail_hop = USER_TAIL_HOP
    waiting = list(demonstration)
    updates: list[Update] = []
    for time_s, rgb in camera(user, LASTS_S):
        while waiting and waiting[0][0] <= time_s + BEGINS_S:
            comparator.show(waiting.pop(0)[1])
        comparator.follow(ReferenceClock(0.0, BEGINS_S))
        updates += comparator.push(time_s, rgb)
    return updates + comparator.finish()


def scores(updates: list[Update]) -> list[float]:
    return [e.score for e in updates if isinstance(e, ScoreUpdate) and e.score is not None]


def test_who_does_the_demonstrated_exercise_scores_clearly_above_who_does_another(
    network, demonstration, clips
):
    same = told(network, demonstration, clips / SAME)
    other = told(network, demonstration, clips / OTHER)
    assert {e.kind for e in same if isinstance(e, ReferenceUpdate)} == {"repetitions"}
    assert np.mean(scores(same)) > 60
    assert scores(other)
    assert max(scores(other)) < 20


def test_how_late_the_demonstrators_own_movement_is_told(network, demonstration, clips):
    said = told(network, demonstration, clips / DEMONSTRATOR)
    lags_s = [e.lag_s for e in said if isinstance(e, ScoreUpdate) and e.lag_s is not None]
    assert len(lags_s) > 5
    assert np.median(lags_s) == pytest.approx(BEGINS_S, abs=0.1)
    assert np.mean(scores(said)) > 80
