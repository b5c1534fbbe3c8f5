"""Real peers of aiortc that lose packets: what the server gets to see is whole, and soon there."""

import asyncio
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiortc
import av
import numpy as np
import pytest
from aiortc.jitterbuffer import JitterBuffer
from live_fakes import Client, FakeComparator, plant
from live_server import EXERCISE, SESSION, USER, needs_address
from losing_network import Connection, NumberedPictures, connected, number_of
from numpy.typing import NDArray
from structlog.testing import capture_logs

from posesim_server.keys import SESSIONS
from posesim_server.live import sdp
from posesim_server.live.peer import Peer
from posesim_server.live.plan import SessionPlan
from posesim_server.live.prompt_video import PromptVideo, receiver
from posesim_server.live.prompt_video.relief import Relief
from server import running

pytestmark = needs_address


async def test_a_spoiled_picture_is_seen() -> None:
    pictures = NumberedPictures()
    first, second = [(await pictures.recv()).to_ndarray(format="gray") for _ in range(2)]
    assert [number_of(grey(each)) for each in (first, second)] == [0, 1]
    second[200:, :40] = first[200:, :40]
    second[:40, 280:] = first[:40, 280:]
    assert number_of(grey(second)) is None


def grey(picture: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="gray")


def buffer(peer: Peer) -> Any:
    """What a peer's receiver of video puts its packets into."""
    return receiver_of(peer)._RTCRtpReceiver__jitter_buffer


def receiver_of(peer: Peer) -> Any:
    assert peer._connection is not None
    (transceiver,) = peer._connection.getTransceivers()
    return transceiver.receiver


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_every_picture_is_whole_where_one_of_ten_packets_is_lost(codec: str) -> None:
    rng = random.Random(4)
    async with connected(codec=codec) as connection:
        connection.loses = lambda: rng.random() < 0.1
        await connection.until(lambda: len(connection.seen) > 60)
    numbers = [each.number for each in connection.seen]
    assert None not in numbers
    assert numbers == sorted(set(numbers))


async def test_after_two_thirds_of_a_second_without_network_no_picture_is_left_out() -> None:
    async with connected() as connection:
        await connection.until(lambda: len(connection.seen) > 10)
        before = await away(connection, 0.66)
        await connection.until(lambda: (connection.seen[-1].number or 0) > before + 10)
    numbers = [each.number for each in connection.seen]
    assert numbers == list(range(numbers[0] or 0, (numbers[-1] or 0) + 1))


async def test_after_two_seconds_without_network_whole_pictures_come_again() -> None:
    async with connected() as connection:
        await connection.until(lambda: len(connection.seen) > 10)
        before = await away(connection, 2.0)
        await connection.until(lambda: (connection.seen[-1].number or 0) > before + 10)
    numbers = [each.number for each in connection.seen]
    assert None not in numbers
    (hole,) = [(a, b) for a, b in pairwise(numbers) if b - a > 5]
    assert hole[1] >= before  # what was shown meanwhile is not sent again


async def away(connection: Connection, seconds: float) -> int:
    """Let nothing pass for so long; return the first picture after that."""
    connection.loses = lambda: True
    await asyncio.sleep(seconds)
    connection.loses = lambda: False
    return len(connection.pictures.shown_s)


async def test_what_passes_and_what_waits_is_told_to_what_asks() -> None:
    async with connected() as connection:
        relief = receiver_of(connection.peer)._RTCRtpReceiver__remote_bitrate_estimator
        assembly = buffer(connection.peer)._assembly
        assert isinstance(relief, Relief)
        assert relief._lag_s() == assembly.lag_s
        await connection.until(lambda: len(connection.seen) > 3)
        assert relief.rate_bit_s > 1_000_000  # as long as nothing was learnt


async def test_what_asks_for_packets_ends_with_the_connection() -> None:
    async with connected() as connection:
        assert isinstance(buffer(connection.peer), PromptVideo)
        (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "video packets"]
    assert task.cancelled()


async def test_another_version_of_aiortc_receives_alone_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aiortc, "__version__", "1.16.1")
    receiver._fits.cache_clear()
    with capture_logs() as logs:
        for _ in range(2):
            async with connected() as connection:
                assert isinstance(buffer(connection.peer), JitterBuffer)
                assert connection.seen[0].number is not None
    receiver._fits.cache_clear()
    lines = [line for line in logs if line["event"] == "video is received by aiortc alone"]
    assert [(line["version"], line["needed"]) for line in lines] == [("1.16.1", "1.16.0")]


@pytest.mark.parametrize("stock", [True, False])
async def test_an_operator_may_leave_it_to_aiortc(tmp_path: Path, stock: bool) -> None:
    async with running(tmp_path, stock_aiortc=stock) as server:
        plan = SessionPlan(
            session_id=SESSION,
            user_id=USER,
            exercise_id=EXERCISE,
            exercise_name="Squats",
            reference_duration_s=8.4,
            open_comparator=plant(FakeComparator),
        )
        server.app[SESSIONS].create(plan)
        client = Client()
        offer = sdp.read_offer((await client.offer()).encode())
        session = server.app[SESSIONS].get(SESSION)
        await session.join(offer, "peer")
        kind = JitterBuffer if stock else PromptVideo
        assert isinstance(buffer(session._connections.newest), kind)
        await client.peer.close()


def test_the_version_is_the_one_that_is_installed_everywhere() -> None:
    root = Path(__file__).parents[1]
    needed = f"aiortc=={receiver.VERSION}"
    assert needed in (root / "constraints.txt").read_text().splitlines()
    assert f'"{needed}"' in (root / "pyproject.toml").read_text()
