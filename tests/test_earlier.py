"""What an earlier run of the server knew of a session stays, whatever the run after it gets to see.

See test_reopening for what happens to a session whose page stays away.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live_fakes import Client, FakeComparator, MovingPicture, plant
from live_server import USER, WAIT_S, Server, events_until, needs_address, running

from posesim_server.compute.protocol import OpenComparator
from posesim_server.live.earlier import Earlier
from posesim_server.live.outcomes import SummaryValues
from posesim_server.live.plan import Limits, SessionPlan
from posesim_server.live.server_messages import Ended, Rep, Welcome
from posesim_server.store.parts import GapRow, Parts, RepetitionRow, ScoreRow

LEFT_OPEN = "5a0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b13"
PARTS = Parts(
    scores=tuple(
        ScoreRow(seq, 2.56 + 0.32 * seq, 80.0 + seq, "scoring", 0.9, 0.8, 0.7, 1.0, 1.1)
        for seq in range(3)
    ),
    repetitions=(
        RepetitionRow(1, 0.5, 2.5, True, 81.0, 0.9, 1.0, []),
        RepetitionRow(2, 2.5, 3.5, False, None, 0.3, None, []),
    ),
    gaps=(GapRow(0, 2.0, 2.5, "overload"),),
)
EARLIER = Earlier(PARTS, age_s=30.0, restarts=1, held_s=3.5)


def assert_kept(summary: SummaryValues | None) -> None:
    assert summary is not None
    assert (summary.repetitions, summary.attempts, summary.gaps) == (1, 1, 1)
    assert (summary.score, summary.best_score, summary.held_s) == (81.0, 82.0, 3.5)


@contextlib.asynccontextmanager
async def gone_on_with(
    folder: Path, open_comparator: OpenComparator
) -> AsyncIterator[tuple[Server, Client]]:
    """A session of an earlier run, and its page, which comes back and shows no picture."""
    async with running(folder, Limits(linger_s=0.2, drain_s=0.1)) as server:
        plan = SessionPlan(
            session_id=LEFT_OPEN,
            user_id=USER,
            exercise_id=None,
            exercise_name="Squats",
            reference_duration_s=8.4,
            open_comparator=open_comparator,
        )
        server.sessions.reopen(plan, EARLIER)
        client = Client(MovingPicture(stop_after=0))
        client.hello = '{"v":1,"type":"hello","last_seq":-1,"last_score":-1}'
        await server.join(client, LEFT_OPEN)
        yield server, client


@needs_address
async def test_the_page_is_told_what_was_done_before(tmp_path: Path) -> None:
    async with gone_on_with(tmp_path, plant(FakeComparator)) as (_, client):
        *missed, welcome = await events_until(client, Welcome)
        assert [each.number for each in missed if isinstance(each, Rep)] == [1, 2]
        assert (welcome.repetitions, welcome.attempts) == (1, 1)


@needs_address
@pytest.mark.parametrize("opens", [True, False], ids=["no picture came", "it was not open yet"])
async def test_a_session_that_ends_without_new_pictures_keeps_its_figures(
    tmp_path: Path, opens: bool
) -> None:
    asked, may_open = threading.Event(), threading.Event()

    def comparator() -> FakeComparator:
        asked.set()
        may_open.wait()
        return FakeComparator()

    if opens:
        may_open.set()
    async with gone_on_with(tmp_path, plant(comparator)) as (server, client):
        try:
            await events_until(client, Welcome)
            assert await asyncio.to_thread(asked.wait, WAIT_S)
            await server.sessions.end(LEFT_OPEN, "deleted")
            (ended,) = (await events_until(client, Ended))[-1:]
        finally:
            may_open.set()
        assert ended.reason == "deleted"
        assert_kept(ended.summary)
        ((session_id, reason, stored),) = server.store.ended
        assert (session_id, reason) == (LEFT_OPEN, "deleted")
        assert_kept(SummaryValues.model_validate(stored))


# The value itself


def test_it_is_known_up_to_the_last_that_was_stored() -> None:
    assert EARLIER.seen_s == 3.5
    assert Earlier(Parts(scores=PARTS.scores), 30.0, 1).seen_s == PARTS.scores[-1].t_s
    assert Earlier(Parts(), 30.0, 1).seen_s == 0.0


def test_a_repetition_that_is_known_before_its_score_leaves_that_to_the_gap() -> None:
    last = PARTS.scores[-1].t_s
    assert PARTS.repetitions[-1].end_s > last
    assert EARLIER.judged_s == last
    overload = GapRow(1, last, 4.5, "overload")
    assert Earlier(Parts(PARTS.scores, gaps=(overload,)), 30.0, 1).judged_s == 4.5


def test_where_nothing_was_said_there_is_nothing_to_keep() -> None:
    assert Earlier(Parts(), 30.0, 1).summary() is None
