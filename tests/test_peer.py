"""A session's peer connection alone. What sessions make of it is in test_live_loopback.py."""

import asyncio

import pytest
from live_fakes import Client
from live_server import WAIT_S, needs_address
from unhandled import nothing_unhandled

from posesim_server.live import sdp
from posesim_server.live.outbox import Outbox
from posesim_server.live.peer import Peer
from posesim_server.live.plan import Limits

pytestmark = needs_address


async def test_a_connection_that_is_closed_while_it_connects_leaves_no_task() -> None:
    client, peer = Client(), Peer(Limits(), [], Outbox())
    offer = sdp.read_offer((await client.offer()).encode())
    await client.accept(await peer.join(offer, "peer", lambda: False))
    assert peer._connection is not None
    (transceiver,) = peer._connection.getTransceivers()
    ice = transceiver.receiver.transport.transport.iceGatherer._connection
    async with asyncio.timeout(WAIT_S):
        while not ice._check_list_done:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)  # a moment later it would know
    assert ice._query_consent_task is None
    await peer.close()
    assert ice._query_consent_task.done()
    await client.peer.close()


@pytest.mark.parametrize("over", ["closing", "closed"])
async def test_what_the_data_channels_say_too_late_is_no_error(over: str) -> None:
    client, peer = Client(), Peer(Limits(), [], Outbox())
    offer = sdp.read_offer((await client.offer()).encode())
    await client.accept(await peer.join(offer, "peer", lambda: False))
    assert peer._connection is not None
    sctp = peer._connection.sctp
    assert sctp is not None
    async with asyncio.timeout(WAIT_S):
        while sctp.state != "connected" or not sctp._data_channels:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
    with nothing_unhandled():
        if over == "closing":
            sctp.transport._ssl.shutdown()  # as when it closes, before it says so
        else:
            await sctp.transport.stop()
            await asyncio.sleep(0)
        sctp._data_channel_queue.append((next(iter(sctp._data_channels.values())), 51, b"late"))
        sctp._t3_expired()
        flushing = asyncio.ensure_future(sctp._data_channel_flush())
        await asyncio.wait({flushing})
        del flushing
        await asyncio.sleep(0)
    await peer.close()
    await client.peer.close()


async def test_a_connection_that_is_closed_before_the_other_side_answers_is_no_error() -> None:
    client, peer = Client(), Peer(Limits(), [], Outbox())
    with nothing_unhandled():
        offer = sdp.read_offer((await client.offer()).encode())
        await peer.join(offer, "peer", lambda: False)
        await asyncio.sleep(0.1)  # it tries to connect
        await peer.close()
        await asyncio.sleep(0.1)
    await client.peer.close()
