"""Webcams of bench/cluster.py, as the one sees them who started them: cluster_page.py is a page."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from cluster_kept import Told
from cluster_nodes import Machine

PAGE = Path(__file__).with_name("cluster_page.py")
SCORED_S = 60.0  # for a score
SILENT_S = 1.0  # without a score; shorter is no interruption
WINDOW_S = 10.0  # for a number, after an interruption


@dataclass
class Webcam:
    """A page, as its parent sees it."""

    ticket: dict[str, Any]
    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    scores: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    node: str = ""
    _welcomed: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def told(self) -> Told:
        return Told([line["message"] for line in self.lines if line["kind"] == "message"])

    async def listen(self) -> None:
        """Take what the page says, to its end."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self._take(json.loads(line))
            self._news.set()
        self._news.set()

    def _take(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        if line["kind"] == "open":
            self.node, self._welcomed = line["url"].split("/v1/")[0], False
        elif line["kind"] == "message":
            message = line["message"]
            if message["type"] == "welcome":
                self._welcomed = True
            elif message["type"] == "score" and self._welcomed:  # those before are said again
                self.scores.append((line["at_s"], self.node, message))

    @property
    def over(self) -> str | None:
        """Why it has no session any more."""
        last = self.lines[-1] if self.lines else {"kind": ""}
        if last["kind"] == "given up":
            return "given up"
        if last["kind"] == "message" and last["message"]["type"] == "ended":
            return f"ended: {last['message']['reason']}"
        return None if self.process.returncode is None else f"exit {self.process.returncode}"

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until something holds, looked at when the page says something."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not holds():
                    if self.over:
                        return False
                    self._news.clear()
                    await self._news.wait()
                return True
        return False

    async def scored(self, after_s: float, within_s: float = SCORED_S) -> bool:
        return await self.until(
            lambda: bool(self.scores) and self.scores[-1][0] > after_s, within_s
        )

    def interruption(self, at_s: float, until_s: float) -> dict[str, Any]:
        """The longest time without a score after a fault.

        `resumed_s` is from the fault to the score that ended it, `number_s` to the next one with a
        number, for which a whole window of pictures is needed.
        """
        before = max((each[0] for each in self.scores if each[0] <= at_s), default=at_s)
        after = [each for each in self.scores if at_s < each[0] <= until_s]
        ends = itertools.pairwise([before, *(each[0] for each in after), until_s])
        begin_s, end_s = max(ends, key=lambda pair: pair[1] - pair[0])
        felt: dict[str, Any] = {"silent_s": round(end_s - begin_s, 2)}
        if end_s - begin_s < SILENT_S:
            return felt | {"resumed_s": 0.0, "number_s": 0.0}
        if end_s == until_s:  # it is silent still
            return felt | {"resumed_s": None, "number_s": None}
        number_s = next((s for s, _, m in after if s >= end_s and m["score"] is not None), None)
        return felt | {
            "resumed_s": round(end_s - at_s, 2),
            "number_s": number_s and round(number_s - at_s, 2),
            "on": next(node for s, node, _ in after if s == end_s),
        }

    async def numbered(self, at_s: float, until_s: float) -> None:
        """Wait for a number after an interruption."""
        if self.interruption(at_s, until_s)["resumed_s"]:
            await self.until(
                lambda: self.interruption(at_s, time.monotonic())["number_s"] is not None, WINDOW_S
            )

    def scored_s(self, since_s: float) -> float:
        """How much of the session was scored since then: without gaps."""
        times_s = [message["t_s"] for at_s, _, message in self.scores if at_s >= since_s]
        gaps_s = [
            gap["end_s"] - gap["start_s"]
            for gap in self.told.gaps
            if times_s and times_s[0] <= gap["start_s"] and gap["end_s"] <= times_s[-1]
        ]
        return float(times_s[-1] - times_s[0] - sum(gaps_s)) if times_s else 0.0

    async def leave(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(b"bye\n")
            await self.process.stdin.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                await self.process.wait()


@contextlib.asynccontextmanager
async def webcams(
    machine: Machine, http: aiohttp.ClientSession, exercise: str, video: Path, count: int
) -> AsyncIterator[list[Webcam]]:
    """So many pages with a session each, that have scores; each comes from another node."""
    found: list[Webcam] = []
    listening: list[asyncio.Task[None]] = []
    try:
        for number in range(count):
            node = machine.running[number % len(machine.running)]
            body = {"exercise_id": exercise}
            async with http.post(f"{node.url}/v1/sessions", json=body) as response:
                response.raise_for_status()
                ticket = await response.json()
            process = await asyncio.create_subprocess_exec(
                *machine.page, sys.executable, PAGE, video, node.url,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, limit=2**20,
            )  # fmt: skip
            assert process.stdin is not None
            process.stdin.write(json.dumps(ticket).encode() + b"\n")
            found.append(Webcam(ticket, process))
            listening.append(asyncio.create_task(found[-1].listen()))
        for each in found:
            if not await each.scored(0.0, SCORED_S):
                raise SystemExit(f"a page has no score: {each.lines[-3:]}")
        yield found
    finally:
        for each in found:
            if each.process.returncode is None:
                each.process.kill()
                await each.process.wait()
        await asyncio.gather(*listening)
