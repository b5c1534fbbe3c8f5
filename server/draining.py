"""The time between the wish that the server stops and its stop: what runs may come to its end."""

import asyncio
from typing import Protocol

import structlog

logger = structlog.get_logger(__name__)


class Drains(Protocol):
    """What runs for a while: sessions, calls."""

    def drain(self, left_s: float) -> None:
        """Begin nothing new, and tell who is there that the end comes in `left_s` seconds."""
        ...

    async def idle(self) -> None:
        """Wait until nothing runs."""
        ...


async def drain(
    those: list[Drains], limit_s: float, *ends: asyncio.Future[None] | asyncio.Task[bool]
) -> bool:
    """Let what runs come to its end by itself; return whether it all did.

    Args:
        those: Told first, then waited for.
        limit_s: How long at most.
        ends: Any of these ends the waiting as well. They are the caller's.
    """
    for each in those:
        each.drain(limit_s)
    idle = asyncio.create_task(_all_idle(those), name="drain")
    logger.info("draining", limit_s=limit_s)
    try:
        await asyncio.wait({idle, *ends}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        return idle.done()
    finally:
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)


async def _all_idle(those: list[Drains]) -> None:
    await asyncio.gather(*(each.idle() for each in those))
