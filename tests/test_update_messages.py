import json
from typing import get_args

import numpy as np
import pytest

from posesim.updates import (
    PARTS,
    Components,
    CueName,
    CueUpdate,
    Difference,
    GapUpdate,
    PoseUpdate,
    RepUpdate,
    ScoreUpdate,
    Summary,
)
from posesim_server.live.messages import encode
from posesim_server.live.server_messages import Cue, Ended, Gap, ServerMessage, Welcome
from posesim_server.live.update_messages import (
    cue_message,
    gap_message,
    pose_message,
    rep_message,
    score_message,
    summary_values,
)

COMPONENTS = Components(movement=0.9, timing=0.8, range=0.7)


def landmarks(x: float = 0.5, y: float = 0.25, visibility: float = 1.0) -> np.ndarray:
    """All 33 at one place."""
    return np.full((33, 3), (x, y, visibility), np.float32)


def test_a_score_update_becomes_a_message_with_four_decimals() -> None:
    update = ScoreUpdate(
        t_s=5.440000001,
        state="scoring",
        score=82.123456,
        components=COMPONENTS,
        reference_s=2.16,
        tempo=0.97,
        lag_s=-0.123456,
        mirrored=True,
        repetitions=3,
        held_s=12.400001,
    )
    assert json.loads(encode(score_message(update, seq=17, age_s=0.4))) == {
        "v": 1,
        "epoch": 0,
        "type": "score",
        "seq": 17,
        "t_s": 5.44,
        "state": "scoring",
        "score": 82.1235,
        "components": {"movement": 0.9, "timing": 0.8, "range": 0.7},
        "reference_s": 2.16,
        "tempo": 0.97,
        "lag_s": -0.1235,
        "mirrored": True,
        "repetitions": 3,
        "held_s": 12.4,
        "age_s": 0.4,
    }


def test_a_pose_update_becomes_a_message_in_thousandths_of_the_picture() -> None:
    places = landmarks()
    places[1] = 0.1234, 0.5678, 0.9
    message = pose_message(PoseUpdate(5.6, places, ("trunk", "left_knee")), seq=4)
    assert message.points == (500, 250, 123, 568, *(500, 250) * 31)
    assert json.loads(encode(message)) == {
        "v": 1,
        "epoch": 0,
        "type": "pose",
        "seq": 4,
        "t_s": 5.6,
        "points": list(message.points),
        "parts": ["trunk", "left_knee"],
    }


@pytest.mark.parametrize(
    ("landmark", "sent"),
    [
        ((0.5, 0.25, 0.5), (500, 250)),
        ((0.5, 0.25, 0.49), (None, None)),
        ((np.nan, 0.25, 1.0), (None, None)),
        ((0.5, np.inf, 1.0), (None, None)),
        ((0.5, 0.25, np.nan), (None, None)),
        ((-1.5, 3e38, 1.0), (-1000, 2000)),
    ],
)
def test_a_landmark_is_sent_where_it_is_visible_and_not_far_outside(
    landmark: tuple[float, float, float], sent: tuple[int | None, int | None]
) -> None:
    places = landmarks()
    places[32] = landmark
    assert pose_message(PoseUpdate(1.0, places, ()), seq=0).points[-2:] == sent


def test_a_gap_update_becomes_a_message() -> None:
    assert gap_message(GapUpdate(1.0, 2.5, "no_frames"), seq=4) == Gap(
        seq=4, start_s=1.0, end_s=2.5, reason="no_frames"
    )


def test_a_repetition_becomes_a_message() -> None:
    update = RepUpdate(
        number=4,
        start_s=9.4,
        end_s=12.04,
        valid=True,
        score=84.23456,
        range=0.87,
        tempo=1.08,
        differences=(Difference("left_knee", 20), Difference("trunk", -10)),
    )
    assert json.loads(encode(rep_message(update, seq=5))) == {
        "v": 1,
        "epoch": 0,
        "type": "rep",
        "seq": 5,
        "number": 4,
        "start_s": 9.4,
        "end_s": 12.04,
        "valid": True,
        "score": 84.2346,
        "range": 0.87,
        "tempo": 1.08,
        "differences": [{"part": "left_knee", "degrees": 20}, {"part": "trunk", "degrees": -10}],
    }


@pytest.mark.parametrize("cue", get_args(CueName))
def test_a_cue_becomes_a_message(cue: CueName) -> None:
    assert cue_message(CueUpdate(3.0, cue), seq=6) == Cue(
        seq=6, t_s=3.0, cue=cue, part=None, praise=False
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_named(part: str) -> None:
    update = CueUpdate(3.0, "check", part, praise=True)
    assert (cue_message(update, seq=6).part, cue_message(update, seq=6).praise) == (part, True)


def test_a_summary_keeps_every_field() -> None:
    summary = Summary(
        score=78.4,
        state="scoring",
        components=COMPONENTS,
        tempo=1.04,
        scored_s=21.4,
        duration_s=27.2,
        best_score=91.2,
        best_s=12.8,
        gaps=1,
        repetitions=8,
        attempts=2,
        held_s=12.4,
    )
    assert summary_values(summary).model_dump() == {
        "score": 78.4,
        "state": "scoring",
        "components": {"movement": 0.9, "timing": 0.8, "range": 0.7},
        "tempo": 1.04,
        "scored_s": 21.4,
        "duration_s": 27.2,
        "best_score": 91.2,
        "best_s": 12.8,
        "gaps": 1,
        "repetitions": 8,
        "attempts": 2,
        "held_s": 12.4,
    }


def test_a_score_that_is_no_number_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="finite"):
        score_message(ScoreUpdate(1.0, "scoring", float("nan"), None, None, None), seq=0, age_s=0)


LONG = 123456.7891
MANY = 10**6
LONG_COMPONENTS = Components(LONG, LONG, LONG)
LONGEST_NAME = "right_shoulder"


@pytest.mark.parametrize(
    "message",
    [
        Welcome(
            seq=MANY,
            session_id="3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11",
            exercise_name="\x01" * 80,  # the longest name in JSON: each is six characters
            reference_duration_s=LONG,
            window_s=2.56,
            hop_s=0.32,
            repetitions=0,
            attempts=0,
        ),
        score_message(
            ScoreUpdate(
                LONG, "warming_up", LONG, LONG_COMPONENTS, LONG, LONG, -LONG, False, MANY, LONG
            ),
            seq=MANY,
            age_s=LONG,
        ),
        pose_message(PoseUpdate(LONG, landmarks(-9.0, -9.0), PARTS), seq=MANY),
        rep_message(
            RepUpdate(
                MANY, LONG, LONG, False, LONG, LONG, LONG, (Difference(LONGEST_NAME, -180),) * 3
            ),
            seq=MANY,
        ),
        cue_message(CueUpdate(LONG, "keep_still", LONGEST_NAME), seq=MANY),
        Ended(
            seq=MANY,
            reason="reference_deleted",
            summary=summary_values(
                Summary(
                    score=LONG,
                    state="warming_up",
                    components=LONG_COMPONENTS,
                    tempo=LONG,
                    scored_s=LONG,
                    duration_s=LONG,
                    best_score=LONG,
                    best_s=LONG,
                    gaps=MANY,
                    repetitions=MANY,
                    attempts=MANY,
                    held_s=LONG,
                )
            ),
        ),
    ],
    ids=lambda message: message.type,
)
def test_the_longest_message_is_below_a_kibibyte(message: ServerMessage) -> None:
    assert len(encode(message).encode()) < 1024
