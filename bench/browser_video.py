"""What a server gets of a real browser's video on bad networks: how much, how old, how much broken.

    python bench/browser_video.py --rounds 2
    python bench/browser_video.py --only 150 --only "loss 10" --stock
    git archive HEAD~5 server/live/prompt_video | tar -x -C /tmp/earlier
    python bench/browser_video.py --other /tmp/earlier/server/live/prompt_video

Chromium sends numbered pictures with the page's own `link.js` to a `Peer` of the server, through a
UDP proxy that loses, delays, limits or cuts, in both directions. Nothing is scored. Each picture
has its number and that number's checksum all over it, so that what is drawn from another one is
seen; and when it was drawn is known, so ages are real. Several ways of receiving are measured in
turns, each on a connection of its own. Browser, server and proxy share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import aioice.ice
import av
import numpy as np
from aiohttp import web
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    unpack_remb_fci,
)
from playwright.async_api import Page, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from conftest import find_chromium
from losing_network import number_of
from udp_proxy import Line, UdpProxy, candidate_in, with_candidate

from posesim_server.live import peer as peers
from posesim_server.live import sdp
from posesim_server.live.outbox import Outbox
from posesim_server.live.plan import Limits
from posesim_server.static_files import static_folder

WARM_UP_S = 4.0  # on a perfect network
AFTER_S = 4.0  # that a blackout is looked at
GAP_S = 0.5  # without a picture: a gap, after which a score begins anew

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)

# 6 x 8 blocks, as `losing_network.NumberedPictures` has them, with a strip of noise that moves.
PAGE = """<!doctype html><canvas width="640" height="480"></canvas><script type="module">
import { keepPace, openLink } from "/link.js";

const canvas = document.querySelector("canvas"), pen = canvas.getContext("2d");
const track = canvas.captureStream(0).getVideoTracks()[0];
const noise = new OffscreenCanvas(1280, 480), grain = noise.getContext("2d");
const pixels = grain.createImageData(1280, 480);
for (let i = 0; i < pixels.data.length; i += 4) {
  pixels.data.fill(Math.random() * 255, i, i + 3);
  pixels.data[i + 3] = 30;
}
grain.putImageData(pixels, 0, 0);

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

window.shown = [];
function draw() {
  const number = shown.length, bytes = [number >> 8, number & 255], crc = crc32(bytes);
  const code = [...bytes, crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255];
  for (let block = 0; block < 48; block++) {
    pen.fillStyle = code[block >> 3] & (128 >> (block & 7)) ? "#c8c8c8" : "#404040";
    pen.fillRect((block % 8) * 80, Math.floor(block / 8) * 80, 80, 80);
  }
  pen.drawImage(noise, -((number * 3) % 640), 0);
  shown.push((performance.timeOrigin + performance.now()) / 1000);
  track.requestFrame();
}

const begun = performance.now();
(function next() {
  draw();
  setTimeout(next, begun + shown.length * 40 - performance.now());
})();

window.end = new AbortController();
const offered = { whip_url: "/whip" };
window.link = await openLink(offered, { token: "-", onText() {}, onLocation() {} }, end.signal);
await link.sender.replaceTrack(track);
await keepPace(link.sender);
window.stats = async () => {
  const all = [...(await link.sender.getStats()).values()];
  const sent = all.find(({ type }) => type === "outbound-rtp");
  const heard = all.find(({ type }) => type === "remote-inbound-rtp");
  return { ...sent, roundTripTime: heard?.roundTripTime ?? null };
};
</script>"""


@dataclass(frozen=True)
class Row:
    """A kind of network: a line, or a perfect one that is cut for so long."""

    name: str
    line: Line = field(default_factory=Line)
    blackout_s: float = 0.0


ROWS = [
    Row("perfect"),
    *(Row(f"loss {percent} %", Line(loss=percent / 100)) for percent in (1, 3, 5, 10)),
    *(
        Row(f"loss {percent} %, {2000 * s:.0f} ms", Line(loss=percent / 100, delay_s=s))
        for s, percent in ((0.05, 5), (0.1, 5), (0.2, 1), (0.2, 5), (0.3, 1), (0.3, 3))
    ),
    *(Row(f"blackout {s:g} s", blackout_s=s) for s in (0.2, 1.0, 2.0)),
    *(Row(f"{kbit} kbit/s", Line(rate_bit_s=1000 * kbit)) for kbit in (150, 300)),
    Row("150 kbit/s, loss 3 %", Line(rate_bit_s=150_000, loss=0.03)),
]


@dataclass(frozen=True)
class Way:
    """A way of receiving: aiortc's own, or a package as `server/live/prompt_video/` is one."""

    name: str
    package: ModuleType | None


