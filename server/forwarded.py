"""From where a request came, when a proxy stands between: by the proxy's word, if it is trusted."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str | None, forwarded: Iterable[str], trusted: Sequence[str]) -> str:
    """Return the address of who asked.

    Each proxy adds from whom it has a request to the end of `X-Forwarded-For`. So the header is
    read from its end, as far as the word of a trusted proxy goes; what comes before it anybody
    could have written.

    Args:
        peer: The other end of the connection; None if it is gone.
        forwarded: The header's values, in the order in which they came.
        trusted: Addresses and networks of proxies.
    """
    address = peer or "?"
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while hops and _is_one_of(address, tuple(trusted)):
        hop = _address(hops.pop())
        if hop is None:
            break
        address = hop
    return address


def counted(address: str) -> str:
    """What an address is counted as: itself, or its network where one caller has a whole one.

    Whoever has IPv6 has a /64 at least, and so more addresses than can be counted.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address


def _is_one_of(address: str, networks: tuple[str, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in _network(network) for network in networks)


@cache
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


def _address(text: str) -> str | None:
    """An address as it is counted; None for what is none."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if ip.version == 6 else None
    return str(mapped or ip)
