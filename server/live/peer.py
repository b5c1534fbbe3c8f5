"""A session's peer connection, from the client's offer to its closing."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import structlog
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)

from . import prompt_video, sdp
from .channels import Channels
from .intake import Track
from .known_senders import only_known_senders
from .outbox import Outbox
from .plan import AlreadyJoined, Limits, SessionGone
from .quiet_end import end_quietly

logger = structlog.get_logger(__name__)

START_BITRATE_KBIT_S = 1500
MOST_CANDIDATES = 2 * sdp.MAX_CANDIDATES  # after the offer: each is tried with each of ours


class Peer:
    """One connection of a session: nobody's before an offer could be answered.

    Attributes:
        id: Which of possibly many offers it came of; None before.
        track: The camera; None before.
        channels: To the page, there from the start.

    Args:
        stock_aiortc: Whether its video is received by aiortc alone, with all delays.
    """

    def __init__(
        self,
        limits: Limits,
        ice_servers: Sequence[RTCIceServer],
        outbox: Outbox,
        *,
        stock_aiortc: bool = False,
    ) -> None:
        self.id: str | None = None
        self.track: Track | None = None
        self.channels = Channels(outbox)
        self._retired = False
        self._limits = limits
        self._ice_servers = list(ice_servers)
        self._stock_aiortc = stock_aiortc
        self._connection: RTCPeerConnection | None = None
        self._video: prompt_video.PromptVideo | None = None
        self._offer: sdp.Offer | None = None
        self._candidates = 0  # that came after the offer
        self._changed = asyncio.Event()

    async def join(self, offer: sdp.Offer, peer_id: str, gone: Callable[[], bool]) -> str:
        """Take the client's offer and return the answer's SDP.

        Args:
            offer: What the client wants.
            peer_id: What the connection is to be called.
            gone: Whether the session has ended.

        Raises:
            AlreadyJoined: If there is a connection already.
            SessionGone: If the session has ended, or ends meanwhile.
            UnusableOffer: If aiortc can't make a connection of it; another offer may follow.
        """
        if gone():
            raise SessionGone
        if self._connection is not None:
            raise AlreadyJoined
        # An empty list, never None: that would ask a public STUN server.
        connection = RTCPeerConnection(RTCConfiguration(iceServers=self._ice_servers))
        self._connection = connection
        connection.on("datachannel", self.channels.adopt)
        connection.on("connectionstatechange", self._changed.set)
        try:
            async with asyncio.timeout(self._limits.negotiation_s):
                receiver, answer = await _answer(connection, offer)
        except BaseException as error:
            await self.close()
            if not isinstance(error, Exception):
                raise
            if gone():
                raise SessionGone from error
            logger.info("offer refused by aiortc", error=repr(error))
            raise sdp.UnusableOffer(
                "No connection can be made of this offer. It needs a video in VP8 or H264 "
                "(packetization mode 1 or 0), and SDP as a browser makes it."
            ) from error
        if gone():  # ended while it was being answered; the session may not see the connection
            await self.close()
            raise SessionGone
        if not self._stock_aiortc:
            self._video = prompt_video.install(receiver)
        self.id, self.track, self._offer = peer_id, receiver.track, offer
        return sdp.with_start_bitrate(answer, offer.video_mid, START_BITRATE_KBIT_S)

    async def trickle(self, body: bytes) -> None:
        """Add the candidates of an SDP fragment.

        Raises:
            NotSdp: If it is no fragment.
            IceRestart: If it asks for one.
            SessionGone: If there is no connection.
        """
        if self._connection is None or self._offer is None:
            raise SessionGone
        fragment = sdp.read_fragment(body, self._offer)
        self._candidates += len(fragment.candidates)
        if self._candidates > MOST_CANDIDATES:
            raise sdp.NotSdp(f"A connection may have at most {MOST_CANDIDATES} candidates.")
        for candidate in fragment.candidates:
            await self._connection.addIceCandidate(candidate)
        if fragment.last:
            await self._connection.addIceCandidate(None)

    async def gone(self) -> None:
        """Wait until there is no connection: aiortc closes it when the other side does."""
        while not self._is_gone:
            await self._changed.wait()
            self._changed.clear()

    def retire(self) -> None:
        """It is of no use any more: end `over`. Doing it twice is harmless."""
        self._retired = True
        self._changed.set()

    async def over(self) -> None:
        """Wait until there is no connection, or it is of no use any more."""
        while not self._retired and not self._is_gone:
            await self._changed.wait()
            self._changed.clear()

    async def hang_on(self) -> None:
        """Give the client time to receive what was said and to close the connection itself."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_s):
                await self.gone()

    @property
    def _is_gone(self) -> bool:
        connection = self._connection
        return connection is None or connection.connectionState in ("failed", "closed")

    async def close(self) -> None:
        """Close the connection, if there is one. Closing twice is harmless."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # Not cancelled with us: aiortc's second close waits for ever for a first one cut short.
        closing = asyncio.ensure_future(_close(connection, self._video))
        _, late = await asyncio.wait({closing}, timeout=self._limits.close_s)
        if late:
            logger.error("peer connection does not close")
        elif error := closing.exception():
            logger.error("peer connection closed badly", exc_info=error)


async def _close(connection: RTCPeerConnection, video: prompt_video.PromptVideo | None) -> None:
    try:
        if video is not None:
            await video.close()
    finally:
        await close_connection(connection)


async def close_connection(connection: RTCPeerConnection) -> None:
    """Close a connection of aiortc with all its tasks.

    aioice 0.13 leaves one behind that never ends where it is closed while it learns that it is
    connected. Closed once more after that, it ends the task as well.
    """
    await connection.close()
    for transport in connection._RTCPeerConnection__iceTransports:  # type: ignore[attr-defined]
        if (started := transport._RTCIceTransport__start) is not None:
            await started.wait()
            await transport.iceGatherer._connection.close()


async def _answer(connection: RTCPeerConnection, offer: sdp.Offer) -> tuple[RTCRtpReceiver, str]:
    """Answer `offer` so that only its first video comes in."""
    text = sdp.with_client_hello(offer.text)
    await connection.setRemoteDescription(RTCSessionDescription(sdp=text, type="offer"))
    end_quietly(connection)
    accepted: RTCRtpReceiver | None = None
    for transceiver in connection.getTransceivers():
        if transceiver.mid == offer.video_mid:
            accepted = transceiver.receiver
        else:
            transceiver.direction = "inactive"  # a track that nobody reads would fill the memory
    if accepted is None:
        raise sdp.UnusableOffer("The offer has no video that the server can receive.")
    await connection.setLocalDescription(await connection.createAnswer())
    only_known_senders(connection)
    return accepted, connection.localDescription.sdp
