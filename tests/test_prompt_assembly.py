"""Packets to frames: what leaves, when, and what is asked for. The clock is an argument."""

import math
import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posesim_server.live.prompt_video.assembly import (
    LONGEST_HOLE_S,
    MOST_MISSING,
    MOST_PACKETS,
    MOST_PATIENCE_S,
    SILENCE_S,
    Assembly,
    Frame,
    Packet,
)
from posesim_server.live.prompt_video.keyframes import Start

TICKS = 3600  # from one frame to the next, at 25 frames a second
SSRC = 7


def stream(
    sizes: list[int],
    *,
    keyframes: tuple[int, ...] = (0,),
    first: int = 65_530,
    timestamp: int = 2**32 - 5000,
    start: Start = Start.YES,
) -> list[list[Packet]]:
    """Frames of so many packets each; numbers and timestamps wrap early."""
    frames, number = [], first
    for index, size in enumerate(sizes):
        packets = [
            Packet(
                ssrc=SSRC,
                number=(number + each) & 0xFFFF,
                timestamp=(timestamp + index * TICKS) & 0xFFFFFFFF,
                payload_type=96,
                marker=each == size - 1,
                data=f"frame {index}, packet {each};".encode(),
                start=start if index in keyframes and each == 0 else Start.NO,
            )
            for each in range(size)
        ]
        number += size
        frames.append(packets)
    return frames


def whole(packets: list[Packet]) -> Frame:
    return Frame(packets[0].timestamp, 96, b"".join(packet.data for packet in packets))


def numbers(*packets: Packet) -> tuple[int, ...]:
    return tuple(sorted(packet.number for packet in packets))


class Receiver:
    """An assembly, a clock, and all that came out of it."""

    def __init__(self) -> None:
        self.assembly = Assembly()
        self.now_s = 1000.0
        self.frames: list[Frame] = []
        self.nacks: list[tuple[float, tuple[int, ...]]] = []
        self.plis: list[float] = []
        self.rate_bit_s = math.inf  # how much passes

    def add(self, *packets: Packet) -> list[Frame]:
        for packet in packets:
            self.assembly.add(packet, self.now_s, self.rate_bit_s)
        return self.wait(0.0)

    def wait(self, seconds: float) -> list[Frame]:
        """Let time pass, asking whenever it is due; return the new frames."""
        until_s, before = self.now_s + seconds, len(self.frames)
        while (due_s := self.assembly.request_s) is not None and due_s <= until_s:
            self.now_s = max(self.now_s, due_s)
            request = self.assembly.request(self.now_s)
            at_s = round(self.now_s - 1000.0, 3)
            if request.packets:
                self.nacks.append((at_s, request.packets))
            if request.keyframe:
                self.plis.append(at_s)
            assert request.packets or request.keyframe or self.assembly.request_s != due_s
        self.now_s = until_s
        self.frames += self.assembly.take()
        return self.frames[before:]


def test_a_frame_leaves_with_its_marker():
    receiver = Receiver()
    (first,) = stream([3])
    assert receiver.add(*first[:2]) == []
    assert receiver.add(first[2]) == [whole(first)]


def test_without_a_marker_it_leaves_when_the_next_begins():
    receiver = Receiver()
    first, second = stream([2, 2])
    first[1] = replace(first[1], marker=False)
    assert receiver.add(*first) == []
    assert receiver.add(second[0]) == [whole(first)]
    assert receiver.add(second[1]) == [whole(second)]


def test_one_packet_that_was_missing_lets_all_frames_behind_it_go():
    receiver = Receiver()
    frames = stream([2, 2, 1, 3])
    late = frames[1][0]
    assert receiver.add(*frames[0]) == [whole(frames[0])]
    assert receiver.add(frames[1][1], *frames[2], *frames[3]) == []
    assert receiver.add(late) == [whole(packets) for packets in frames[1:]]
    assert receiver.plis == []


def test_packets_that_only_fill_make_no_frames():
    receiver = Receiver()
    first, second, third = stream([2, 3, 1])
    filling = [replace(packet, data=b"", marker=False) for packet in second]
    filling[0] = replace(filling[0], timestamp=first[0].timestamp)
    assert receiver.add(*first, *filling, *third) == [whole(first), whole(third)]


