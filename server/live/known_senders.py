"""Packets of pictures only from where the page was found to be (OWASP ASVS 5.0, 17.2.6).

aioice 0.13 hands every datagram that is no STUN to DTLS, from whatever address it comes. A stranger
who finds the port could send a ClientHello before the page does, and the page's handshake would
fail; afterwards each packet of a flood would be looked at by DTLS or SRTP. What is from no address
that ICE has a candidate for is therefore dropped before. STUN stays open to all addresses: its
checks carry a password, and a page may turn up at a new one.

It reaches into aioice, and leaves any version alone that it was not made for.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import structlog
from aioice import Connection, stun
from aiortc import RTCPeerConnection

logger = structlog.get_logger(__name__)

AIOICE = "0.13.0"  # made for this one, as constraints.txt pins it


def only_known_senders(peer: RTCPeerConnection) -> None:
    """Drop what comes to the ports of a connection from anybody but its other side.

    Call it when the connection's candidates are gathered, before the other side knows them.
    """
    if not _made_for(version("aioice")):
        return
    for transport in peer._RTCPeerConnection__iceTransports:  # type: ignore[attr-defined]
        ice = transport.iceGatherer._connection
        for protocol in ice._protocols:
            # On the object: asyncio asks it for the method at each datagram.
            protocol.datagram_received = _guarded(ice, protocol.datagram_received)


@cache  # so that it is logged once
def _made_for(aioice: str) -> bool:
    if aioice == AIOICE:
        return True
    logger.warning("packets of strangers are not dropped", aioice=aioice, made_for=AIOICE)
    return False


def _guarded(
    ice: Connection, receive: Callable[[bytes, tuple[Any, ...]], None]
) -> Callable[[bytes, tuple[Any, ...]], None]:
    known: set[tuple[Any, ...]] = set()  # no more than ICE had candidates for

    def received(data: bytes, addr: tuple[Any, ...]) -> None:
        sender = addr[:2]
        if sender not in known:
            if any(pair.remote_addr == sender for pair in ice._check_list):
                known.add(sender)
            elif not _is_stun(data):
                return
        receive(data, addr)

    return received


def _is_stun(data: bytes) -> bool:
    """Whether aioice takes it for STUN; what it can't read it would hand on."""
    try:
        stun.parse_message(data)
    except ValueError:
        return False
    return True
