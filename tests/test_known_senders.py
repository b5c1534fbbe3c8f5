"""Packets from anybody but the page never reach DTLS; what a version of aioice may need is left."""

import re
from pathlib import Path
from types import SimpleNamespace

from aioice import stun
from aioice.ice import get_host_addresses
from live_fakes import Client
from live_server import needs_address, running, scores
from structlog.testing import capture_logs
from udp_proxy import UdpProxy, candidate_in, with_candidate

from posesim_server.live import known_senders
from posesim_server.live.known_senders import AIOICE, only_known_senders

PAGE, STRANGER = ("192.0.2.1", 5000), ("192.0.2.2", 5000)
PACKET = b"\x80" * 40


class Protocol:
    """What aioice has for a port; it keeps what comes."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, tuple]] = []

    def datagram_received(self, data: bytes, addr: tuple) -> None:
        self.got.append((data, addr))


class CheckList(list):
    """Of the pairs that ICE tries; it counts how often it is gone through."""

    looks = 0

    def __iter__(self):
        self.looks += 1
        return super().__iter__()


def guarded() -> tuple[Protocol, CheckList]:
    protocol, pairs = Protocol(), CheckList()
    ice = SimpleNamespace(_protocols=[protocol], _check_list=pairs)
    transport = SimpleNamespace(iceGatherer=SimpleNamespace(_connection=ice))
    only_known_senders(SimpleNamespace(_RTCPeerConnection__iceTransports=[transport]))
    return protocol, pairs


def test_only_packets_from_candidates_and_stun_are_taken():
    protocol, pairs = guarded()
    pairs.append(SimpleNamespace(remote_addr=PAGE))
    binding = bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))
    for data, addr in [(PACKET, STRANGER), (PACKET, PAGE), (binding, STRANGER)]:
        protocol.datagram_received(data, addr)
    assert protocol.got == [(PACKET, PAGE), (binding, STRANGER)]


def test_a_page_that_turns_up_later_is_taken_over_ipv6_too():
    protocol, pairs = guarded()
    protocol.datagram_received(PACKET, ("2001:db8::1", 5000, 0, 0))
    pairs.append(SimpleNamespace(remote_addr=("2001:db8::1", 5000)))
    protocol.datagram_received(PACKET, ("2001:db8::1", 5000, 0, 0))
    assert len(protocol.got) == 1


@needs_address
async def test_a_page_that_comes_from_another_address_than_it_told_is_let_in(
    tmp_path: Path,
) -> None:
    host, *_ = get_host_addresses(use_ipv4=True, use_ipv6=False)
    async with UdpProxy(host) as proxy, running(tmp_path) as server:
        told, used = proxy.open(), proxy.open()
        client = Client()
        server.peers.append(client)
        answer, _ = await server.answer(with_candidate(await client.offer(), told.outside))
        used.leads_to(candidate_in(answer))
        await client.accept(with_candidate(answer, used.inside))
        await scores(client, 2)
        assert proxy.up.passed > 10


def test_the_candidates_are_looked_at_once_for_a_page_s_packets():
    protocol, pairs = guarded()
    pairs.append(SimpleNamespace(remote_addr=PAGE))
    for _ in range(100):
        protocol.datagram_received(PACKET, PAGE)
    assert len(protocol.got) == 100
    assert pairs.looks == 1


def test_another_version_of_aioice_is_left_alone_and_that_is_logged_once(monkeypatch):
    monkeypatch.setattr(known_senders, "version", lambda _: "0.14.0")
    with capture_logs() as logs:
        protocols = [guarded()[0] for _ in range(3)]
    for protocol in protocols:
        protocol.datagram_received(PACKET, STRANGER)
        assert protocol.got == [(PACKET, STRANGER)]
    assert logs == [
        {
            "event": "packets of strangers are not dropped",
            "log_level": "warning",
            "aioice": "0.14.0",
            "made_for": AIOICE,
        }
    ]


def test_it_is_made_for_the_version_that_is_installed_with_the_constraints():
    constraints = (Path(__file__).parents[1] / "constraints.txt").read_text()
    assert re.findall(r"^aioice==(.+)$", constraints, re.MULTILINE) == [AIOICE]
