"""Packets to frames, and what to ask the sender for. No network, and the time is an argument.

A frame is whole with the packet that has RTP's marker, or else when the next frame begins. Frames
leave in order, and one with a packet missing holds up those after it, because they are drawn on
top of it. The packet is asked for at once and again and again; when it does not come, or too much
is missing, everything up to the next keyframe is left out, and that one is asked for. A sender
works through what it is asked for in order: as long as the first keeps coming, the rest will.
How long is waited goes by how long what is asked for takes on this way, and how much may be missing
by what passes: where a thin link has lost much, a keyframe takes less of it than all that again.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .keyframes import Start
from .way import Way

NACK_EVERY_S = 0.06  # at least
NACK_EVERY = 1.2  # of the time in which it is expected; a sender repeats nothing sooner
PATIENCE_S = 0.3  # with the first that is missing, at least; then only a keyframe helps
PATIENCE = 5  # of the time in which it is expected
MOST_PATIENCE_S = 1.5  # with any; what is scored may get older by that, so that there is no gap
FIRST_PICTURE_PAUSE_S = 0.5  # until a keyframe is asked for again; then twice as long, and so on
PICTURE_PAUSE = 1.2  # of the time in which it is expected, at least: two take twice as long
LONGEST_PICTURE_PAUSE_S = 2.0
CLOCK_HZ = 90_000  # of timestamps of video
LONGEST_HOLE_S = 1.3  # of the sender's time; to have more sent again takes over half a second
FEW = 8  # missing packets are asked for all the same, as from a camera of two pictures a second
MOST_MISSING = 256  # so that what asks for them fits into one packet
MOST_PACKETS = 2048  # that wait for one that is missing, 2.5 MB
MOST_SOUGHT = 512  # of those, while a keyframe's beginning is looked for
FAR_BEHIND = 100  # packets; nothing comes so late, so numbers may have begun anew
SILENCE_S = 2.0  # without a newer packet; then they have


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of RTP.

    Attributes:
        ssrc: Of the stream.
        number: 16 bits, which wrap.
        timestamp: 32 bits, which wrap.
        payload_type: Says the codec.
        marker: Whether a frame ends with it.
        data: For the decoder; nothing in packets that only fill.
        start: Whether a keyframe begins with it.
    """

    ssrc: int
    number: int
    timestamp: int
    payload_type: int
    marker: bool
    data: bytes
    start: Start


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded picture, whole."""

    timestamp: int
    payload_type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask the sender of `ssrc` for.

    Attributes:
        ssrc: Of the stream; None before its first packet.
        packets: Numbers of packets to be sent again, sorted.
        keyframe: Whether a keyframe is needed.
    """

    ssrc: int | None
    packets: tuple[int, ...]
    keyframe: bool


@dataclass(slots=True)
class _Missing:
    since_s: float
    first_asked_s: float | None = None
    asked_s: float | None = None

    def due_s(self, every_s: float) -> float:
        """When to ask for it, again after so long."""
        return self.since_s if self.asked_s is None else self.asked_s + every_s


