"""What a call asks of live sessions, over real connections: an audience, pauses, demonstrations.

The rest of a session's life is in test_live_loopback.py.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import structlog
from fake_engine import CALIBRATION, open_fake_network
from live_fakes import Client, FakeAudience, FollowingComparator, MovingPicture, Person, plant
from live_server import (
    SESSION,
    WAIT_S,
    Server,
    ended,
    events_until,
    needs_address,
    running,
    scores,
)
from videos import stick_figure

from posesim.embedding import TimedPose
from posesim.expectation import Expectation
from posesim.timebase import Gap as GapPart
from posesim.updates import GapUpdate, PoseUpdate, ReferenceUpdate, RepUpdate, ScoreUpdate
from posesim_server.compute.network import (
    compare_with,
    compare_with_demonstration,
    demonstrate,
)
from posesim_server.compute.process_link import ProcessBody
from posesim_server.live.demonstration import Demonstration
from posesim_server.live.outcomes import EndReason, SummaryValues
from posesim_server.live.plan import Limits
from posesim_server.live.server_messages import Ended, Gap, Rep, Welcome
from posesim_server.live.update_messages import rep_message, score_message

pytestmark = [needs_address, pytest.mark.slow, pytest.mark.shares]

CALL = "9a0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b55"
SHOWN = "7b0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b22"  # the session that shows
AGAIN = "7b0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b23"  # another one
FOLLOW_S = 60.0  # until enough is shown and seen; far more than it takes

Kind = TypeVar("Kind")


# Tests of demonstrations take longer than a token is good for, on a busy machine.
LEASE_S = 600.0


async def until(holds: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Wait for something of which nobody is told."""
    async with asyncio.timeout(wait_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def frames(server: Server, count: int, session_id: str = SESSION) -> None:
    """Wait for so many more pictures of a session."""
    intake = server.sessions.get(session_id)._stream.intake
    before = intake.frames
    await until(lambda: intake.frames >= before + count)


async def hang_up(server: Server, location: str, session_id: str = SESSION) -> None:
    headers = server.headers_of(session_id)
    assert (await server.http.delete(location, headers=headers)).status == 200


# Who else hears it


def heard(audience: FakeAudience, kind: type[Kind]) -> list[tuple[Kind, float]]:
    """The updates of a kind, each with its age."""
    updates = [each[1:] for each in audience.heard if each[0] == "update"]
    return [(update, age_s) for update, age_s in updates if isinstance(update, kind)]


def states(audience: FakeAudience) -> list[str]:
    return [each[2] for each in audience.heard if each[0] == "state"]


def gaps(audience: FakeAudience) -> list[str]:
    return [update.reason for update, _ in heard(audience, GapUpdate)]


async def test_the_audience_hears_what_the_page_hears(tmp_path: Path) -> None:
    audience = FakeAudience()
    async with running(tmp_path, plan={"audience": audience, "call_id": CALL}) as server:
        client = Client()
        location = await server.join(client)
        received = await scores(client, 4)
        await events_until(client, Rep)
        await hang_up(server, location)
        events = await events_until(client, Ended)

    all_scores = heard(audience, ScoreUpdate)
    for message in received:
        update, age_s = all_scores[message.seq]
        again = score_message(update, seq=message.seq, age_s=age_s)
        assert again.model_dump_json() == message.model_dump_json()
    reps = [update for update, _ in heard(audience, RepUpdate)]
    for event in events:
        if isinstance(event, Rep):
            again = rep_message(reps[event.number - 1], seq=event.seq)
            assert again.model_dump_json() == event.model_dump_json()
    assert states(audience) == ["warming_up", "scoring"]
    assert heard(audience, PoseUpdate)
    *_, (_, reason, summary) = audience.heard
    assert reason == "deleted"
    assert summary.model_dump_json() == events[-1].summary.model_dump_json()
    assert [each[0] for each in audience.heard].count("ended") == 1


async def test_an_audience_that_fails_ends_no_session(tmp_path: Path) -> None:
    audience = FakeAudience(error=RuntimeError("a planted failure"))
    with structlog.testing.capture_logs() as logs:
        async with running(tmp_path, plan={"audience": audience}) as server:
            client = Client()
            location = await server.join(client)
            await scores(client, 4)
            await hang_up(server, location)
            assert (await events_until(client, Ended))[-1].reason == "deleted"
            assert await ended(server) == "deleted"
    failures = [log["event"] for log in logs if log["log_level"] == "error"]
    assert failures == ["the audience could not be told"]
    assert audience.over.is_set()


async def test_the_audience_hears_of_an_end_before_the_offer(tmp_path: Path) -> None:
    audience = FakeAudience()
    async with running(tmp_path, plan={"audience": audience}) as server:
        await server.sessions.end(SESSION, "coach_stopped")
    assert audience.heard == [("ended", "coach_stopped", None)]


async def test_the_end_of_a_call_ends_its_sessions_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path, plan={"call_id": CALL}) as server:
        server.create(session_id=AGAIN, call_id="another")
        client = Client()
        await server.join(client)
        await scores(client, 1)
        await server.sessions.end_call(CALL)
        assert (await events_until(client, Ended))[-1].reason == "call_ended"
        assert [end[:2] for end in server.store.ended] == [(SESSION, "call_ended")]
        assert server.sessions.live == 1


