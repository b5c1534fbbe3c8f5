"""`Assembly` in a receiver of aiortc, in place of its own jitter buffer.

What is relied on, in aiortc 1.16.0's `rtcrtpreceiver.py`: `_handle_rtp_packet` unwraps what came as
a retransmission, notes it in `__nack_generator` unless that is None, puts the codec's data into
`packet._data`, and calls `__jitter_buffer.add(packet)`. Of the pair that returns the first asks
for a keyframe, the second is a frame. The thread of `decoder_worker` takes pairs of codec and frame
out of `__decoder_queue`, and is None when it has ended. Before all that the arrival is told to
`__remote_bitrate_estimator.add`, which returns now and then what the sender may send, and to which
streams; `rate_control.current_bitrate` of it is what it believes of the line.
"""

import asyncio
import contextlib
import functools
from typing import Any

import aiortc
import structlog
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket

from .assembly import Assembly, Packet
from .keyframes import keyframe_start
from .relief import Relief

logger = structlog.get_logger(__name__)

VERSION = "1.16.0"  # the one whose inner names these are


def install(receiver: aiortc.RTCRtpReceiver) -> "PromptVideo | None":
    """Take the delays out of a receiver of video that has received nothing yet.

    Returns:
        What is to be closed with the connection; None if aiortc is another version. Then nothing
        is changed, and the log says so once.
    """
    return PromptVideo(receiver) if _fits(aiortc.__version__) else None


@functools.cache
def _fits(version: str) -> bool:
    if version != VERSION:
        logger.warning("video is received by aiortc alone", version=version, needed=VERSION)
    return version == VERSION


class PromptVideo:
    """One receiver's packets, and the task that asks for those that are missing."""

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver
        self._assembly = Assembly()
        self._clock = asyncio.get_running_loop().time
        self._earlier = asyncio.Event()  # there is something to ask for before `_wakes_s`
        self._wakes_s: float | None = None
        self._receiver._RTCRtpReceiver__jitter_buffer = self
        self._receiver._RTCRtpReceiver__nack_generator = None
        self._relief = Relief(
            self._receiver._RTCRtpReceiver__remote_bitrate_estimator, lambda: self._assembly.lag_s
        )
        self._receiver._RTCRtpReceiver__remote_bitrate_estimator = self._relief
        self._task = asyncio.create_task(self._ask(), name="video packets")

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Take a packet, as aiortc's `JitterBuffer` does, and hand over what is whole by itself."""
        codec = self._codecs[packet.payload_type]
        self._assembly.add(
            Packet(
                ssrc=packet.ssrc,
                number=packet.sequence_number,
                timestamp=packet.timestamp,
                payload_type=packet.payload_type,
                marker=bool(packet.marker),
                data=packet._data,  # type: ignore[attr-defined]
                start=keyframe_start(codec.name, packet.payload),
            ),
            self._clock(),
            self._relief.rate_bit_s,
        )
        self._hand_over()
        due_s = self._assembly.request_s
        if due_s is not None and (self._wakes_s is None or due_s < self._wakes_s):
            self._earlier.set()
        return False, None

    async def close(self) -> None:
        """Ask for nothing more. Closing twice is harmless."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()  # it failed

    @property
    def _codecs(self) -> Any:
        return self._receiver._RTCRtpReceiver__codecs

    def _hand_over(self) -> None:
        """Give the decoder the frames that are whole, if it runs still."""
        for frame in self._assembly.take():
            if self._receiver._RTCRtpReceiver__decoder_thread:
                time = self._receiver._RTCRtpReceiver__timestamp_mapper.map(frame.timestamp)
                self._receiver._RTCRtpReceiver__decoder_queue.put(
                    (self._codecs[frame.payload_type], JitterFrame(frame.data, time))
                )

    async def _ask(self) -> None:
        """Ask for packets and keyframes whenever it is time to."""
        while True:
            self._earlier.clear()
            request = self._assembly.request(self._clock())
            self._hand_over()
            if request.packets:
                await self._receiver._send_rtcp_nack(request.ssrc, list(request.packets))
            if request.keyframe:
                await self._receiver._send_rtcp_pli(request.ssrc)
            self._wakes_s = self._assembly.request_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._wakes_s):
                    await self._earlier.wait()
