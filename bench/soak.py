"""What sessions that come and go leave behind, and those that stay: memory, files, threads, tasks.

    python bench/soak.py --churn 500 --steady 120 --json soak.json
    python bench/soak.py --churn 500 --steady 3600 --sessions 1 --json soak.json

A real server with the real network, webcams in processes of their own. A session of the churn ends
as pages end: with `bye`, a DELETE, a closed connection, a killed process, or without ever sending
a picture. After each round the server is looked at when nothing runs. The steady sessions are
looked at while they run. What counts is the median of the last fifth against that of the second,
when caches are full.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from live import Loop, Server, encode, rss_bytes, serving, upload, webcam

WAYS = ("bye", "delete", "close", "killed", "never")
AT_ONCE = 3
CONNECTED_S = 1.0  # a session of the churn sends pictures for about so long
PATIENCE_S = 120.0  # for a session to begin, and for all to end, those without a page included
LOOK_S = 2.0  # between two looks at steady sessions
MOST_GROWTH = 0.05
# A steady session lasts as long as it is asked to, although its page renews no token.
LASTING = {"--session-token-s": 86_400, "--max-session-s": 86_400, "--idle-s": 0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--churn", type=int, default=100, help="sessions that come and go")
    parser.add_argument("--round", type=int, default=25, help="sessions between two looks")
    parser.add_argument("--steady", type=float, default=60.0, help="seconds of those that stay")
    parser.add_argument("--sessions", type=int, default=1, help="how many stay")
    parser.add_argument("--engine", default="auto", help="as for posesim serve")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(args, Path(folder)))
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    parts = [figures[part] for part in ("churn", "steady") if part in figures]
    return 0 if figures["log_errors"] == 0 and all(part["flat"] for part in parts) else 1


async def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    video, data = folder / "webcam.webm", folder / "data"
    encode(None, video)
    options = argparse.Namespace(engine=args.engine, workers=1, sessions=16)
    figures: dict[str, Any] = {"cores": os.cpu_count()}
    with serving(data, options, LASTING) as server:
        async with signed_in(server) as http:
            exercise = await upload(http, {}, video)
            if args.churn:
                figures["churn"] = await churn(
                    http, server, exercise, video, args.churn, args.round
                )
            if args.steady:
                figures["steady"] = await steady(http, server, exercise, video, args)
    lines = [
        json.loads(line) for line in (data / "log").read_text().splitlines() if line[:1] == "{"
    ]
    errors = [line for line in lines if line.get("level") in ("error", "critical")]
    return figures | {"log_errors": len(errors), "first_error": errors[0] if errors else None}


@asynccontextmanager
async def signed_in(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    credentials = {"username": "demo", "password": server.password}
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.post("/token", json=credentials) as response,
    ):
        token = (await response.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as http:
        for purpose in ("recording", "scoring"):
            consent = {"purpose": purpose, "language": "en"}
            async with http.post("/v1/consents", json=consent) as response:
                response.raise_for_status()
        yield http


async def ticket(http: aiohttp.ClientSession, exercise: str) -> dict[str, Any]:
    """Ask for a session until the user's others, some of them killed, leave a place for it."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        async with http.post("/v1/sessions", json={"exercise_id": exercise}) as response:
            if response.status != 429 or time.monotonic() > until_s:
                response.raise_for_status()
                return dict(await response.json())
        await asyncio.sleep(1)


# Sessions that come and go


async def churn(  # noqa: PLR0917
    http: aiohttp.ClientSession,
    server: Server,
    exercise: str,
    video: Path,
    count: int,
    a_round: int,
) -> dict[str, Any]:
    begun_s = time.monotonic()
    looks, failures, ways = [], 0, random.Random(0)
    done = dict.fromkeys(WAYS, 0)
    for first in range(0, count, a_round):
        chosen = [ways.choice(WAYS) for _ in range(min(a_round, count - first))]
        failures += await one_round(http, server, exercise, video, chosen)
        for way in chosen:
            done[way] += 1
        await until_idle(http, server)
        looks.append(await look(http, server))
        print(first + len(chosen), looks[-1], file=sys.stderr, flush=True)
    return {
        "sessions": count,
        "ended_by": done,
        "failed_to_connect": failures,
        "seconds": round(time.monotonic() - begun_s),
        **compared(looks),
    }


async def one_round(
    http: aiohttp.ClientSession, server: Server, exercise: str, video: Path, ways: list[str]
) -> int:
    """Run sessions, some at a time; return how many never came to be connected."""
    waiting, failures = list(ways), 0
    running: dict[Any, BaseProcess] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            process = visit(server.url, await ticket(http, exercise), video, waiting.pop())
            running[process.sentinel] = process
        for ended in await asyncio.to_thread(wait, list(running), PATIENCE_S):
            process = running.pop(ended)
            process.join()
            failures += process.exitcode not in (0, -signal.SIGKILL)
    return failures


