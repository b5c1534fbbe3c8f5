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
from posesim_server.live.outbox import MOST_EVENTS, Outbox
from posesim_server.live.page_messages import Hello

UPDATE = ScoreUpdate(5.44, "scoring", 82.1, COMPONENTS, 2.16, 0.97)
POSE = PoseUpdate(5.6, LANDMARKS, ())


def opened(outbox: Outbox | None = None) -> tuple[Channels, FakeChannel, FakeChannel]:
    channels, scores, events = (
        Channels(outbox or Outbox()),
        FakeChannel("scores"),
        FakeChannel("events"),
    )
    channels.adopt(scores)
    channels.adopt(events)
    return channels, scores, events


def welcome(channels: Channels, hello: Hello | None = None) -> None:
    channels.welcome(
        hello or Hello(v=1, type="hello"),
        session_id="s-1",
        exercise_name="Squats",
        reference_duration_s=8.4,
        repetitions=0,
        attempts=0,
    )


def types_and_numbers(channel: FakeChannel) -> list[tuple[str, int]]:
    return [(message["type"], message["seq"]) for message in map(json.loads, channel.sent)]


def test_scores_are_numbered_on_their_own_channel() -> None:
    channels, scores, events = opened()
    assert [channels.score(UPDATE, age_s=0.1) for _ in range(2)] == [0, 1]
    assert types_and_numbers(scores) == [("score", 0), ("score", 1)]
    assert events.sent == []


def test_a_score_that_would_wait_is_skipped_and_leaves_a_hole_in_the_numbers() -> None:
    outbox = Outbox()
    channels, scores, _ = opened(outbox)
    scores.bufferedAmount = SCORES_LIMIT_BYTES + 1
    channels.score(UPDATE, age_s=0.1)
    scores.bufferedAmount = 0
    scores.readyState = "closing"
    channels.score(UPDATE, age_s=0.1)
    scores.readyState = "open"
    channels.score(UPDATE, age_s=0.1)
    assert types_and_numbers(scores) == [("score", 2)]
    assert outbox.skipped_scores == 2


def test_scores_and_poses_without_a_channel_are_counted() -> None:
    outbox = Outbox()
    channels = Channels(outbox)
    assert channels.score(UPDATE, age_s=0.1) == 0
    channels.pose(POSE)
    assert (outbox.skipped_scores, outbox.skipped_poses) == (1, 1)


def test_poses_have_numbers_of_their_own_and_are_skipped_like_scores() -> None:
    outbox = Outbox()
    channels, scores, events = opened(outbox)
    channels.pose(POSE)
    channels.score(UPDATE, age_s=0.1)
    scores.bufferedAmount = SCORES_LIMIT_BYTES + 1
    channels.pose(POSE)
    scores.bufferedAmount = 0
    channels.pose(POSE)
    assert types_and_numbers(scores) == [("pose", 0), ("score", 0), ("pose", 2)]
    assert (outbox.skipped_scores, outbox.skipped_poses) == (0, 1)
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


def test_a_page_that_comes_back_gets_what_it_missed_before_the_welcome() -> None:
    outbox = Outbox()
    channels, _, events = opened(outbox)
    welcome(channels)
    channels.state(1.0, "scoring")
    channels.score(UPDATE, age_s=0.1)
    channels.pong(1)
    channels.rep(RepUpdate(1, 1.0, 3.0, True, 82.1, 0.9, 1.1))
    events.readyState = "closed"
    channels.cue(CueUpdate(3.0, "lower"))  # said while nobody heard it
    channels.score(UPDATE, age_s=0.1)

    outbox.epoch += 1
    again, scores, events = opened(outbox)
    again.gap(GapUpdate(3.0, 9.0, "connection"))
    welcome(again, Hello(v=1, type="hello", last_seq=1, last_score=0))
    again.pong(2)
    assert types_and_numbers(events) == [
        ("score", 1),
        ("rep", 3),
        ("cue", 4),
        ("gap", 5),
        ("welcome", 6),
        ("pong", 7),
    ]
    assert {json.loads(text)["epoch"] for text in events.sent} == {1}
    assert scores.sent == []


def test_a_page_that_comes_for_the_first_time_missed_nothing() -> None:
    outbox = Outbox()
    channels, _, _ = opened(outbox)
    welcome(channels)
    channels.cue(CueUpdate(3.0, "lower"))
    again, _, events = opened(outbox)
    welcome(again)
    assert types_and_numbers(events) == [("welcome", 2)]


def test_of_what_a_page_missed_the_newest_is_kept() -> None:
    outbox = Outbox()
    channels, _, _ = opened(outbox)
    welcome(channels)
    for _ in range(MOST_EVENTS + 5):
        channels.cue(CueUpdate(3.0, "lower"))
    missed = outbox.missed(0, None)
    assert [message.seq for message in missed] == list(range(6, MOST_EVENTS + 6))
