"""When an issuer's keys are fetched; how, is in test_auth_discovery.py."""

import asyncio
import contextlib

import pytest
from issuer_server import jwk
from structlog.testing import capture_logs

from posesim_server.auth.key_set import read_keys
from posesim_server.auth.remote_keys import KeysUnavailable, RemoteKeys


class Source:
    """Keys that a test gives out, or not, with a clock that it moves."""

    def __init__(self):
        self.now_s = 1000.0
        self.key_ids = ["a", "b"]
        self.down = False
        self.fetches = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()
        self.keys = RemoteKeys(self.fetch, lambda: self.now_s)

    async def fetch(self):
        self.fetches += 1
        self.asked.set()
        await self.may_answer.wait()
        if self.down:
            raise KeysUnavailable("it is down.")
        return read_keys({"keys": [jwk("EdDSA", key_id) for key_id in self.key_ids]})

    async def knows(self, key_id):
        return await self.keys.find(key_id) is not None


@pytest.fixture
async def source():
    source = Source()
    yield source
    await source.keys.close()


async def test_keys_are_fetched_when_one_is_needed_and_then_kept(source):
    assert source.fetches == 0
    assert await source.knows("a")
    assert await source.knows("b")
    assert source.fetches == 1


async def test_many_who_need_keys_at_once_make_one_fetch(source):
    assert all(await asyncio.gather(*(source.knows("a") for _ in range(50))))
    assert source.fetches == 1


async def test_a_new_key_is_found(source):
    await source.knows("a")
    source.key_ids = ["b", "c"]
    source.now_s += 60.0
    assert await source.knows("c")
    assert not await source.knows("a")


async def test_unknown_keys_make_one_fetch_a_minute(source):
    for second in range(120):
        assert not await source.knows(f"unknown-{second}")
        source.now_s += 1.0
    assert source.fetches == 2


async def test_a_key_that_was_withdrawn_is_good_for_ten_minutes_at_most(source):
    await source.knows("a")
    source.key_ids = ["b"]
    source.now_s += 600.0
    assert await source.knows("a")
    source.now_s += 1.0
    assert not await source.knows("a")


async def test_the_last_keys_serve_for_a_day_while_the_issuer_is_down(source):
    await source.knows("a")
    source.down = True
    for _ in range(24 * 60):
        assert await source.knows("a")
        source.now_s += 60.0
    assert await source.knows("a")
    source.now_s += 1.0
    assert not await source.knows("a")
    source.down = False
    source.now_s += 60.0
    assert await source.knows("a")


async def test_nobody_with_a_known_key_waits_for_an_issuer_that_is_down(source):
    await source.knows("a")
    source.down = True
    source.now_s += 601.0
    assert await source.knows("a")  # who waited once, in vain
    source.now_s += 60.0
    source.may_answer.clear()
    assert await source.knows("a")
    await source.asked.wait()
    assert await source.knows("a")
    source.may_answer.set()


async def test_an_issuer_that_is_back_is_heard_of_without_waiting(source):
    await source.knows("a")
    source.down = True
    source.now_s += 601.0
    await source.knows("a")
    source.down = False
    source.key_ids = ["b"]
    source.now_s += 60.0
    assert await source.knows("a")  # once more, and asks meanwhile
    assert not await source.knows("unknown")  # who waits for what comes of that
    assert await source.knows("b")
    assert not await source.knows("a")


async def test_an_issuer_that_is_down_is_logged_and_no_key_is_known(source):
    source.down = True
    with capture_logs() as logs:
        assert not await source.knows("a")
    assert [(log["event"], log["error"]) for log in logs] == [
        ("the issuer's keys can't be fetched", "it is down.")
    ]


async def test_who_hangs_up_does_not_stop_the_fetch_of_others(source):
    source.may_answer.clear()
    impatient = asyncio.create_task(source.knows("a"))
    patient = asyncio.create_task(source.knows("a"))
    await source.asked.wait()
    impatient.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await impatient
    source.may_answer.set()
    assert await patient
    assert source.fetches == 1


async def test_closing_ends_a_fetch_that_goes_on():
    source = Source()
    source.may_answer.clear()
    waiting = asyncio.create_task(source.knows("a"))
    await source.asked.wait()
    await source.keys.close()
    assert not await waiting
