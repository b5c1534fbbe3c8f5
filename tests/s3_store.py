"""A real S3 server for tests: nanio, in a process of its own. It checks signatures, keeps files.

    def test_something(s3):  # the fixture of tests/conftest.py: one server for a whole run
        bucket = s3.bucket()  # a new one
        config = ServerConfig(data=tmp_path, **bucket.options)

Credentials are in the environment, as where posesim runs. `s3_at` starts another one, to be killed.
"""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

KEY, SECRET = "posesim-test", "a secret of tests alone"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": "us-east-1",
}
START_S = 20.0


@dataclass
class S3:
    """A store that runs, or was killed."""

    folder: Path
    port: int
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    def bucket(self) -> "Bucket":
        """Make a bucket with an arbitrary name: to this server it is a folder."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        (self.folder / name).mkdir()
        return Bucket(self, name)

    def start(self) -> None:
        command = [sys.executable, "-m", "nanio", "serve", "--host", self.host]
        options = ["--port", str(self.port), "--data-dir", str(self.folder), "--no-access-log"]
        environment = {**os.environ, "NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
        self.process = subprocess.Popen(
            [*command, *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + START_S
        while not self._answers():
            assert self.process.poll() is None, "the S3 server ended at once"
            assert time.monotonic() < deadline_s, "the S3 server did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Let it write no byte to any file, as on a full disk; it reads what there is."""
        assert self.process is not None
        limit = (self.process.pid, resource.RLIMIT_FSIZE)
        soft, hard = resource.prlimit(*limit)
        resource.prlimit(*limit, (0, hard))
        try:
            yield
        finally:
            resource.prlimit(*limit, (soft, hard))

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.endpoint, timeout=5).close()
        except urllib.error.HTTPError as refusal:  # without a signature
            refusal.close()
            return True
        except OSError:
            return False
        return True


@dataclass
class Bucket:
    """A bucket of that store; posesim keeps its files below a prefix of it."""

    s3: S3
    name: str
    prefix: str = "clinic/a"

    @property
    def url(self) -> str:
        return f"s3://{self.name}/{self.prefix}"

    @property
    def options(self) -> dict[str, str]:
        """For a ServerConfig."""
        return {"objects": self.url, "objects_endpoint": self.s3.endpoint}

    @property
    def arguments(self) -> list[str]:
        """For `posesim`."""
        return ["--objects", self.url, "--objects-endpoint", self.s3.endpoint]

    def content(self) -> set[str]:
        """The keys of all that is in it, beside the object that shows that it can be written."""
        folder = self.s3.folder / self.name / self.prefix
        # Unlike `Path.rglob` it goes on where a folder goes meanwhile.
        files = (Path(where) / name for where, _, names in os.walk(folder) for name in names)
        return {path.relative_to(folder).as_posix() for path in files} - {"probe"}


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as listening:
        listening.bind((host, 0))
        return listening.getsockname()[1]


@contextlib.contextmanager
def s3_at(folder: Path, host: str = "127.0.0.1") -> Iterator[S3]:
    """Run a store that keeps its buckets in `folder`."""
    folder.mkdir(exist_ok=True)
    store = S3(folder, free_port(host), host)
    store.start()
    try:
        yield store
    finally:
        store.kill()