def visit(url: str, ticket: dict[str, Any], video: Path, way: str) -> BaseProcess:
    """A page in a process of its own, cheaply: forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["aiohttp", "aiortc", "av", "live", "soak"])
    process = context.Process(target=be_visitor, args=(url, ticket, video, way))
    process.start()
    return process


def be_visitor(url: str, ticket: dict[str, Any], video: Path, way: str) -> None:
    asyncio.run(asyncio.wait_for(be_page(url, ticket, video, way), PATIENCE_S))


async def be_page(url: str, ticket: dict[str, Any], video: Path, way: str) -> None:
    """Connect, send pictures for a moment, and end in the given way."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(Loop(video))
    welcomed = asyncio.Event()
    peer.createDataChannel("scores", ordered=False, maxRetransmits=0)
    events = peer.createDataChannel("events")
    events.on("message", lambda _: welcomed.set())
    events.on("open", lambda: events.send('{"v":1,"type":"hello"}'))
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Authorization": f"Bearer {ticket['token']}"}
    async with aiohttp.ClientSession(url, headers=headers) as http:
        kind = {"Content-Type": "application/sdp"}
        offer = peer.localDescription.sdp
        async with http.post(ticket["whip_url"], data=offer, headers=kind) as response:
            response.raise_for_status()
            resource = response.headers["Location"]
            answer = RTCSessionDescription(await response.text(), "answer")
        if way != "never":
            await peer.setRemoteDescription(answer)
            await welcomed.wait()
            await asyncio.sleep(CONNECTED_S * (0.5 + random.random()))
        match way:
            case "bye":
                events.send('{"v":1,"type":"bye"}')
                await asyncio.sleep(0.2)
            case "delete":
                async with http.delete(resource) as response:
                    response.raise_for_status()
            case "killed" | "never":
                os.kill(os.getpid(), signal.SIGKILL)
    await peer.close()


async def until_idle(http: aiohttp.ClientSession, server: Server) -> None:
    """Wait until no session runs and what was of them has had a moment to go."""
    async with asyncio.timeout(PATIENCE_S):
        while (await server.look(http)).metrics["posesim_live_sessions"]:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.5)
    await asyncio.sleep(3)


# Sessions that stay


async def steady(
    http: aiohttp.ClientSession, server: Server, exercise: str, video: Path, args: Any
) -> dict[str, Any]:
    looks: list[dict[str, float]] = []
    with ExitStack() as stack:
        webcams: list[Connection] = [
            stack.enter_context(webcam(server.url, await ticket(http, exercise), video))
            for _ in range(args.sessions)
        ]
        for each in webcams:
            await asyncio.to_thread(each.recv)  # its first score
            each.send("begin")
        end_s = time.monotonic() + args.steady
        while time.monotonic() < end_s:
            await asyncio.sleep(LOOK_S)
            looks.append(await look(http, server))
            await require_live(http, server, args.sessions)
        for each in webcams:
            each.send("end")
        seen = [await asyncio.to_thread(each.recv) for each in webcams]
    ages = sorted(score["age_s"] for each in seen for score in each["scores"])
    return {
        "sessions": args.sessions,
        "seconds": args.steady,
        "scores": len(ages),
        "age_p50_s": round(statistics.median(ages), 3) if ages else None,
        "age_most_s": round(ages[-1], 3) if ages else None,
        **compared(looks),
    }


async def require_live(http: aiohttp.ClientSession, server: Server, count: int) -> None:
    """End the measurement when sessions have ended that were to stay."""
    live = (await server.look(http)).metrics["posesim_live_sessions"]
    if live != count:
        raise SystemExit(f"{live:.0f} of {count} steady sessions are still there")


# What is looked at


async def look(http: aiohttp.ClientSession, server: Server) -> dict[str, float]:
    seen = await server.look(http)
    workers = server.workers()
    return {
        "server_rss_mb": rss_bytes(server.pid) / 1e6,
        "worker_rss_mb": sum(map(rss_bytes, workers)) / 1e6,
        "server_files": entries(server.pid, "fd"),
        "worker_files": sum(entries(pid, "fd") for pid in workers),
        "server_threads": entries(server.pid, "task"),
        "worker_threads": sum(entries(pid, "task") for pid in workers),
        "tasks": seen.metrics["posesim_event_loop_tasks"],
    }


def entries(pid: int, of: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{of}").iterdir())


def compared(looks: list[dict[str, float]]) -> dict[str, Any]:
    """The median of the second fifth and of the last one, and whether all is flat.

    One file, thread or task more is no growth: they are few, and one may be a moment late.
    """
    fifth = max(1, len(looks) // 5)
    early, late = looks[fifth : 2 * fifth] or looks[:1], looks[-fifth:]
    found = {}
    for name in looks[0]:
        before, after = (statistics.median(each[name] for each in part) for part in (early, late))
        grown = after - before
        flat = grown <= MOST_GROWTH * before or (not name.endswith("_mb") and grown <= 1)
        found[name] = {
            "second_fifth": round(before, 1),
            "last_fifth": round(after, 1),
            "flat": flat,
        }
    return {"looks": len(looks), **found, "flat": all(each["flat"] for each in found.values())}


if __name__ == "__main__":
    sys.exit(main())
