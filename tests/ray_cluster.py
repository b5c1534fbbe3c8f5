"""A real Ray cluster of this machine alone, for tests."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fake_engine import open_fake_network

from posesim.network import Network
from posesim_server.config import ServerConfig

START_S = 60.0
CPUS = 2


@contextlib.contextmanager
def ray_cluster(*folders: Path) -> Iterator[str]:
    """Start a cluster of two processors; gives its address. No process of it remains.

    What workers import is found here and in `folders`.
    `ray stop` would end every Ray of the machine, so the head stays in the foreground.
    """
    with tempfile.TemporaryDirectory(prefix="posesim-ray-", ignore_cleanup_errors=True) as folder:
        port = _free_port()
        log = Path(folder) / "head.log"
        with log.open("wb") as output:
            head = subprocess.Popen(
                [
                    Path(sys.executable).with_name("ray"),
                    "start",
                    "--head",
                    "--block",
                    f"--port={port}",
                    f"--num-cpus={CPUS}",
                    "--node-ip-address=127.0.0.1",
                    "--include-dashboard=false",
                    "--disable-usage-stats",
                    f"--object-store-memory={100 * 2**20}",
                    f"--temp-dir={folder}/t",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(map(str, [Path(__file__).parent, *folders])),
                    "RAY_USAGE_STATS_ENABLED": "0",
                },
            )
        try:
            _wait_for(head, log)
            yield f"127.0.0.1:{port}"
        finally:
            _end(head)


def actor_pids() -> list[int]:
    """The processes of this machine's workers on Ray; those that are being started are not."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _title(entry).startswith("ray::RayWorker")
    ]


def _title(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:  # it has ended
        return ""


def _wait_for(head: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + START_S
    while "Ray runtime started" not in log.read_text():
        assert head.poll() is None, log.read_text()
        assert time.monotonic() < until_s, log.read_text()
        time.sleep(0.05)


def _end(head: "subprocess.Popen[bytes]") -> None:
    """End the head and what it started: all are of its group but the workers, which end with it."""
    head.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        head.wait(20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(head.pid, signal.SIGKILL)
    head.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def open_knowing_no_secret(config: ServerConfig) -> Network:
    """For a worker."""
    assert config.turn_secret is None
    return open_fake_network()
