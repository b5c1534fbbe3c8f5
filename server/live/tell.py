"""How other nodes are told of what ends; a server that is alone tells nobody."""

from collections.abc import Awaitable, Callable

Tell = Callable[..., Awaitable[None]]  # of a kind of message, and its values by name


async def tell_nobody(_kind: str, **_values: object) -> None:
    """There are no others."""
