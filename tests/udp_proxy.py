"""A bad network between two UDP sockets: a proxy that loses, delays and holds up datagrams.

    async with UdpProxy("192.0.2.2", seed=1) as proxy:
        path = proxy.open()
        path.leads_to(("192.0.2.2", 40000))  # the server
        # the client sends to path.inside; the server sees path.outside, or another one like it
        proxy.set(up=Line(loss=0.03), down=Line(loss=0.03))
        proxy.cut()
        proxy.mend()

It is like a router that translates addresses: what a client sends comes to the server from a port
of its own, what comes back to that port goes to that client, and nothing reaches a client that has
not sent anything. What is lost is drawn by the seed: the same datagrams, the same losses.
"""

import asyncio
import heapq
import random
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Address = tuple[str, int]

MOST_BYTES = 65535  # of a datagram
BUFFER_BYTES = 2**20  # of a socket; what it can't take would be lost unseen

CANDIDATE = re.compile(
    r"a=candidate:\S+ 1 udp \d+ (?P<host>\d+\.\d+\.\d+\.\d+) (?P<port>\d+) typ host", re.I
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one direction is like.

    Attributes:
        loss: Share of datagrams that are lost, each on its own.
        delay_s: How long each is under way.
        jitter_s: By how much longer at most, at random; they may then overtake each other.
        rate_bit_s: How much passes in a second; None: all there is.
        queue_bytes: What may wait for that; what comes more is lost.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate_bit_s: float | None = None
    queue_bytes: int = 32 * 1024


@dataclass
class Counts:
    """Datagrams and bytes of one direction, by what became of them."""

    passed: int = 0
    passed_bytes: int = 0
    lost: int = 0  # drawn
    overflowed: int = 0
    cut: int = 0


@dataclass(order=True)
class _UnderWay:
    due_s: float
    number: int  # two that are due together keep their order
    send: Callable[[], None] = field(compare=False)


class _Direction:
    """One direction of all paths: they share its line."""

    def __init__(self, seed: str) -> None:
        self.line = Line()
        self.counts = Counts()
        self.is_cut = False
        self._draw = random.Random(seed)
        self._free_s = 0.0  # when the last byte that waits will have passed the rate
        self._under_way: list[_UnderWay] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, bytes_: int, send: Callable[[], None]) -> None:
        """Carry a datagram, or lose it."""
        line, now_s = self.line, asyncio.get_running_loop().time()
        lost = self._draw.random() < line.loss
        late_s = self._draw.random() * line.jitter_s
        if self.is_cut:
            self.counts.cut += 1
            return
        if lost:
            self.counts.lost += 1
            return
        begin_s = now_s
        if line.rate_bit_s is not None:
            begin_s = max(now_s, self._free_s)
            if (begin_s - now_s) * line.rate_bit_s / 8 + bytes_ > line.queue_bytes:
                self.counts.overflowed += 1
                return
            begin_s += bytes_ * 8 / line.rate_bit_s
            self._free_s = begin_s
        self.counts.passed += 1
        self.counts.passed_bytes += bytes_
        due_s = begin_s + line.delay_s + late_s
        if due_s <= now_s and not self._under_way:
            send()
            return
        self._number += 1
        heapq.heappush(self._under_way, _UnderWay(due_s, self._number, send))
        self._wait()

    def cut(self) -> None:
        """Lose all from now on, and what is under way."""
        self.is_cut = True
        self.counts.cut += len(self._under_way)
        self.counts.passed -= len(self._under_way)
        self._under_way.clear()
        self._free_s = 0.0

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._under_way[0].due_s, self._deliver)

    def _deliver(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._under_way and self._under_way[0].due_s <= now_s:
            heapq.heappop(self._under_way).send()
        self._wait()

    def close(self) -> None:
        self._under_way.clear()
        self._wait()


class _Port:
    """A socket; `received` gets each datagram and whom it is from."""

    def __init__(self, host: str, received: Callable[[bytes, Address], None]) -> None:
        self._received = received
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind((host, 0))
        self.address: Address = self._socket.getsockname()
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _read(self) -> None:
        while True:
            try:
                datagram, sender = self._socket.recvfrom(MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:  # nobody listens where something was sent: as on any network
                continue
            self._received(datagram, sender)

    def send(self, datagram: bytes, to: Address) -> None:
        try:
            self._socket.sendto(datagram, to)
        except OSError:
            return  # closed meanwhile, or the other side is: lost

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


class Path:
    """The way of one peer connection, through two ports or more.

    Attributes:
        inside: Where clients send to.
        outside: Where the first of them comes from, as the server sees it.
    """

    def __init__(self, host: str, up: _Direction, down: _Direction) -> None:
        self._host = host
        self._up = up
        self._down = down
        self._server: Address | None = None
        self._clients: dict[Address, _Port] = {}
        self._spare: _Port | None = None
        self._ports: list[_Port] = []
        self._inside = self._port(self._from_client)
        self._spare = self._outside()
        self.inside, self.outside = self._inside.address, self._spare.address

    def leads_to(self, server: Address) -> None:
        """From now on what clients send goes there; before, it is lost."""
        self._server = server

    def close(self) -> None:
        for port in self._ports:
            port.close()

    def _port(self, received: Callable[[bytes, Address], None]) -> _Port:
        port = _Port(self._host, received)
        self._ports.append(port)
        return port

    def _outside(self) -> _Port:
        def received(datagram: bytes, sender: Address) -> None:
            client = next((each for each, mine in self._clients.items() if mine is port), None)
            if client is not None and sender == self._server:
                self._down.take(len(datagram), lambda: self._inside.send(datagram, client))

        port = self._port(received)
        return port

    def _from_client(self, datagram: bytes, client: Address) -> None:
        server = self._server
        if server is None:
            return
        if client not in self._clients:
            self._clients[client] = self._spare or self._outside()
            self._spare = None
        port = self._clients[client]
        self._up.take(len(datagram), lambda: port.send(datagram, server))


class UdpProxy:
    """Paths between clients and a server, which share one line in each direction.

    All of it is used in the event loop that it is entered in.

    Args:
        host: The address that both sides reach it by.
        seed: Of what is drawn.

    Attributes:
        up, down: What passed and what was lost, to the server and from it.
    """

    def __init__(self, host: str, *, seed: int = 0) -> None:
        self._host = host
        self._directions = _Direction(f"up {seed}"), _Direction(f"down {seed}")
        self._paths: list[Path] = []
        self.up, self.down = (each.counts for each in self._directions)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all paths; what is under way is lost."""
        for direction in self._directions:
            direction.close()
        for path in self._paths:
            path.close()

    def open(self) -> Path:
        """Another path."""
        path = Path(self._host, *self._directions)
        self._paths.append(path)
        return path

    def set(self, *, up: Line, down: Line) -> None:
        """Change what the directions are like; what is under way arrives as it was to."""
        for direction, line in zip(self._directions, (up, down), strict=True):
            direction.line = line

    def cut(self) -> None:
        """Let nothing through. What is under way is lost as well."""
        for direction in self._directions:
            direction.cut()

    def mend(self) -> None:
        """Let everything through again."""
        for direction in self._directions:
            direction.is_cut = False


def candidate_in(sdp: str) -> Address:
    """Where the first IPv4 candidate of a description leads to."""
    found = CANDIDATE.search(sdp)
    assert found, f"no IPv4 candidate in:\n{sdp}"
    return found["host"], int(found["port"])


def with_candidate(sdp: str, address: Address) -> str:
    """A description with this candidate alone, in each section that had some, or in the first."""
    host, port = address
    line = f"a=candidate:1 1 udp 2130706431 {host} {port} typ host"
    head, *sections = re.split(r"(?m)^(?=m=)", sdp)
    changed = []
    for number, section in enumerate(sections):
        lines = section.splitlines()
        kept = [each for each in lines if not each.startswith("a=candidate:")]
        if len(kept) < len(lines) or number == 0:
            kept.insert(1, line)  # after m=; where in a section it stands does not matter
        changed.append("".join(f"{each}\r\n" for each in kept))
    return head + "".join(changed)
