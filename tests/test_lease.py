import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from posesim_server.auth import BadToken, SessionClaims, Tokens
from posesim_server.live.lease import Lease

TOKENS = Tokens(bytes(range(32)), user_token_s=900, session_token_s=300)


class Clock:
    """A steady clock that a test moves."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lease(clock):
    return Lease("s1", "anna", TOKENS, clock)


def left(seconds):
    return SessionClaims("s1", "anna", seconds)


def issued(session_id="s1", user_id="anna", ago_s=0.0):
    return TOKENS.issue_session(session_id, user_id, datetime.now(UTC) - timedelta(seconds=ago_s))


def test_a_lease_is_empty_until_a_token_came(lease):
    assert lease.left_s == 0.0


def test_a_lease_runs_on_the_steady_clock_alone(lease, clock):
    lease.prolong(left(300.0))
    clock.now_s += 120.0
    assert lease.left_s == 180.0
    clock.now_s += 500.0
    assert lease.left_s == 0.0


def test_a_token_that_ends_sooner_takes_nothing_away(lease):
    lease.prolong(left(300.0))
    lease.prolong(left(10.0))
    assert lease.left_s == 300.0


def test_another_token_of_the_session_prolongs_it(lease, clock):
    lease.prolong(left(300.0))
    clock.now_s += 290.0
    lease.renew(issued())
    assert 295.0 < lease.left_s <= 300.0


def test_a_token_that_waited_gives_only_what_it_has_left(lease):
    lease.renew(issued(ago_s=200.0))
    assert 95.0 < lease.left_s <= 100.0


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda: issued("s2"), id="of another session"),
        pytest.param(lambda: issued(user_id="ben"), id="of another user"),
        pytest.param(lambda: issued(ago_s=301.0), id="expired"),
        pytest.param(lambda: issued()[:-4] + "AAAA", id="forged"),
        pytest.param(lambda: TOKENS.issue_user("anna", "s1", datetime.now(UTC)), id="of a user"),
        pytest.param(lambda: "", id="empty"),
    ],
)
def test_another_token_prolongs_nothing(lease, token):
    lease.prolong(left(10.0))
    with pytest.raises(BadToken):
        lease.renew(token())
    assert lease.left_s == 10.0


def test_without_a_way_to_verify_tokens_none_is_taken(clock):
    with pytest.raises(BadToken):
        Lease("s1", "anna", None, clock).renew(issued())


async def test_a_lease_that_is_prolonged_while_it_runs_out_goes_on():
    lease = Lease("s1", "anna", TOKENS)
    lease.prolong(left(0.05))
    running = asyncio.create_task(lease.run_out())
    await asyncio.sleep(0)  # it waits now
    lease.prolong(left(0.2))
    await running
    assert lease.left_s == 0.0
