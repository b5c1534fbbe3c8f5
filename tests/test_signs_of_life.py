"""Waiting until a page is not heard of any more, on a clock that the tests set."""

import asyncio

from posesim_server.live.heartbeat import Contact
from posesim_server.live.plan import Limits
from posesim_server.live.signs_of_life import SignsOfLife

LIMITS = Limits(setup_s=20.0, silence_s=10.0, degraded_s=3.0, free_s=9.0)


class Waiting:
    """Somebody who waits until a page with a camera is lost; its time goes on when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.signs = SignsOfLife(LIMITS, clock=lambda: self.now_s)
        self.signs.joined()
        self.signs.frame()

    async def __aenter__(self) -> "Waiting":
        self.lost: asyncio.Task[Contact] = asyncio.create_task(self.signs.lost())
        await self.turn()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.lost.cancel()
        await asyncio.gather(self.lost, return_exceptions=True)

    async def turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_page_whose_connection_is_gone_is_away_at_once() -> None:
    async with Waiting() as waiting:
        assert not waiting.lost.done()
        waiting.signs.closed()
        assert await waiting.lost == "away"


async def test_a_degraded_page_is_good_again_with_its_next_word() -> None:
    waiting = Waiting()
    waiting.now_s = 4.0
    async with waiting:
        assert waiting.signs.contact == "degraded"
        waiting.signs.message()
        await waiting.turn()
        assert waiting.signs.contact == "good"
        assert not waiting.lost.done()


async def test_the_first_picture_ends_the_patience_of_the_set_up() -> None:
    waiting = Waiting()
    waiting.signs = SignsOfLife(LIMITS, clock=lambda: waiting.now_s)
    waiting.signs.joined()
    async with waiting:
        waiting.now_s = 5.0
        assert waiting.signs.look() == "good"
        waiting.signs.frame()
        waiting.now_s = 9.0
        await waiting.turn()
        assert waiting.signs.contact == "degraded"


async def test_a_page_of_an_earlier_run_is_away_until_it_comes() -> None:
    signs = SignsOfLife(LIMITS, seen=True, clock=lambda: 0.0)
    assert signs.contact == "away"
    assert await signs.lost() == "away"
    signs.joined()
    assert signs.look() == "good"
