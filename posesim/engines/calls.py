"""Work that asks for the network instead of calling it, so that streams can be served together.

A generator yields what it needs, a `StemCall` or a `TailCall`, and is sent the result. Alone it is
driven by `run`; together with others by `run_together`, which hands the engine the calls of
all of them at once; and where others come and go meanwhile by `Turns`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from posesim.engines.base import Engine, Inside, Stream

T = TypeVar("T")
K = TypeVar("K")


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
    turns: Turns[int] = Turns(engine, max(len(many), 1))
    for i, calls in enumerate(many):
        turns.add(i, calls)
    results: dict[int, T] = {}
    while turns:
        for outcome in turns.serve():
            if outcome.error is not None:
                raise outcome.error
            results[outcome.key] = outcome.value
    return [results[i] for i in range(len(many))]


@dataclass(frozen=True)
class Outcome(Generic[K]):
    """What a generator returned, or the error that ended it."""

    key: K
    value: Any
    error: Exception | None = None


@dataclass(eq=False)
class _Entry(Generic[K]):
    key: K
    calls: Calls[Any]
    urgent: bool
    asked: StemCall | TailCall


class Turns(Generic[K]):
    """Serves many generators in turn, one call of the engine each, whoever comes meanwhile.

    Those that are urgent go first; among equals, who was served goes behind those that wait. So
    nobody waits for more than one call of each other, and the others for those that are urgent.
    One that fails ends alone.

    Args:
        engine: Runs the network.
        most_together: So many calls of one kind are handed to the engine at once.

    Raises:
        ValueError: If `most_together` is below 1.
    """

    def __init__(self, engine: Engine, most_together: int = 1) -> None:
        if most_together < 1:
            raise ValueError(f"most_together must be at least 1, got {most_together}")
        self._engine = engine
        self._most_together = most_together
        self._new: deque[tuple[K, Calls[Any], bool]] = deque()
        self._urgent: deque[_Entry[K]] = deque()
        self._others: deque[_Entry[K]] = deque()

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._new or self._urgent or self._others)

    def add(self, key: K, calls: Calls[Any], *, urgent: bool = True) -> None:
        """Let a generator take part. No two may use one stream."""
        self._new.append((key, calls, urgent))

    def serve(self) -> list[Outcome[K]]:
        """Make one call of the engine; return who has ended.

        Those that end before their first call are returned at once, before anybody is served.
        """
        ended: list[Outcome[K]] = []
        while self._new:
            key, calls, urgent = self._new.popleft()
            ended += self._go_on(key, calls, urgent, None)
        group = [] if ended else self._next()
        if not group:
            return ended
        try:
            answers = self._call([entry.asked for entry in group])
        except Exception as error:  # whose call it was can't be told
            return [outcome for entry in group for outcome in self._fail(entry, error)]
        for entry, answer in zip(group, answers, strict=True):
            ended += self._go_on(entry.key, entry.calls, entry.urgent, answer)
        return ended

    def _next(self) -> list[_Entry[K]]:
        """Take who is at the head, and with it those behind that ask for the same."""
        waiting = self._urgent or self._others
        if not waiting:
            return []
        kind = type(waiting[0].asked)
        group = [entry for entry in waiting if type(entry.asked) is kind][: self._most_together]
        for entry in group:
            waiting.remove(entry)
        return group

    def _call(self, asked: Sequence[StemCall | TailCall]) -> Sequence[Any]:
        if stems := [call for call in asked if isinstance(call, StemCall)]:
            return self._engine.stem(
                [c.stream for c in stems], [c.chunk for c in stems], [c.inside for c in stems]
            )
        tails = [call for call in asked if isinstance(call, TailCall)]
        return self._engine.tail([c.stream for c in tails], [c.behind for c in tails])

    def _go_on(self, key: K, calls: Calls[Any], urgent: bool, answer: object) -> list[Outcome[K]]:
        try:
            asked = calls.send(answer)
        except StopIteration as end:
            return [Outcome(key, end.value)]
        except Exception as error:  # it belongs to who added this one; the others go on
            return [Outcome(key, None, error)]
        (self._urgent if urgent else self._others).append(_Entry(key, calls, urgent, asked))
        return []

    def _fail(self, entry: _Entry[K], error: Exception) -> list[Outcome[K]]:
        """Let a generator clean up after a call that failed."""
        try:
            entry.calls.throw(error)
        except StopIteration as end:
            return [Outcome(entry.key, end.value)]
        except Exception as its_own:
            return [Outcome(entry.key, None, its_own)]
        entry.calls.close()
        return [Outcome(entry.key, None, error)]
