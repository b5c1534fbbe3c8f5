"""The deployed coturn: whom it serves, whom it never sends to, and pictures that go through it."""

import asyncio
import contextlib
import ipaddress
import random
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aioice import stun, turn
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from coturn import USER, WAIT_S, Coturn, coturn_at, machine_addresses
from live_fakes import Client
from live_server import needs_address, running, scores

from posesim_server.turn import IceServer, ice_servers, turn_password

pytestmark = [pytest.mark.coturn, pytest.mark.slow]

TCP_RELAY = 0x06000000  # REQUESTED-TRANSPORT of RFC 6062
PORTS_USED: set[int] = set()  # by the clients of this module


@pytest.fixture(scope="module")
def deployed(turnserver: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """With the list of the deployed file alone."""
    with coturn_at(turnserver, tmp_path_factory.mktemp("coturn")) as coturn:
        yield coturn


@pytest.fixture(scope="module")
def deployed_v6(turnserver: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    """The same, whose relays have IPv6 addresses."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    arguments = ["--allocation-default-address-family=ipv6"]
    folder = tmp_path_factory.mktemp("coturn")
    with coturn_at(turnserver, folder, address="::1", arguments=arguments) as coturn:
        yield coturn


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trying:
        trying.bind(("::1", 0))
        return True
    return False


def socket_of_new_port(place: tuple[str, int]) -> socket.socket:
    """A socket for UDP with a port that no client had before.

    For a second after a relay was given back, coturn refuses another to the same port (437), and
    the system may choose one twice.
    """
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    while True:
        created = socket.socket(family, socket.SOCK_DGRAM)
        created.setblocking(False)
        created.connect(place)
        port = created.getsockname()[1]
        if port not in PORTS_USED:
            PORTS_USED.add(port)
            return created
        created.close()


@contextlib.asynccontextmanager
async def client_of(
    coturn: Coturn, credentials: IceServer | None = None
) -> AsyncIterator[turn.TurnClientUdpProtocol]:
    """A TURN client that has not asked for anything yet."""
    server = credentials or coturn.credentials()
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: turn.TurnClientUdpProtocol(
            coturn.place,
            username=server.username,
            password=server.credential,
            lifetime=600,
            channel_refresh_time=500,
        ),
        sock=socket_of_new_port(coturn.place),
    )
    try:
        yield client
    finally:
        if client.refresh_task:
            await client.delete()
        transport.close()


async def refusal(asking) -> int:
    """The error code with which a request is refused."""
    with pytest.raises(stun.TransactionFailed) as failed:
        await asking
    code: int = failed.value.response.error_code
    return code


def permission(address: str) -> stun.Message:
    request = stun.Message(stun.Method.CREATE_PERMISSION, stun.Class.REQUEST)
    request.attributes["XOR-PEER-ADDRESS"] = (address, 0)
    return request


# Whom it serves


async def test_the_server_s_credentials_are_accepted(deployed):
    async with client_of(deployed) as client:
        address, port = await client.connect()
    assert address == deployed.place[0]
    assert 49160 <= port <= 49659


async def test_credentials_that_ran_out_are_refused(deployed):
    before = datetime.now(UTC) - timedelta(seconds=3605)
    async with client_of(deployed, deployed.credentials(at=before)) as client:
        assert await refusal(client.connect()) == 401


async def test_a_call_goes_on_when_its_credentials_run_out(turnserver, tmp_path):
    arguments = ["--stale-nonce=1"]  # so that it has to prove itself again
    with coturn_at(turnserver, tmp_path, arguments=arguments) as coturn:
        async with client_of(coturn, coturn.credentials(turn_credential_s=2)) as client:
            await client.connect()
            await asyncio.sleep(4)
            request = stun.Message(stun.Method.REFRESH, stun.Class.REQUEST)
            request.attributes["LIFETIME"] = 600
            response, _ = await client.request_with_retry(request)
            assert response.attributes["LIFETIME"] == 600


@pytest.mark.parametrize("forge", ["later", "another user", "another secret", "nothing", "guess"])
async def test_forged_credentials_are_refused(deployed, forge):
    good = deployed.credentials()
    until, _, _ = good.username.partition(":")
    forged = {
        "later": (f"{int(until) + 1}:{USER}", good.credential),
        "another user": (f"{until}:9f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b98", good.credential),
        "another secret": (good.username, other_secret(deployed)),
        "nothing": (None, None),
        "guess": ("admin", "admin"),
    }
    username, credential = forged[forge]
    server = IceServer(urls=good.urls, username=username, credential=credential)
    async with client_of(deployed, server) as client:
        assert await refusal(client.connect()) == 401


def other_secret(coturn: Coturn) -> str | None:
    """What a server with another secret would tell the same user."""
    return turn_password("0123456789abcdef" * 4, coturn.credentials().username or "")


async def test_one_user_gets_so_many_relays_however_many_credentials_they_ask_for(
    turnserver, tmp_path
):
    with coturn_at(turnserver, tmp_path, arguments=["--user-quota=2"]) as coturn:
        async with contextlib.AsyncExitStack() as stack:

            async def client(user: str, seconds: int) -> turn.TurnClientUdpProtocol:
                at = datetime.now(UTC) + timedelta(seconds=seconds)
                return await stack.enter_async_context(
                    client_of(coturn, coturn.credentials(user, at))
                )

            for seconds in range(2):
                await (await client(USER, seconds)).connect()
            assert await refusal((await client(USER, 3)).connect()) == 486
            await (await client("somebody-else", 0)).connect()


async def test_nobody_opens_a_tcp_connection_through_it(deployed):
    async with client_of(deployed) as client:
        request = stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)
        request.attributes["LIFETIME"] = 600
        request.attributes["REQUESTED-TRANSPORT"] = TCP_RELAY
        assert await refusal(client.request_with_retry(request)) in (400, 403, 442)


# Whom it never sends to

SPECIAL = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
SPECIAL_V6 = (
    "::/96",  # with ::1, and IPv4 addresses written as IPv6
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
INSIDE_V6 = ("::", "::1", "fd00::2", "::ffff:127.0.0.1", "::ffff:10.0.1.0", "::ffff:0.0.0.0")
INSIDE_V6 += ("::ffff:169.254.169.254", "::10.0.1.0", "::10.1.0.0", "::10.0.0.0", "::0.0.1.0")
# Everybody's, some of them the neighbours of a range; nothing is sent there.
PUBLIC = (
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
)
PUBLIC += ("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255")
PUBLIC_V6 = ("2606:4700::1111", "2003::1", "2a00:1450::1", "3ffe:ffff::1")


def some_of(network: str) -> Iterator[str]:
    """Its first and its last address, and some between, with and without a 0 at the end."""
    addresses = ipaddress.ip_network(network)
    size, chance = addresses.num_addresses, random.Random(network)
    yield from (str(addresses[0]), str(addresses[-1]))
    for _ in range(4):
        place = chance.randrange(size)
        yield str(addresses[place])
        yield str(addresses[place // 256 * 256])


async def assert_refused(client: turn.TurnClientUdpProtocol, address: str) -> None:
    assert await refusal(client.request_with_retry(permission(address))) == 403, address
    assert await refusal(client.channel_bind(0x4000, (address, 40_000))) == 403, address


@pytest.mark.parametrize("network", SPECIAL)
async def test_an_address_that_is_not_everybody_s_is_refused(deployed, network):
    async with client_of(deployed) as client:
        await client.connect()
        for address in some_of(network):
            await assert_refused(client, address)


@pytest.mark.parametrize("network", SPECIAL_V6)
async def test_an_ipv6_address_that_is_not_everybody_s_is_refused(deployed_v6, network):
    async with client_of(deployed_v6) as client:
        assert (await client.connect())[0] == "::1"
        for address in some_of(network):
            await assert_refused(client, address)


@pytest.mark.parametrize("address", INSIDE_V6)
async def test_an_inner_address_is_refused_in_each_way_to_write_it(deployed_v6, address):
    async with client_of(deployed_v6) as client:
        await client.connect()
        await assert_refused(client, address)


async def test_other_addresses_are_allowed(deployed):
    async with client_of(deployed) as client:
        await client.connect()
        for address in PUBLIC:
            await client.request_with_retry(permission(address))


async def test_other_ipv6_addresses_are_allowed(deployed_v6):
    async with client_of(deployed_v6) as client:
        await client.connect()
        for address in PUBLIC_V6:
            await client.request_with_retry(permission(address))


# Pictures through it


def relayed(servers: list[IceServer]) -> RTCConfiguration:
    """As a browser is configured by a ticket of a server that allows a relay alone."""
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(urls=s.urls, username=s.username, credential=s.credential) for s in servers
        ],
        iceTransportPolicy=RTCIceTransportPolicy.RELAY,
    )


def candidates(description: str) -> set[tuple[str, str]]:
    """Address and type of each candidate."""
    lines = [line.split() for line in description.splitlines() if line.startswith("a=candidate")]
    return {(line[4], line[7]) for line in lines}


def candidate_types(description: str) -> set[str]:
    return {kind for _, kind in candidates(description)}


@needs_address
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_camera_reaches_the_server_by_the_relay_alone(turnserver, tmp_path, transport):
    with coturn_at(turnserver, tmp_path, reach=machine_addresses()) as coturn:
        options = {
            "turn_urls": tuple(url for url in coturn.urls if url.endswith(transport)),
            "turn_secret": coturn.secret,
            "relay_only": True,
        }
        async with running(tmp_path, **options) as server:
            # The server itself needs no relay: it waits at its own addresses.
            client = Client(configuration=relayed(ice_servers(server.config, USER, server.now())))
            offer = await client.offer()
            assert candidate_types(offer) == {"relay"}
            server.peers.append(client)
            answer, _ = await server.answer(offer)
            assert candidate_types(answer) == {"host"}
            await client.accept(answer)
            assert len(await scores(client, 3)) == 3


@needs_address
async def test_behind_a_router_the_relay_finds_the_server_by_the_address_that_others_see(
    turnserver, tmp_path
):
    own, public = machine_addresses()[0], "203.0.113.9"
    router = {"PUBLIC_ADDRESS": public, "OWN_ADDRESS": own}
    with coturn_at(turnserver, tmp_path, address=own, reach=[public], environment=router) as coturn:
        options = {"public_addresses": (public,), **coturn.options}
        async with running(tmp_path, **options) as server:
            client = Client(configuration=relayed([coturn.credentials()]))
            server.peers.append(client)
            offer = await client.offer()
            assert {address for address, _ in candidates(offer)} == {public}
            answer, _ = await server.answer(offer)
            assert (public, "host") in candidates(answer)
            assert (own, "host") not in candidates(answer)
            await client.accept(answer)
            assert len(await scores(client, 3)) == 3


@needs_address
async def test_the_relay_sends_nothing_to_a_server_with_an_inner_address(turnserver, tmp_path):
    with coturn_at(turnserver, tmp_path) as coturn:
        async with running(tmp_path, **coturn.options) as server:
            client = Client(configuration=relayed([coturn.credentials()]))
            server.peers.append(client)
            answer, _ = await server.answer(await client.offer())
            await client.accept(answer)
            denied = f"A peer IP {coturn.place[0]} denied in the range"
            async with asyncio.timeout(WAIT_S):
                while not any(denied in line for line in coturn.lines()):  # noqa: ASYNC110 - a file
                    await asyncio.sleep(0.05)
            assert client.peer.iceConnectionState == "checking"
            assert client.score_messages.empty()


@needs_address
async def test_two_who_may_only_use_the_relay_reach_each_other(turnserver, tmp_path):
    with coturn_at(turnserver, tmp_path, reach=machine_addresses()) as coturn:
        one, other = (
            RTCPeerConnection(relayed([coturn.credentials(user)])) for user in (USER, "other")
        )
        try:
            heard: asyncio.Queue[str] = asyncio.Queue()
            other.on("datachannel", lambda channel: channel.on("message", heard.put_nowait))
            channel = one.createDataChannel("talk")
            channel.on("open", lambda: channel.send("hello"))
            await one.setLocalDescription(await one.createOffer())
            await other.setRemoteDescription(told(one))
            await other.setLocalDescription(await other.createAnswer())
            await one.setRemoteDescription(told(other))
            for peer in (one, other):
                assert candidate_types(peer.localDescription.sdp) == {"relay"}
            async with asyncio.timeout(WAIT_S):
                assert await heard.get() == "hello"
        finally:
            await one.close()
            await other.close()


def told(peer: RTCPeerConnection) -> RTCSessionDescription:
    description = peer.localDescription
    return RTCSessionDescription(sdp=description.sdp, type=description.type)
