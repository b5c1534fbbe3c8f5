"""Nodes of a cluster on this machine, each with an address of its own, and what they share.

Used by bench/cluster.py. Each node is in a network namespace, joined to the others by a bridge; so
are the pages. PostgreSQL, Redis (or Valkey) and an S3 store are at the bridge's own address. Where
namespaces are not allowed, all have ports of 127.0.0.1 (`three_ports`), and cutting a node off is
freezing it, which is not the same.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cluster_spaces import Namespaces
from conftest import find_redis
from postgresql_cluster import Cluster, find_postgresql
from redis_server import Redis, redis_at
from s3_store import ENVIRONMENT, S3, free_port, s3_at

TESTS = Path(__file__).parents[1] / "tests"
READY_S = 180.0  # for a node to start on a machine that is busy
NAMES = ("node1", "node2", "node3")
PORT = 8080
TICKS_S = os.sysconf("SC_CLK_TCK")
SHARED = ("secret", "demo-password")  # what all nodes must have alike in their folders


class Beside(Protocol):
    """Makes the command of a server one that starts something beside it."""

    def __call__(self, name: str, command: list[str], *, number: int) -> list[str]: ...


class Node:
    """A server that can be killed, told to stop, cut off, and started again.

    Attributes:
        name: For people.
        url: Its own address.
        starts: How often it was started.
    """

    def __init__(
        self, name: str, host: str, port: int, data: Path, spaces: Namespaces | None
    ) -> None:
        self.name = name
        self.url = f"http://{host}:{port}"
        self.starts = 0
        self.password = ""
        self.data = data
        self._host = host
        self._port = port
        self._spaces = spaces
        self._process: subprocess.Popen[str] | None = None

    def start(self, network: str, options: dict[str, Any], beside: Beside | None = None) -> None:
        """Start it, perhaps beside something else; return when it is ready."""
        options = {
            "host": self._host,
            "port": self._port,
            "node_url": self.url,
            **options,
        }
        self.data.mkdir(mode=0o700, exist_ok=True)
        if network == "small":
            command = [sys.executable, str(TESTS / "server_process.py"), str(self.data)]
            command.append(json.dumps(options))
        else:
            command = [sys.executable, "-m", "posesim_server", "serve", "--demo"]
            command += ["--data", str(self.data), "--log-format", "json"]
            for name, value in options.items():
                values = value if isinstance(value, list) else [value]
                option = "--" + name.removesuffix("s" * isinstance(value, list)).replace("_", "-")
                command += [word for each in values for word in (option, str(each))]
        self.starts += 1
        if beside is not None:
            command = beside(self.name, command, number=self.starts)
        if self._spaces:
            command = [*self._spaces.command(self.name), *command]
        with (self.data / "log").open("a") as log:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env={
                    **os.environ,
                    **ENVIRONMENT,
                    "PYTHONPATH": str(TESTS),
                    "RAY_USAGE_STATS_ENABLED": "0",
                },
            )
        assert self._process.stdout is not None
        lines = (re.search(r"is ready: (http://\S+)", line) for line in self._process.stdout)
        if next(filter(None, lines), None) is None:
            raise SystemExit("".join((self.data / "log").read_text().splitlines(True)[-5:]))
        self.password = self._process.stdout.readline().split()[-1]

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it without a last word, with all its processes."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def tell(self) -> None:
        """Ask it to stop, as a service manager does."""
        assert self._process is not None
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        inner = Path(f"/proc/{own}/comm").read_text().strip() == "unshare"
        os.kill(int(children[0]) if inner else own, signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait until it has ended."""
        assert self._process is not None
        return self._process.wait(READY_S)

    def cut(self) -> None:
        """Let nothing out of it, and nothing in."""
        if self._spaces:
            self._spaces.cut(self.name)
        else:
            self._signal(signal.SIGSTOP)

    def mend(self) -> None:
        if self._spaces:
            self._spaces.mend(self.name)
        else:
            self._signal(signal.SIGCONT)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def errors(self) -> list[str]:
        """What it logged as an error."""
        found = []
        for line in (self.data / "log").read_text().splitlines():
            if '"level": "error"' in line or '"level":"error"' in line:
                found.append(f"{self.name}: {line[:2000]}")
        return found

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def cpu_of(process: int | None) -> float:
    """CPU seconds of a process and all that it has started, those that have ended among them."""
    times_s, children = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                times_s[int(entry.name)] = sum(map(int, fields[11:15])) / TICKS_S
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    total_s, left = 0.0, [process] if process is not None else []
    while left:
        each = left.pop()
        total_s += times_s.get(each, 0.0)
        left += children.get(each, [])
    return total_s


@dataclass
class Machine:
    """Everything that runs.

    Attributes:
        nodes: By their place.
        page: What begins the command of a page.
        options: Of every node.
    """

    nodes: list[Node]
    page: list[str]
    network: str
    options: dict[str, Any]
    postgresql: Cluster
    redis: Redis
    s3: S3
    spaces: Namespaces | None
    beside: Beside | None = None

    def start(self, node: Node) -> None:
        """Start a node; what all nodes must have alike comes from the first."""
        first = self.nodes[0]
        if node is not first:
            node.data.mkdir(mode=0o700, exist_ok=True)
            for name in SHARED:
                if not (node.data / name).exists():
                    shutil.copy(first.data / name, node.data / name)
        node.start(self.network, self.options, self.beside)

    @property
    def running(self) -> list[Node]:
        return [node for node in self.nodes if node.runs]

    async def start_others(self) -> None:
        """Start all but the first, one after the other: there are few cores."""
        for node in self.nodes[1:]:
            await asyncio.to_thread(self.start, node)

    def stop(self) -> None:
        """End the nodes."""
        for node in self.nodes:
            node.kill()

    def cpu_s(self) -> dict[str, float]:
        """CPU so far, of each kind of server."""
        shared = {
            "postgresql": self.postgresql._process,
            "redis": self.redis._process,
            "s3": self.s3.process,
        }
        found = {name: cpu_of(each.pid if each else None) for name, each in shared.items()}
        return found | {"nodes": sum(cpu_of(each.pid) for each in self.running)}


@contextlib.contextmanager
def machine(
    folder: Path, *, network: str, three_ports: bool, options: dict[str, Any]
) -> Iterator[Machine]:
    """What the nodes share runs; they do not yet. Nothing of it remains."""
    programs, executable = find_postgresql(), find_redis()
    if programs is None or executable is None:
        raise SystemExit("PostgreSQL and Redis or Valkey are needed; install them.")
    with contextlib.ExitStack() as stack:
        spaces = None if three_ports else stack.enter_context(Namespaces())
        host = spaces.host if spaces else "127.0.0.1"
        postgresql = stack.enter_context(Cluster.running(programs, host))
        redis = stack.enter_context(redis_at(executable, folder, host=host))
        s3 = stack.enter_context(s3_at(folder / "s3", host))
        bucket = s3.bucket()
        database = stack.enter_context(postgresql.empty())
        nodes = []
        for name in NAMES:
            address = spaces.add(name) if spaces else host
            port = PORT if spaces else free_port()
            nodes.append(Node(name, address, port, folder / name, spaces))
        page: list[str] = []
        if spaces:
            spaces.add("pages")
            page = spaces.command("pages")
        shared = {
            "database_url": database,
            "cluster": redis.url,
            **bucket.options,
            **options,
        }
        made = Machine(nodes, page, network, shared, postgresql, redis, s3, spaces)
        try:
            yield made
        finally:
            made.stop()
