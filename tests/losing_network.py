"""A camera whose pictures tell when they are spoiled, and a way that loses packets."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import RTCRtpSender, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from live_fakes import Client
from numpy.typing import NDArray

from posesim_server.live import sdp
from posesim_server.live.outbox import Outbox
from posesim_server.live.peer import Peer
from posesim_server.live.plan import Limits

ROWS, COLUMNS = 6, 8  # of blocks, dark or bright
NOISE = 30
PERIOD_S = 0.04


class NumberedPictures(VideoStreamTrack):
    """25 pictures a second; the blocks of each are its number and the checksum of that.

    What is drawn from another picture than the sender meant has blocks of that one's number.

    Attributes:
        shown_s: When each was made, on the monotonic clock.
    """

    def __init__(self, width: int = 320, height: int = 240) -> None:
        super().__init__()
        self.shown_s: list[float] = []
        self._noise = np.random.default_rng(5).integers(0, NOISE, (height, 2 * width), np.uint8)
        self._begun_s: float | None = None

    async def recv(self) -> av.VideoFrame:
        number = len(self.shown_s)
        if self._begun_s is None:
            self._begun_s = time.monotonic()
        await asyncio.sleep(max(0.0, self._begun_s + number * PERIOD_S - time.monotonic()))
        height, width = self._noise.shape[0], self._noise.shape[1] // 2
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        blocks = np.kron(_blocks(number), np.ones((height // ROWS, width // COLUMNS), np.uint8))
        at = number * 37 % width  # so that no two pictures are alike
        picture[:height] = 40 + 140 * blocks + self._noise[:, at : at + width]
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = number * 3600, Fraction(1, 90_000)
        self.shown_s.append(time.monotonic())
        return frame


def number_of(frame: av.VideoFrame) -> int | None:
    """The picture's number; None of one that is not as it was sent."""
    grey = frame.to_ndarray(format="gray")
    height, width = grey.shape[0] // ROWS, grey.shape[1] // COLUMNS
    means = grey.reshape(ROWS, height, COLUMNS, width).mean(axis=(1, 3))
    blocks = means > 40 + 140 / 2 + NOISE / 2
    number = int.from_bytes(np.packbits(blocks).tobytes()[:2])
    return number if np.array_equal(blocks, _blocks(number)) else None


def _blocks(number: int) -> NDArray[np.uint8]:
    code = number.to_bytes(2) + zlib.crc32(number.to_bytes(2)).to_bytes(4)
    return np.unpackbits(np.frombuffer(code, np.uint8)).reshape(ROWS, COLUMNS)


@dataclass(frozen=True)
class Seen:
    """A picture that the server got: which, None if it is spoiled, and when."""

    number: int | None
    at_s: float


@dataclass
class Connection:
    """A camera's connection to a server.

    Attributes:
        pictures: What the camera shows.
        seen: What came of it, in this order.
        loses: Whether a packet of either side with pictures or reports is lost.
    """

    pictures: NumberedPictures
    peer: Peer
    seen: list[Seen] = field(default_factory=list)
    loses: Callable[[], bool] = lambda: False
    _one_more: asyncio.Event = field(default_factory=asyncio.Event)

    def lossy(self, transport: Any) -> None:
        """Let `loses` decide about what a transport sends."""
        send = transport._send_rtp

        async def maybe(data: bytes) -> None:
            if not self.loses():
                await send(data)

        transport._send_rtp = maybe

    def add(self, frame: av.VideoFrame) -> None:
        """Note a picture that came."""
        self.seen.append(Seen(number_of(frame), time.monotonic()))
        self._one_more.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a picture after which this holds."""
        async with asyncio.timeout(20.0):  # far more than it takes
            while not holds():
                self._one_more.clear()
                await self._one_more.wait()


@contextlib.asynccontextmanager
async def connected(
    *, codec: str = "VP8", stock_aiortc: bool = False, size: tuple[int, int] = (320, 240)
) -> AsyncIterator[Connection]:
    """A camera that sends to a server's `Peer`; its first picture has come."""
    pictures = NumberedPictures(*size)
    client = Client(pictures)
    (transceiver,) = client.peer.getTransceivers()
    codecs = RTCRtpSender.getCapabilities("video").codecs
    wanted = [each for each in codecs if each.mimeType in (f"video/{codec}", "video/rtx")]
    transceiver.setCodecPreferences(wanted)
    peer = Peer(Limits(), [], Outbox(), stock_aiortc=stock_aiortc)
    connection = Connection(pictures, peer)
    reading: asyncio.Task[None] | None = None
    try:
        offer = sdp.read_offer((await client.offer()).encode())
        await client.accept(await peer.join(offer, "peer", lambda: False))
        reading = asyncio.create_task(_read(connection))
        await connection.until(lambda: bool(connection.seen))
        assert peer._connection is not None
        connection.lossy(client.peer.getSenders()[0].transport)
        connection.lossy(peer._connection.getTransceivers()[0].receiver.transport)
        yield connection
    finally:
        await client.peer.close()
        await peer.close()
        if reading is not None:
            await reading


async def _read(connection: Connection) -> None:
    track = connection.peer.track
    assert track is not None
    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            assert isinstance(frame, av.VideoFrame)
            connection.add(frame)
