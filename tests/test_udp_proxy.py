"""The proxy does to datagrams what it is told, no more and no less."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

from udp_proxy import BUFFER_BYTES, Address, Line, UdpProxy

HOST = "127.0.0.1"
WAIT_S = 10.0  # far more than it takes; a busy machine is no failure
AT_ONCE = 50  # datagrams that are sent in one go


class End(asyncio.DatagramProtocol):
    """One side: a socket, and what it received."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Address]] = []
        self.arrived_s: list[float] = []
        self._new = asyncio.Event()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.received.append((data, addr))
        self.arrived_s.append(time.monotonic())
        self._new.set()

    @property
    def address(self) -> Address:
        return self.transport.get_extra_info("sockname")

    @property
    def datagrams(self) -> list[bytes]:
        return [data for data, _ in self.received]

    def send(self, data: bytes, to: Address) -> None:
        self.transport.sendto(data, to)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while len(self.received) < count:
                self._new.clear()
                await self._new.wait()


async def an_end() -> End:
    loop = asyncio.get_running_loop()
    transport, end = await loop.create_datagram_endpoint(End, local_addr=(HOST, 0))
    buffer = transport.get_extra_info("socket")
    buffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    return end


@contextlib.asynccontextmanager
async def ends(
    seed: int = 0, line: Line | None = None
) -> AsyncIterator[tuple[UdpProxy, Address, End, End]]:
    """A proxy, where its client sends to, the client, and the server."""
    client, server = await an_end(), await an_end()
    async with UdpProxy(HOST, seed=seed) as proxy:
        if line is not None:
            proxy.set(up=line, down=line)
        path = proxy.open()
        path.leads_to(server.address)
        try:
            yield proxy, path.inside, client, server
        finally:
            client.transport.close()
            server.transport.close()


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(count)]


async def sent(client: End, to: Address, datagrams: list[bytes]) -> None:
    """Send, a few at a time: a socket's own buffer must not be what loses them."""
    for start in range(0, len(datagrams), AT_ONCE):
        for datagram in datagrams[start : start + AT_ONCE]:
            client.send(datagram, to)
        await asyncio.sleep(0.001)


async def carried(seed: int, line: Line, count: int = 2000) -> list[bytes]:
    """What of so many datagrams arrives."""
    async with ends(seed, line) as (proxy, inside, client, server):
        datagrams = numbered(count)
        while datagrams:
            await sent(client, inside, datagrams[:AT_ONCE])
            del datagrams[:AT_ONCE]
            async with asyncio.timeout(WAIT_S):
                while proxy.up.passed + proxy.up.lost + len(datagrams) < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)  # it tells nobody
            await server.until(proxy.up.passed)
        return server.datagrams


async def test_without_faults_all_arrives_in_its_order() -> None:
    assert await carried(1, Line()) == numbered(2000)


async def test_what_is_lost_is_drawn_by_the_seed_in_the_share_that_was_asked_for() -> None:
    arrived = await carried(1, Line(loss=0.1))
    assert 1740 < len(arrived) < 1860  # 1800; the odds of more are below one in 100 000
    assert await carried(1, Line(loss=0.1)) == arrived
    assert await carried(2, Line(loss=0.1)) != arrived


async def test_a_constant_delay_keeps_the_order_and_is_that_long() -> None:
    async with ends(line=Line(delay_s=0.1)) as (_, inside, client, server):
        begun_s = time.monotonic()
        await sent(client, inside, numbered(300))
        await server.until(300)
        assert server.datagrams == numbered(300)
        assert server.arrived_s[0] - begun_s >= 0.1


async def test_with_jitter_datagrams_overtake_each_other() -> None:
    arrived = await carried(1, Line(jitter_s=0.02), 300)
    assert sorted(arrived) == numbered(300)
    assert arrived != numbered(300)


async def test_an_answer_goes_to_whom_it_is_for() -> None:
    async with ends() as (_, inside, client, server):
        other = await an_end()
        for each, word in ((client, b"one"), (other, b"two")):
            each.send(word, inside)
        await server.until(2)
        for word, sender in server.received:
            server.send(b"to " + word, sender)
        for each, word in ((client, b"to one"), (other, b"to two")):
            await each.until(1)
            assert each.received == [(word, inside)]
        other.transport.close()


async def test_the_server_can_know_where_the_first_client_will_come_from() -> None:
    client, server = await an_end(), await an_end()
    async with UdpProxy(HOST) as proxy:
        path = proxy.open()
        path.leads_to(server.address)
        server.send(b"too early: nobody has asked", path.outside)
        client.send(b"here", path.inside)
        await server.until(1)
        assert server.received == [(b"here", path.outside)]
        server.send(b"welcome", path.outside)
        await client.until(1)
        assert client.datagrams == [b"welcome"]
    client.transport.close()
    server.transport.close()


async def test_nothing_passes_while_it_is_cut_and_all_does_when_it_is_mended() -> None:
    async with ends(line=Line(delay_s=0.05)) as (proxy, inside, client, server):
        client.send(b"first", inside)
        await server.until(1)
        _, sender = server.received[0]
        client.send(b"under way", inside)
        async with asyncio.timeout(WAIT_S):
            while proxy.up.passed < 2:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        proxy.cut()
        client.send(b"up", inside)
        server.send(b"down", sender)
        async with asyncio.timeout(WAIT_S):
            while (proxy.up.cut, proxy.down.cut) != (2, 1):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        proxy.mend()
        client.send(b"again", inside)
        await server.until(2)
        server.send(b"and back", sender)
        await client.until(1)
        assert server.datagrams == [b"first", b"again"]
        assert client.datagrams == [b"and back"]


async def test_a_slow_line_lets_through_its_rate_and_its_queue_and_loses_the_rest() -> None:
    line = Line(rate_bit_s=80_000, queue_bytes=10_000)  # 10 of 1000 bytes, and as many a second
    async with ends(line=line) as (proxy, inside, client, server):
        begun_s = time.monotonic()
        for _ in range(30):
            client.send(bytes(1000), inside)
        async with asyncio.timeout(WAIT_S):
            while proxy.up.passed + proxy.up.overflowed < 30:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        took_s = time.monotonic() - begun_s
        assert 10 <= proxy.up.passed <= 10 + took_s * 10 + 1
        await server.until(proxy.up.passed)
        assert server.arrived_s[-1] - begun_s >= 1.0  # 10 000 bytes at 10 000 a second
        assert proxy.up.passed_bytes == 1000 * proxy.up.passed
