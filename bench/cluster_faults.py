"""What bench/cluster.py does to nodes and to what they share, and what pages notice of it."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cluster_kept import Acknowledged
from cluster_nodes import Machine, Node
from cluster_ray import Ray
from cluster_webcams import Webcam

CALM_S = 90.0  # for everything to be as before a fault
STILL_S = 3.0  # of scores, before the next fault


@dataclass
class Bench:
    """What the faults are done to."""

    machine: Machine
    http: aiohttp.ClientSession
    rng: random.Random
    longest_s: float
    ray: Ray | None
    known: dict[str, Acknowledged] = field(default_factory=dict)

    async def record(self, session_id: str, node: Node) -> dict[str, Any]:
        """What is stored of a session."""
        async with self.http.get(f"{node.url}/v1/sessions/{session_id}/record") as response:
            response.raise_for_status()
            return dict(await response.json())

    async def look(self, pages: list[Webcam]) -> None:
        """Have any node tell what is stored: that is acknowledged, and has to stay."""
        for page in pages:
            known = self.known.setdefault(page.ticket["id"], Acknowledged())
            known.see(await self.record(page.ticket["id"], self.rng.choice(self.machine.running)))

    async def calm(self, pages: list[Webcam]) -> str | None:
        """Wait until all is well with nodes and pages; say what is not, if that does not come."""
        loop = asyncio.get_running_loop()
        until_s, why = loop.time() + CALM_S, ""
        while loop.time() < until_s:
            why = await self._unready()
            if not why:
                now_s = time.monotonic()
                for page in pages:
                    if not await page.scored(now_s, 5.0):
                        why = page.over or "a page has no scores"
                if not why:
                    return None
            if over := self.over(pages):
                return over[0]
            await asyncio.sleep(0.25)
        return why

    async def _unready(self) -> str:
        for node in self.machine.running:
            try:
                async with self.http.get(f"{node.url}/readyz") as response:
                    ready = await response.json()
                    if response.status != 200 or ready.get("degraded"):
                        return f"{node.name}: {ready}"
                async with self.http.get(f"{node.url}/metrics") as response:
                    known = f"posesim_cluster_nodes {len(self.machine.running)}.0"
                    if known not in await response.text():
                        return f"{node.name} does not know all nodes"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                return f"{node.name}: {error!r}"
        return ""

    @staticmethod
    def over(pages: list[Webcam]) -> list[str]:
        """Why pages have no session any more, of those that have none."""
        return [page.over for page in pages if page.over]

    def node_of(self, page: Webcam) -> Node:
        return next(node for node in self.machine.nodes if node.url == page.node)


# Faults: each returns when it is mended


async def node_killed(bench: Bench, pages: list[Webcam]) -> str:
    node = bench.node_of(bench.rng.choice(pages))
    hit = [page for page in pages if bench.node_of(page) is node]
    at_s = time.monotonic()
    node.kill()
    for page in hit:  # on another node; this one would be back too soon to tell
        await page.scored(at_s + 0.5, 60.0)
    await asyncio.to_thread(bench.machine.start, node)
    return node.name


async def redis_killed(bench: Bench, _: list[Webcam]) -> str:
    away_s = bench.rng.uniform(0.2, bench.longest_s)
    bench.machine.redis.stop()
    await asyncio.sleep(away_s)
    await asyncio.to_thread(bench.machine.redis.start)
    return f"away for {away_s:.1f} s"


async def postgresql_killed(bench: Bench, _: list[Webcam]) -> str:
    away_s = bench.rng.uniform(0.2, bench.longest_s)
    await asyncio.to_thread(bench.machine.postgresql.kill)
    await asyncio.sleep(away_s)
    await asyncio.to_thread(bench.machine.postgresql.start)
    return f"away for {away_s:.1f} s"


async def node_cut_off(bench: Bench, pages: list[Webcam]) -> str:
    node = bench.node_of(bench.rng.choice(pages))
    away_s = bench.rng.uniform(0.2, bench.longest_s)
    node.cut()
    await asyncio.sleep(away_s)
    node.mend()
    return f"{node.name}, for {away_s:.1f} s"


async def ray_worker_killed(bench: Bench, _: list[Webcam]) -> str:
    assert bench.ray is not None
    return f"process {await asyncio.to_thread(bench.ray.kill_worker)}"


Fault = Callable[[Bench, list[Webcam]], Awaitable[str]]
FAULTS: dict[str, Fault] = {
    "node killed": node_killed,
    "redis killed": redis_killed,
    "postgresql killed": postgresql_killed,
    "node cut off": node_cut_off,
}
RAY_FAULTS = {"ray worker killed": ray_worker_killed}


async def suffer(bench: Bench, pages: list[Webcam], kind: str, fault: Fault) -> dict[str, Any]:
    """One fault, from a quiet moment to the next."""
    await bench.look(pages)
    await asyncio.sleep(bench.rng.uniform(0.0, STILL_S))
    at_s = time.monotonic()
    had = [page.node for page in pages]
    what = await fault(bench, pages)
    mended_s = time.monotonic()
    why = await bench.calm(pages)
    calm_s = time.monotonic() - at_s
    row = {
        "kind": kind,
        "what": what,
        "mended_s": round(mended_s - at_s, 2),
        "calm_s": round(calm_s, 2),
        "pages": await felt(pages, had, at_s),
        "trouble": why,
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


async def felt(pages: list[Webcam], had: list[str], at_s: float) -> list[dict[str, Any]]:
    """What each page noticed of a fault; they had those nodes then."""
    until_s = time.monotonic()
    for page in pages:
        await page.numbered(at_s, until_s)
    return [
        {**page.interruption(at_s, time.monotonic()), "had": node, "moved": page.node != node}
        for page, node in zip(pages, had, strict=True)
    ]


async def roll(bench: Bench, pages: list[Webcam]) -> list[dict[str, Any]]:
    """Replace all nodes in order, one after the other."""
    rows = []
    for node in bench.machine.nodes:
        await bench.look(pages)
        at_s, had = time.monotonic(), [page.node for page in pages]
        node.tell()
        code = await asyncio.to_thread(node.exit_code)
        stopped_s = time.monotonic()
        await asyncio.to_thread(bench.machine.start, node)
        why = await bench.calm(pages)
        rows.append(
            {
                "kind": "node replaced",
                "what": f"{node.name}, exit code {code}",
                "stopped_s": round(stopped_s - at_s, 2),
                "pages": await felt(pages, had, at_s),
                "trouble": why or (f"exit code {code}" if code else None),
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows
