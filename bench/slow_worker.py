"""How old what is scored gets, and whether memory grows, when each batch takes half a second.

    python bench/slow_worker.py --seconds 30

A real session over WebRTC and a real worker process, which sleeps before each batch and then gives
planted scores, one for each frame: no network adds its own time. The newest one of each batch
counts; its age is that of its message, from the arrival of its frame until it was sent. It must
stay below one hop and one batch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import av
import structlog

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from live import rss_bytes
from live_fakes import Client, FakeComparator, MovingPicture
from live_server import SESSION, USER, Server, running
from prometheus_client.parser import text_string_to_metric_families

from posesim.network import Network
from posesim.updates import ReferenceClock, ScoreUpdate, Update
from posesim_server.compute.process_link import ProcessBody
from posesim_server.live.messages import encode, parse_server
from posesim_server.live.page_messages import Renew
from posesim_server.live.server_messages import Score

HOP_S = 0.32
SETTLED_S = 5.0  # the first seconds are left out: the connection is new, and caches are filled
RENEW_S = 30.0  # a session's token is good for a minute here
SILENT_S = 10.0  # then something is wrong
ONE_BATCH_S = 0.2  # scores that come within it are of one batch


class SlowComparator(FakeComparator):
    """Needs some time for each batch, whatever is in it."""

    def __init__(self, batch_s: float) -> None:
        super().__init__()
        self._batch_s = batch_s

    def follow(self, clock: ReferenceClock | None) -> None:
        """What a worker calls once a batch, first of all."""
        super().follow(clock)
        time.sleep(self._batch_s)

    def _push(self, time_s: float, frame: av.VideoFrame) -> list[Update]:
        """A score for each frame, so that the newest one of a batch has one, too."""
        updates = super()._push(time_s, frame)
        if any(isinstance(update, ScoreUpdate) for update in updates):
            return updates
        return [*updates, self._score(time_s)]


def open_slow(batch_s: float, network: Network) -> SlowComparator:  # noqa: ARG001
    """For the worker."""
    return SlowComparator(batch_s)


class Kept:
    """Keeps the process that the worker is in."""

    body: ProcessBody

    def __call__(self, *args: object) -> ProcessBody:
        """Launch it."""
        self.body = ProcessBody(*args)  # type: ignore[arg-type]
        return self.body


async def watch(server: Server, worker: Kept, seconds: float) -> dict[str, object]:
    """Watch a session; return the figures."""
    client = Client(MovingPicture())
    await server.join(client)
    ages_s: list[float] = []
    memory: list[tuple[int, int]] = []  # of server and client, and of the worker
    heard_s, frames = -1.0, 0
    begun_s = renewed_s = time.monotonic()
    while (now_s := time.monotonic()) - begun_s < seconds:
        if now_s - renewed_s > RENEW_S:
            token, renewed_s = server.tokens.issue_session(SESSION, USER, server.now()), now_s
            client.events.send(encode(Renew(v=1, type="renew", token=token)))
        async with asyncio.timeout(SILENT_S):
            message = parse_server(await client.score_messages.get())
        if not isinstance(message, Score) or now_s - begun_s < SETTLED_S:
            continue
        now_s, frames = time.monotonic(), frames + 1
        if now_s - heard_s < ONE_BATCH_S:
            ages_s[-1] = min(ages_s[-1], message.age_s)  # they may come in another order
        else:
            ages_s.append(message.age_s)
            assert worker.body.pid is not None
            memory.append((rss_bytes(os.getpid()), rss_bytes(worker.body.pid)))
        heard_s = now_s
    ages_s.pop()  # of the last batch the newest score may not have been heard
    return {"ages_s": ages_s, "memory": memory, "frames": frames, **counted(server)}


def counted(server: Server) -> dict[str, float]:
    """Frames that were dropped, and gaps."""
    text = server.sessions._metrics.text(live=1, contacts={}).decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {
        "dropped_frames": sum(s.value for s in samples if s.name == "posesim_dropped_frames_total"),
        "gaps": sum(s.value for s in samples if s.name == "posesim_gaps_total"),
    }


async def measure(folder: Path, seconds: float, batch_s: float) -> dict[str, object]:
    """Run the server, its worker and a client."""
    worker = Kept()
    real = partial(open_slow, batch_s)
    async with running(folder, real=real, launch=worker) as server:
        return await watch(server, worker, seconds)


def main() -> int:
    """Measure and print; 1 if a score was too old or frames were dropped."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--batch-s", type=float, default=0.5, help="what each batch takes")
    args = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), args.seconds, args.batch_s))
    ages_s, memory = found.pop("ages_s"), found.pop("memory")
    fifth = max(1, len(memory) // 5)
    first, last = memory[fifth : 2 * fifth] or memory, memory[-fifth:]
    growth = {
        name: round(median(m[at] for m in last) / median(m[at] for m in first) - 1, 4)
        for at, name in enumerate(("server_and_client", "worker"))
    }
    limit_s = HOP_S + args.batch_s
    figures = {
        "batches": len(ages_s),
        "age_s": {"median": round(median(ages_s), 3), "worst": round(max(ages_s), 3)},
        "older_than_limit": sum(age_s > limit_s for age_s in ages_s),
        "limit_s": round(limit_s, 2),
        "memory_growth": growth,
        **found,
    }
    print(json.dumps(figures, indent=2))
    return int(max(ages_s) > limit_s or bool(found["dropped_frames"]))


if __name__ == "__main__":
    sys.exit(main())
