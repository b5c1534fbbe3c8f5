"""A session in which nobody trains is told of its end, and ends."""

import asyncio
from pathlib import Path

import pytest
from live_fakes import COMPONENTS, Client, FakeComparator
from live_server import ended, events_until, needs_address, running, scores

from posesim.updates import RepUpdate, ScoreUpdate, Update
from posesim_server.live.idleness import Idleness
from posesim_server.live.plan import Limits
from posesim_server.live.server_messages import Ended, Idle

NUMBER = ScoreUpdate(1.0, "scoring", 80.0, COMPONENTS, 1.0, 1.0)
NOBODY = ScoreUpdate(1.0, "no_person", None, None, None, None)
ATTEMPT = RepUpdate(1, 0.0, 1.0, False, None, 0.3, None)


class Empty(FakeComparator):
    """Sees nobody, whatever is there."""

    def _score(self, time_s: float) -> ScoreUpdate:
        return ScoreUpdate(time_s, "no_person", None, None, None, None)

    def _rep(self, time_s: float) -> ScoreUpdate:
        return self._score(time_s)


@pytest.mark.parametrize(("update", "left_s"), [(NUMBER, 10.0), (ATTEMPT, 10.0), (NOBODY, 4.0)])
def test_a_number_or_a_repetition_is_what_counts(update: Update, left_s: float) -> None:
    now_s = 0.0
    idleness = Idleness(10.0, clock=lambda: now_s)
    now_s = 6.0
    idleness.note(update)
    assert idleness.left_s == left_s


async def test_who_is_told_and_goes_on_is_told_again_the_next_time() -> None:
    told: list[float] = []
    idleness = Idleness(0.05)

    def tell(left_s: float) -> None:
        told.append(left_s)
        if len(told) == 1:
            idleness.note(NUMBER)

    await idleness.run_out(tell)
    assert len(told) == 2
    assert idleness.told
    assert idleness.left_s == 0.0


async def test_without_a_limit_it_never_runs_out() -> None:
    waiting = asyncio.create_task(Idleness(0.0).run_out(lambda _: None))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    waiting.cancel()


@needs_address
async def test_a_session_without_anybody_is_told_and_ends(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(linger_s=0.2, idle_s=2.0)) as server:
        server.comparator = Empty()
        client = Client()
        await server.join(client)
        events = await events_until(client, Ended)
        assert [each.left_s <= 1.0 for each in events if isinstance(each, Idle)] == [True]
        assert events[-1].reason == await ended(server) == "idle"


@needs_address
async def test_a_call_s_session_may_rest(tmp_path: Path) -> None:
    limits = Limits(linger_s=0.2, idle_s=0.1)
    async with running(tmp_path, limits, plan={"call_id": "a-call"}) as server:
        server.comparator = Empty()
        client = Client()
        await server.join(client)
        await scores(client, 4)
        assert server.store.ended == []
