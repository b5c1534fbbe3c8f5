"""A real PostgreSQL in a folder, on a port and with a superuser of its own, for tests.

    @pytest.mark.postgresql
    async def test_something(postgresql):  # tests/conftest.py
        with postgresql.migrated() as url:
            store = await Store.open(url)

Nobody else's cluster is touched, and nothing of it is left afterwards. PostgreSQL refuses to run as
root; then it runs as `postgres`, or as `nobody`. It does not wait for the disk (`fsync`): what it
has acknowledged outlives its own death all the same, only not that of the machine.
"""

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from databases import migrate

from posesim_server import schema

WAIT_S = 60.0  # far more than it takes; a busy machine is no failure
OWNER = "posesim"  # owns the databases, and is no superuser
SUPERUSER = "operator"
# Not as SQLite orders texts: what depends on that is found.
LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum": "off",
    "restart_after_crash": "off",
    "logging_collector": "off",
}


def find_postgresql() -> Path | None:
    """The folder of its programs; Debian has none of them on PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    runs = os.geteuid() != 0 or _user() is not None
    return next((each for each in folders if runs and (each / "postgres").is_file()), None)


def _user() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _lives(process: int) -> bool:
    with contextlib.suppress(OSError):
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    return False


class Cluster:
    """A PostgreSQL that can be stopped, killed and started again.

    Attributes:
        host: Where it listens; whoever is in the same /24 may connect, with a password.
        port: There.
        password: Of `OWNER`, who comes with it alone.
        folder: Of its socket, by which `SUPERUSER` comes without.
    """

    def __init__(self, programs: Path, folder: Path, host: str = "127.0.0.1") -> None:
        self._programs = programs
        self._numbers = itertools.count()
        self._emptied: list[str] = []  # databases of this version for the next test
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = folder
        self.password = secrets.token_hex(8)
        self.host = host
        with socket.socket() as free:
            free.bind((host, 0))
            self.port: int = free.getsockname()[1]

    @classmethod
    @contextlib.contextmanager
    def running(cls, programs: Path, host: str = "127.0.0.1") -> Iterator["Cluster"]:
        """Make one and start it; remove it at the end."""
        folder = Path(tempfile.mkdtemp(prefix="posesim-pg-"))
        try:
            if os.geteuid() == 0 and (user := _user()):
                os.chown(folder, user.pw_uid, user.pw_gid)
            cluster = cls(programs, folder, host)
            cluster._make()
            try:
                cluster.start()
                cluster.sql(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{cluster.password}'")
                yield cluster
            finally:
                cluster.kill()
        finally:
            shutil.rmtree(folder)

    def _make(self) -> None:
        self._run(
            "initdb", "-D", str(self.folder / "data"), "-U", SUPERUSER, "-A", "scram-sha-256",
            "--auth-local=trust", "--no-sync", "--no-instructions", *LOCALE,
        )  # fmt: skip
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {self.host}/24 scram-sha-256\n")

    # Its life

    def start(self) -> None:
        """Start it; return when it answers."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        settings.append(f"--listen_addresses={self.host}")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                 "-k", self.folder, *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as_user(),
            )  # fmt: skip
        deadline = time.monotonic() + WAIT_S
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order, whoever is connected."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(WAIT_S)

    def kill(self) -> None:
        """End it without a last word, with all its processes."""
        if self._process is None or self._process.poll() is not None:
            return
        children = self._tell_all(signal.SIGSTOP)  # it starts no others meanwhile
        self._tell_all(signal.SIGKILL)
        self._process.wait(WAIT_S)
        deadline = time.monotonic() + WAIT_S
        while any(map(_lives, children)):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody, as if the network were cut."""
        self._tell_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._tell_all(signal.SIGCONT)

    def _tell_all(self, number: signal.Signals) -> list[int]:
        """Send a signal to all its processes; return those that it has made."""
        assert self._process is not None
        main = self._process.pid
        made = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        children = [int(child) for child in made]
        for process in (main, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        return children

    # Its databases

    @contextlib.contextmanager
    def empty(self, options: str = "") -> Iterator[str]:
        """A new database of `OWNER`; its URL."""
        self._be_there()
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER {OWNER} {options}")
        try:
            yield self.url(name)
        finally:
            if self._process is not None and self._process.poll() is None:
                self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        """A database of this version in which nothing is; its URL."""
        self._be_there()
        if not self._emptied:
            name = f"migrated_{next(self._numbers)}"
            self.sql(f"CREATE DATABASE {name} OWNER {OWNER}")
            migrate(self.url(name))
            self._emptied.append(name)
        name = self._emptied.pop()
        yield self.url(name)
        # Sooner done than a copy of a template.
        rows = "; ".join(
            f"DELETE FROM {table}" for table in reversed(schema.metadata.sorted_tables)
        )
        if self._process is not None and self._process.poll() is None:
            self.sql(rows, name)
            self._emptied.append(name)

    def url(self, name: str, password: str | None = None) -> str:
        """As an operator writes it."""
        return f"postgresql://{OWNER}:{password or self.password}@{self.host}:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres") -> list[list[str]]:
        """Run a statement as `SUPERUSER`; return what it gives, as texts."""
        answer = self._run(
            "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
            "-h", str(self.folder), "-p", str(self.port), "-U", SUPERUSER, "-d", database,
            "-c", statement,
        )  # fmt: skip
        return [line.split("\t") for line in answer.splitlines()]

    def _be_there(self) -> None:
        """A test that failed may have left it stopped."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def _answers(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.sql("SELECT 1") == [["1"]]
        return False

    def _run(self, program: str, *arguments: str) -> str:
        found = self._programs / program
        done = subprocess.run(
            [found, *arguments], check=True, capture_output=True, text=True, **self._as_user()
        )
        return done.stdout

    def _as_user(self) -> dict[str, Any]:
        user = _user()
        if os.geteuid() != 0 or user is None:
            return {"cwd": self.folder}
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": self.folder}
