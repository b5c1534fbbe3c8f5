import asyncio

import pytest

from posesim_server.one_at_a_time import OneAtATime, TooManyAsked


async def test_turns_come_one_after_the_other_in_their_order():
    turns, seen = OneAtATime(), []

    async def work(user):
        async with turns.turn(user):
            seen.append(f"{user} begins")
            await asyncio.sleep(0)
            seen.append(f"{user} ends")

    await asyncio.gather(work("anna"), work("ben"))
    assert seen == ["anna begins", "anna ends", "ben begins", "ben ends"]


async def test_who_asks_for_too_many_is_refused_and_nobody_else():
    turns = OneAtATime(most_a_user=1)
    async with turns.turn("anna"):
        with pytest.raises(TooManyAsked, match="Wait until they are done"):
            async with turns.turn("anna"):
                pass
        waiting = asyncio.create_task(turns.turn("ben").__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_a_turn_that_failed_is_over():
    turns = OneAtATime(most_a_user=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="planted"):
            async with turns.turn("anna"):
                raise ValueError("planted")