def test_packets_that_come_twice_or_in_disorder_make_the_same_frames():
    frames = stream([4, 3, 5])
    packets = [packet for each in frames for packet in each]
    rest = packets[1:] * 2
    random.Random(1).shuffle(rest)
    receiver = Receiver()
    receiver.add(packets[0], *rest)
    assert receiver.frames == [whole(each) for each in frames]


def test_a_stream_may_begin_in_disorder():
    receiver = Receiver()
    (first,) = stream([3])
    assert receiver.add(*reversed(first)) == [whole(first)]


def test_what_is_missing_of_such_a_beginning_is_asked_for():
    receiver = Receiver()
    (first,) = stream([4])
    receiver.add(first[2], first[3], first[0])
    assert receiver.nacks == [(0.0, numbers(first[1]))]
    assert receiver.add(first[1]) == [whole(first)]


def test_a_missing_packet_is_asked_for_at_once_and_every_60_ms():
    receiver = Receiver()
    first, second = stream([1, 3])
    receiver.add(*first, second[0], second[2])
    receiver.wait(0.2)
    assert receiver.nacks == [(t, numbers(second[1])) for t in (0.0, 0.06, 0.12, 0.18)]
    assert receiver.add(second[1]) == [whole(second)]
    receiver.wait(10.0)
    assert len(receiver.nacks) == 4
    assert receiver.plis == []
    assert receiver.assembly.request_s is None


def test_numbers_that_are_asked_for_are_sorted_where_they_wrap():
    receiver = Receiver()
    first, second = stream([1, 8], first=65_533)
    receiver.add(*first, second[7])
    (_, asked) = receiver.nacks[0]
    assert asked == (0, 1, 2, 3, 4, 65_534, 65_535)


def test_after_300_ms_a_keyframe_is_asked_for_again_and_again_and_nothing_comes_before_it():
    receiver = Receiver()
    frames = stream([1, 2, 2, 2, 3, 1], keyframes=(0, 4))
    receiver.add(*frames[0], frames[1][1])
    receiver.wait(5.0)
    assert receiver.plis == [0.3, 0.8, 1.8, 3.8]
    assert receiver.nacks[-1][0] <= 0.3
    assert receiver.add(frames[1][0], *frames[2], *frames[3]) == []
    assert receiver.add(*frames[4], *frames[5]) == [whole(frames[4]), whole(frames[5])]
    receiver.wait(10.0)
    assert len(receiver.plis) == 4


def test_what_was_given_up_is_not_asked_for_any_more_nor_taken():
    receiver = Receiver()
    frames = stream([1, 2, 2], keyframes=(0, 1))
    receiver.add(*frames[0], frames[1][1])
    receiver.wait(0.3)
    assert receiver.add(frames[1][0], *frames[2]) == []
    receiver.wait(1.0)
    assert max(at_s for at_s, _ in receiver.nacks) <= 0.3


def test_a_keyframe_that_is_there_already_is_not_asked_for():
    receiver = Receiver()
    frames = stream([1, 2, 2, 1], keyframes=(0, 2))
    receiver.add(*frames[0], frames[1][1], *frames[2])
    assert receiver.wait(0.3) == [whole(frames[2])]
    assert receiver.add(*frames[3]) == [whole(frames[3])]
    assert receiver.plis == []


def test_a_keyframe_s_lost_beginning_is_asked_for():
    receiver = Receiver()
    frames = stream([1, 2, 1, 3], keyframes=(0, 3))
    receiver.add(*frames[0], frames[1][1])
    receiver.wait(0.3)
    assert receiver.add(*frames[2], *frames[3][1:]) == []
    assert receiver.nacks[-1] == (0.3, numbers(frames[3][0]))
    assert receiver.add(frames[3][0]) == [whole(frames[3])]


def test_a_keyframe_that_is_lost_too_is_asked_for_anew():
    receiver = Receiver()
    frames = stream([1, 2, 3, 1], keyframes=(0, 2))
    receiver.add(*frames[0], frames[1][1])
    receiver.wait(0.3)
    receiver.wait(0.5)
    receiver.add(frames[2][0], frames[2][2])
    asked = len(receiver.plis)
    assert receiver.wait(1.5) == []
    assert len(receiver.plis) == asked + 1


