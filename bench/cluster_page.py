"""A simulated webcam that comes back, as the real page does: see static/connection.js.

Run by bench/cluster.py, a process for each. It gets a line of JSON with what `POST /v1/sessions`
answered, sends the pictures of a file, and writes a line for everything it hears of its session,
poses left out, and for every connection that it opens or loses. At the line `bye` it says goodbye.

Of the real page it has the times, the order of its tries, and what it remembers of scores and
events. It renews no token: the session's has to last.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from live import Loop

# As in static/connection.js, in seconds.
PING_S = 1.0
LOST_S = 5.0
GIVE_UP_S = 180.0
AGAIN_S, LONGER, LONGEST_AGAIN_S = 0.5, 1.3, 3.0
ANSWER_S = 2.5
TRY_S = 6.0
ASK_S = 0.5
FIRST_S = 30.0  # for the first connection, which is not tried again
FINAL = (401, 403, 404, 410)
TAKEN_OVER = 412
SAID_AGAIN = 64  # as in static/heard-scores.js
GOODBYE_S = 10.0


class Refused(Exception):
    """The server's answer to an offer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def tell(kind: str, **values: Any) -> None:
    """Write a line for the parent, whose monotonic clock is the same."""
    print(json.dumps({"at_s": time.monotonic(), "kind": kind, **values}), flush=True)


