"""Whose turn it is, where several nodes work from the same tables; one alone has every one."""

from collections.abc import Collection
from typing import Protocol


class Turns(Protocol):
    """What is needed of `server.cluster.turns.ClusterTurns`."""

    look_s: float | None  # after which to look for what another node left; None: there is none

    async def claim(self, name: str) -> bool:
        """Take something for this node; False if another one has it."""
        ...

    async def elsewhere(self, names: Collection[str]) -> set[str]:
        """Which of these others have."""
        ...

    def let_go(self, name: str) -> None:
        """This node does not need it any more."""
        ...

    def tell(self, kind: str, **values: object) -> None:
        """Tell the other nodes, soon."""
        ...


class NoTurn:
    """Before a node has joined its cluster, and after it has left."""

    look_s: float | None = 1.0

    async def claim(self, _name: str) -> bool:
        """Others may have it."""
        return False

    async def elsewhere(self, names: Collection[str]) -> set[str]:
        """All of them, perhaps."""
        return set(names)

    def let_go(self, name: str) -> None:
        """It has none."""

    def tell(self, kind: str, **values: object) -> None:
        """There is no way to tell."""


class EveryTurn:
    """There are no other nodes."""

    look_s: float | None = None

    async def claim(self, _name: str) -> bool:
        """Nobody else could have it."""
        return True

    async def elsewhere(self, _names: Collection[str]) -> set[str]:
        """There is no elsewhere."""
        return set()

    def let_go(self, name: str) -> None:
        """Nobody else could want it."""

    def tell(self, kind: str, **values: object) -> None:
        """There is nobody to tell."""
