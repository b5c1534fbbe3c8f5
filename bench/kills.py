"""Kill a server while it writes, again and again, and count what it had acknowledged and lost.

    python bench/kills.py --kills 100 --json kills.json

A real server process (with a network that is quick and foreseen) writes what several clients ask
for at once: exercises, sessions and webhooks are made and deleted. At a random moment its process
group gets SIGKILL, workers and database with it. The next server on the same data must know
everything that was made and answered with success, must not know what was deleted with success,
must know how a session ended that was ended with success, and must have a sound database. Files
that are left over are not looked for.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from server_process import serving

WRITERS = 3
LONGEST_LIFE_S = 1.5  # of a server, after it is ready


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(args.kills, Path(folder), args.seed))
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if figures["lost"] or figures["faults"] else 0


@dataclass
class Acknowledged:
    """What the server said that it has done."""

    there: dict[str, set[str]] = field(default_factory=dict)  # ids by address
    gone: dict[str, set[str]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)  # whose deletion was asked for, and not answered
    writes: int = 0

    def made(self, address: str, id_: str) -> None:
        self.there.setdefault(address, set()).add(id_)
        self.writes += 1

    def deleted(self, address: str, id_: str) -> None:
        self.there[address].discard(id_)
        self.unsure.discard(id_)
        self.gone.setdefault(address, set()).add(id_)
        self.writes += 1


async def measure(kills: int, folder: Path, seed: int) -> dict[str, Any]:
    from videos import stick_figure

    clip = await asyncio.to_thread(stick_figure, folder / "clip.mp4", 4.0)
    content = await asyncio.to_thread(clip.read_bytes)
    data, known, rng = folder / "data", Acknowledged(), random.Random(seed)
    lost: list[str] = []
    faults: list[str] = []
    begun_s = time.monotonic()
    for _ in range(kills):
        with serving(data) as server:
            async with server.signed_in() as http:
                lost += await missing(http, known)
                writers = [
                    asyncio.create_task(write(http, known, content, random.Random(rng.random())))
                    for _ in range(WRITERS)
                ]
                await asyncio.sleep(rng.uniform(0.05, LONGEST_LIFE_S))
                server.kill()
                for result in await asyncio.gather(*writers, return_exceptions=True):
                    if not isinstance(result, aiohttp.ClientError | ConnectionError):
                        faults.append(repr(result))
        faults += await asyncio.to_thread(unsound, data)
    with serving(data) as server:
        async with server.signed_in() as http:
            lost += await missing(http, known)
    return {
        "kills": kills,
        "acknowledged_writes": known.writes,
        "lost": sorted(set(lost)),
        "faults": faults,
        "seconds": round(time.monotonic() - begun_s),
    }


async def write(
    http: aiohttp.ClientSession, known: Acknowledged, clip: bytes, rng: random.Random
) -> None:
    """Write until the connection breaks."""
    while True:
        exercise = await upload(http, known, clip)
        for _ in range(rng.randrange(1, 4)):
            await use(http, known, exercise, rng)
        if rng.random() < 0.5:
            await delete(http, known, "/v1/exercises", exercise)


async def upload(http: aiohttp.ClientSession, known: Acknowledged, clip: bytes) -> str:
    form = aiohttp.FormData()
    form.add_field("name", f"Squat {random.random()}")
    form.add_field("clip", clip, filename="clip.mp4")
    return await make(http, known, "/v1/exercises", data=form)


async def use(
    http: aiohttp.ClientSession, known: Acknowledged, exercise: str, rng: random.Random
) -> None:
    match rng.randrange(2):
        case 0:
            while True:
                async with http.get(f"/v1/exercises/{exercise}") as response:
                    if (await response.json())["state"] != "embedding":
                        break
                await asyncio.sleep(0.02)
            session = await make(http, known, "/v1/sessions", json={"exercise_id": exercise})
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random() * 0.2)
            # Each writer ends its own: a user may have three at once.
            await delete(http, known, "/v1/sessions", session)
        case _:
            hook = {"url": "https://127.0.0.1:9/hook", "events": ["session.ended"]}
            webhook = await make(http, known, "/v1/webhooks", json=hook)
            await delete(http, known, "/v1/webhooks", webhook)


async def make(http: aiohttp.ClientSession, known: Acknowledged, address: str, **body: Any) -> str:
    async with http.post(address, **body) as response:
        if response.status >= 400:
            raise RuntimeError(f"{address}: {response.status} {await response.text()}")
        made = str((await response.json())["id"])
    known.made(address, made)
    return made


async def delete(http: aiohttp.ClientSession, known: Acknowledged, address: str, made: str) -> None:
    known.unsure.add(made)
    async with http.delete(f"{address}/{made}") as response:
        if response.status >= 400:
            raise RuntimeError(f"{address}: {response.status} {await response.text()}")
    known.deleted(address, made)


async def missing(http: aiohttp.ClientSession, known: Acknowledged) -> list[str]:
    """What was acknowledged and is not so."""
    wrong = []
    for address, expected in known.there.items():
        for id_ in sorted(expected - known.unsure):
            async with http.get(f"{address}/{id_}") as response:
                if response.status != 200:
                    wrong.append(f"{address}/{id_}: {response.status}")
    for address, deleted in known.gone.items():
        for id_ in sorted(deleted):
            async with http.get(f"{address}/{id_}") as response:
                if address == "/v1/sessions":  # it is ended, and stays in the history
                    reason = (await response.json()).get("end_reason")
                    if reason != "deleted":
                        wrong.append(f"{address}/{id_} is not ended: {response.status} {reason}")
                elif response.status != 404:
                    wrong.append(f"{address}/{id_} is back: {response.status}")
    return wrong


def unsound(data: Path) -> list[str]:
    """What SQLite finds wrong in the database that was left."""
    with contextlib.closing(sqlite3.connect(next(data.glob("*.sqlite3")))) as database:
        said = [row[0] for row in database.execute("PRAGMA integrity_check")]
        said += [str(row) for row in database.execute("PRAGMA foreign_key_check")]
    return [each for each in said if each != "ok"]


if __name__ == "__main__":
    sys.exit(main())
