"""Three nodes, and faults under sessions that run: how soon they go on, what is lost or doubled.

    python bench/cluster.py --faults 8 --json cluster.json
    python bench/cluster.py --faults 0 --rolling
    python bench/cluster.py --cost 60 --webcams 1 --network real

Nodes with PostgreSQL, Redis (or Valkey) and an S3 store, each in a network namespace (as root; see
`--three-ports`), and webcams in processes of their own that come back as the real page does. Faults
come in turns, at random moments: the node that has a session is killed, Redis is killed, PostgreSQL
is killed, a node is cut off the network, and with `--engine ray` the worker of Ray that has most to
do is killed. Each is mended before the next one. At the end what pages were told is compared with
what is stored.

`--network small` has the tests' network, which is quick and foreseen, so that many faults can be
tried on few cores; `real` has the real one. Everything runs on the machine that is measured.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from cluster_cost import costs
from cluster_faults import FAULTS, RAY_FAULTS, Bench, roll, suffer
from cluster_kept import compare
from cluster_nodes import Node, machine
from cluster_ray import ray as ray_of
from cluster_webcams import webcams
from live import encode, upload

OPTIONS = {
    "user_token_s": 86_400,
    "session_token_s": 86_400,  # pages renew none
    "max_session_s": 86_400,
    "idle_s": 0,
    "drain_s": 3,
    "max_sessions": 8,
}
# Each node has two actors, which are on the two machines of Ray.
RAY_OPTIONS = {"engine": "ray", "workers": 2, "max_workers": 2, "ray_cpus": 0.5}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=8)
    parser.add_argument("--within", type=float, default=3600.0, help="seconds; no fault after them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=10.0, help="seconds that a thing is away")
    parser.add_argument("--webcams", type=int, default=2)
    parser.add_argument("--network", choices=("small", "real"), default="small")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--only", action="append", help="a kind of fault (repeatable)")
    parser.add_argument("--rolling", action="store_true", help="replace all nodes at the end")
    parser.add_argument("--cost", type=float, help="measure for so many seconds; no faults then")
    parser.add_argument("--rounds", type=int, default=2, help="of --cost")
    parser.add_argument("--three-ports", action="store_true", help="without network namespaces")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # and nothing is left behind
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(args, Path(folder)))
    print(cost_table(figures) if args.cost else table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if args.cost or is_good(figures) else 1


async def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    video = folder / "webcam.webm"
    await asyncio.to_thread(encode, None, video)
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(
            machine(folder, network=args.network, three_ports=args.three_ports, options=OPTIONS)
        )
        ray, faults = None, FAULTS
        if args.engine == "ray":
            ray, faults = stack.enter_context(ray_of(here.spaces)), FAULTS | RAY_FAULTS
            here.beside = ray.beside
            here.options |= RAY_OPTIONS | {"ray_address": ray.address}
            stack.callback(here.stop)  # before it
        began_s = time.monotonic()
        await asyncio.to_thread(here.start, here.nodes[0])
        async with signed_in(here.nodes[0]) as http:
            exercise = await upload_to(here.nodes[0], http, video)
            bench = Bench(here, http, random.Random(args.seed), args.longest, ray)
            come = partial(webcams, here, http, exercise, video, args.webcams)
            if args.cost:
                return about(args) | await costs(bench, come, args.rounds, args.cost)
            await here.start_others()
            rows, rolling = [], []
            async with come() as pages:
                if trouble := await bench.calm(pages):
                    raise SystemExit(trouble)
                kinds = itertools.cycle(args.only or faults)
                until_s = began_s + args.within
                while len(rows) < args.faults and time.monotonic() < until_s:
                    if bench.over(pages):
                        break
                    kind = next(kinds)
                    rows.append(await suffer(bench, pages, kind, faults[kind]))
                if args.rolling:
                    rolling = await roll(bench, pages)
                over = bench.over(pages)
                for page in pages:
                    await page.leave()
                kept = [
                    compare(
                        page.told,
                        await bench.record(page.ticket["id"], here.nodes[0]),
                        bench.known[page.ticket["id"]],
                    )
                    for page in pages
                ]
        errors = [line for node in here.nodes for line in node.errors()]
    return about(args) | {
        "seconds": round(time.monotonic() - began_s),
        "faults": rows,
        "rolling": rolling,
        "sessions_over": over,
        "kept": {name: total([each[name] for each in kept]) for name in kept[0]},
        "errors": errors,
    }


def about(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(sys.argv),
        "processor": processor(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "nodes": "three ports" if args.three_ports else "three network namespaces",
        "network": args.network,
        "engine": args.engine,
        "webcams": args.webcams,
    }


def total(values: list[Any]) -> Any:
    return sum(values[1:], start=values[0])


@contextlib.asynccontextmanager
async def signed_in(node: Node) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    credentials = {"username": "demo", "password": node.password}
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.post(f"{node.url}/token", json=credentials) as response,
    ):
        response.raise_for_status()
        token = (await response.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
        for purpose in ("recording", "scoring"):
            consent = {"purpose": purpose, "language": "en"}
            async with http.post(f"{node.url}/v1/consents", json=consent) as response:
                response.raise_for_status()
        yield http


async def upload_to(node: Node, http: aiohttp.ClientSession, video: Path) -> str:
    async with aiohttp.ClientSession(node.url, headers=http.headers) as there:
        return await upload(there, {}, video)


def processor() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.processor()}, {len(names)} cores"


# Figures


def is_good(figures: dict[str, Any]) -> bool:
    """Whether every session went on, with all that was acknowledged."""
    kept = figures["kept"]
    troubles = [row for row in [*figures["faults"], *figures["rolling"]] if row["trouble"]]
    return not (kept["lost"] or kept["doubled"] or troubles or figures["sessions_over"])


def heading(figures: dict[str, Any]) -> str:
    return (
        f"{figures['date']}, {figures['processor']}; {figures['nodes']}, network "
        f"{figures['network']}, engine {figures['engine']}, {figures['webcams']} webcams"
    )


def cost_table(figures: dict[str, Any]) -> str:
    lines = [
        heading(figures),
        f"{'nodes':>5}{'sessions on':>24}{'scored':>9}{'CPU a session second':>29}{'idle':>14}",
    ]
    for row in figures["rows"]:
        cpu, idle = f"{row['cpu_s_a_session_s']:.3f} s", f"{row['idle_cores']:.3f} cores"
        lines.append(
            f"{row['nodes_running']:>5}{' '.join(row['sessions_on']):>24}"
            f"{row['scored_s']:>7.0f} s{cpu:>29}{idle:>14}"
        )
    return "\n".join([*lines, f"three nodes to one: {figures['three_to_one']:.3f}"])


def table(figures: dict[str, Any]) -> str:
    lines = [
        heading(figures),
        f"{'fault':<20}{'times':>6}{'moved':>7}{'silent, worst':>15}"
        f"{'resumed, median':>17}{'worst':>8}{'number, worst':>15}{'troubles':>10}",
    ]
    rows = [*figures["faults"], *figures["rolling"]]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of_kind = [row for row in rows if row["kind"] == kind]
        pages = [page for row in of_kind for page in row["pages"]]
        resumed = sorted(p["resumed_s"] for p in pages if p["resumed_s"])
        numbers = [p["number_s"] for p in pages if p["number_s"]]
        lines.append(
            f"{kind:<20}{len(of_kind):>6}{sum(p['moved'] for p in pages):>7}"
            f"{seconds(max(p['silent_s'] for p in pages)):>15}"
            f"{seconds(resumed[len(resumed) // 2] if resumed else None):>17}"
            f"{seconds(max(resumed, default=None)):>8}{seconds(max(numbers, default=None)):>15}"
            f"{sum(row['trouble'] is not None for row in of_kind):>10}"
        )
    kept = figures["kept"]
    lines += [
        f"{name.replace('_', ' ')}: {value if not isinstance(value, list) else len(value)}"
        for name, value in kept.items()
    ]
    lines += [*kept["lost"][:5], *kept["doubled"][:5], *kept["not_told"][:5]]
    lines += [f"sessions over too soon: {len(figures['sessions_over'])}"]
    lines += [f"errors in the logs: {len(figures['errors'])}", *figures["errors"][:5]]
    lines += [row["trouble"] for row in rows if row["trouble"]]
    return "\n".join(lines)


def seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
