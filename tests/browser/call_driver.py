"""Two people in a call: a coach and a member, each at a browser with its own camera and sound.

Chromium plays one file to all its tabs, so that two cameras take two browsers.
"""

import contextlib
import math
import os
import wave
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from driver import FLAGS, PHONE, Person, Server
from playwright.sync_api import Browser, Playwright, WebSocket

COACH, MEMBER = "carla", "paul"
PICTURE = 320, 240  # of the cameras: two browsers and a server share the machine
RATE = 48_000
BEHIND = Path(__file__).with_name("chromium-behind.sh")

# What is drawn over pictures takes a third of a processor that the network needs.
NO_SKELETON = 'localStorage.setItem("posesim.skeleton", "false");'

# Keeps every peer connection of a page, so that a test can ask what comes and goes over it.
KEEP_PEERS = """
window.peers = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...options) {
    super(...options);
    window.peers.push(this);
  }
};
"""

# What a <video> shows now, as 16 x 12 pixels of red, green and blue; null if it shows nothing.
SEEN = """element => {
  if (element.readyState < 2 || element.videoWidth === 0) return null;
  const canvas = document.createElement("canvas");
  canvas.width = 16;
  canvas.height = 12;
  const context = canvas.getContext("2d");
  context.drawImage(element, 0, 0, 16, 12);
  return [...context.getImageData(0, 0, 16, 12).data].filter((_, index) => index % 4 !== 3);
}"""

# The sum of `field` of all statistics of a kind, over the peers that are open.
STATISTIC = """async ([type, kind, field]) => {
  let sum = 0;
  for (const peer of peers.filter(({ connectionState }) => connectionState === "connected")) {
    for (const each of (await peer.getStats()).values()) {
      if (each.type === type && each.kind === kind) sum += each[field] ?? 0;
    }
  }
  return sum;
}"""

# The kinds of both ends of the pair that is in use, of each connection that has one.
PAIRS = """async () => {
  const pairs = [];
  for (const peer of peers.filter(({ connectionState }) => connectionState === "connected")) {
    const all = await peer.getStats();
    const transport = [...all.values()].find(({ type }) => type === "transport");
    const pair = all.get(transport?.selectedCandidatePairId);
    if (pair) {
      const ends = [pair.localCandidateId, pair.remoteCandidateId];
      pairs.push(ends.map((id) => all.get(id).candidateType));
    }
  }
  return pairs;
}"""


def beeps(path: Path, hertz: float) -> Path:
    """Write a second of sound for Chromium's microphone, which repeats it: beeps of one tone.

    A tone without an end would be taken for noise and suppressed.
    """
    half = RATE // 2
    loud = (math.sin(2 * math.pi * hertz * n / RATE) for n in range(half))
    samples = array("h", [round(20_000 * value) for value in loud] + half * [0])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


@contextlib.contextmanager
def browser_with(
    playwright: Playwright, chromium: Path, camera: Path, sound: Path, *flags: str
) -> Iterator[Browser]:
    """Run a browser that has a camera and a microphone, and leaves the processor to the server.

    `flags`: further ones of Chromium.
    """
    options = (
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
        f"--use-file-for-fake-audio-capture={sound}",
    )
    browser = playwright.chromium.launch(
        executable_path=BEHIND,
        args=[*FLAGS, *options, *flags],
        env={**os.environ, "CHROMIUM": str(chromium)},
    )
    try:
        yield browser
    finally:
        browser.close()


@dataclass
class Caller(Person):
    """Somebody in a call, and what the server said to them over the call's socket."""

    heard: list[str] = field(default_factory=list)
    skeleton: bool = False  # whether it is drawn

    def __post_init__(self) -> None:
        super().__post_init__()
        self.page.add_init_script(KEEP_PEERS)
        if not self.skeleton:
            self.page.add_init_script(NO_SKELETON)
        self.page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self.heard.append(str(frame)))

    def sees(self, name: str) -> list[int] | None:
        """What the picture of somebody shows now, as 16 x 12 pixels."""
        seen: list[int] | None = self.page.get_by_label(f"Picture of {name}").evaluate(SEEN)
        return seen

    def statistic(self, kind: str, name: str, *, type_: str = "inbound-rtp") -> float:
        """A number of what comes in, or goes out, over all connections."""
        number: float = self.page.evaluate(STATISTIC, [type_, kind, name])
        return number

    def pairs(self) -> list[list[str]]:
        """Of each connection, the kinds of the two ends that its packets take."""
        pairs: list[list[str]] = self.page.evaluate(PAIRS)
        return pairs


@contextlib.contextmanager
def caller_at(
    browser: Browser, server: Server, *, skeleton: bool = False, **options: Any
) -> Iterator[Caller]:
    """Open a tab for somebody who is going to be in a call; `options` as for Playwright."""
    context = browser.new_context(**{**PHONE, **options})
    try:
        yield Caller(context.new_page(), server, skeleton=skeleton)
    finally:
        context.close()