@dataclass(frozen=True)
class Seen:
    """A picture that the server got; `number` is None if it is broken."""

    number: int | None
    at_s: float
    time_s: float


class Camera:
    """A browser's page, the server's peer for it, and what came through.

    Attributes:
        seen: The pictures.
        asked: What the server asked for: "nack" messages, "packets" in them, "pli".
        allowed: What it said how much it may be sent: (time, bits a second).
    """

    def __init__(self, peer: peers.Peer, proxy: UdpProxy) -> None:
        self.peer, self.proxy = peer, proxy
        self.seen: list[Seen] = []
        self.asked: Counter[str] = Counter()
        self.allowed: list[tuple[float, int]] = []
        self._reading: asyncio.Task[None] | None = None

    async def join(self, offer: str) -> str:
        """Answer an offer, so that all goes through the proxy."""
        path = self.proxy.open()
        read = sdp.read_offer(with_candidate(offer, path.outside).encode())
        answer = await self.peer.join(read, "camera", lambda: False)
        path.leads_to(candidate_in(answer))
        connection = self.peer._connection
        assert connection is not None
        for transceiver in connection.getTransceivers():
            self._listen(transceiver.receiver)
        self._reading = asyncio.create_task(self._read())
        return with_candidate(answer, path.inside)

    def _listen(self, receiver: Any) -> None:
        send = receiver._send_rtcp

        async def noted(packet: Any) -> None:
            if isinstance(packet, RtcpRtpfbPacket):
                self.asked["nack"] += 1
                self.asked["packets"] += len(packet.lost)
            if isinstance(packet, RtcpPsfbPacket):
                if packet.fmt == RTCP_PSFB_PLI:
                    self.asked["pli"] += 1
                if packet.fmt == RTCP_PSFB_APP:
                    self.allowed.append((time.time(), unpack_remb_fci(packet.fci)[0]))
            await send(packet)

        receiver._send_rtcp = noted

    async def _read(self) -> None:
        track = self.peer.track
        assert track is not None
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                at_s = time.time()
                assert isinstance(frame, av.VideoFrame)
                assert frame.pts is not None
                self.seen.append(Seen(number_of(frame), at_s, frame.pts / 90_000))

    async def close(self) -> None:
        await self.peer.close()
        if self._reading is not None:
            await self._reading


class Stage:
    """A server with the page, which gives each offer to the newest camera."""

    def __init__(self) -> None:
        self.camera: Camera | None = None
        self.url = ""

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_post("/whip", self._whip)
        app.router.add_static("/", static_folder())
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "localhost", 0)
            await site.start()
            self.url = f"http://localhost:{runner.addresses[0][1]}/"
            yield
        finally:
            await runner.cleanup()

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _whip(self, request: web.Request) -> web.Response:
        assert self.camera is not None
        answer = await self.camera.join(await request.text())
        return web.Response(status=201, text=answer, content_type="application/sdp")


async def measure(
    stage: Stage, page: Page, way: Way, row: Row, *, seconds: float, seed: int
) -> dict[str, Any]:
    """One connection: a while on a perfect network, then this one."""
    with received_by(way.package):
        peer = peers.Peer(Limits(), [], Outbox(), stock_aiortc=way.package is None)
        (host, *_) = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
        async with UdpProxy(host, seed=seed) as proxy:
            camera = stage.camera = Camera(peer, proxy)
            try:
                await page.goto(stage.url)
                await page.wait_for_function("window.stats !== undefined", timeout=20_000)
                await asyncio.sleep(WARM_UP_S)
                begun_s, asked = time.time(), camera.asked.copy()
                sent = await page.evaluate("stats()")
                back_s = None
                proxy.set(up=row.line, down=row.line)
                if row.blackout_s:
                    proxy.cut()
                    await asyncio.sleep(row.blackout_s)
                    proxy.mend()
                    back_s = time.time()
                    await asyncio.sleep(AFTER_S)
                else:
                    await asyncio.sleep(seconds)
                ended_s = time.time()
                sent_after = await page.evaluate("stats()")
                shown_s = await page.evaluate("shown")
                await page.evaluate("end.abort()")
            finally:
                await camera.close()
    found = pictures(camera.seen, shown_s, begun_s, ended_s, back_s)
    grown = (
        "framesSent",
        "packetsSent",
        "retransmittedPacketsSent",
        "nackCount",
        "keyFramesEncoded",
    )
    found["sender"] = {each: sent_after[each] - sent[each] for each in grown}
    for each in ("frameHeight", "targetBitrate", "roundTripTime"):
        found["sender"][each] = sent_after.get(each)
    found["asked"] = dict(camera.asked - asked)
    found["allowed"] = [
        (round(at_s - begun_s, 2), rate) for at_s, rate in camera.allowed if at_s > begun_s
    ]
    found["overflowed"] = proxy.up.overflowed
    return found


