"""This node among the others: it says that it is there, and hears who else is."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import structlog

from .directory import Directory
from .errors import ClusterAway
from .node import Difference, Node, in_words, odd_redis, unlike, why_not

logger = structlog.get_logger(__name__)

BEAT_S = 1.0  # a node may miss some before it is thought dead
SLOW_S = 0.5  # an answer that took longer says nothing about the clock
UNBORN_S = 1e12  # when a node came that has not asked Redis for the time


@dataclass(frozen=True)
class Room:
    """How many sessions may run here, how many do, and whether there may be more at all."""

    most: int
    placed: int
    draining: bool


class Membership:
    """Beats until cancelled. What it hears is in its attributes.

    Args:
        directory: Where it says that this node is there.
        node: This node as it is at first.
        room: Asked at each beat.
        running: The sessions and calls that are here and not over, asked at each beat.
        lost: Told of those of them that another node has.
        wall: The clock of this machine.

    Attributes:
        node: As it was told last.
        nodes: All that are there, as far as is known.
        away: Why Redis can't be used; None if it can.
        refused: Why this node gets no sessions though it has room; None if it does.
        skew_s: How far this machine's clock is ahead of that of Redis.
    """

    def __init__(
        self,
        directory: Directory,
        node: Node,
        *,
        room: Callable[[], Room],
        running: Callable[[], Collection[str]],
        lost: Callable[[str], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.node = replace(node, began_s=UNBORN_S, takes=False)
        self.nodes: list[Node] = []
        self.away: str | None = None
        self.refused: str | None = None
        self.skew_s = 0.0
        self._directory = directory
        self._room = room
        self._running = running
        self._lost = lost
        self._wall = wall
        self._had: frozenset[str] = frozenset()

    @property
    def unlike(self) -> dict[Difference, list[Node]]:
        """The nodes that are there and not like this one, by what they have."""
        return unlike(self.node, self.nodes)

    @property
    def degraded(self) -> str | None:
        """What is wrong although this node may get sessions; None if nothing is."""
        if self.away is not None:
            return self.away
        wrong = [odd_redis(self.skew_s), in_words(self.node, self.unlike)]
        return " ".join(each for each in wrong if each) or None

    async def run(self) -> None:
        """Beat."""
        while True:
            try:
                await self.beat()
            except Exception:  # a node that gives no sign is taken for dead
                logger.exception("a beat failed")
            await asyncio.sleep(BEAT_S)

    async def beat(self) -> None:
        """Say once that this node is there. That Redis is away is noted."""
        try:
            await self._beat()
        except ClusterAway as error:
            if self.away is None:
                logger.warning("the cluster is away", error=str(error))
            self.away = str(error)
        else:
            if self.away is not None:
                logger.warning("the cluster is back")
            self.away = None

    async def leave(self) -> None:
        """Say that this node is going; others may have its sessions at once."""
        try:
            await self._directory.leave()
        except ClusterAway as error:
            logger.warning("the cluster was not told that this node goes", error=str(error))

    async def _beat(self) -> None:
        room, running = self._room(), frozenset(self._running())
        self.node = replace(
            self.node,
            most=room.most,
            placed=room.placed,
            takes=self.node.began_s < UNBORN_S and self.refused is None and not room.draining,
        )
        asked_s = self._wall()
        beat = await self._directory.beat(self.node, running, self._had - running)
        took_s = self._wall() - asked_s
        self._had = running
        if 0 <= took_s < SLOW_S:
            self.skew_s = asked_s + took_s / 2 - beat.at_s
        if self.node.began_s == UNBORN_S:
            self.node = replace(self.node, began_s=beat.at_s)
        self.node = replace(self.node, skew_s=self.skew_s)
        for session_id in beat.lost:
            logger.warning("another node has the session", session_id=session_id)
            self._lost(session_id)
        self.nodes = await self._directory.nodes()
        refused = why_not(self.node, self.nodes, self.skew_s)
        if refused != self.refused:
            logger.warning("this node gets sessions" if refused is None else refused)
        self.refused = refused
