"""Conversations of two nodes over what they tell each other, which alone may lose messages.

What is said on a line comes in its order and once, or the line is over at both ends: each message
has its number, and an end that says nothing says at least how many it has said.
"""

import asyncio
import contextlib
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import structlog

from ..beside import beside
from .errors import ClusterAway

logger = structlog.get_logger(__name__)

STILL_S = 1.0  # between two signs of life
SILENT_S = 4.0  # without one the other end is gone, as a node is
MOST_WAITING = 1000  # messages, at either end
MOST_AT_ONCE = 100  # messages that go in one; Redis drops who gets too many bytes at once
LAST_WORDS_S = 1.0  # for what is to be said when this node stops
MOST_LOSSY = 50  # that wait before one that may be left out is

Message = dict[str, Any]
_Kind = Literal["open", "say", "still", "end"]


class Says(Protocol):
    """What is needed of `Channel`."""

    async def say(self, node_id: str, kind: str, **values: object) -> None:
        """Tell one node, in the order of the calls that were waited for."""
        ...


@dataclass(frozen=True)
class _Sent:
    line: "Line"
    kind: _Kind
    value: object = None


class Line:
    """One end. Iterating yields what the other one says, until the line is over.

    Attributes:
        node_id: Where the other end is.
        over: Whether nothing more can be said.
    """

    def __init__(
        self, node_id: str, number: str, put: Callable[[_Sent], None], now_s: float
    ) -> None:
        self.node_id = node_id
        self.number = number
        self.over = False
        self.said = 0
        self.waiting = 0
        self.heard = 0
        self.heard_at_s = now_s
        self._put = put
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()

    def say(self, message: Message, *, lossy: bool = False) -> None:
        """Say something, without waiting for it; one that is `lossy` only if few wait."""
        if self.over or (lossy and self.waiting >= MOST_LOSSY):
            return
        if self.waiting >= MOST_WAITING:
            logger.warning("a line between nodes does not get on; it is ended")
            self.end()
            return
        self.waiting += 1
        self._put(_Sent(self, "say", message))

    def end(self) -> None:
        """End it. What was said before still comes. Ending twice is harmless."""
        if not self.over:
            self._put(_Sent(self, "end"))
            self.is_over()

    def is_over(self) -> None:
        """Nothing more will be heard; for `Lines`."""
        if not self.over:
            self.over = True
            self._inbox.put_nowait(None)

    def hear(self, message: Message) -> None:
        """The other end has said something; for `Lines`. An end that is over hears nothing."""
        if self._inbox.qsize() >= MOST_WAITING:
            self.end()
        elif not self.over:
            self._inbox.put_nowait(message)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        message = await self._inbox.get()
        if message is None:
            self._inbox.put_nowait(None)  # also for who asks again
            raise StopAsyncIteration
        return message


Accept = Callable[[Line, Message], Awaitable[None]]


class Opens(Protocol):
    """What is needed of `Cluster.line_to`."""

    async def __call__(self, name: str, purpose: str, /, **opening: object) -> Line | None:
        """Open a line to the other node that has a call; None if none is known to."""
        ...


async def nowhere(_name: str, _purpose: str, /, **_opening: object) -> None:
    """There are no other nodes."""


