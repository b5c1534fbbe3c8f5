"""Packets that strangers send to a live session's port: the session goes on, and nothing grows."""

import asyncio
import os
import random
import re
import socket
import struct
from pathlib import Path

import pytest
from live_fakes import Client
from live_server import Server, ended, needs_address, running, scores
from structlog.testing import capture_logs
from unhandled import nothing_unhandled

pytestmark = needs_address

STUN_COOKIE = 0x2112A442
FLOOD = 10_000  # packets
MOST_GROWTH_BYTES = 60 * 2**20  # a queue of that many packets, or of their answers, would be more


def noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(0, 1400))


def rtp(rng: random.Random) -> bytes:
    """A header as of a picture, and what is no SRTP; sometimes cut in the header."""
    head = struct.pack("!BBHII", 0x80 | rng.randrange(64), 96 + rng.randrange(4), 1, 2, 3)
    return (head + rng.randbytes(rng.randrange(200)))[: rng.choice([1, 2, 7, 12, 400])]


def rtcp(rng: random.Random) -> bytes:
    """A report or feedback of a length that it does not have."""
    head = struct.pack("!BBH", 0x80 | rng.randrange(64), 200 + rng.randrange(8), 0xFFFF)
    return (head + rng.randbytes(rng.randrange(60)))[: rng.choice([2, 4, 8, 64])]


def stun(rng: random.Random) -> bytes:
    """A binding request whose user or integrity is wrong, or whose attributes end too early."""
    user = rng.choice([b"", b"a:b", rng.randbytes(40), b"\xff" * 512])
    body = struct.pack("!HH", 0x0006, len(user)) + user + b"\0" * (-len(user) % 4)
    body += struct.pack("!HH", 0x0008, 20) + rng.randbytes(20)
    length = rng.choice([len(body), 0, 4, 0xFFFC])
    method = rng.choice([0x0001, 0x0101, 0x0111, 0x0003])
    head = struct.pack("!HHI", method, length, STUN_COOKIE) + rng.randbytes(12)
    return head + body[: rng.choice([0, 3, len(body)])]


def client_hello(rng: random.Random) -> bytes:
    """A DTLS ClientHello as a second party sends it to be first (ASVS 5.0, 17.2.6)."""
    body = b"\xfe\xfd" + rng.randbytes(32) + b"\0" + b"\0" + b"\0\x02\xc0\x2b" + b"\x01\0"
    shake = b"\x01" + len(body).to_bytes(3) + b"\0\0\0\0\0" + len(body).to_bytes(3) + body
    record = b"\x16\xfe\xff" + b"\0" * 8 + len(shake).to_bytes(2) + shake
    return record[: rng.choice([13, 20, len(record)])]


KINDS = {"noise": noise, "RTP": rtp, "RTCP": rtcp, "STUN": stun, "DTLS": client_hello}


def ports(answer: str) -> list[tuple[str, int]]:
    """Where the server listens, from the candidates of its answer."""
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    return sorted({(address, int(port)) for address, port in found if "." in address})


async def joined(server: Server, client: Client) -> tuple[str, int]:
    """Connect, and return one address of the server's that the pictures may come to."""
    server.peers.append(client)
    answer, _ = await server.answer(await client.offer())
    await client.accept(answer)
    await scores(client, 1)
    return ports(answer)[0]


def send_all(packets: list[bytes], to: tuple[str, int], pause_every: int) -> None:
    """From a port that the session does not know, as fast as that many at once allow."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for n in range(0, len(packets), pause_every):
            for packet in packets[n : n + pause_every]:
                stranger.sendto(packet, to)
            os.sched_yield()


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("kind", KINDS)
async def test_malformed_packets_disturb_no_session(kind: str, tmp_path: Path) -> None:
    rng = random.Random(kind)
    packets = [KINDS[kind](rng) for _ in range(300)]
    with nothing_unhandled(), capture_logs() as logs:
        async with running(tmp_path) as server:
            client = Client()
            to = await joined(server, client)
            await asyncio.to_thread(send_all, packets, to, 20)
            received = await scores(client, 3)  # which are new: they are numbered
            assert len({score.seq for score in received}) == 3
            assert client.peer.connectionState == "connected"
            assert server.sessions.live == 1
            client.events.send('{"v":1,"type":"bye"}')
            assert await ended(server) == "left"
    assert [log for log in logs if log["log_level"] in ("error", "critical")] == []


async def test_who_is_first_with_a_hello_before_the_page_gets_nothing(tmp_path: Path) -> None:
    rng = random.Random(1)
    with nothing_unhandled():
        async with running(tmp_path) as server:
            client = Client()
            server.peers.append(client)
            answer, _ = await server.answer(await client.offer())
            hellos = [client_hello(rng) for _ in range(50)]
            await asyncio.to_thread(send_all, hellos, ports(answer)[0], 20)
            await client.accept(answer)
            assert (await scores(client, 1))[0].seq >= 0


@pytest.mark.slow
async def test_a_flood_disturbs_no_session_and_leaves_nothing(tmp_path: Path) -> None:
    rng = random.Random(0)
    makers = list(KINDS.values())
    flood = [rng.choice(makers)(rng) for _ in range(FLOOD)]
    with nothing_unhandled():
        async with running(tmp_path) as server:
            client = Client()
            to = await joined(server, client)
            await asyncio.to_thread(send_all, flood[: FLOOD // 5], to, 50)  # caches fill
            before = rss_bytes()
            tasks = len(asyncio.all_tasks())
            await asyncio.to_thread(send_all, flood, to, 50)
            await scores(client, 10)
            assert len(asyncio.all_tasks()) <= tasks + 2
            assert rss_bytes() - before < MOST_GROWTH_BYTES
            assert client.peer.connectionState == "connected"
