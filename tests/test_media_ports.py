"""Sockets for pictures inside a range of ports: plain ones, and those that aioice opens."""

import asyncio
import socket

import aioice
import pytest
from live_server import needs_address

from posesim_server.live.media_ports import media_ports
from server import running

FIRST, LAST = 42_100, 42_119


async def open_one(address="127.0.0.1", port=0):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(address, port)
    )
    return transport


def port_of(transport):
    return transport.get_extra_info("sockname")[1]


async def test_every_port_of_the_range_is_used_once_and_none_outside():
    with media_ports(asyncio.get_running_loop(), FIRST, LAST):
        transports = [await open_one() for _ in range(FIRST, LAST + 1)]
        try:
            assert sorted(map(port_of, transports)) == list(range(FIRST, LAST + 1))
            with pytest.raises(OSError, match=r"all UDP ports from 42100 to 42119 are taken"):
                await open_one()
            transports.pop().close()
            await asyncio.sleep(0)
            transports.append(await open_one())
        finally:
            for transport in transports:
                transport.close()


async def test_a_port_that_another_program_has_is_passed_over():
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", FIRST))
        with media_ports(asyncio.get_running_loop(), FIRST, FIRST + 1):
            transport = await open_one()
            assert port_of(transport) == FIRST + 1
            transport.close()


async def test_a_socket_with_a_port_of_its_own_gets_it():
    with media_ports(asyncio.get_running_loop(), FIRST, LAST):
        transport = await open_one(port=42_200)
        assert port_of(transport) == 42_200
        transport.close()


async def test_an_address_that_is_not_here_fails_as_before():
    with (
        media_ports(asyncio.get_running_loop(), FIRST, LAST),
        pytest.raises(OSError, match="assign requested address"),
    ):
        await open_one("198.51.100.1")


async def test_afterwards_the_system_chooses_again():
    with media_ports(asyncio.get_running_loop(), FIRST, LAST):
        pass
    transport = await open_one()
    assert not FIRST <= port_of(transport) <= LAST
    transport.close()


@needs_address
async def test_the_candidates_of_a_server_are_in_the_range(tmp_path):
    async with running(tmp_path, media_ports=(FIRST, LAST)):
        connection = aioice.Connection(ice_controlling=False)
        await connection.gather_candidates()
        ports = [candidate.port for candidate in connection.local_candidates]
        await connection.close()
    assert ports
    assert all(FIRST <= port <= LAST for port in ports)
