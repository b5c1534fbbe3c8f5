"""Requests to addresses that users name: only to hosts that everybody on the internet can reach.

Else whoever may name an address could have the server ask what only it can reach: other services
of its own network, or a cloud's metadata (server-side request forgery).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from posesim.errors import PosesimError

LONGEST_URL = 2048  # characters
TIMEOUT_S = 10.0  # from connecting to the answer's head

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: ends with the IPv4 address that is reached
_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all that has been given out
# Whatever Python's `is_global` says of them.
_NEVER: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # RFC 6890: protocols
    IPv4Network("192.88.99.0/24"),  # RFC 7526: relays of 6to4
    IPv6Network("2001::/23"),  # RFC 2928: protocols, among them Teredo
    IPv6Network("2002::/16"),  # RFC 3056: 6to4, with an IPv4 address in it
    IPv6Network("3fff::/20"),  # RFC 9637: documentation
)


class BadAddress(PosesimError):
    """An address that is not asked."""


class NotPublic(BadAddress):
    """A name without a public address; whether it has another is nobody's business."""

    def __init__(self) -> None:
        super().__init__("Its name has no public address. Check it, or use another one.")


class NotAnswered(PosesimError):
    """A request that came to nothing."""


def check_url(text: str, *, allow_private: bool) -> URL:
    """Read the address of a receiver. Where its name leads is seen when it is used.

    Args:
        text: What a user named.
        allow_private: Whether the operator lets it be in the server's own network, also by http.

    Raises:
        BadAddress: Saying what is wrong with it.
    """
    if len(text) > LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise BadAddress(f"Give an address of at most {LONGEST_URL} characters, all of them ASCII.")
    try:
        url = URL(text)
        host = url.raw_host
    except ValueError as error:
        raise BadAddress("This is no address. It looks like https://example.org/hook.") from error
    schemes = ("https", "http") if allow_private else ("https",)
    if url.scheme not in schemes or not host or not url.port:
        raise BadAddress("Give an address that begins with https:// and a host's name.")
    if url.raw_user is not None or url.raw_password is not None:
        raise BadAddress("Leave name and password out of the address: what is sent is signed.")
    if url.raw_fragment:
        raise BadAddress("Leave out what comes after # in the address: it is not sent.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return url
    if not allow_private and not is_public(literal):
        raise NotPublic
    return url


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one that everybody on the internet can reach."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _UNICAST:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NEVER)
    )


class Outbound:
    """Sends requests to public addresses. Ended by `close`.

    Args:
        allow_private: Whether the operator lets them go to any address.
        at_once: How many requests there are at most at a time.
        look_up: The addresses of a host's name; runs in a thread. Raises OSError if there is none.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        at_once: int,
        look_up: Callable[[str], list[str]] | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._look_up = look_up or _look_up
        # As many threads as requests: a name server that does not answer holds up nobody else, nor
        # the threads in which the server reads and writes its files.
        self._lookups = ThreadPoolExecutor(at_once, thread_name_prefix="lookup")

    def close(self) -> None:
        """Begin no more lookups; those under way end by themselves."""
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def post(self, address: str, body: str, headers: dict[str, str]) -> int:
        """Post JSON; return the answer's status. Its body is not read, and redirects not followed.

        Raises:
            BadAddress: If it does not lead to a public address.
            NotAnswered: If there is no answer in time, and why.
        """
        url = check_url(address, allow_private=self._allow_private)
        known = _Known(await self._addresses(url.raw_host or ""))
        connector = aiohttp.TCPConnector(resolver=known, use_dns_cache=False, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                    trust_env=False,
                ) as session,
                session.post(
                    url,
                    data=body.encode(),
                    headers={"Content-Type": "application/json", **headers},
                    allow_redirects=False,
                ) as response,
            ):
                response.close()
                return response.status
        except TimeoutError as error:
            raise NotAnswered(f"It did not answer within {TIMEOUT_S:.0f} s.") from error
        except aiohttp.ClientSSLError as error:
            raise NotAnswered("Its certificate is not valid.") from error
        except aiohttp.ClientConnectionError as error:
            raise NotAnswered("It can't be reached, or closed the connection.") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise NotAnswered("Its answer is no HTTP.") from error

    async def _addresses(self, host: str) -> list[str]:
        """Look a host up, once: what is checked is what is connected to.

        Raises:
            NotPublic: If one of its addresses is not public, or it has none.
        """
        # No timeout: the thread would go on, and this request's place go to another one.
        loop = asyncio.get_running_loop()
        try:
            addresses = await loop.run_in_executor(self._lookups, self._look_up, host)
        except (OSError, UnicodeError) as error:
            raise NotPublic from error
        if not self._allow_private and not all(
            is_public(ipaddress.ip_address(address)) for address in addresses
        ):
            raise NotPublic
        return addresses


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class _Known(AbstractResolver):
    """Gives the addresses that were looked up and checked, whatever is asked."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Return them in aiohttp's form."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to give back."""
