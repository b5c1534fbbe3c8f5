"""Whatever happens to connections, database and server: each result is stored and shown once."""

import asyncio
import itertools
import json
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from live_fakes import COMPONENTS, FakeChannel, MemoryStore

from posesim.updates import CueUpdate, GapUpdate, RepUpdate, ScoreUpdate, Update
from posesim_server.database import StoreError
from posesim_server.live.audience import Told
from posesim_server.live.channels import Channels
from posesim_server.live.earlier import Earlier
from posesim_server.live.outbox import MOST_SCORES, Outbox
from posesim_server.live.page_messages import Hello
from posesim_server.live.publishing import Publisher
from posesim_server.live.record import Record
from posesim_server.metrics import Metrics

SESSION = "s-1"


class Page:
    """What a page does with what it hears: as static/connection.js and its modules."""

    def __init__(self) -> None:
        self.last_seq = self.epoch = -1
        self.heard_scores: set[int] = set()
        self.reps: list[tuple[int, float]] = []  # number and time
        self.gaps: list[float] = []
        self.cues: list[float] = []
        self.scores: list[float] = []

    @property
    def last_score(self) -> int:
        """Up to which it has all scores that can be said again."""
        newest = max(self.heard_scores, default=-1)
        oldest = max(0, newest - MOST_SCORES + 1)
        return min(set(range(oldest, newest + 2)) - self.heard_scores) - 1

    def hear(self, text: str) -> None:
        message = json.loads(text)
        kind, seq = message["type"], message["seq"]
        assert message["epoch"] >= self.epoch
        self.epoch = message["epoch"]
        if kind == "score":
            if seq not in self.heard_scores:
                self.heard_scores.add(seq)
                self.scores.append(message["t_s"])
            return
        if seq <= self.last_seq:
            return
        self.last_seq = seq
        if kind == "rep":  # what is told last counts
            others = [rep for rep in self.reps if rep[0] != message["number"]]
            self.reps = [*others, (message["number"], message["end_s"])]
        elif kind == "gap":
            self.gaps.append(message["end_s"])
        elif kind == "cue":
            self.cues.append(message["t_s"])
        elif kind == "welcome":
            counted = message["repetitions"] + message["attempts"]
            self.reps = [rep for rep in self.reps if rep[0] <= counted]


