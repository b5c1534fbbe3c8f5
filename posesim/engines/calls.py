"""Work that asks for the network instead of calling it, so that streams can be served together.

A generator yields what it needs, a `StemCall` or a `TailCall`, and is sent the result. Alone it is
driven by `run`; together with others by `run_together`, which hands the engine the calls of
all of them at once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from posesim.engines.base import Engine, Inside, Stream

T = TypeVar("T")


@dataclass(frozen=True)
class StemCall:
    """Advance `stream` by one chunk; answered with its taps."""

    stream: Stream
    chunk: np.ndarray
    inside: Inside


@dataclass(frozen=True)
class TailCall:
    """Look at the last window of `stream`; answered with a `Window`."""

    stream: Stream
    behind: int


Calls = Generator[StemCall | TailCall, Any, T]


def run(engine: Engine, calls: Calls[T]) -> T:
    """Drive one generator to its end; return what it returns."""
    return run_together(engine, [calls])[0]


def run_together(engine: Engine, many: Sequence[Calls[T]]) -> list[T]:
    """Drive generators side by side, so that the engine may batch; return what each returns.

    No two of them may use one stream.
    """
    results: dict[int, T] = {}
    asked: dict[int, StemCall | TailCall] = {}

    def go_on(i: int, answer: object) -> None:
        try:
            asked[i] = many[i].send(answer)
        except StopIteration as end:
            results[i] = end.value

    for i in range(len(many)):
        go_on(i, None)
    while asked:
        stems = {i: call for i, call in asked.items() if isinstance(call, StemCall)}
        tails = {i: call for i, call in asked.items() if isinstance(call, TailCall)}
        asked.clear()
        if stems:
            calls = list(stems.values())
            taps = engine.stem(
                [c.stream for c in calls], [c.chunk for c in calls], [c.inside for c in calls]
            )
            for i, answer in zip(stems, taps, strict=True):
                go_on(i, answer)
        if tails:
            looks = list(tails.values())
            windows = engine.tail([c.stream for c in looks], [c.behind for c in looks])
            for i, window in zip(tails, windows, strict=True):
                go_on(i, window)
    return [results[i] for i in range(len(many))]