@contextlib.contextmanager
def received_by(package: ModuleType | None) -> Iterator[None]:
    """Let peers receive by another package than the server's."""
    ours = peers.prompt_video
    peers.prompt_video = package or ours  # type: ignore[attr-defined]
    try:
        yield
    finally:
        peers.prompt_video = ours  # type: ignore[attr-defined]


def pictures(
    seen: list[Seen], shown_s: list[float], begun_s: float, ended_s: float, back_s: float | None
) -> dict[str, Any]:
    """Figures of the pictures that came between two moments."""
    came = [each for each in seen if begun_s <= each.at_s <= ended_s]
    whole = [each for each in came if each.number is not None]
    ages_s = [each.at_s - shown_s[each.number] for each in whole if each.number is not None]
    before = [each for each in seen if each.at_s < begun_s][-1:]
    holes_s = [b.time_s - a.time_s for a, b in pairwise(before + came)]
    recovery_s = None
    if back_s is not None:
        for each in reversed(came):
            if each.number is None or shown_s[each.number] < back_s:
                break
            recovery_s = round(each.at_s - back_s, 2)
    return {
        "pictures_s": round(len({each.number for each in whole}) / (ended_s - begun_s), 1),
        "broken": len(came) - len(whole),
        "age_ms": [round(1000 * float(np.percentile(ages_s, p))) for p in (50, 95)]
        if ages_s
        else None,
        "gaps": sum(each > GAP_S for each in holes_s),
        "longest_hole_s": round(max(holes_s, default=0.0), 2),
        "recovery_s": recovery_s,
    }


def package_in(folder: Path) -> ModuleType:
    """Import another version of `server/live/prompt_video/`."""
    init = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        f"prompt_video_{len(sys.modules)}", init, submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    return package


def table(found: list[dict[str, Any]]) -> str:
    """Each way of each row, its rounds side by side."""
    lines = [
        "| network | received by | pictures a second | age p50 / p95 (ms) | gaps | recovery (s) "
        "| broken | keyframes asked for | sent again, of packets |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row, way in dict.fromkeys((each["row"], each["way"]) for each in found):
        rounds = [each for each in found if (each["row"], each["way"]) == (row, way)]

        def all_(read: Any, rounds: list[dict[str, Any]] = rounds) -> str:
            return ", ".join(str(read(each)) for each in rounds)

        lines.append(
            f"| {row} | {way} | {all_(lambda e: e['pictures_s'])} "
            f"| {all_(lambda e: ' / '.join(map(str, e['age_ms'] or ['-'])))} "
            f"| {all_(lambda e: e['gaps'])} | {all_(lambda e: e['recovery_s'] or '-')} "
            f"| {all_(lambda e: e['broken'])} | {all_(lambda e: e['asked'].get('pli', 0))} "
            f"| {all_(lambda e: e['sender']['retransmittedPacketsSent'])} of "
            f"{all_(lambda e: e['sender']['packetsSent'])} |"
        )
    return "\n".join(lines)


async def run(asked: argparse.Namespace, ways: list[Way], rows: list[Row]) -> list[dict[str, Any]]:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium on PATH; install it, e.g.: apt-get install chromium")
    stage, found = Stage(), []
    async with stage.served(), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for row in rows:
            for number in range(asked.rounds):
                for way in ways if number % 2 == 0 else reversed(ways):
                    page = await browser.new_page()
                    figures = await measure(
                        stage, page, way, row, seconds=asked.seconds, seed=asked.seed + number
                    )
                    await page.close()
                    figures = {
                        "row": row.name,
                        "way": way.name,
                        "load": os.getloadavg()[0],
                    } | figures
                    print(json.dumps(figures), file=sys.stderr, flush=True)
                    found.append(figures)
        await browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each row but blackouts")
    parser.add_argument("--only", action="append", help="rows whose name begins so")
    parser.add_argument("--stock", action="store_true", help="also by aiortc alone")
    parser.add_argument(
        "--other", type=Path, action="append", default=[], help="another prompt_video/, in turns"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is lost")
    parser.add_argument("--json", type=Path, default=Path("bench/out/browser_video.json"))
    asked = parser.parse_args()
    rows = [
        row
        for row in ROWS
        if not asked.only or any(row.name.startswith(begin) for begin in asked.only)
    ]
    ways = [Way("prompt", peers.prompt_video)]
    ways += [Way(str(folder), package_in(folder)) for folder in asked.other]
    if asked.stock:
        ways.append(Way("stock", None))
    found = asyncio.run(run(asked, ways, rows))
    print(table(found))
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rows": found,
    }
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