class Assembly:
    """The packets of one stream that wait, under numbers that do not wrap.

    It begins by looking for a keyframe, as after each loss.
    """

    def __init__(self) -> None:
        self._ssrc: int | None = None
        self._packets: dict[int, Packet] = {}
        self._missing: dict[int, _Missing] = {}
        self._in_vain: dict[int, float] = {}  # when what was given up was first asked for
        self._way = Way()
        self._newest = 0
        self._newest_timestamp = 0
        self._time_s = 0.0  # of the newest, of the sender's
        self._advanced_s = 0.0  # when the newest came
        self._next = 0  # the first that is still of use
        self._end = 0  # from the next up to here all are there, and of one frame
        self._seeking = True
        self._repaired_s = 0.0  # when the first that was missing came
        self._keyframe_due_s = 0.0
        self._keyframe_pause_s = 0.0
        self._keyframe_from_s = 0.0  # before, what comes can't be what was asked for
        self._frames: list[Frame] = []

    def add(self, packet: Packet, now_s: float, rate_bit_s: float = math.inf) -> None:
        """Take a packet, in whatever order they come, also twice.

        Args:
            packet: It.
            now_s: When it came.
            rate_bit_s: How much seems to pass in a second.
        """
        if packet.ssrc != self._ssrc:
            self._begin(packet, now_s)
        number = self._newest + _signed(packet.number - self._newest, 16)
        if number < self._next or number in self._packets:
            if (asked_s := self._in_vain.pop(number, None)) is not None:
                self._way.came(asked_s, now_s)  # too late, but now it is known how long that takes
            if number > self._newest - FAR_BEHIND or now_s < self._advanced_s + SILENCE_S:
                return
            self._begin(packet, now_s)
            number = packet.number
        if number > self._newest:
            self._advance(number, packet.timestamp, now_s, rate_bit_s)
        if number in self._missing:
            if number == min(self._missing):
                self._repaired_s = now_s
            if (asked_s := self._missing.pop(number).first_asked_s) is not None:
                self._way.came(asked_s, now_s)
        self._packets[number] = packet
        if self._seeking:
            self._seek((number, number + 1), now_s)
        self._release()
        if len(self._packets) > MOST_PACKETS:
            self._give_up(self._newest + 1, now_s)

    def request(self, now_s: float) -> Request:
        """Return what has to be asked for now, and take it as asked for."""
        late = []
        if (until_s := self._waits_until_s) is not None and until_s <= now_s:
            wait_s = self._patience_s
            late = [n for n, each in self._missing.items() if each.since_s + wait_s <= now_s]
        if late and self._seeking:
            self._forget(max(late) + 1)
        elif late:
            self._give_up(max(late) + 1, now_s)
            self._release()
        every_s = self._nack_every_s
        due = [number for number, each in self._missing.items() if each.due_s(every_s) <= now_s]
        for number in due:
            missing = self._missing[number]
            missing.asked_s = now_s
            if missing.first_asked_s is None:
                missing.first_asked_s = now_s
        keyframe = self._seeks and self._keyframe_due_s <= now_s
        if keyframe:
            expected_s = self._way.expected_s
            self._keyframe_from_s = now_s + expected_s - self._way.lag_s / 2  # a queue gets shorter
            self._keyframe_due_s = now_s + max(self._keyframe_pause_s, PICTURE_PAUSE * expected_s)
            self._keyframe_pause_s = min(2 * self._keyframe_pause_s, LONGEST_PICTURE_PAUSE_S)
        # As aiortc wants them: its packet can't be made of numbers that fall where they wrap.
        return Request(self._ssrc, tuple(sorted(n & 0xFFFF for n in due)), keyframe)

    @property
    def request_s(self) -> float | None:
        """When `request` has something to do; None until another packet comes."""
        every_s = self._nack_every_s
        dues_s = [each.due_s(every_s) for each in self._missing.values()]
        if (until_s := self._waits_until_s) is not None:
            dues_s.append(until_s)
        if self._seeks:
            dues_s.append(self._keyframe_due_s)
        return min(dues_s, default=None)

    @property
    def lag_s(self) -> float:
        """How much longer than the quickest the newest packet was under way."""
        return self._way.lag_s

    def take(self) -> list[Frame]:
        """Return the frames that are whole, in order, each once."""
        frames, self._frames = self._frames, []
        return frames

    @property
    def _waits_until_s(self) -> float | None:
        """Until when what is missing is waited for; None if nothing is."""
        if not self._missing:
            return None
        since_s = self._missing[min(self._missing)].since_s
        if self._seeking:
            return since_s + self._patience_s
        return min(max(since_s, self._repaired_s) + self._patience_s, since_s + MOST_PATIENCE_S)

    @property
    def _patience_s(self) -> float:
        return min(max(PATIENCE_S, PATIENCE * self._way.expected_s), MOST_PATIENCE_S)

    @property
    def _nack_every_s(self) -> float:
        return max(NACK_EVERY_S, NACK_EVERY * self._way.expected_s)

    @property
    def _seeks(self) -> bool:
        return self._seeking and self._ssrc is not None

    def _begin(self, packet: Packet, now_s: float) -> None:
        """Forget everything: a stream begins with this packet, or a little before it."""
        self._ssrc = packet.ssrc
        self._way = Way()
        self._newest, self._newest_timestamp = packet.number, packet.timestamp
        self._advanced_s = now_s
        self._forget(packet.number - FAR_BEHIND, everything=True)
        self._want_keyframe(now_s + PATIENCE_S)

    def _advance(self, number: int, timestamp: int, now_s: float, rate_bit_s: float) -> None:
        """Note what is missing before a packet that is newer than all others."""
        hole = range(self._newest + 1, number)
        hole_s = _signed(timestamp - self._newest_timestamp, 32) / CLOCK_HZ
        self._newest, self._newest_timestamp, self._advanced_s = number, timestamp, now_s
        self._time_s += hole_s
        self._way.saw(self._time_s, now_s)
        if not hole:
            return
        longest_s = PATIENCE_S if self._seeking else LONGEST_HOLE_S
        missing = len(self._missing) + len(hole)
        slow = self._way.repair_s(missing, rate_bit_s) > MOST_PATIENCE_S
        if self._seeking and (slow or now_s < self._keyframe_from_s):
            return  # one is asked for already; it can't be in there, or is sooner there anew
        if (len(hole) > FEW and hole_s > longest_s) or missing > MOST_MISSING or slow:
            self._give_up(number, now_s)
        else:
            self._missing.update((each, _Missing(now_s)) for each in hole)

    def _give_up(self, upto: int, now_s: float) -> None:
        """Leave out everything before `upto`, and what follows up to a keyframe."""
        self._forget(upto)
        self._want_keyframe(now_s)
        self._seek(sorted(self._packets), now_s)

    def _want_keyframe(self, due_s: float) -> None:
        self._seeking = True
        self._keyframe_due_s = due_s
        self._keyframe_pause_s = FIRST_PICTURE_PAUSE_S

    def _seek(self, numbers: Iterable[int], now_s: float) -> None:
        """Go on with the first of these packets with which a keyframe begins."""
        for number in numbers:
            if self._opens(number):
                self._seeking = False
                self._forget(number)
                for each in range(number, self._newest):
                    if each not in self._packets:
                        self._missing.setdefault(each, _Missing(now_s))
                return
        if len(self._packets) > MOST_SOUGHT:
            self._forget(self._newest - MOST_SOUGHT // 2)

    def _opens(self, number: int) -> bool:
        packet, before = self._packets.get(number), self._packets.get(number - 1)
        if packet is None or packet.start is Start.NO:
            return False
        if packet.start is Start.YES:
            return True
        return before is not None and (before.marker or before.timestamp != packet.timestamp)

    def _release(self) -> None:
        """Make frames of what is there without a hole."""
        while not self._seeking and (packet := self._packets.get(self._end)) is not None:
            if self._packets[self._next].timestamp != packet.timestamp:
                self._make_frame()  # of one without a marker, or of packets that only fill
            self._end += 1
            if packet.marker:
                self._make_frame()

    def _make_frame(self) -> None:
        packets = [self._packets.pop(number) for number in range(self._next, self._end)]
        self._next = self._end
        if data := b"".join(packet.data for packet in packets):
            self._frames.append(Frame(packets[0].timestamp, packets[0].payload_type, data))

    def _forget(self, upto: int, *, everything: bool = False) -> None:
        """Begin at `upto`."""
        self._next = self._end = upto
        for number in [n for n in self._packets if everything or n < upto]:
            del self._packets[number]
        for number in [n for n in self._missing if everything or n < upto]:
            if (asked_s := self._missing.pop(number).first_asked_s) is not None:
                self._in_vain[number] = asked_s
        if everything:
            self._in_vain.clear()
        for number in sorted(self._in_vain)[:-MOST_MISSING]:
            del self._in_vain[number]


def _signed(difference: int, bits: int) -> int:
    """The shorter way around between two numbers of so many bits."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
