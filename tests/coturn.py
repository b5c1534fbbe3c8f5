"""A real coturn that runs the deployed configuration, for tests marked `coturn`.

    @pytest.mark.coturn
    async def test_something(turnserver, tmp_path):
        with coturn_at(turnserver, tmp_path, reach=machine_addresses()) as coturn:
            config = ServerConfig(data=tmp_path, **coturn.options)  # for a server in this process
            [*COMMAND, "serve", *coturn.arguments, "--relay-only"]  # for `posesim serve`

`turnserver` (tests/conftest.py) is the executable. `deploy/coturn/start.sh` starts it with
`deploy/coturn/turnserver.conf`, and only this is other than deployed: the port where it listens,
its address, its file of the process id, and `reach`: addresses that it sends to although the
deployed list denies them. What is tried in tests lives on this machine, whose addresses may be
private: name those of the peers in `reach`, its own among them when both sides use it. Without
`reach` the list is the deployed one.

The address is one of this machine besides 127.0.0.1, if there is one, because browsers and aioice
make no candidates of that. `coturn.lines()` is what it has logged (`arguments=["-v"]` for all of
it). Nothing of it is left afterwards.
"""

import base64
import contextlib
import os
import random
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aioice.ice

from posesim_server.config import ServerConfig
from posesim_server.turn import IceServer, ice_servers

DEPLOY = Path(__file__).parents[1] / "deploy" / "coturn"
WAIT_S = 60.0  # far more than it takes; a busy machine is no failure
USER = "9f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b99"
BINDING = struct.pack("!HHI12s", 0x0001, 0, 0x2112A442, b"are you here")  # RFC 8489, 5


def machine_addresses() -> list[str]:
    """The IPv4 addresses of this machine but 127.0.0.1."""
    return aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)


@dataclass(frozen=True)
class Coturn:
    """A running coturn.

    Attributes:
        place: Its address and its port, both by UDP and by TCP.
        secret_file: With the secret that it shares with the server.
        log: What it writes.
    """

    place: tuple[str, int]
    secret_file: Path
    log: Path

    @property
    def urls(self) -> tuple[str, str]:
        host = f"[{self.place[0]}]" if ":" in self.place[0] else self.place[0]
        server = f"turn:{host}:{self.place[1]}"
        return f"{server}?transport=udp", f"{server}?transport=tcp"

    @property
    def secret(self) -> str:
        return self.secret_file.read_text().strip()

    @property
    def options(self) -> dict[str, Any]:
        """For `ServerConfig`."""
        return {"turn_urls": self.urls, "turn_secret": self.secret}

    @property
    def arguments(self) -> list[str]:
        """For `posesim serve`."""
        urls = [part for url in self.urls for part in ("--turn-url", url)]
        return [*urls, "--turn-secret-file", str(self.secret_file)]

    def credentials(
        self, user: str = USER, at: datetime | None = None, **options: Any
    ) -> IceServer:
        """What the server tells a user of it."""
        config = ServerConfig(data=Path("/d"), **self.options, **options)
        (server,) = ice_servers(config, user, at or datetime.now(UTC))
        return server

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()


@contextlib.contextmanager
def coturn_at(
    executable: Path,
    folder: Path,
    *,
    address: str | None = None,
    reach: Sequence[str] = (),
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Coturn]:
    """Run coturn.

    Args:
        executable: Of the fixture `turnserver`.
        folder: For its files.
        address: Where it listens and relays; None chooses.
        reach: Whom it sends to in spite of the deployed list.
        arguments: Further ones of turnserver, which outweigh the configuration.
        environment: Further variables of start.sh.
    """
    address = address or next(iter(machine_addresses()), "127.0.0.1")
    place = (address, _free_port(address))
    secret_file = folder / "turn_secret"
    secret_file.touch(0o600)
    secret_file.write_bytes(base64.b64encode(secrets.token_bytes(32)))  # as docs/deploy.md says
    log = folder / "coturn.log"
    command = [
        str(DEPLOY / "start.sh"),
        f"--listening-port={place[1]}",
        f"--listening-ip={address}",
        f"--relay-ip={address}",
        f"--pidfile={folder / 'turnserver.pid'}",
        *(f"--allowed-peer-ip={each}" for each in reach),
        *arguments,
    ]
    if any(each.startswith("127.") or each == "::1" for each in reach):
        command.append("--allow-loopback-peers")
    variables = {
        **(environment or {}),
        "PATH": f"{executable.parent}:{os.environ['PATH']}",
        "TMPDIR": str(folder),
        "TURN_CONF": str(DEPLOY / "turnserver.conf"),
        "TURN_REALM": "pose.example",
        "TURN_SECRET_FILE": str(secret_file),
    }
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env=variables, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _wait_for(place, process, log)
            yield Coturn(place, secret_file, log)
        finally:
            process.kill()  # it takes seconds over SIGTERM


def _free_port(address: str) -> int:
    """A port that is free by UDP and by TCP, and that no relay of it will have."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in random.sample(range(20_000, 30_000), 100):
        with (
            contextlib.suppress(OSError),
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((address, port))
            udp.bind((address, port))
            return port
    raise AssertionError("no port is free")


def _wait_for(place: tuple[str, int], process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until it answers: it opens its sockets one after the other."""
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    until = time.monotonic() + WAIT_S
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        asking.connect(place)
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            with contextlib.suppress(OSError):
                asking.send(BINDING)
                asking.recv(1024)
                break
    socket.create_connection(place, timeout=WAIT_S).close()
