import json

import pytest
from live_fakes import COMPONENTS, LANDMARKS, FakeChannel

from posesim.updates import CueUpdate, GapUpdate, PoseUpdate, RepUpdate, ScoreUpdate
from posesim_server.live.channels import (
    EVENTS_LIMIT_BYTES,
    MOST_UNREAD,
    SCORES_LIMIT_BYTES,
    Channels,
    NotReading,
)

UPDATE = ScoreUpdate(5.44, "scoring", 82.1, COMPONENTS, 2.16, 0.97)
POSE = PoseUpdate(5.6, LANDMARKS, ())


def opened() -> tuple[Channels, FakeChannel, FakeChannel]:
    channels, scores, events = Channels(), FakeChannel("scores"), FakeChannel("events")
    channels.adopt(scores)
    channels.adopt(events)
    return channels, scores, events


def welcome(channels: Channels) -> None:
    channels.welcome(session_id="s-1", exercise_name="Squats", reference_duration_s=8.4)


def types_and_numbers(channel: FakeChannel) -> list[tuple[str, int]]:
    return [(message["type"], message["seq"]) for message in map(json.loads, channel.sent)]


def test_scores_are_numbered_on_their_own_channel() -> None:
    channels, scores, events = opened()
    assert [channels.score(UPDATE, age_s=0.1) for _ in range(2)] == [0, 1]
    assert types_and_numbers(scores) == [("score", 0), ("score", 1)]
    assert events.sent == []


def test_a_score_that_would_wait_is_skipped_and_leaves_a_hole_in_the_numbers() -> None:
    channels, scores, _ = opened()
    scores.bufferedAmount = SCORES_LIMIT_BYTES + 1
    channels.score(UPDATE, age_s=0.1)
    scores.bufferedAmount = 0
    scores.readyState = "closing"
    channels.score(UPDATE, age_s=0.1)
    scores.readyState = "open"
    channels.score(UPDATE, age_s=0.1)
    assert types_and_numbers(scores) == [("score", 2)]
    assert channels.skipped_scores == 2


def test_scores_and_poses_without_a_channel_are_counted() -> None:
    channels = Channels()
    assert channels.score(UPDATE, age_s=0.1) == 0
    channels.pose(POSE)
    assert (channels.skipped_scores, channels.skipped_poses) == (1, 1)


def test_poses_have_numbers_of_their_own_and_are_skipped_like_scores() -> None:
    channels, scores, events = opened()
    channels.pose(POSE)
    channels.score(UPDATE, age_s=0.1)
    scores.bufferedAmount = SCORES_LIMIT_BYTES + 1
    channels.pose(POSE)
    scores.bufferedAmount = 0
    channels.pose(POSE)
    assert types_and_numbers(scores) == [("pose", 0), ("score", 0), ("pose", 2)]
    assert (channels.skipped_scores, channels.skipped_poses) == (0, 1)
    assert events.sent == []


def test_events_begin_with_welcome_which_comes_once() -> None:
    channels, _, events = opened()
    channels.state(1.0, "warming_up")
    welcome(channels)
    welcome(channels)
    channels.state(2.0, "scoring")
    channels.gap(GapUpdate(3.0, 4.0, "no_frames"))
    channels.rep(RepUpdate(1, 1.0, 3.0, True, 82.1, 0.9, 1.1))
    channels.cue(CueUpdate(3.0, "lower"))
    channels.pong(7)
    channels.ended("left", None)
    assert types_and_numbers(events) == [
        ("welcome", 0),
        ("state", 1),
        ("gap", 2),
        ("rep", 3),
        ("cue", 4),
        ("pong", 5),
        ("ended", 6),
    ]


def test_the_end_is_told_even_without_a_hello() -> None:
    channels, _, events = opened()
    channels.ended("failed", None)
    assert types_and_numbers(events) == [("ended", 0)]


def test_a_client_that_does_not_read_its_events_is_given_up() -> None:
    channels, _, events = opened()
    welcome(channels)
    events.bufferedAmount = EVENTS_LIMIT_BYTES + 1
    with pytest.raises(NotReading):
        channels.pong(1)


def test_nothing_is_sent_on_a_closed_channel() -> None:
    channels, _, events = opened()
    welcome(channels)
    events.readyState = "closed"
    channels.ended("left", None)
    assert types_and_numbers(events) == [("welcome", 0)]
    assert not channels.open


@pytest.mark.parametrize("label", ["scores", "events", "", "other"])
def test_a_channel_that_is_not_expected_is_closed(label: str) -> None:
    channels, scores, events = opened()
    another = FakeChannel(label)
    channels.adopt(another)
    assert another.readyState == "closed"
    assert scores.readyState == events.readyState == "open"


def test_messages_wait_in_a_limited_inbox() -> None:
    channels, _, events = opened()
    assert events.listener is not None
    for n in range(MOST_UNREAD + 3):
        events.listener(str(n))
    assert channels.inbox.qsize() == MOST_UNREAD
    assert channels.unread == 3
    assert channels.inbox.get_nowait() == "0"
