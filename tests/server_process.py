"""A real server in a process of its own, with a network that is quick and can be foreseen."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp

READY_S = 60.0


class Process:
    """A server that is ready, in a process group of its own.

    Attributes:
        url: Where it listens.
        password: Of the account `demo`.
    """

    def __init__(self, process: subprocess.Popen[str], url: str, password: str) -> None:
        self._process = process
        self.url = url
        self.password = password

    def kill(self) -> None:
        """End it without a last word, workers and database with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def tell(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop, as a service manager does: the server alone."""
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stop everything of it in the middle of what it does, until `wake`."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on as if no time had passed."""
        os.killpg(self._process.pid, signal.SIGCONT)

    async def exit_code(self) -> int:
        """Wait until it has ended."""
        return await asyncio.to_thread(self._process.wait, READY_S)

    @contextlib.asynccontextmanager
    async def signed_in(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Ask it as `demo`, who has consented to what there is."""
        timeout = aiohttp.ClientTimeout(total=READY_S)
        credentials = {"username": "demo", "password": self.password}
        async with (
            aiohttp.ClientSession(self.url, timeout=timeout) as http,
            http.post("/token", json=credentials) as response,
        ):
            response.raise_for_status()
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(self.url, headers=headers, timeout=timeout) as http:
            for purpose in ("recording", "scoring"):
                consent = {"purpose": purpose, "language": "en"}
                async with http.post("/v1/consents", json=consent) as response:
                    response.raise_for_status()
            yield http


@contextlib.contextmanager
def serving(data: Path, **options: Any) -> Iterator[Process]:
    """A server on `data`, with `options` of `ServerConfig`; killed at the end if it still runs."""
    command = [sys.executable, __file__, str(data), json.dumps(options)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        server = Process(process, "", "")
        try:
            assert process.stdout is not None
            lines = (re.search(r"is ready: (http://\S+)", line) for line in process.stdout)
            ready = next(filter(None, lines), None)
            if ready is None:
                raise SystemExit("the server did not start")
            server.url, server.password = ready[1], process.stdout.readline().split()[-1]
            yield server
        finally:
            server.kill()


def main() -> None:
    """Be the server."""
    from fake_engine import open_fake_network

    from posesim_server.config import ServerConfig
    from posesim_server.logs import configure_logging
    from posesim_server.serve import serve

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("options", type=json.loads)
    args = parser.parse_args()
    defaults = {"port": 0, "demo": True, "max_sessions": 64, "allow_private_webhooks": True}
    config = ServerConfig(data=args.data, **(defaults | args.options))
    configure_logging("json")  # to stderr; nobody reads the pipe that stdout is
    asyncio.run(serve(config, open_fake_network))


if __name__ == "__main__":
    main()