def test_a_lost_second_is_asked_for_and_nothing_is_left_out():
    receiver = Receiver()
    frames = stream([4] * 28)
    lost = [packet for packets in frames[1:26] for packet in packets]
    receiver.add(*frames[0])
    receiver.wait(1.04)
    assert receiver.add(*frames[26]) == []
    assert receiver.nacks == [(1.04, numbers(*lost))]
    receiver.wait(0.05)
    assert receiver.add(*frames[27]) == []
    assert receiver.add(*lost) == [whole(packets) for packets in frames[1:]]
    assert receiver.plis == []


def test_packets_are_waited_for_while_the_first_of_them_keeps_coming():
    receiver = Receiver()
    frames = stream([1] * 22)
    receiver.add(*frames[0], *frames[21])
    for packets in frames[1:21]:
        receiver.wait(0.045)  # 0.9 s for all of them
        receiver.add(*packets)
    assert receiver.frames == [whole(packets) for packets in frames]
    assert receiver.plis == []


def test_a_first_that_does_not_come_is_waited_for_no_longer_because_others_do():
    receiver = Receiver()
    frames = stream([1] * 22)
    receiver.add(*frames[0], *frames[21])
    for packets in frames[2:12]:
        receiver.wait(0.045)
        receiver.add(*packets)
    assert receiver.plis == [0.3]
    assert receiver.add(*frames[1]) == []


def test_after_the_longest_patience_packets_are_given_up_however_they_come():
    receiver = Receiver()
    frames = stream([1] * 22)
    receiver.add(*frames[0], *frames[21])
    for packets in frames[1:9]:
        receiver.wait(0.2)
        receiver.add(*packets)
    assert receiver.plis == [MOST_PATIENCE_S]
    assert receiver.frames == [whole(packets) for packets in frames[:8]]
    assert receiver.nacks[-1][0] <= MOST_PATIENCE_S


def late(frames: list[list[Packet]], late_s: float) -> Receiver:
    """A receiver that got all of these frames, 25 a second, the last two so late."""
    receiver = Receiver()
    for packets in frames[:-2]:
        receiver.add(*packets)
        receiver.wait(0.04)
    receiver.wait(late_s)
    receiver.add(*frames[-2])
    receiver.wait(0.04)
    receiver.add(*frames[-1])
    return receiver


def asked_at(receiver: Receiver, packet: Packet) -> list[float]:
    """When a packet was asked for."""
    return [at_s for at_s, asked in receiver.nacks if packet.number in asked]


def test_on_a_long_way_two_packets_sent_again_are_waited_for():
    receiver = Receiver()
    frames = stream([1] * 54, keyframes=(0, 16))
    receiver.add(*frames[0], *frames[2])
    receiver.wait(0.6)
    assert receiver.plis == [0.3]
    receiver.add(*frames[1])  # it was given up, and tells how long the way is
    receiver.add(*frames[16], *frames[17], *frames[19])
    receiver.wait(1.4)
    assert asked_at(receiver, frames[18][0]) == [0.6, 1.32]
    assert receiver.plis == [0.3]
    assert receiver.add(*frames[18]) == [whole(frames[18]), whole(frames[19])]
    for packets in frames[20:52] + frames[53:]:
        receiver.add(*packets)
    receiver.wait(2.0)
    assert receiver.plis == [0.3, pytest.approx(2.0 + MOST_PATIENCE_S)]


def test_what_a_thin_line_lost_much_of_is_not_asked_for_but_a_keyframe():
    frames = stream([1] * 20 + [16, 1])
    receiver = late(frames[:20], 0.6)
    receiver.rate_bit_s = 120_000  # 16 full packets take 1.2 s
    receiver.wait(0.08)
    receiver.add(*frames[21])
    assert receiver.nacks == []
    assert receiver.plis == [round(receiver.now_s - 1000.0, 3)]


def test_a_few_that_a_thin_line_lost_are_asked_for():
    frames = stream([1] * 20 + [2, 1])
    receiver = late(frames[:20], 0.6)
    receiver.rate_bit_s = 120_000
    receiver.wait(0.08)
    receiver.add(*frames[21])
    assert [asked for _, asked in receiver.nacks] == [numbers(*frames[20])]
    assert receiver.plis == []