class Results(RuleBasedStateMachine):
    """A session's results, over connections, tries to store, and runs of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics, self.store, self.page = Metrics(), MemoryStore(), Page()
        self.restarts = 0
        self.times_s = itertools.count(1)  # time goes on, whatever is lost
        self.said: list[Update] = []  # all that a server that was killed has not lost
        self.begin()
        self.connect(again=False)

    # What a session is made of

    def begin(self) -> None:
        """Begin a run of the server."""
        self.said_in_run: list[Update] = []
        earlier = None
        if self.restarts:
            earlier = Earlier(self.store.parts, 0.0, self.restarts)
        self.outbox = Outbox(self.restarts)
        self.record = Record(self.store, SESSION, 0.0, earlier)
        self.record.begin()
        self.channels = Channels(self.outbox)
        self.publisher = Publisher(
            self.record, Told(None), lambda: self.channels, self.metrics, lambda _: 0.0
        )
        self.done = len(earlier.repetitions) if earlier else 0
        self.outbox.begin()
        for each in earlier.repetitions if earlier else []:
            self.channels.rep(each)

    def connect(self, *, again: bool) -> None:
        """Another connection, at once; what was on its way over the one before is lost."""
        self.line = FakeChannel("scores"), FakeChannel("events")
        self.heard = [0, 0]  # of each
        if again:
            self.outbox.epoch += 1
        self.channels = Channels(self.outbox)
        for channel in self.line:
            self.channels.adopt(channel)
        page = self.page
        self.channels.welcome(
            Hello(v=1, type="hello", last_seq=page.last_seq, last_score=page.last_score)
            if again or self.restarts
            else Hello(v=1, type="hello"),
            session_id=SESSION,
            exercise_name="Squats",
            reference_duration_s=8.4,
            repetitions=self.done,
            attempts=0,
        )

    def say(self, update: Update) -> None:
        self.said.append(update)
        self.said_in_run.append(update)
        self.publisher.publish([update])

    def try_to_store(self) -> None:
        try:
            run(self.record._write())
        except StoreError:
            return

    # What happens

    @rule(count=st.integers(1, 5))
    def scores_come(self, count: int) -> None:
        for _ in range(count):
            self.say(ScoreUpdate(next(self.times_s), "scoring", 80.0, COMPONENTS, 1.0, 1.0))

    @rule()
    def a_repetition_comes(self) -> None:
        self.done += 1
        end_s = next(self.times_s)
        self.say(RepUpdate(self.done, end_s - 1.0, end_s, True, 80.0, 0.9, 1.0))

    @rule()
    def a_gap_comes(self) -> None:
        end_s = next(self.times_s)
        self.say(GapUpdate(end_s - 1.0, end_s, "overload"))

    @rule()
    def a_cue_comes(self) -> None:
        self.say(CueUpdate(next(self.times_s), "check", "left_knee"))

    @rule(which=st.integers(0, 1), count=st.integers(1, 8))
    def messages_arrive(self, which: int, count: int) -> None:
        channel, first = self.line[which], self.heard[which]
        for text in channel.sent[first : first + count]:
            self.page.hear(text)
            self.heard[which] += 1

    @rule(count=st.integers(1, 8))
    def scores_are_lost_on_the_way(self, count: int) -> None:
        self.heard[0] = min(self.heard[0] + count, len(self.line[0].sent))

    @rule()
    def it_is_stored(self) -> None:
        self.try_to_store()

    @rule()
    def it_is_stored_and_the_answer_is_lost(self) -> None:
        self.store.answers_lost = 1
        self.try_to_store()
        self.store.answers_lost = 0

    @rule()
    def the_database_is_busy(self) -> None:
        self.store.error = StoreError("a planted failure")
        self.try_to_store()
        self.store.error = None

    @rule()
    def the_connection_is_lost_and_replaced(self) -> None:
        self.connect(again=True)

    @rule()
    def the_connection_is_taken_over(self) -> None:
        before = self.channels
        self.connect(again=True)
        before.ended("taken_over", None)

    @rule()
    def the_server_stops_and_another_goes_on(self) -> None:
        self.try_to_store()
        self.restarts += 1
        self.begin()
        self.connect(again=False)

    @precondition(lambda self: len(self.said) > 0)
    @rule()
    def the_server_is_killed_and_another_goes_on(self) -> None:
        self.restarts += 1
        self.begin()
        self.connect(again=False)
        stored_s = {row.t_s for row in (*self.store.rows, *self.store.cues)}
        stored_s |= {row.end_s for row in (*self.store.repetitions, *self.store.gaps)}
        self.said = [each for each in self.said if time_s(each) in stored_s]

    # What holds

    @invariant()
    def nothing_is_stored_twice_or_left_out(self) -> None:
        parts = self.store.parts
        for numbers, first in (
            ([row.seq for row in parts.scores], 0),
            ([row.number for row in parts.repetitions], 1),
            ([row.seq for row in parts.gaps], 0),
            ([row.seq for row in parts.cues], 0),
        ):
            assert numbers == list(range(first, first + len(numbers)))

    @invariant()
    def nothing_is_shown_twice(self) -> None:
        for shown in (self.page.reps, self.page.gaps, self.page.cues, self.page.scores):
            assert len(shown) == len(set(shown))

    def teardown(self) -> None:
        """In the end, record and page know all that was said.

        What is not a repetition and was said before a restart may have been lost on its way.
        """
        self.connect(again=True)
        self.messages_arrive(1, 1000)
        self.try_to_store()
        parts, page, run = self.store.parts, self.page, self.said_in_run
        reps = [(each.number, each.end_s) for each in self.said if isinstance(each, RepUpdate)]
        assert [(row.number, row.end_s) for row in parts.repetitions] == reps
        assert sorted(page.reps) == reps
        assert [row.end_s for row in parts.gaps] == times_s(GapUpdate, self.said)
        assert [row.t_s for row in parts.cues] == times_s(CueUpdate, self.said)
        assert [row.t_s for row in parts.scores] == times_s(ScoreUpdate, self.said)
        assert ends_with(page.gaps, times_s(GapUpdate, run))
        assert ends_with(page.cues, times_s(CueUpdate, run))
        assert set(times_s(ScoreUpdate, run)[-MOST_SCORES:]) <= set(page.scores)


def times_s(kind: type[Update], updates: list[Update]) -> list[float]:
    """When those of one kind were said."""
    return [time_s(each) for each in updates if isinstance(each, kind)]


def ends_with(heard: list[float], said: list[float]) -> bool:
    return heard[len(heard) - len(said) :] == said


def time_s(update: Update) -> float:
    return update.end_s if isinstance(update, RepUpdate | GapUpdate) else update.t_s


def run(step: Coroutine[Any, Any, None]) -> None:
    asyncio.run(step)


TestResults = Results.TestCase
TestResults.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
