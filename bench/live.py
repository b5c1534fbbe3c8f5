"""Simulated webcams against a real server: what it keeps up with, how late, and on what CPU.

    python bench/live.py --sessions 2 --seconds 60 --json live.json

Each webcam is a process that sends VP8, encoded beforehand, over WebRTC, as a browser would, and
receives scores. The webcams run on the machine that they measure: on one of few cores they take
from the server what a real camera would not, which makes every figure worse than it would be.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import av
import cv2
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from prometheus_client.parser import text_string_to_metric_families

from posesim.timebase import Grid, Tick
from posesim.video import read_frames
from posesim_server.compute.admission import CHUNK_S, Cost, capacity

FPS = 25
SIZE = 640, 480
BITS_S = 1_500_000
KEYFRAME_S = 2
LONGEST_CLIP_S = 12.0
READY_S = 120.0  # for the server to start, and for a clip to be embedded
WARM_S = 4.0  # from the first score on: a window fills, and bitrates settle
TICKS_S = os.sysconf("SC_CLK_TCK")
SUSTAINED = 0.97  # of the chunks that 25 frames a second make


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1, help="webcams at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--clip", type=Path, help="what they show; a drawn movement by default")
    parser.add_argument("--engine", default="auto", help="as for posesim serve")
    parser.add_argument("--workers", type=int, default=1, help="as for posesim serve")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(args, Path(folder)))
    print(table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


async def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    video = folder / "webcam.webm"
    encode(args.clip, video)
    with serving(folder / "data", args) as server:
        async with aiohttp.ClientSession(server.url) as http:
            credentials = {"username": "demo", "password": server.password}
            async with http.post("/token", json=credentials) as response:
                token = (await response.json())["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            for purpose in ("recording", "scoring"):
                consent = {"purpose": purpose, "language": "en"}
                async with http.post("/v1/consents", json=consent, headers=headers) as response:
                    response.raise_for_status()
            exercise = await upload(http, headers, video)
            with contextlib.ExitStack() as stack:
                webcams = []
                for _ in range(args.sessions):
                    body = {"exercise_id": exercise}
                    async with http.post("/v1/sessions", json=body, headers=headers) as response:
                        response.raise_for_status()
                        ticket = await response.json()
                    webcams.append(stack.enter_context(webcam(server.url, ticket, video)))
                for each in webcams:
                    assert await asyncio.to_thread(each.recv) == "first score"
                await asyncio.sleep(WARM_S)
                before = await server.look(http)
                for each in webcams:
                    each.send("begin")
                await asyncio.sleep(args.seconds)
                after = await server.look(http)
                for each in webcams:
                    each.send("end")
                seen = [await asyncio.to_thread(each.recv) for each in webcams]
    return figures_of(args, before, after, seen)


# What the webcams show


def encode(clip: Path | None, video: Path) -> None:
    """Write up to 12 s as VP8 that begins and goes on with key frames, so that it can be looped."""
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libvpx", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = BITS_S
        stream.options = {
            "g": str(FPS * KEYFRAME_S),
            "deadline": "realtime",
            "cpu-used": "-8",  # 8 would be as bad a picture as a busy machine makes it
            "auto-alt-ref": "0",  # a webcam sends no hidden frames
            "lag-in-frames": "0",
        }
        for n, picture in enumerate(pictures(clip)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def pictures(clip: Path | None) -> Iterator[np.ndarray]:
    if clip is None:
        for n in range(int(8 * FPS)):
            yield drawn(n / FPS)
        return
    grid: Grid[np.ndarray] = Grid(float(FPS))
    for frame in read_frames(clip, largest_side=max(SIZE)):
        for tick in grid.push(frame.time_s, frame.rgb):
            if not isinstance(tick, Tick):
                continue
            if tick.index >= LONGEST_CLIP_S * FPS:
                return
            yield fitted(tick.item)


def fitted(rgb: np.ndarray) -> np.ndarray:
    """The picture in the webcam's size, between bars where its shape differs."""
    scale = min(SIZE[0] / rgb.shape[1], SIZE[1] / rgb.shape[0])
    inner = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    top, left = (SIZE[1] - inner.shape[0]) // 2, (SIZE[0] - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def drawn(time_s: float) -> np.ndarray:
    """A figure that bends its knees every two seconds, over a ground with some texture."""
    random = np.random.default_rng(0)
    ground = random.integers(90, 130, (SIZE[1] // 16, SIZE[0] // 16, 3), np.uint8)
    picture = cv2.resize(ground, SIZE, interpolation=cv2.INTER_CUBIC)
    down = int(60 * (1 - np.cos(np.pi * time_s)))
    hip = (320, 260 + down)
    cv2.circle(picture, (320, 110 + down), 35, (200, 160, 130), -1)
    cv2.line(picture, (320, 140 + down), hip, (200, 60, 60), 50)
    for side in (-1, 1):
        knee = (320 + side * (30 + down // 2), (hip[1] + 450) // 2)
        cv2.line(picture, hip, knee, (40, 40, 90), 35)
        cv2.line(picture, knee, (320 + side * 40, 450), (40, 40, 90), 30)
    return picture


# A webcam


class Loop(MediaStreamTrack):
    """Packets of a file at their times, again and again."""

    kind = "video"

    def __init__(self, video: Path) -> None:
        super().__init__()
        with av.open(str(video)) as container:
            self._packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        self._n = 0
        self._begun_s = 0.0

    async def recv(self) -> av.Packet:
        self._begun_s = self._begun_s or time.monotonic()
        await asyncio.sleep(max(0.0, self._begun_s + self._n / FPS - time.monotonic()))
        packet = av.Packet(self._packets[self._n % len(self._packets)])
        packet.pts, packet.time_base = self._n, Fraction(1, FPS)
        self._n += 1
        return packet


@contextlib.contextmanager
def webcam(url: str, ticket: dict[str, Any], video: Path) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=be_webcam, args=(url, ticket, video, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(10)
        process.kill()


def be_webcam(url: str, ticket: dict[str, Any], video: Path, parent: Connection) -> None:
    asyncio.run(send(url, ticket, video, parent))


async def send(url: str, ticket: dict[str, Any], video: Path, parent: Connection) -> None:
    """Send until told to end; give the parent what came between `begin` and `end`."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(Loop(video))
    scores: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    first = asyncio.Event()

    def scored(text: str) -> None:
        message = json.loads(text)
        if message["type"] == "score":
            scores.append(message)
            first.set()

    peer.createDataChannel("scores", ordered=False, maxRetransmits=0).on("message", scored)
    channel = peer.createDataChannel("events")
    channel.on("message", lambda text: events.append(json.loads(text)))
    channel.on("open", lambda: channel.send('{"v":1,"type":"hello"}'))
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Authorization": f"Bearer {ticket['token']}", "Content-Type": "application/sdp"}
    async with aiohttp.ClientSession() as http:
        offer = peer.localDescription.sdp
        async with http.post(url + ticket["whip_url"], data=offer, headers=headers) as response:
            response.raise_for_status()
            answer = RTCSessionDescription(await response.text(), "answer")
    await peer.setRemoteDescription(answer)
    await first.wait()
    parent.send("first score")
    await asyncio.to_thread(parent.recv)  # begin
    scores.clear()
    events.clear()
    await asyncio.to_thread(parent.recv)  # end
    parent.send({"scores": list(scores), "events": list(events)})
    await peer.close()


# The server


@dataclass(frozen=True)
class Look:
    """The server at one moment."""

    at_s: float
    metrics: dict[str, float]
    loop_s: float  # CPU of the server's first thread
    others_s: float  # of its other threads: decoders, and the database's
    worker_s: float
    rss_bytes: dict[str, int]


@dataclass(frozen=True)
class Server:
    url: str
    password: str
    pid: int

    async def look(self, http: aiohttp.ClientSession) -> Look:
        async with http.get("/metrics") as response:
            text = await response.text()
        metrics = {
            sample.name + "".join(f",{v}" for v in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        threads = self.threads()
        workers = self.workers()
        return Look(
            at_s=time.monotonic(),
            metrics=metrics,
            loop_s=threads[self.pid],
            others_s=sum(threads.values()) - threads[self.pid],
            worker_s=sum(cpu_s(Path(f"/proc/{pid}/stat")) for pid in workers),
            rss_bytes={
                "server": rss_bytes(self.pid),
                "workers": sum(rss_bytes(pid) for pid in workers),
            },
        )

    def threads(self) -> dict[int, float]:
        """CPU seconds of each thread so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return {int(task.name): cpu_s(task / "stat") for task in tasks}

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [
            int(pid)
            for pid in children
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]


@contextlib.contextmanager
def serving(
    data: Path, args: argparse.Namespace, more: Mapping[str, object] | None = None
) -> Iterator[Server]:
    """Run `posesim serve`, with `more` of its options."""
    data.mkdir()
    command = [sys.executable, "-m", "posesim_server", "serve", "--demo", "--port", "0"]
    # As many as are asked for, also above what the server would admit: that is to be seen.
    options = {
        "--data": data,
        "--engine": args.engine,
        "--workers": args.workers,
        "--max-sessions": args.sessions,
        "--log-format": "json",
        "--user-token-s": 86400,  # a long run signs in once
        **(more or {}),
    }
    command += [str(word) for pair in options.items() for word in pair]
    with (
        (data / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = re.search(r"http://\S+", process.stdout.readline())
            if ready is None:
                raise SystemExit((data / "log").read_text())
            password = process.stdout.readline().split()[-1]
            yield Server(ready[0], password, process.pid)
        finally:
            process.terminate()


async def upload(http: aiohttp.ClientSession, headers: dict[str, str], video: Path) -> str:
    form = aiohttp.FormData()
    form.add_field("name", "Webcam")
    form.add_field("clip", await asyncio.to_thread(video.read_bytes), filename="webcam.webm")
    async with http.post("/v1/exercises", data=form, headers=headers) as response:
        response.raise_for_status()
        exercise = await response.json()
    async with asyncio.timeout(READY_S):
        while exercise["state"] == "embedding":
            await asyncio.sleep(0.2)
            url = f"/v1/exercises/{exercise['id']}"
            async with http.get(url, headers=headers) as response:
                exercise = await response.json()
    if exercise["state"] != "ready":
        raise SystemExit(exercise["error"])
    return str(exercise["id"])


def cpu_s(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def rss_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


# Figures


def figures_of(
    args: argparse.Namespace, before: Look, after: Look, seen: list[dict[str, Any]]
) -> dict[str, Any]:
    seconds = after.at_s - before.at_s

    def grown(name: str) -> float:
        return after.metrics.get(name, 0.0) - before.metrics.get(name, 0.0)

    lags = sorted(score["age_s"] for each in seen for score in each["scores"])
    rates = [len(each["scores"]) * 8 / seconds for each in seen]
    gaps = [[e["reason"] for e in each["events"] if e["type"] == "gap"] for each in seen]
    enough = SUSTAINED * FPS - 8 / seconds  # a chunk may fall on the other side of an end
    cost = Cost(
        after.metrics["posesim_session_cost_seconds,8"],
        after.metrics["posesim_session_cost_seconds,32"],
    )
    parts = {part: grown(f"posesim_worker_cpu_seconds_total,{part}") for part in
             ("stem", "tail", "preparation")}  # fmt: skip
    cpu = {
        "decode": after.others_s - before.others_s,
        "event_loop": after.loop_s - before.loop_s,
        **parts,
        "worker_rest": max(0.0, after.worker_s - before.worker_s - sum(parts.values())),
    }
    return {
        "sessions": args.sessions,
        "seconds": round(seconds, 2),
        "cores": os.cpu_count(),
        "webcams_share_the_machine": True,
        "capacity_measured": capacity(cost) * args.workers,
        "session_cost": {**asdict(cost), "of_s": CHUNK_S},
        "sustained": sum(rate >= enough and not gap for rate, gap in zip(rates, gaps, strict=True)),
        "scored_frames_per_second": [round(rate, 2) for rate in rates],
        "lag_s": quantiles(lags),
        "frame_to_score_s": {
            "mean": grown("posesim_frame_to_score_seconds_sum")
            / max(1.0, grown("posesim_frame_to_score_seconds_count")),
            "p95_below": bucket(before, after, 0.95),
        },
        "call_s": {
            part: grown(f"posesim_{part}_seconds_sum")
            / max(1.0, grown(f"posesim_{part}_seconds_count"))
            for part in ("stem", "tail")
        },
        "event_loop_lag_s": after.metrics["posesim_event_loop_lag_seconds"],
        "gaps": [len(gap) for gap in gaps],
        "dropped_frames": grown("posesim_dropped_frames_total"),
        "scores_by_hop": {hop: grown(f"posesim_scores_total,{hop}") for hop in ("8", "16", "32")},
        "cpu_s": cpu,
        "cpu_cores": {part: spent_s / seconds for part, spent_s in cpu.items()},
        "rss_bytes": {"before": before.rss_bytes, "after": after.rss_bytes},
    }


def quantiles(values: list[float]) -> dict[str, float | None]:
    if len(values) < 2:
        return {"p50": None, "p95": None, "p99": None}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"p{at}": round(cuts[at - 1], 4) for at in (50, 95, 99)}


def bucket(before: Look, after: Look, share: float) -> float | None:
    """The bound of the histogram's bucket in which that share of the scores is reached."""
    name = "posesim_frame_to_score_seconds_bucket,"
    counts = {
        float(key.removeprefix(name)): value - before.metrics.get(key, 0.0)
        for key, value in after.metrics.items()
        if key.startswith(name)
    }
    total = max(counts.values())
    bound = min((b for b, count in counts.items() if count >= share * total), default=None)
    return None if bound is None or bound == float("inf") else bound


def table(figures: dict[str, Any]) -> str:
    per_session = {
        part: cores / figures["sessions"] for part, cores in figures["cpu_cores"].items()
    }
    around = sum(per_session[part] for part in ("decode", "event_loop", "preparation"))
    rows: list[tuple[str, str]] = [
        ("webcams", f"{figures['sessions']} for {figures['seconds']:.0f} s"),
        ("sustained at 25 fps, no gap", str(figures["sustained"])),
        ("capacity, measured at start", str(figures["capacity_measured"])),
        ("one session, 0.32 s of video", "{smallest_hop_s:.3f} s at hop 8, {largest_hop_s:.3f} s "
         "at hop 32".format(**figures["session_cost"])),
        ("scored frames per second", " ".join(map(str, figures["scored_frames_per_second"]))),
        ("lag p50 / p95 / p99", " / ".join(f"{v} s" for v in figures["lag_s"].values())),
        ("frame to score, mean", f"{figures['frame_to_score_s']['mean']:.3f} s, "
         f"95 % below {figures['frame_to_score_s']['p95_below']} s"),
        ("one stem / tail call", "{stem:.3f} s / {tail:.3f} s".format(**figures["call_s"])),
        ("event loop late by at most", f"{figures['event_loop_lag_s']:.3f} s"),
        ("gaps, dropped frames", f"{sum(figures['gaps'])}, {figures['dropped_frames']:.0f}"),
        ("scores at hop 8 / 16 / 32", " / ".join(f"{n:.0f}" for n in
                                                 figures["scores_by_hop"].values())),
        *((f"CPU of one session, {part.replace('_', ' ')}", f"{100 * cores:.1f} % of a core")
          for part, cores in per_session.items()),
        ("CPU around the network", f"{100 * around:.1f} % of a core a session"),
        *((f"memory, {process}", f"{size / 1e6:.0f} MB, "
           f"{(size - figures['rss_bytes']['before'][process]) / 1e6:+.0f} MB meanwhile")
          for process, size in figures["rss_bytes"]["after"].items()),
    ]  # fmt: skip
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    lines.append(
        f"The webcams ran on the same {figures['cores']} cores and took from the server what real "
        "ones would not."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
