"""Lines between nodes: what is said comes in order and once, or both ends know that it is over."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from posesim_server.cluster import lines
from posesim_server.cluster.errors import ClusterAway
from posesim_server.cluster.lines import MOST_LOSSY, MOST_WAITING, Line, Lines
from server import WAIT_S

Clock = Callable[[], float]


class Wire:
    """Carries what nodes say; `lose` messages, or be `away`, or `slow`."""

    def __init__(self) -> None:
        self.nodes: dict[str, Lines] = {}
        self.lose = 0
        self.away = False
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def say(self, node_id: str, _kind: str, **values: Any) -> None:
        await self.open.wait()
        if self.away:
            raise ClusterAway("it does not answer")
        if self.broken:
            raise RuntimeError("planted")
        if self.lose:
            self.lose -= 1
        elif node_id in self.nodes:
            await self.nodes[node_id].hear(**values)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@contextlib.asynccontextmanager
async def node(
    wire: Wire, name: str, clock: Clock = time.monotonic, **accepts: lines.Accept
) -> AsyncIterator[Lines]:
    there = wire.nodes[name] = Lines(name, wire, accepts, clock)
    task = asyncio.create_task(there.run())
    try:
        yield there
    finally:
        await there.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del wire.nodes[name]


async def echo(line: Line, opening: dict[str, Any]) -> None:
    line.say({"opened": opening})
    async for message in line:
        line.say({"echo": message})


async def heard(line: Line, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(WAIT_S):
        return [await anext(line) for _ in range(count)]


async def is_over(line: Line) -> list[dict[str, Any]]:
    """What still came before the end."""
    async with asyncio.timeout(WAIT_S):
        return [message async for message in line]


async def test_what_is_said_comes_once_and_in_its_order(wire):
    async with node(wire, "a") as a, node(wire, "b", echo=echo):
        line = a.call("b", "echo", of="mia")
        for number in range(200):
            line.say({"number": number})
        opened, *echoes = await heard(line, 201)
        assert opened == {"opened": {"of": "mia"}}
        assert [each["echo"]["number"] for each in echoes] == list(range(200))


async def test_what_was_said_before_the_end_still_comes(wire):
    async def goodbye(line: Line, _opening: dict[str, Any]) -> None:
        line.say({"last": "words"})

    async with node(wire, "a") as a, node(wire, "b", goodbye=goodbye):
        assert await is_over(a.call("b", "goodbye")) == [{"last": "words"}]


async def test_the_other_end_hears_of_an_end(wire):
    ended = asyncio.Event()

    async def wait(line: Line, _opening: dict[str, Any]) -> None:
        assert await is_over(line) == []
        ended.set()

    async with node(wire, "a") as a, node(wire, "b", wait=wait):
        line = a.call("b", "wait")
        line.end()
        line.end()
        line.say({"too": "late"})
        async with asyncio.timeout(WAIT_S):
            await ended.wait()


async def test_an_end_that_is_over_hears_nothing_of_what_was_under_way(wire):
    async def talk(line: Line, _opening: dict[str, Any]) -> None:
        line.say({"word": "first"})
        async for _ in line:
            pass

    async with node(wire, "a") as a, node(wire, "b", talk=talk):
        line = a.call("b", "talk")
        await heard(line, 1)
        line.end()
        line.hear({"word": "late"})
        assert await is_over(line) == []
        assert await is_over(line) == []  # also who asks again


async def test_a_node_that_closes_begins_no_line(wire):
    served = asyncio.Event()

    async def serve(_line: Line, _opening: dict[str, Any]) -> None:
        served.set()

    async with node(wire, "a") as a, node(wire, "b", serve=serve) as b:
        await b.close()
        assert await is_over(a.call("b", "serve")) == []
        assert not served.is_set()


async def test_a_line_of_which_something_was_lost_is_over_at_both_ends(wire):
    over: list[str] = []

    async def listen(line: Line, _opening: dict[str, Any]) -> None:
        line.say({"here": True})
        over.extend([each["word"] for each in await is_over(line)])
        over.append("over")

    async with node(wire, "a") as a, node(wire, "b", listen=listen):
        line = a.call("b", "listen")
        await heard(line, 1)
        wire.lose = 1
        line.say({"word": "lost"})
        await asyncio.sleep(0.01)
        line.say({"word": "never heard"})
        assert await is_over(line) == []
        assert over == ["over"]


async def test_the_loss_of_the_last_word_is_noticed_too(wire, monkeypatch):
    monkeypatch.setattr(lines, "STILL_S", 0.02)
    async with node(wire, "a") as a, node(wire, "b", echo=echo):
        line = a.call("b", "echo")
        await heard(line, 1)
        line.say({"word": "lost"})
        wire.lose = 1
        assert await is_over(line) == []


async def test_a_line_to_a_node_that_is_not_there_or_goes_is_over(wire, monkeypatch):
    monkeypatch.setattr(lines, "STILL_S", 0.02)
    monkeypatch.setattr(lines, "SILENT_S", 0.2)
    async with node(wire, "a") as a:
        assert await is_over(a.call("nobody", "echo")) == []
        async with node(wire, "b", echo=echo):
            line = a.call("b", "echo")
            await heard(line, 1)
            await asyncio.sleep(0.5)
            assert not line.over  # though nobody says anything
            told = a.call("b", "echo")
            await heard(told, 1)
        assert await is_over(told) == []
        assert await is_over(line) == []


async def test_a_node_that_stood_still_itself_takes_nobody_for_gone(wire, monkeypatch):
    monkeypatch.setattr(lines, "STILL_S", 0.02)
    stood_still_s = 0.0
    async with (
        node(wire, "a", lambda: time.monotonic() + stood_still_s) as a,
        node(wire, "b", echo=echo),
    ):
        line = a.call("b", "echo")
        await heard(line, 1)
        for _ in range(3):
            stood_still_s += 100.0
            await asyncio.sleep(0.1)
        line.say({"still": "there"})
        assert await heard(line, 1) == [{"echo": {"still": "there"}}]


async def test_a_node_that_began_anew_says_that_it_knows_no_such_line(wire, monkeypatch):
    monkeypatch.setattr(lines, "STILL_S", 0.02)
    async with node(wire, "a") as a:
        async with node(wire, "b", echo=echo):
            line = a.call("b", "echo")
            await heard(line, 1)
            wire.lose = 1_000_000  # it dies without a word
        wire.lose = 0
        async with node(wire, "b", echo=echo):
            assert await is_over(line) == []


async def test_where_nodes_can_tell_each_other_nothing_all_lines_are_over(wire):
    async with node(wire, "a") as a, node(wire, "b", echo=echo):
        line = a.call("b", "echo")
        await heard(line, 1)
        wire.away = True
        line.say({"word": "unheard"})
        assert await is_over(line) == []


async def test_what_can_not_be_said_ends_its_line_and_no_other(wire):
    async with node(wire, "a") as a, node(wire, "b", echo=echo):
        line = a.call("b", "echo")
        await heard(line, 1)
        wire.broken = True
        line.say({"word": "unheard"})
        assert await is_over(line) == []
        wire.broken = False
        await heard(a.call("b", "echo"), 1)


async def test_a_purpose_that_the_other_version_does_not_know_is_over_at_once(wire):
    async with node(wire, "a") as a, node(wire, "b", echo=echo):
        assert await is_over(a.call("b", "dance")) == []


async def test_a_failure_at_the_other_end_is_an_end(wire):
    async def fail(_line: Line, _opening: dict[str, Any]) -> None:
        raise RuntimeError("planted")

    async with node(wire, "a") as a, node(wire, "b", fail=fail):
        assert await is_over(a.call("b", "fail")) == []


async def test_what_may_be_left_out_is_when_much_waits_and_too_much_is_an_end(wire):
    async with node(wire, "a") as a, node(wire, "b", echo=echo):
        line = a.call("b", "echo")
        await heard(line, 1)
        wire.open.clear()
        for number in range(2 * MOST_LOSSY):
            line.say({"score": number}, lossy=True)
        line.say({"event": "kept"})
        wire.open.set()
        echoes = [each["echo"] for each in await heard(line, MOST_LOSSY + 1)]
        assert echoes[-1] == {"event": "kept"}
        assert [each["score"] for each in echoes[:-1]] == list(range(MOST_LOSSY))

        wire.open.clear()
        for number in range(MOST_WAITING + 1):
            line.say({"number": number})
        wire.open.set()
        assert line.over
