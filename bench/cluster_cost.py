"""What sessions cost on one node and on three, for bench/cluster.py."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from cluster_faults import Bench
from cluster_webcams import Webcam

IDLE_S = 10.0  # of looking what nodes take without a session
WARM_S = 4.0  # from calm to measuring


Pages = Callable[[], AbstractAsyncContextManager[list[Webcam]]]


async def costs(bench: Bench, pages: Pages, rounds: int, seconds: float) -> dict[str, Any]:
    """CPU for each second of a session that is scored, with one node and with three, in turns."""
    rows = []
    for _ in range(rounds):
        rows.append(await cost(bench, pages, seconds))
        await bench.machine.start_others()
        rows.append(await cost(bench, pages, seconds))
        for node in bench.machine.nodes[1:]:
            node.tell()
            await asyncio.to_thread(node.exit_code)
    of = {
        nodes: [row["cpu_s_a_session_s"] for row in rows if row["nodes_running"] == nodes]
        for nodes in (1, 3)
    }
    ratio = statistics.mean(of[3]) / statistics.mean(of[1])
    return {"rows": rows, "three_to_one": round(ratio, 3)}


async def cost(bench: Bench, come: Pages, seconds: float) -> dict[str, Any]:
    """The same, with the nodes that run now."""
    idle = await cpu_during(bench, IDLE_S)
    async with come() as pages:
        if trouble := await bench.calm(pages):
            raise SystemExit(trouble)
        await asyncio.sleep(WARM_S)
        begun_s = time.monotonic()
        used = await cpu_during(bench, seconds)
        scored_s = sum(page.scored_s(begun_s) for page in pages)
        on = sorted({bench.node_of(page).name for page in pages})
        for page in pages:
            await page.leave()
    row = {
        "nodes_running": len(bench.machine.running),
        "sessions_on": on,
        "scored_s": round(scored_s, 1),
        "cpu_s": {name: round(value, 2) for name, value in used.items()},
        "idle_cores": round(sum(idle.values()) / IDLE_S, 3),
        "cpu_s_a_session_s": round(sum(used.values()) / scored_s, 4),
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


async def cpu_during(bench: Bench, seconds: float) -> dict[str, float]:
    def so_far() -> dict[str, float]:
        ray = {"ray": bench.ray.cpu_s()} if bench.ray else {}
        return bench.machine.cpu_s() | ray

    before = so_far()
    await asyncio.sleep(seconds)
    return {name: value - before[name] for name, value in so_far().items()}