# Pauses


async def test_a_pause_is_one_gap_and_nothing_is_scored_in_it(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(silence_s=1.0, linger_s=0.2)) as server:
        client = Client()
        location = await server.join(client)
        await scores(client, 2)
        session = server.sessions.get(SESSION)
        session.pause()
        await until(lambda: not len(session.backlog))
        await frames(server, 10)  # what was under way is answered meanwhile
        seen = len(server.comparator.times_s)
        before_s = session.time_s
        await frames(server, 45)  # longer than a camera may be silent
        assert len(server.comparator.times_s) == seen
        session.resume()
        while (gap := (await events_until(client, Gap))[-1]).reason == "overload":
            pass  # a busy machine, before the pause
        await scores(client, 2)
        await hang_up(server, location)
        summary = (await events_until(client, Ended))[-1].summary

        assert gap.reason == "paused"
        assert before_s is not None
        assert gap.start_s <= before_s < before_s + 1.0 < gap.end_s
        assert server.comparator.interrupts.count("paused") == 1
        assert [each.reason for each in server.store.gaps].count("paused") == 1
        between = [row for row in server.store.rows if gap.start_s < row.t_s < gap.end_s]
        assert between == []
        assert summary.gaps == len(server.store.gaps)


async def test_a_session_may_be_paused_before_its_camera_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        server.sessions.get(SESSION).pause()
        client = Client()
        location = await server.join(client)
        await frames(server, 10)
        assert server.comparator.times_s == []
        server.sessions.get(SESSION).resume()
        await scores(client, 1)
        await hang_up(server, location)
        assert server.store.started == [SESSION]


async def test_a_camera_that_falls_silent_in_a_pause_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(silence_s=0.5, linger_s=0.1)) as server:
        client = Client(MovingPicture(stop_after=20))
        await server.join(client)
        server.sessions.get(SESSION).pause()
        assert (await events_until(client, Ended))[-1].reason == "lost"


async def test_a_pause_does_not_stop_the_time_of_a_session(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(total_s=0.5, linger_s=0.2)) as server:
        server.sessions.get(SESSION).pause()
        client = Client()
        await server.join(client)
        assert (await events_until(client, Ended))[-1].reason == "expired"


# Demonstrations


@contextlib.asynccontextmanager
async def following(
    folder: Path, demonstration: Demonstration, **options: Any
) -> AsyncIterator[tuple[Server, FakeAudience]]:
    """A server with a member's session that follows a demonstration."""
    audience = FakeAudience()
    plan = {
        "exercise_id": None,
        "reference_duration_s": 0.0,
        "open_comparator": compare_with_demonstration,
        "follows": demonstration,
        "audience": audience,
        "call_id": CALL,
    }
    async with running(folder, plan=plan | options.pop("plan", {}), **options) as server:
        server.sessions.get(SESSION).lease._until_s += LEASE_S
        yield server, audience


async def show(
    server: Server, demonstration: Demonstration, session_id: str = SHOWN
) -> tuple[Client, str]:
    """A coach's camera is the demonstration; return the page, and the session's resource."""
    server.create(
        session_id=session_id,
        exercise_id=None,
        reference_duration_s=0.0,
        open_comparator=demonstrate,
        shows=demonstration,
        call_id=CALL,
    )
    server.sessions.get(session_id).lease._until_s += LEASE_S
    client = Client(Person())
    return client, await server.join(client, session_id)


def cycle_of_clip_s(folder: Path) -> float | None:
    """How long a repetition takes in a clip of the same movement."""
    clip = stick_figure(folder / "squats.mp4", seconds=8.0)
    reference = open_fake_network().embed(clip, "squats")
    return Expectation.of(reference, CALIBRATION.hold_energy).movement.cycle_s


def scored(audience: FakeAudience) -> list[ScoreUpdate]:
    return [update for update, _ in heard(audience, ScoreUpdate) if update.state == "scoring"]


async def test_a_member_is_compared_with_what_the_coach_shows(tmp_path: Path) -> None:
    """Both are seen to do squats from their own first picture on."""
    demonstration = Demonstration()
    async with following(tmp_path, demonstration) as (server, audience):
        coach, shown_at = await show(server, demonstration)
        await demonstration.ready.wait()
        member = Client(Person())
        location = await server.join(member)
        await until(lambda: len(scored(audience)) >= 10, FOLLOW_S)
        behind_s = server.sessions.get(SHOWN).time_s - server.sessions.get(SESSION).time_s  # type: ignore[operator]
        reference = [update for update, _ in heard(audience, ReferenceUpdate)][-1]
        await hang_up(server, location)
        await hang_up(server, shown_at, SHOWN)
        told = await events_until(coach, Ended)

        assert reference.kind == "repetitions"
        assert reference.cycle_s == pytest.approx(cycle_of_clip_s(tmp_path), abs=0.2)
        last = scored(audience)[-1]
        assert last.score is not None
        assert last.lag_s is not None
        # The member is behind by as much as they came later, up to whole repetitions.
        assert (last.lag_s - behind_s + 1.0) % 2.0 == pytest.approx(1.0, abs=0.4)

        # Of the demonstration nothing is stored, and its page hears of no scores.
        assert server.store.started == [SESSION]
        assert [end[:2] for end in server.store.ended] == [(SESSION, "deleted")]
        assert [type(event) for event in told] == [Welcome, Ended]
        assert (told[-1].reason, told[-1].summary) == ("deleted", None)
        assert coach.score_messages.empty()
        assert server.store.ended[0][2]["repetitions"] >= 1


async def test_nothing_at_all_is_stored_of_a_demonstration(tmp_path: Path) -> None:
    demonstration, told = Demonstration(), []
    async with running(tmp_path) as server:
        await server.sessions.end(SESSION, "deleted")
        server.store.tries, server.store.ended = 0, []
        server.sessions._on_end = lambda *each: told.append(each)  # type: ignore[assignment]
        _, location = await show(server, demonstration)
        await demonstration.ready.wait()
        await frames(server, 60, SHOWN)
        await hang_up(server, location, SHOWN)
        assert (server.store.tries, server.store.ended, told) == (0, [], [])
        assert demonstration.over.is_set()
        assert server.sessions.live == 0


