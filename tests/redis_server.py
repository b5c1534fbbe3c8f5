"""A real Redis (or Valkey) on a port of its own, for tests marked `redis`.

    @pytest.mark.redis
    async def test_something(redis_executable, tmp_path):
        with redis_at(redis_executable, tmp_path) as redis:
            ServerConfig(cluster=redis.url, node_url=...)

It keeps nothing on disk. `stop` and `start` are a restart without memory.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

WAIT_S = 20.0


class Redis:
    """A Redis that runs, or was stopped."""

    def __init__(
        self, executable: Path, folder: Path, arguments: tuple[str, ...], host: str
    ) -> None:
        self._host = host
        with socket.socket() as probe:
            probe.bind((host, 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://{host}:{self.port}/0"
        self._log = folder / f"redis-{self.port}.log"
        options = ("--port", str(self.port), "--bind", host, "--protected-mode", "no")
        options = (*options, "--save", "")
        self._command = [str(executable), *options, "--dir", str(folder), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + WAIT_S
        while True:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            with contextlib.suppress(OSError), socket.create_connection((self._host, self.port)):
                return
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def redis_at(
    executable: Path, folder: Path, *arguments: str, host: str = "127.0.0.1"
) -> Iterator[Redis]:
    """Run Redis. `arguments`: further ones of redis-server."""
    redis = Redis(executable, folder, arguments, host)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()
