"""Whose turn it is to do what is in the tables of all nodes."""

from collections.abc import Callable, Collection

from .channel import Channel
from .directory import Directory
from .errors import ClusterAway

LOOK_S = 5.0


class ClusterTurns:
    """Takes turns by Redis. Without it a node goes on with what it had, and takes nothing new.

    Args:
        directory, channel: By which turns are taken, and told.
        away: Whether Redis is known to be.
        fits: Whether this node fits the others; one that does not takes nothing new either.

    Attributes:
        look_s: After which to look for what a node left that died.
        has: What this node has.
    """

    def __init__(
        self,
        directory: Directory,
        channel: Channel,
        *,
        away: Callable[[], bool],
        fits: Callable[[], bool],
    ) -> None:
        self.look_s: float | None = LOOK_S
        self.has: set[str] = set()
        self._directory = directory
        self._channel = channel
        self._away = away
        self._fits = fits

    async def claim(self, name: str) -> bool:
        """Take something for this node; False if another one has it, or it is not known."""
        if not self._fits():
            return name in self.has
        try:
            claimed = not self._away() and await self._directory.claim(name)
        except ClusterAway:
            claimed = False
        if claimed:
            self.has.add(name)
        elif not self._away():
            self.has.discard(name)
        return name in self.has

    async def elsewhere(self, names: Collection[str]) -> set[str]:
        """Which of these others have, or may; where that is not known, all this node has not."""
        try:
            if not self._away() and self._fits():
                return await self._directory.elsewhere(names)
        except ClusterAway:
            pass
        return set(names) - self.has

    def let_go(self, name: str) -> None:
        """Others may have it from the next beat on."""
        self.has.discard(name)

    def tell(self, kind: str, **values: object) -> None:
        """Tell the other nodes, soon; what can't be told is dropped."""
        if not self._away():
            self._channel.tell_soon(kind, **values)
