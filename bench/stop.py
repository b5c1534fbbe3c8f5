"""How long a server takes to end that is told to stop, with a session that is watched.

    python bench/stop.py --rounds 3 --busy 6

The server drains for a second, or until a second signal a second after the first. The page does not
hang up by itself, so a part of the time is what a page is given to do so.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from live import Server, encode, serving, upload, webcam

DRAIN_S = 1.0
WATCHED_S = 4.0  # from the first score on
LOOK_S = 0.01


@dataclass(frozen=True)
class End:
    """Seconds since the drain was over."""

    stored_s: float  # the session has ended
    exit_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", type=int, default=0, help="processes that use the processor, too")
    args = parser.parse_args()
    for number in range(args.rounds):
        for second in (True, False):
            end = asyncio.run(one(second, args.busy))
            print(
                f"round {number + 1}, {'second signal' if second else 'drain is over'}: "
                f"stored after {end.stored_s:.2f} s, exit after {end.exit_s:.2f} s"
            )


async def one(second: bool, busy: int) -> End:
    options = argparse.Namespace(engine="auto", workers=1, sessions=1)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        video = folder / "webcam.webm"
        encode(None, video)
        drain_s = 20.0 if second else DRAIN_S
        server = stack.enter_context(
            serving(folder / "data", options, {"--drain-s": drain_s}),
        )
        await watch(server, video, stack)
        stack.enter_context(using_the_processor(busy))
        await asyncio.sleep(WATCHED_S)
        os.kill(server.pid, signal.SIGTERM)
        await asyncio.sleep(DRAIN_S)
        if second:
            os.kill(server.pid, signal.SIGTERM)
        while not has_exited(server.pid):  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(LOOK_S)
        exit_at = time.time()
        events = logged(folder / "data" / "log")
        return End(
            stored_s=events["session ended"] - events["drained"],
            exit_s=exit_at - events["drained"],
        )


async def watch(server: Server, video: Path, stack: contextlib.ExitStack) -> None:
    """Begin a session and wait for its first score."""
    async with aiohttp.ClientSession(server.url) as http:
        credentials = {"username": "demo", "password": server.password}
        async with http.post("/token", json=credentials) as response:
            headers = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
        for purpose in ("recording", "scoring"):
            consent = {"purpose": purpose, "language": "en"}
            async with http.post("/v1/consents", json=consent, headers=headers) as response:
                response.raise_for_status()
        body = {"exercise_id": await upload(http, headers, video)}
        async with http.post("/v1/sessions", json=body, headers=headers) as response:
            response.raise_for_status()
            ticket = await response.json()
    camera = stack.enter_context(webcam(server.url, ticket, video))
    assert await asyncio.to_thread(camera.recv) == "first score"


@contextlib.contextmanager
def using_the_processor(count: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=spin, daemon=True) for _ in range(count)]
    for each in processes:
        each.start()
    try:
        yield
    finally:
        for each in processes:
            each.kill()
            each.join()


def spin() -> None:
    while True:
        pass


def has_exited(pid: int) -> bool:
    """Whether a child process has ended that nobody has asked for yet."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def logged(log: Path) -> dict[str, float]:
    """When each event was logged for the last time."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    return {line["event"]: datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines}


if __name__ == "__main__":
    main()
