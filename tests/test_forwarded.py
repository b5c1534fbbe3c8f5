import pytest

from posesim_server.forwarded import client_address

CADDY = ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("198.51.100.7", [], (), "198.51.100.7"),
        # Anybody can write the header; it counts from a trusted proxy alone.
        ("198.51.100.7", ["203.0.113.9"], (), "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.9"], CADDY, "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.9"], CADDY, "203.0.113.9"),
        ("::1", ["2001:db8::9"], CADDY, "2001:db8::9"),
        ("127.0.0.1", [], CADDY, "127.0.0.1"),
        # What a client wrote stands before what the proxy added.
        ("127.0.0.1", ["1.1.1.1, 203.0.113.9"], CADDY, "203.0.113.9"),
        ("127.0.0.1", ["1.1.1.1", "203.0.113.9"], CADDY, "203.0.113.9"),
        # Two proxies, both trusted, and somebody who pretends to be one of them.
        ("10.0.0.2", ["1.1.1.1, 203.0.113.9, 10.0.0.1"], ("10.0.0.0/24",), "203.0.113.9"),
        ("127.0.0.1", ["127.0.0.1, 203.0.113.9"], CADDY, "203.0.113.9"),
        ("10.0.0.2", ["10.0.0.1"], ("10.0.0.0/24",), "10.0.0.1"),
        # No address: as far as the word of a proxy goes.
        ("127.0.0.1", ["unknown"], CADDY, "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9, "], CADDY, "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9:4711"], CADDY, "127.0.0.1"),
        # One client is one client, however its address is written.
        ("127.0.0.1", ["::ffff:203.0.113.9"], CADDY, "203.0.113.9"),
        ("127.0.0.1", ["2001:DB8:0::9"], CADDY, "2001:db8::9"),
        (None, ["203.0.113.9"], CADDY, "?"),
    ],
)
def test_a_client_is_who_a_trusted_proxy_says(peer, forwarded, trusted, address):
    assert client_address(peer, forwarded, trusted) == address
