"""A real browser on bad networks: how soon scores are back, how many, how old, what is lost.

    python bench/network.py --json network.json
    python bench/network.py --short --only "loss" --only "blackout 1 s"
    python bench/network.py --compare-stock

Chromium trains against a real server with the real network; its pictures and channels pass a UDP
proxy that loses, delays, limits or cuts, in both directions. Requests are cut with them. Each row
is a session of its own. Browser, server and proxy share the machine that they measure.

Recovery is counted from the moment at which the network is back: to the first message about a
picture that was taken later, and to the first number, which needs a whole window of pictures if any
were lost. Ages are from when the newest picture that counts could have come, at the quickest of its
session, to the sending of its score: what is constant on the way is not in them.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

import aioice.ice
import videos
from conftest import find_chromium
from driver import Person, Server, chromium_with, person_at, serving
from network import Network, kill_browser, network_at, pages_of
from playwright.sync_api import Browser, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from udp_proxy import Line

EXERCISE = "Squat"
SCORES_FIRST = 10  # before anything is done to the network: more than a window
CHUNK_FRAMES = 8  # that one call of the stem takes
LATEST_S = 40.0  # for a number after a blackout; then it has not come

# Runs in the page: what has come about pictures, as [type, t_s, state, age_s, epoch, seq, at].
HEARD = """received.map(({ message: m, at }) =>
  [m.type, m.t_s ?? null, m.state ?? null, m.age_s ?? null, m.epoch, m.seq, at])"""
SCORED_AFTER = """t_s => received.some(
  ({ message: m }) => m.type === "score" && m.state === "scoring" && m.t_s > t_s)"""


@dataclass(frozen=True)
class Row:
    """A kind of network: a line, or a perfect one that is cut for so long, or loses its browser."""

    name: str
    line: Line = field(default_factory=Line)
    blackout_s: float = 0.0
    killed: bool = False


ROWS = [
    Row("perfect"),
    *(Row(f"loss {percent} %", Line(loss=percent / 100)) for percent in (1, 3, 5, 10)),
    *(Row(f"blackout {s:g} s", blackout_s=s) for s in (0.2, 1.0, 2.0, 4.0, 8.0, 12.0)),
    Row("150 kbit/s", Line(rate_bit_s=150_000)),
    Row("300 ms delay", Line(delay_s=0.3)),
    Row("browser killed", killed=True),
]
SHORT = ("perfect", "loss 3 %", "blackout 1 s", "blackout 8 s", "150 kbit/s", "browser killed")


@dataclass(frozen=True)
class Heard:
    """A message that came to the page; see `HEARD`."""

    kind: str
    t_s: float | None
    state: str | None
    age_s: float | None
    epoch: int
    seq: int
    at: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each row but blackouts")
    parser.add_argument("--rounds", type=int, default=3, help="how often each blackout comes")
    parser.add_argument("--short", action="store_true", help="a few rows, 8 s, one round")
    parser.add_argument("--only", action="append", help="rows whose name has this in it")
    parser.add_argument("--seed", type=int, default=1, help="of what is lost")
    parser.add_argument(
        "--compare-stock", action="store_true", help="each row also by a server as aiortc is"
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    rows = [row for row in ROWS if args.short is False or args.only or row.name in SHORT]
    if args.only:
        rows = [row for row in rows if any(word in row.name for word in args.only)]
    if args.short:
        args.seconds, args.rounds = 8.0, 1
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(args, rows, Path(folder))
    print(table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(sound(row) for row in figures["rows"]) else 1


def sound(row: dict[str, Any]) -> bool:
    """Whether nothing happened that must not, whatever the network."""
    return "failed" not in row and not row["errors"] and not row.get("results_lost")


def measure(args: argparse.Namespace, rows: Sequence[Row], folder: Path) -> dict[str, Any]:
    clip = videos.stick_figure(folder / "reference.mp4", seconds=4)
    camera = videos.stick_figure(
        folder / "camera.y4m", size=(640, 480), shirt=videos.CORAL, wall=videos.COOL_WALL
    )
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium on PATH; install it, e.g.: apt-get install chromium")
    kinds = {"ours": [], "stock": ["--stock-aiortc"]} if args.compare_stock else {"ours": []}
    found = []
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = stack.enter_context(chromium_with(playwright, chromium, camera))
        servers = {}
        for kind, options in kinds.items():
            (folder / kind).mkdir()
            server = serving(folder / kind, "--max-sessions", "2", *options)
            servers[kind] = stack.enter_context(server)
            prepare(browser, servers[kind], clip)
        for number, row in enumerate(rows):
            order = list(servers.items())
            for kind, server in order if number % 2 == 0 else reversed(order):
                figures = {"row": row.name, "server": kind, "load": os.getloadavg()[0]}
                try:
                    if row.killed:
                        figures |= killed(args, playwright, chromium, camera, server)
                    else:
                        figures |= one(args, row, browser, server)
                except (PlaywrightError, AssertionError) as error:
                    figures["failed"] = str(error).splitlines()[0]
                print(json.dumps(figures), file=sys.stderr, flush=True)
                found.append(figures)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "command": " ".join(["python", *sys.argv]),
        "rows": found,
    }


def prepare(browser: Browser, server: Server, clip: Path) -> None:
    """Let there be something to train with."""
    server.allow("scoring", "recording")
    with person_at(browser, server) as person:
        person.open()
        person.sign_in()
        person.add_reference(clip, EXERCISE)


def one(args: argparse.Namespace, row: Row, browser: Browser, server: Server) -> dict[str, Any]:
    """Train once on such a network."""
    host = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)[0]
    errors_before = errors_in(server)
    with network_at(host, seed=args.seed) as network, person_at(browser, server) as person:
        network.put(person.page)
        person.open()
        person.sign_in()
        person.start(EXERCISE)
        person.wait_for_scores(SCORES_FIRST)
        network.set(row.line)
        before, begun, bytes_before = counters(server), time.time(), passed_bytes(network)
        recoveries = []
        if row.blackout_s:
            recoveries = [blackout(person, network, row.blackout_s) for _ in range(args.rounds)]
        else:
            person.page.wait_for_timeout(args.seconds * 1000)
        after, ended, bytes_after = counters(server), time.time(), passed_bytes(network)
        network.set(Line())
        heard = heard_by(person)
        session_id = person.stop()
        counted = after - before
        ages = [
            each.age_s
            for each in heard
            if each.kind == "score" and begun <= each.at <= ended and each.age_s is not None
        ]
        up, down = network.counts
        return {
            "seconds": round(ended - begun, 1),
            "frames_scored_s": round(CHUNK_FRAMES * counted["stems"] / (ended - begun), 1),
            "age_p50_s": percentile(ages, 0.5),
            "age_p95_s": percentile(ages, 0.95),
            "scores_heard": len(ages),
            "kbit_s": {
                way: round((bytes_after[way] - bytes_before[way]) * 8e-3 / (ended - begun), 1)
                for way in ("up", "down")
            },
            "dropped_frames": int(counted["dropped"]),
            "gaps": {k[4:]: int(v) for k, v in counted.items() if k.startswith("gap ") and v},
            "connections": network.connections,
            "recoveries": recoveries,
            "results_lost": results_lost(server, session_id, heard),
            "errors": errors_in(server)
            - errors_before
            + sum(each.startswith("error") for each in person.complaints),
            "up": asdict(up),
            "down": asdict(down),
        }


def passed_bytes(network: Network) -> dict[str, int]:
    """What came through so far in UDP datagrams, without their headers and those of IP."""
    up, down = network.counts
    return {"up": up.passed_bytes, "down": down.passed_bytes}


def killed(
    args: argparse.Namespace, playwright: Playwright, chromium: Path, camera: Path, server: Server
) -> dict[str, Any]:
    """Seconds from the death of a browser in a session until others can have its place."""
    freed, errors_before = [], errors_in(server)
    for number in range(args.rounds):
        theirs = camera.with_name(f"theirs-{server.data.name}-{number}.y4m")
        theirs.symlink_to(camera)
        with (
            contextlib.suppress(PlaywrightError),  # nobody is there to close it
            chromium_with(playwright, chromium, theirs) as browser,
            person_at(browser, server) as person,
        ):
            person.open()
            person.sign_in()
            person.start(EXERCISE)
            person.wait_for_scores(SCORES_FIRST)
            away = pages_of(server)["away"]
            kill_browser(theirs)
            died = time.monotonic()
            while pages_of(server)["away"] <= away and time.monotonic() < died + LATEST_S:
                time.sleep(0.05)
            freed.append(round(time.monotonic() - died, 2))
    return {"freed_s": freed, "errors": errors_in(server) - errors_before}


def blackout(person: Person, network: Network, seconds: float) -> dict[str, float | None]:
    """Cut the network for so long; seconds from its return to pictures, and to a number."""
    network.cut()
    person.page.wait_for_timeout(seconds * 1000)
    before = heard_by(person)
    network.mend()
    mended = time.time()
    starts = [
        each.at - each.age_s - each.t_s
        for each in before
        if each.kind == "score" and each.age_s is not None and each.t_s is not None
    ]
    mended_s = mended - statistics.median(starts[-10:])  # on the session's time
    with contextlib.suppress(PlaywrightError):  # then it has not come, as is said below
        person.page.wait_for_function(SCORED_AFTER, arg=mended_s, timeout=LATEST_S * 1000)
    after = [each for each in heard_by(person) if (each.t_s or 0.0) > mended_s]
    pictures = [each.at - mended for each in after if each.kind in ("score", "pose")]
    numbers = [
        each.at - mended for each in after if (each.kind, each.state) == ("score", "scoring")
    ]
    person.page.wait_for_timeout(2000)  # so that the next one finds all as it was
    return {
        "picture_s": round(min(pictures), 2) if pictures else None,
        "number_s": round(min(numbers), 2) if numbers else None,
    }


def heard_by(person: Person) -> list[Heard]:
    return [Heard(*each) for each in person.page.evaluate(HEARD)]


def results_lost(server: Server, session_id: str, heard: list[Heard]) -> int:
    """What the page was told and is not stored, and numbers that are missing in what is stored."""
    told = {each.seq for each in heard if each.kind == "score"}
    rows = server.rows("SELECT seq FROM scores WHERE session_id = ?", session_id)
    stored = {row["seq"] for row in rows}
    lost = len(told - stored) + len(set(range(len(stored))) - stored)
    for kind, of in (("rep", "repetitions"), ("cue", "cues"), ("gap", "gaps")):
        said = {each.seq for each in heard if each.kind == kind}
        kept = server.rows(f"SELECT * FROM {of} WHERE session_id = ?", session_id)
        lost += max(0, len(said) - len(kept))
    return lost


def counters(server: Server) -> Counter[str]:
    """What the server has counted so far."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        text = answer.read().decode()
    numbers = dict(re.findall(r"^(\S+) (\S+)$", text, re.M))
    counted: Counter[Any] = Counter()
    counted["stems"] = float(numbers["posesim_stem_seconds_count"])
    counted["dropped"] = float(numbers["posesim_dropped_frames_total"])
    for reason in re.findall(r'posesim_gaps_total{reason="(\w+)"}', text):
        counted[f"gap {reason}"] = float(numbers[f'posesim_gaps_total{{reason="{reason}"}}'])
    return counted


