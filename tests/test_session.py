"""A session's life without a connection; with one, see test_live_loopback.py."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import structlog
from fake_engine import open_fake_network
from live_fakes import FakeAudience, FakeComparator, MemoryStore, plant
from worker_thread import ThreadBody

from posesim_server.compute.workers import Workers
from posesim_server.live.demonstration import Demonstration
from posesim_server.live.plan import Limits, SessionGone, SessionPlan
from posesim_server.live.sessions import Sessions, SessionsFull


def plan(session_id: str, exercise_id: str = "squats") -> SessionPlan:
    return SessionPlan(
        session_id=session_id,
        user_id="u-1",
        exercise_id=exercise_id,
        exercise_name="Squats",
        reference_duration_s=8.4,
        open_comparator=plant(FakeComparator),
    )


@contextlib.asynccontextmanager
async def registry(
    limits: Limits | None = None, store: MemoryStore | None = None
) -> AsyncIterator[tuple[Sessions, MemoryStore]]:
    store = store or MemoryStore()
    async with Workers(open_fake_network, launch=ThreadBody) as workers:
        sessions = Sessions(workers, store, limits)
        try:
            yield sessions, store
        finally:
            await sessions.close()


async def test_a_session_that_nobody_joins_ends() -> None:
    async with registry(Limits(join_s=0.0)) as (sessions, store):
        sessions.create(plan("s-1"))
        await sessions.get("s-1").ended.wait()
        assert store.ended == [("s-1", "never_joined", None)]
        with pytest.raises(SessionGone):
            sessions.get("s-1")


async def test_the_first_reason_counts() -> None:
    async with registry() as (sessions, store):
        sessions.create(plan("s-1"))
        session = sessions.get("s-1")
        session.end("left")
        assert await sessions.end("s-1", "deleted")
        assert store.ended == [("s-1", "left", None)]


async def test_ending_a_session_that_does_not_run_says_so() -> None:
    async with registry() as (sessions, _):
        assert not await sessions.end("s-1", "deleted")


async def test_only_so_many_sessions_run_at_once() -> None:
    async with registry(Limits(most_sessions=2)) as (sessions, _):
        sessions.create(plan("s-1"))
        sessions.create(plan("s-2"))
        with pytest.raises(SessionsFull, match="at most 2 sessions at once"):
            sessions.create(plan("s-3"))
        await sessions.end("s-1", "deleted")
        sessions.create(plan("s-3"))
        assert sessions.live == 2


async def test_only_sessions_of_the_deleted_exercise_end() -> None:
    async with registry() as (sessions, store):
        sessions.create(plan("s-1", "squats"))
        sessions.create(plan("s-2", "lunges"))
        await sessions.end_exercise("squats")
        assert store.ended == [("s-1", "reference_deleted", None)]
        assert sessions.live == 1


async def test_closing_ends_all_and_takes_no_more() -> None:
    async with registry() as (sessions, store):
        sessions.create(plan("s-1"))
        sessions.create(plan("s-2"))
        await sessions.close()
        assert sorted(store.ended) == [("s-1", "shutdown", None), ("s-2", "shutdown", None)]
        with pytest.raises(SessionGone):
            sessions.create(plan("s-3"))


async def test_a_demonstration_takes_a_place_and_leaves_no_row() -> None:
    audience = FakeAudience()
    shows = replace(plan("s-1"), shows=Demonstration(), exercise_id=None, audience=audience)
    async with registry(Limits(join_s=0.0, most_sessions=1)) as (sessions, store):
        sessions.create(shows)
        with pytest.raises(SessionsFull):
            sessions.create(plan("s-2"))
        await sessions.get("s-1").ended.wait()
        assert store.tries == 0
        assert store.ended == []
        assert audience.heard == [("ended", "never_joined", None)]


def test_a_session_shows_or_follows() -> None:
    with pytest.raises(ValueError, match="not both"):
        replace(plan("s-1"), shows=Demonstration(), follows=Demonstration())


async def test_a_session_that_ended_can_be_paused_and_knows_no_time() -> None:
    async with registry() as (sessions, _):
        sessions.create(plan("s-1"))
        session = sessions.get("s-1")
        session.pause()
        session.end("left")
        session.resume()
        assert session.time_s is None


async def test_an_end_that_cannot_be_stored_is_logged_with_the_session_and_ends_it() -> None:
    class BrokenStore(MemoryStore):
        async def end(self, *_: object) -> bool:
            raise OSError("a planted failure")

    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        async with registry(store=BrokenStore()) as (sessions, _):
            sessions.create(plan("s-1"))
            assert await sessions.end("s-1", "deleted")
            assert sessions.live == 0
    assert [(log["event"], log["session_id"]) for log in logs if log["log_level"] == "error"] == [
        ("the end could not be stored", "s-1")
    ]
