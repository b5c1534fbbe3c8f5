"""UDP ports for pictures out of a range that a firewall can let through.

aioice opens each of its sockets with port 0, which lets the system choose, and has no setting for
it. It does so by the event loop's public `create_datagram_endpoint`; so the loop is told to choose.
Nothing of aioice itself is changed. Other sockets, those with a port or without an address of
their own, are opened as before.
"""

import asyncio
import contextlib
import errno
import random
from collections.abc import Callable, Iterator
from typing import Any

import structlog

logger = structlog.get_logger(__name__)

_CREATE = "create_datagram_endpoint"


@contextlib.contextmanager
def media_ports(loop: asyncio.AbstractEventLoop, first: int, last: int) -> Iterator[None]:
    """Let UDP sockets of `loop` that ask for any port get one from `first` to `last`.

    When all are taken, opening one fails with `EADDRINUSE`, as when the system has none left.
    """
    create = loop.create_datagram_endpoint

    async def create_in_range(
        protocol_factory: Callable[[], asyncio.DatagramProtocol],
        local_addr: tuple[str, int] | None = None,
        **options: Any,
    ) -> tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]:
        if local_addr is None or local_addr[1] != 0:
            return await create(protocol_factory, local_addr, **options)
        # At random: a port that was given back a moment ago may still be sent to.
        for port in random.sample(range(first, last + 1), last + 1 - first):
            try:
                return await create(protocol_factory, (local_addr[0], port), **options)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        logger.error("all ports of --media-ports are taken", first=first, last=last)
        raise OSError(errno.EADDRINUSE, f"all UDP ports from {first} to {last} are taken")

    setattr(loop, _CREATE, create_in_range)
    try:
        yield
    finally:
        setattr(loop, _CREATE, create)