def errors_in(server: Server) -> int:
    return sum(json.loads(line)["level"] in ("error", "critical") for line in lines_of(server))


def lines_of(server: Server) -> Iterator[str]:
    log = (server.data / "server.log").read_text()
    return (line for line in log.splitlines() if line.startswith("{"))


def percentile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 3)


def table(figures: dict[str, Any]) -> str:
    lines = [
        "| network | server | back: picture, number (s) | frames scored /s | age p50, p95 (s) "
        "| dropped | gaps | connections | results lost | errors |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in figures["rows"]:
        if "failed" in row:
            lines.append(f"| {row['row']} | {row['server']} | failed: {row['failed']} |")
            continue
        if "freed_s" in row:
            freed = ", ".join(map(str, row["freed_s"]))
            lines.append(f"| {row['row']} | {row['server']} | its place is free: {freed} s |")
            continue
        back = "; ".join(f"{each['picture_s']}, {each['number_s']}" for each in row["recoveries"])
        gaps = ", ".join(f"{count} {reason}" for reason, count in row["gaps"].items())
        lines.append(
            f"| {row['row']} | {row['server']} | {back or '-'} | {row['frames_scored_s']} "
            f"| {row['age_p50_s']}, {row['age_p95_s']} | {row['dropped_frames']} | {gaps or '0'} "
            f"| {row['connections']} | {row['results_lost']} | {row['errors']} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