class Lines:
    """All lines of this node.

    Args:
        node_id: This node.
        channel: By which nodes are told.
        accepts: For each purpose, what is done with a line that another node opens for it, and
            with how it was opened. When that is done the line is over.
        clock: Tells seconds that go on steadily.
    """

    def __init__(
        self,
        node_id: str,
        channel: Says,
        accepts: Mapping[str, Accept],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._node_id = node_id
        self._channel = channel
        self._accepts = accepts
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._outbox: asyncio.Queue[_Sent] = asyncio.Queue()
        self._serving: set[asyncio.Task[None]] = set()
        self._closing = False

    def call(self, node_id: str, purpose: str, **opening: object) -> Line:
        """Open a line to another node. Whether it is there shows when it says something, or not."""
        line = self._line(node_id, str(uuid.uuid4()))
        self._put(_Sent(line, "open", {"purpose": purpose, "opening": opening}))
        return line

    async def run(self) -> None:
        """Say what is to be said, until cancelled; then every line is over."""
        try:
            async with beside(self._beat(), "lines' signs of life"):
                while True:
                    await self._say(await self._next())
        finally:
            for line in self._lines.values():
                line.is_over()

    async def close(self) -> None:
        """End all lines, before `run` is cancelled: the other ends are told. None begins after."""
        self._closing = True
        for line in list(self._lines.values()):
            line.end()
        await asyncio.gather(*self._serving, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._outbox.join()

    async def hear(self, node: str, messages: list[Message]) -> None:
        """What another node says on its lines. It waits for nothing, so that the order stays."""
        for message in messages:
            self._hear(node, **message)

    def _hear(self, node: str, line: str, n: int, kind: _Kind, value: Any) -> None:
        there = self._lines.get(line)
        if there is None:
            if kind == "open" and not self._closing:
                there = self._line(node, line)
                there.heard = 1
                self._accept(there, value["purpose"], value["opening"])
            elif kind != "end":
                self._put(_Sent(Line(node, line, self._put, 0.0), "end"))
            return
        there.heard_at_s = self._clock()
        if kind == "end":
            self._lose(there)
        elif n != there.heard:
            logger.warning("something was lost between two nodes; a line is ended")
            there.end()
        elif kind == "say":
            there.heard += 1
            there.hear(value)

    def _accept(self, line: Line, purpose: str, opening: Message) -> None:
        accept = self._accepts.get(purpose)
        if accept is None:  # another version
            line.end()
            return

        async def serve() -> None:
            try:
                await accept(line, opening)
            except Exception:
                logger.exception("a line of another node failed", purpose=purpose)
            finally:
                line.end()

        task = asyncio.create_task(serve(), name=f"line for a {purpose}")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def _line(self, node_id: str, number: str) -> Line:
        line = Line(node_id, number, self._put, self._clock())
        self._lines[number] = line
        return line

    def _lose(self, line: Line) -> None:
        self._lines.pop(line.number, None)
        line.is_over()

    def _put(self, sent: _Sent) -> None:
        self._outbox.put_nowait(sent)

    async def _beat(self) -> None:
        while True:
            asleep_s = self._clock()
            await asyncio.sleep(STILL_S)
            late_s = max(0.0, self._clock() - asleep_s - STILL_S)  # this node's own fault
            for line in list(self._lines.values()):
                line.heard_at_s += late_s
                if self._clock() - line.heard_at_s > SILENT_S:
                    line.end()
                elif not line.over:
                    self._put(_Sent(line, "still"))

    async def _next(self) -> list[_Sent]:
        """What waits, in its order, as much as may go at once; waits until something does."""
        waiting = [await self._outbox.get()]
        while len(waiting) < MOST_AT_ONCE and not self._outbox.empty():
            waiting.append(self._outbox.get_nowait())
        return waiting

    async def _say(self, waiting: list[_Sent]) -> None:
        try:
            await self._send(waiting)
        except Exception:
            logger.exception("what was to be said on lines could not be")
            for sent in waiting:
                self._lose(sent.line)
        finally:
            for _ in waiting:
                self._outbox.task_done()

    async def _send(self, waiting: list[_Sent]) -> None:
        by_node: defaultdict[str, list[_Sent]] = defaultdict(list)
        for sent in waiting:
            by_node[sent.line.node_id].append(sent)
        for node_id, theirs in by_node.items():
            messages = [self._numbered(sent) for sent in theirs]
            try:
                await self._channel.say(node_id, "line", node=self._node_id, messages=messages)
            except ClusterAway:
                for sent in theirs:
                    self._lose(sent.line)

    def _numbered(self, sent: _Sent) -> Message:
        line, number = sent.line, sent.line.said
        if sent.kind in ("open", "say"):
            line.said += 1
        if sent.kind == "say":
            line.waiting -= 1
        if sent.kind == "end":
            self._lines.pop(line.number, None)
        return {"line": line.number, "n": number, "kind": sent.kind, "value": sent.value}