def test_a_keyframe_is_not_asked_for_again_before_it_can_have_come():
    frames = stream([1] * 20 + [12, 1, 1, 3, 1])
    receiver = late(frames[:20], 1.0)
    receiver.rate_bit_s = 120_000
    receiver.wait(0.08)
    receiver.add(*frames[21])
    begun_s = round(receiver.now_s - 1000.0, 3)
    receiver.wait(0.08)
    receiver.add(*frames[24])  # nor is what is missing meanwhile, which can't be part of it
    receiver.wait(1.1)
    assert receiver.nacks == []
    assert receiver.plis == [begun_s]
    receiver.wait(0.1)
    assert receiver.plis == [begun_s, pytest.approx(begun_s + 1.2, abs=0.03)]


def test_more_than_the_longest_hole_is_not_repaired():
    receiver = Receiver()
    last = round(LONGEST_HOLE_S / 0.04) + 1
    frames = stream([1] * (last + 1) + [2], keyframes=(0, last + 1))
    receiver.add(*frames[0])
    receiver.now_s += 1.4
    assert receiver.add(*frames[last]) == []
    assert (receiver.nacks, receiver.plis) == ([], [1.4])
    assert receiver.add(*frames[last + 1]) == [whole(frames[last + 1])]


def test_a_second_blackout_asks_at_once_and_not_when_it_would_have_asked_again():
    receiver = Receiver()
    frames = stream([1] * 100)
    receiver.add(*frames[0])
    receiver.add(*frames[50])
    receiver.wait(1.6)  # asked at 0, 0.5 and 1.5 s, and then again at 3.5 s
    receiver.add(*frames[60])  # a hole that is repaired where no keyframe is needed
    assert receiver.plis == [0.0, 0.5, 1.5, 1.6]
    assert receiver.nacks == []


def test_a_few_packets_of_a_slow_camera_are_repaired():
    receiver = Receiver()
    first, second, third = stream([1, 2, 1])
    second = [replace(packet, timestamp=(first[0].timestamp + 90_000) % 2**32) for packet in second]
    third = [replace(packet, timestamp=(first[0].timestamp + 180_000) % 2**32) for packet in third]
    receiver.add(*first, *third)
    assert receiver.nacks == [(0.0, numbers(*second))]
    assert receiver.add(*second) == [whole(second), whole(third)]


def test_more_packets_than_one_request_has_room_for_are_not_repaired():
    receiver = Receiver()
    first, second = stream([1, MOST_MISSING + 2])
    receiver.add(*first, second[-1])
    assert (receiver.nacks, receiver.plis) == ([], [0.0])


def test_a_frame_without_end_is_given_up():
    receiver = Receiver()
    (first,) = stream([MOST_PACKETS + 2])
    receiver.add(*first[: MOST_PACKETS + 1])
    assert receiver.plis == [0.0]
    assert len(receiver.assembly._packets) == 0


def test_a_stream_that_begins_without_a_keyframe_asks_for_one():
    receiver = Receiver()
    frames = stream([1] * 2000, keyframes=(1900,))
    for packets in frames[:1900]:
        receiver.add(*packets)
        receiver.wait(0.001)
    assert receiver.frames == []
    assert receiver.plis == [0.3, 0.8, 1.8]
    assert len(receiver.assembly._packets) < 600
    receiver.add(*frames[1900], *frames[1901])
    assert receiver.frames == [whole(frames[1900]), whole(frames[1901])]


def test_a_slice_begins_a_keyframe_only_where_the_frame_before_it_has_ended():
    frames = stream([1, 2, 2, 2], keyframes=(0, 2), start=Start.IF_FRAME)
    begun = replace(frames[0][0], start=Start.YES)
    receiver = Receiver()
    receiver.add(begun, frames[1][1])
    receiver.wait(0.3)
    assert receiver.add(*frames[2]) == [whole(frames[2])]

    receiver = Receiver()
    receiver.add(begun, frames[1][0])  # its end is lost: this slice may be not the first
    receiver.now_s += 0.01
    receiver.add(*frames[2])
    assert receiver.wait(0.3) == []


