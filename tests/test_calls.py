"""Who gets the engine when."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine

from posesim.engines.base import I3D, Inside, Window
from posesim.engines.calls import Calls, Outcome, StemCall, TailCall, Turns, run_together

NO_INSIDE: Any = None
CHUNK = np.zeros((8, 224, 224, 3), np.uint8)


class Recorder:
    """An engine whose streams are names; keeps who was served together."""

    layout = I3D
    info = FakeEngine.info

    def __init__(self) -> None:
        self.calls: list[str] = []

    def open(self) -> str:
        return "?"

    def stem(
        self, streams: Sequence[Any], chunks: Sequence[np.ndarray], inside: Sequence[Inside]
    ) -> list[np.ndarray]:
        self.calls.append("stem " + "".join(streams))
        if "x" in streams:
            raise RuntimeError("a planted failure")
        return [np.zeros(1)] * len(streams)

    def tail(self, streams: Sequence[Any], behind: Sequence[int]) -> list[Window]:
        self.calls.append("tail " + "".join(streams))
        return [Window(np.zeros(1), np.zeros(1))] * len(streams)


def work(name: str, chunks: int) -> Calls[str]:
    """So many chunks, each with its window."""
    for _ in range(chunks):
        yield StemCall(name, CHUNK, NO_INSIDE)
        yield TailCall(name, 0)
    return name


def stems(name: str, chunks: int) -> Calls[str]:
    for _ in range(chunks):
        yield StemCall(name, CHUNK, NO_INSIDE)
    return name


def served(turns: Turns[str]) -> list[Outcome[str]]:
    ended: list[Outcome[str]] = []
    while turns:
        ended += turns.serve()
    return ended


def test_who_floods_waits_for_its_turn_like_everybody() -> None:
    engine = Recorder()
    turns: Turns[str] = Turns(engine)
    turns.add("flood", stems("f", 5))
    turns.add("a", stems("a", 1))
    turns.add("b", stems("b", 1))
    ended = served(turns)
    assert engine.calls == ["stem f", "stem a", "stem b", "stem f", "stem f", "stem f", "stem f"]
    assert [outcome.key for outcome in ended] == ["a", "b", "flood"]


def test_who_comes_later_waits_for_one_call_of_each_other() -> None:
    engine = Recorder()
    turns: Turns[str] = Turns(engine)
    turns.add("a", work("a", 2))
    turns.add("b", work("b", 2))
    turns.serve()
    turns.add("c", work("c", 1))
    served(turns)
    assert engine.calls[:5] == ["stem a", "stem b", "tail a", "stem c", "tail b"]


def test_an_upload_delays_a_session_by_one_call_at_most() -> None:
    engine = Recorder()
    turns: Turns[str] = Turns(engine)
    turns.add("upload", work("u", 3), urgent=False)
    turns.serve()
    turns.add("live", work("l", 2))
    served(turns)
    assert engine.calls == [
        "stem u", "stem l", "tail l", "stem l", "tail l", "tail u", "stem u", "tail u", "stem u",
        "tail u",
    ]  # fmt: skip


def test_calls_of_one_kind_are_made_together_up_to_the_limit() -> None:
    engine = Recorder()
    turns: Turns[str] = Turns(engine, most_together=2)
    for name in "abc":
        turns.add(name, work(name, 1))
    served(turns)
    assert engine.calls == ["stem ab", "stem c", "tail ab", "tail c"]


def test_one_that_fails_ends_alone() -> None:
    def broken() -> Calls[str]:
        yield TailCall("b", 0)
        raise ValueError("a planted failure")

    engine = Recorder()
    turns: Turns[str] = Turns(engine)
    turns.add("broken", broken())
    turns.add("failing call", stems("x", 1))
    turns.add("a", stems("a", 2))
    ended = served(turns)
    assert [(outcome.key, type(outcome.error)) for outcome in ended] == [
        ("broken", ValueError),
        ("failing call", RuntimeError),
        ("a", type(None)),
    ]


def test_what_needs_no_call_is_told_before_anybody_is_served() -> None:
    engine = Recorder()
    turns: Turns[str] = Turns(engine)
    turns.add("a", stems("a", 1))
    turns.add("nothing", stems("n", 0))
    assert turns.serve() == [Outcome("nothing", "n")]
    assert engine.calls == []


def test_together_or_one_by_one_gives_the_same() -> None:
    together = run_together(Recorder(), [work("a", 2), stems("b", 3)])
    assert together == ["a", "b"]


def test_at_least_one_call_at_a_time() -> None:
    with pytest.raises(ValueError, match="most_together must be at least 1, got 0"):
        Turns(Recorder(), 0)