async def test_a_member_who_comes_first_waits_for_the_coach(tmp_path: Path) -> None:
    comparator, demonstration = FollowingComparator(), Demonstration()
    plan = {"open_comparator": plant(lambda: comparator)}
    async with following(tmp_path, demonstration, plan=plan) as (server, _):
        member = Client(Person())
        await server.join(member)
        await scores(member, 3)
        assert not any(comparator.shown)
        assert comparator.clock is None
        await show(server, demonstration)
        await until(lambda: comparator.clock and any(comparator.shown))
        clock = comparator.clock
        assert clock is not None
        assert isinstance(next(part for parts in comparator.shown for part in parts), TimedPose)
        # Told on the member's time and on the coach's, whose first picture came later.
        came = [server.sessions.get(each)._stream.intake for each in (SESSION, SHOWN)]
        starts_s = [intake.stream_clock.time_s(0.0) for intake in came]
        assert clock.at_s - clock.reference_s == pytest.approx(starts_s[0] - starts_s[1], abs=0.3)  # type: ignore[operator]
        assert clock.at_s - clock.reference_s > 0
        assert clock.rate == 1.0


async def test_the_demonstrators_end_lets_the_member_warm_up_again(tmp_path: Path) -> None:
    demonstration = Demonstration()
    async with following(tmp_path, demonstration) as (server, audience):
        _, shown_at = await show(server, demonstration)
        member = Client(Person())
        location = await server.join(member)
        await until(lambda: scored(audience), FOLLOW_S)
        await hang_up(server, shown_at, SHOWN)
        await until(lambda: states(audience)[-1] == "warming_up")
        before = len(scored(audience))
        await show(server, demonstration, AGAIN)
        await until(lambda: len(scored(audience)) > before, FOLLOW_S)
        await hang_up(server, location)
        assert await ended(server) == "deleted"


async def test_a_demonstration_outlives_the_process_that_computes_for_it(tmp_path: Path) -> None:
    demonstration = Demonstration()
    async with following(tmp_path, demonstration, launch=ProcessBody) as (server, audience):
        await show(server, demonstration)
        member = Client(Person())
        location = await server.join(member)
        await until(lambda: scored(audience), FOLLOW_S)
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: "restart" in gaps(audience), FOLLOW_S)
        before = len(scored(audience))
        await until(lambda: len(scored(audience)) > before, FOLLOW_S)
        parts = demonstration.since(0)[1]
        assert "restart" in [part.reason for part in parts if isinstance(part, GapPart)]
        await hang_up(server, location)
        assert (await events_until(member, Ended))[-1].reason == "deleted"
    assert multiprocessing.active_children() == []


async def test_a_second_stream_of_one_demonstration_ends_alone(tmp_path: Path) -> None:
    demonstration = Demonstration()
    async with following(tmp_path, demonstration) as (server, _):
        await show(server, demonstration)
        await demonstration.ready.wait()
        await show(server, demonstration, AGAIN)
        await until(lambda: AGAIN not in server.sessions._running)
        assert demonstration.ready.is_set()
        assert not server.sessions.get(SHOWN).ending


async def test_a_demonstration_is_over_when_its_end_is_told_even_if_it_could_not_begin(
    tmp_path: Path,
) -> None:
    """Who hears of the end may show the same demonstration again at once."""

    class Asking(FakeAudience):
        def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
            super().ended(demonstration.over.is_set(), reason)

    demonstration, audience = Demonstration(), Asking()
    plan = {
        "shows": demonstration,
        "audience": audience,
        "open_comparator": partial(compare_with, tmp_path / "none.npz"),
    }
    async with running(tmp_path, plan=plan) as server:
        await server.join(Client())
        await until(audience.over.is_set)
    assert audience.heard == [("ended", True, "failed")]


async def test_the_end_of_a_call_leaves_nothing_of_either_stream(tmp_path: Path) -> None:
    demonstration = Demonstration()
    async with following(tmp_path, demonstration) as (server, audience):
        coach, _ = await show(server, demonstration)
        member = Client(Person())
        await server.join(member)
        await scores(member, 1)
        await demonstration.ready.wait()
        await server.sessions.end_call(CALL)
        assert (await events_until(coach, Ended))[-1].reason == "call_ended"
        assert (await events_until(member, Ended))[-1].reason == "call_ended"
        assert demonstration.over.is_set()
        assert server.sessions.live == 0
        await until(lambda: not server.sessions._running)
        assert [worker.lanes for worker in server.workers._workers] == [0]
        assert audience.heard[-1][:2] == ("ended", "call_ended")
