"""A connection that ends while it is made, or while something is said, leaves no exception.

In aiortc 1.16.0 a task that nobody waits for goes on connecting what was closed meanwhile, and a
timer of the data channels may send once more while DTLS closes. Both raise what reaches nobody but
the log, for what is no fault.
"""

from typing import Any

import structlog
from aiortc import RTCPeerConnection
from aiortc.exceptions import InvalidStateError
from OpenSSL import SSL

logger = structlog.get_logger(__name__)


def end_quietly(connection: RTCPeerConnection) -> None:
    """Let nothing fail of a connection because it is over.

    Call it when the other side's description is set and before the own one is: then there are data
    channels, if there will be any, and nothing is being connected yet.
    """
    inner: Any = connection
    connect = getattr(inner, "_RTCPeerConnection__connect", None)
    if connect is not None:
        inner._RTCPeerConnection__connect = _unless_over(connect)
    dtls: Any = connection.sctp and connection.sctp.transport
    send = getattr(dtls, "_send_data", None)
    if send is not None:
        dtls._send_data = _unless_over(send)


def _unless_over(act: Any) -> Any:
    async def act_unless_over(*args: Any) -> None:
        try:
            await act(*args)
        except (ConnectionError, InvalidStateError, SSL.Error) as error:
            logger.debug("the connection is over", error=repr(error))

    return act_unless_over
