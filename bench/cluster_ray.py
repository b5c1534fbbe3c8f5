"""A Ray of several nodes on this machine: a head, two that compute, and a part beside each server.

Used by bench/cluster.py. Each is in a network namespace, or all are one where there are none. A
server has to be in a namespace of processes with its part of Ray, because it looks for that among
the processes of its machine; when one of the two is killed, the other one is.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cluster_nodes import cpu_of
from cluster_spaces import Namespaces
from ray_cluster import actor_pids
from s3_store import free_port

TESTS = Path(__file__).parents[1] / "tests"
START_S = 120.0
WORKERS = ("ray1", "ray2")
CPUS = 2  # of each that computes, as it says; the server's actors share them
STORE_BYTES = 100 * 2**20
BUSY_S = 0.5  # of looking which actor computes


class Ray:
    """All of its processes.

    Attributes:
        address: Of the head.
    """

    def __init__(self, folder: Path, spaces: Namespaces | None) -> None:
        self._folder = folder
        self._spaces = spaces
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        host = spaces.host if spaces else "127.0.0.1"
        self.address = f"{host}:{free_port(host)}"

    def start(self) -> None:
        port = self.address.rsplit(":", 1)[1]
        head = ["--head", f"--port={port}", "--include-dashboard=false", "--disable-usage-stats"]
        if self._spaces is None:
            self._start("head", [*head, f"--num-cpus={len(WORKERS) * CPUS}"], "127.0.0.1", [])
            return
        self._start("head", [*head, "--num-cpus=0"], self._spaces.host, [])
        for name in WORKERS:
            host = self._spaces.add(name)
            self._start(name, self._joining(CPUS), host, self._spaces.command(name))

    def beside(self, name: str, command: list[str], *, number: int) -> list[str]:
        """The command that starts a server with its part of Ray, for the `number`th time."""
        if self._spaces is None:
            return command
        ray = self._command(f"{name}.{number}", self._joining(0), self._spaces.address(name))
        both = f"{shlex.join(ray)} && exec {shlex.join(command)}"
        return ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", both]

    def _joining(self, cpus: int) -> list[str]:
        return [f"--address={self.address}", f"--num-cpus={cpus}", "--disable-usage-stats"]

    def _command(self, name: str, options: list[str], host: str) -> list[str]:
        program = str(Path(sys.executable).with_name("ray"))
        own = [f"--node-ip-address={host}", f"--temp-dir={self._folder}/{name}"]
        return [program, "start", *options, *own, f"--object-store-memory={STORE_BYTES}"]

    def _start(self, name: str, options: list[str], host: str, before: list[str]) -> None:
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = self._processes[name] = subprocess.Popen(
                [*before, *self._command(name, options, host), "--block"],
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(TESTS), "RAY_USAGE_STATS_ENABLED": "0"},
            )  # fmt: skip
        until_s = time.monotonic() + START_S
        while "Ray runtime started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > until_s:
                raise SystemExit(log.read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """End all, the head at last."""
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_worker(self) -> int:
        """Kill the actor that computes most."""
        before_s = {pid: cpu_of(pid) for pid in actor_pids()}
        time.sleep(BUSY_S)
        used_s = {pid: cpu_of(pid) - begun_s for pid, begun_s in before_s.items()}
        busiest = max(used_s, key=lambda pid: used_s[pid])
        os.kill(busiest, signal.SIGKILL)
        return busiest

    def cpu_s(self) -> float:
        """CPU of all its processes so far, actors among them."""
        return sum(cpu_of(process.pid) for process in self._processes.values())


@contextlib.contextmanager
def ray(spaces: Namespaces | None) -> Iterator[Ray]:
    """Run it. Its sockets' names have to be short, so its folder is one of its own."""
    folder = Path(tempfile.mkdtemp(prefix="psr"))
    found = Ray(folder, spaces)
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)
