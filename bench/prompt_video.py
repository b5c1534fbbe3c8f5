"""What it is worth to receive video without aiortc's delays, against aiortc alone, in turns.

    python bench/prompt_video.py --rounds 3

Camera and server are two peer connections of aiortc in one process, over this machine's network.
The camera sends 1.5 Mbit/s, as a browser is asked to. Each round measures, of the one and of the
other way of receiving: the time from a picture's making to the server's having it; and what becomes
of a network that is gone for a second, in both directions: from its return to the first whole
picture that was made after it, with no broken one after that, and how many broken pictures came
before. The pictures' checksums say which are broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiortc
import av
import numpy as np
from aiortc.codecs import h264, vpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from losing_network import Connection, connected

SIZE = (640, 480)
RATE_BIT_S = 1_500_000
WARM_UP_S = 2.0
WAYS = {"stock": True, "prompt": False}


@dataclass(frozen=True)
class Round:
    """What one connection showed.

    Attributes:
        way: "stock" or "prompt".
        latencies_s: From the making of a picture to the server's having it.
        recovery_s: From the network's return to whole pictures; None if that was not waited for.
        broken: Pictures that came and were not as they were sent.
    """

    way: str
    codec: str
    latencies_s: list[float]
    recovery_s: float | None
    broken: int


async def measure(
    way: str, codec: str, steady_s: float, blackout_s: float, after_s: float
) -> Round:
    """Connect, measure, cut the network, let it come back, and look what comes."""
    async with connected(codec=codec, stock_aiortc=WAYS[way], size=SIZE) as connection:
        await asyncio.sleep(WARM_UP_S)
        steady = len(connection.seen)
        await asyncio.sleep(steady_s)
        latencies_s = latencies(connection, steady)
        connection.loses = lambda: True
        await asyncio.sleep(blackout_s)
        connection.loses = lambda: False
        first_after = len(connection.pictures.shown_s)
        back_s = asyncio.get_running_loop().time()
        await asyncio.sleep(after_s)
    recovered_s = None
    for seen in reversed(connection.seen):
        if seen.number is None or seen.number < first_after:
            break
        recovered_s = seen.at_s - back_s
    broken = sum(seen.number is None for seen in connection.seen)
    return Round(way, codec, latencies_s, recovered_s, broken)


def latencies(connection: Connection, first: int) -> list[float]:
    """Of the pictures from the `first` one on that the server has."""
    return [
        seen.at_s - connection.pictures.shown_s[seen.number]
        for seen in connection.seen[first:]
        if seen.number is not None
    ]


def milliseconds(rounds: Sequence[Round], percentile: float) -> float:
    """A percentile of all rounds' latencies."""
    found = np.concatenate([each.latencies_s for each in rounds])
    return round(1000 * float(np.percentile(found, percentile)), 1)


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """The figures of one way with one codec."""
    return {
        "rounds": len(rounds),
        "pictures": sum(len(each.latencies_s) for each in rounds),
        "p50_ms": milliseconds(rounds, 50),
        "p95_ms": milliseconds(rounds, 95),
        "recovery_s": [each.recovery_s and round(each.recovery_s, 3) for each in rounds],
        "broken": [each.broken for each in rounds],
    }


def row(way: str, codec: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    recoveries = [each for each in found["recovery_s"] if each is not None]
    never = len(found["recovery_s"]) - len(recoveries)
    recovery = f"{np.median(recoveries):.2f} / {max(recoveries):.2f}" if recoveries else "-"
    if never:
        recovery += f", {never} of {found['rounds']} never"
    broken = " to ".join(map(str, sorted({min(found["broken"]), max(found["broken"])})))
    return f"| {codec} | {way} | {found['p50_ms']} / {found['p95_ms']} | {recovery} | {broken} |"


def main() -> None:
    """Measure in turns, print a table, write all figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--codec", choices=["VP8", "H264"], action="append")
    parser.add_argument("--steady-s", type=float, default=5.0, help="of which latency is measured")
    parser.add_argument("--blackout-s", type=float, default=1.0)
    parser.add_argument("--after-s", type=float, default=7.0, help="to look after the blackout")
    parser.add_argument("--json", type=Path, default=Path("bench/out/prompt_video.json"))
    asked = parser.parse_args()
    codecs = asked.codec or ["VP8", "H264"]
    for encoder in (vpx, h264):  # whatever the server reports
        encoder.DEFAULT_BITRATE = encoder.MIN_BITRATE = encoder.MAX_BITRATE = RATE_BIT_S
    rounds = []
    for number in range(asked.rounds):
        for codec in codecs:
            for way in WAYS:
                found = asyncio.run(
                    measure(way, codec, asked.steady_s, asked.blackout_s, asked.after_s)
                )
                rounds.append(found)
                print(f"round {number + 1}:", row(way, codec, summary([found])), flush=True)
    kinds = [(codec, way) for codec in codecs for way in WAYS]
    groups = {kind: [each for each in rounds if (each.codec, each.way) == kind] for kind in kinds}
    print("\n| codec | receives | p50 / p95, ms | recovery, median / worst, s | broken pictures |")
    print("|---|---|---|---|---|")
    for (codec, way), group in groups.items():
        print(row(way, codec, summary(group)))
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(sys.argv),
        "machine": {"processor": platform.processor(), "cores": os.cpu_count()},
        "load": os.getloadavg(),
        "versions": {"aiortc": aiortc.__version__, "av": av.__version__},
        "summary": {f"{codec} {way}": summary(group) for (codec, way), group in groups.items()},
        "rounds": [asdict(each) for each in rounds],
    }
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