class Page:
    """One session, over one connection after the other."""

    def __init__(self, video: Path, origin: str, ticket: dict[str, Any]) -> None:
        self._video = video
        self._origins = [origin, *ticket["nodes"]]
        self._id = ticket["id"]
        self._whip_url = ticket["whip_url"]
        self._headers = {"Authorization": f"Bearer {ticket['token']}"}
        self._claim: str | None = None
        self._peer: RTCPeerConnection | None = None
        self._events: Any = None
        self._heard_s = time.monotonic()
        self._last_seq = -1
        self._scores: set[int] = set()
        self._lost = asyncio.Event()
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost, until the session is over."""
        async with aiohttp.ClientSession() as http:
            async with asyncio.timeout(FIRST_S):
                await self._open(http)
            while not self.over.is_set():
                await self._watch()
                if not self.over.is_set():
                    tell("lost", url=self._whip_url)
                    await self._close()
                    if not await self._reconnected(http):
                        tell("given up")
                        return
            await self._close()

    def say(self, message: str) -> None:
        if self._events is not None and self._events.readyState == "open":
            self._events.send(message)

    # One connection

    async def _open(self, http: aiohttp.ClientSession) -> None:
        again = self._claim is not None
        self._lost = lost = asyncio.Event()
        self._peer = peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTrack(Loop(self._video))
        opened = asyncio.Event()
        scores = peer.createDataChannel("scores", ordered=False, maxRetransmits=0)
        scores.on("message", self._hear)
        self._events = events = peer.createDataChannel("events")
        events.on("message", self._hear)
        events.on("open", opened.set)
        events.on("close", lost.set)

        def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                lost.set()

        peer.on("connectionstatechange", changed)
        await peer.setLocalDescription(await peer.createOffer())
        headers = {**self._headers, "Content-Type": "application/sdp"}
        if self._claim is not None:
            headers["If-Match"] = f'"{self._claim}"'
        async with asyncio.timeout(ANSWER_S if again else None):
            offer = peer.localDescription.sdp
            async with http.post(self._whip_url, data=offer, headers=headers) as response:
                text = await response.text()
                if response.status != 201:
                    raise Refused(response.status, text)
                self._claim = response.headers["Location"].rsplit("/", 1)[1]
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        await opened.wait()
        hello: dict[str, Any] = {"v": 1, "type": "hello"}
        if again:
            hello |= {"last_seq": self._last_seq, "last_score": self._up_to}
        events.send(json.dumps(hello))
        self._heard_s = time.monotonic()
        tell("open", url=self._whip_url, again=again)

    async def _watch(self) -> None:
        """Wait until the connection is lost, or the session over."""
        number = 0
        while not self._lost.is_set() and not self.over.is_set():
            number += 1
            self.say(json.dumps({"v": 1, "type": "ping", "id": number}))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await self._lost.wait()
            if time.monotonic() - self._heard_s >= LOST_S:
                return

    async def _close(self) -> None:
        if self._peer is not None:
            peer, self._peer, self._events = self._peer, None, None
            with contextlib.suppress(Exception):  # of a line that is dead
                async with asyncio.timeout(1.0):
                    await peer.close()

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        self._heard_s = time.monotonic()
        if message["type"] == "pose":
            return
        if message["type"] == "score":
            if message["seq"] in self._scores:
                return
            self._scores.add(message["seq"])
        else:
            if message["seq"] <= self._last_seq:
                return
            self._last_seq = message["seq"]
        if message["type"] != "pong":
            tell("message", url=self._whip_url, message=message)
        if message["type"] == "ended":
            self.over.set()
            self._lost.set()

    @property
    def _up_to(self) -> int:
        """Up to which all scores have come that can be said again."""
        newest = max(self._scores, default=-1)
        oldest = max(0, newest - SAID_AGAIN + 1)
        return min(set(range(oldest, newest + 2)) - self._scores) - 1

    # Another one

    async def _reconnected(self, http: aiohttp.ClientSession) -> bool:
        until_s = time.monotonic() + GIVE_UP_S
        tries = 0
        while time.monotonic() < until_s:
            trial = asyncio.create_task(self._try(http))
            overtaken = asyncio.create_task(self._moved_meanwhile(http, trial))
            try:
                await trial
                overtaken.cancel()
                return True
            except Refused as refusal:
                tell("refused", url=self._whip_url, status=refusal.status, why=str(refusal)[:200])
                status = refusal.status
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                tell("failed", url=self._whip_url, why=repr(error)[:200])
                status = 0
            except asyncio.CancelledError:
                if not overtaken.done():
                    raise
                status = 0
            await self._close()
            if status == TAKEN_OVER:
                return False
            if not overtaken.done():
                overtaken.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                if await overtaken:
                    continue
            if not await self._moved(http):
                if status in FINAL:
                    return False
                pause_s = min(AGAIN_S * LONGER**tries, LONGEST_AGAIN_S)
                await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))
            tries += 1
        return False

    async def _try(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(TRY_S):
            await self._open(http)

    async def _moved_meanwhile(
        self, http: aiohttp.ClientSession, trial: asyncio.Task[None]
    ) -> bool:
        """Whether others say, while an offer is not answered, that the session is elsewhere."""
        await asyncio.sleep(ASK_S)
        if not await self._moved(http):
            return False
        trial.cancel()
        return True

    async def _moved(self, http: aiohttp.ClientSession) -> bool:
        """Whether the session is on another node now; the first node that answers is believed."""
        asked = [asyncio.create_task(self._where(http, origin)) for origin in self._origins]
        try:
            async with asyncio.timeout(ANSWER_S):
                for each in asyncio.as_completed(asked):
                    with contextlib.suppress(aiohttp.ClientError, OSError):
                        found = await each
                        moved = found != self._whip_url
                        self._whip_url = found
                        return moved
        except TimeoutError:
            pass
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return False

    async def _where(self, http: aiohttp.ClientSession, origin: str) -> str:
        url = f"{origin}/v1/whip/{self._id}/node"
        async with http.get(url, headers=self._headers) as response:
            response.raise_for_status()
            return str((await response.json())["whip_url"])


async def be_page(video: Path, origin: str) -> None:
    loop = asyncio.get_running_loop()
    page = Page(video, origin, json.loads(await asyncio.to_thread(sys.stdin.readline)))
    running = asyncio.create_task(page.run())

    async def leave() -> None:
        while (await asyncio.to_thread(sys.stdin.readline)).strip() != "bye":
            pass
        page.say('{"v":1,"type":"bye"}')
        await asyncio.sleep(GOODBYE_S)

    leaving = loop.create_task(leave())
    await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("origin", help="the node that it comes from")
    args = parser.parse_args()
    asyncio.run(be_page(args.video, args.origin))
    sys.stdout.flush()
    import os

    os._exit(0)  # a thread still waits for a line


if __name__ == "__main__":
    main()