def test_another_stream_begins_with_its_keyframe():
    receiver = Receiver()
    frames = stream([1, 2])
    receiver.add(*frames[0], frames[1][1])
    others = [
        [replace(packet, ssrc=8) for packet in packets] for packets in stream([2, 1], first=100)
    ]
    assert receiver.add(*others[0], *others[1]) == [whole(others[0]), whole(others[1])]


def test_a_packet_from_long_ago_changes_nothing():
    receiver = Receiver()
    frames = stream([1] * 300)
    for packets in frames[:200]:
        receiver.add(*packets)
    receiver.add(*frames[5])
    assert receiver.add(*frames[200]) == [whole(frames[200])]


def test_numbers_that_begin_anew_are_followed_after_a_while():
    receiver = Receiver()
    for packets in stream([1] * 300, first=20_000):
        receiver.add(*packets)
    again = stream([1, 1], first=3, timestamp=500)
    receiver.wait(SILENCE_S)
    assert receiver.add(*again[0], *again[1]) == [whole(again[0]), whole(again[1])]


@dataclass
class Sent:
    """A stream of frames of which some are keyframes."""

    frames: list[list[Packet]]
    keyframes: set[int]


@st.composite
def sent(draw: st.DrawFn) -> Sent:
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=60))
    keyframes = {0} | set(draw(st.lists(st.integers(0, len(sizes) - 1), max_size=6)))
    first = draw(st.sampled_from([0, 65_400, 65_530]))
    timestamp = draw(st.sampled_from([0, 2**32 - 50_000]))
    return Sent(
        stream(sizes, keyframes=tuple(keyframes), first=first, timestamp=timestamp), keyframes
    )


@settings(max_examples=300, deadline=None)
@given(sent(), st.randoms(use_true_random=False), st.floats(0, 0.4), st.floats(0, 0.3), st.data())
def test_whatever_is_lost_each_frame_is_one_that_was_sent_and_has_all_it_is_drawn_on(
    sent: Sent, rng: random.Random, loss: float, disorder: float, data: st.DataObject
) -> None:
    """Loss, disorder, duplicates and repairs of any number, at times that do not fit each other."""
    dark = data.draw(st.integers(0, 60))
    dark_frames = range(dark, dark + data.draw(st.integers(0, 30)))
    receiver = Receiver()
    by_number = {packet.number: packet for packets in sent.frames for packet in packets}
    arrivals: list[tuple[float, Packet]] = []
    for index, packets in enumerate(sent.frames):
        for packet in packets:
            for _ in range(1 + (rng.random() < 0.1)):
                if rng.random() >= loss and index not in dark_frames:
                    late_s = rng.uniform(0, 0.5) if rng.random() < disorder else 0.0
                    arrivals.append((1000.0 + index * 0.04 + late_s, packet))
    arrivals.sort(key=lambda each: each[0])
    asked = 0
    for at_s, packet in arrivals:
        receiver.wait(max(0.0, at_s - receiver.now_s))
        receiver.add(packet)
        for _, lost in receiver.nacks[asked:]:
            assert list(lost) == sorted(lost)
            again = [by_number[number] for number in lost if rng.random() > 0.5]
            receiver.add(*[packet for packet in again if rng.random() >= loss])
        asked = len(receiver.nacks)
    receiver.wait(3.0)

    places = {whole(packets): index for index, packets in enumerate(sent.frames)}
    seen = [places[frame] for frame in receiver.frames]  # bitwise, or there is no place for it
    assert seen == sorted(set(seen))
    for before, index in zip([None, *seen], seen, strict=False):
        assert index in sent.keyframes or (before is not None and index == before + 1)
    if loss == disorder == 0 and dark >= len(sent.frames):
        assert len(seen) == len(sent.frames)


@pytest.mark.parametrize("repaired", [True, False])
def test_one_loss_in_a_long_stream_costs_nothing_or_the_way_to_the_next_keyframe(repaired: bool):
    receiver = Receiver()
    frames = stream([2] * 100, keyframes=(0, 60))
    for index, packets in enumerate(frames):
        receiver.wait(0.04)
        receiver.add(*(packets[:1] if index == 30 else packets))
        if index == 33 and repaired:
            receiver.add(packets[0], frames[30][1])
    missing = [] if repaired else list(range(30, 60))
    assert receiver.frames == [whole(p) for n, p in enumerate(frames) if n not in missing]
