"""Ten minutes with a worker that is slow, on a clock that only goes when everybody waits."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

import av
import pytest
from aiortc.mediastreams import MediaStreamError
from live_fakes import frame_at

from posesim_server.compute.frames import SLOT_BYTES
from posesim_server.live.intake import Backlog, Intake
from posesim_server.live.stream import MOST_A_BATCH

FPS = 25
MINUTES_S = 600.0
SLOW_S = 0.5
WAY_S = 0.05  # to the worker and back
HOP_S = 8 / FPS


class _NoWait(selectors.DefaultSelector):
    """Instead of waiting it moves the clock."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now_s += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._waiting = _NoWait()
        super().__init__(self._waiting)

    def time(self) -> float:
        return self._waiting.now_s


class Camera:
    """Frames at their times until the end."""

    def __init__(self, seconds: float, fps: int) -> None:
        self._n = 0
        self._fps = fps
        self._frames = round(seconds * fps)

    async def recv(self) -> av.VideoFrame:
        if self._n == self._frames:
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._n / self._fps - loop.time())
        self._n += 1
        return frame_at((self._n - 1) / self._fps)


class Seen:
    """What was scored: how old each batch's newest frame was then, and how much ever waited."""

    def __init__(self) -> None:
        self.ages_s: list[float] = []
        self.times_s: list[float] = []
        self.most_waiting = 0
        self.dropped = 0


def run(life: Coroutine[Any, Any, Seen]) -> Seen:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(life)


async def ten_minutes(a_batch_s: float, a_frame_s: float = 0.0, fps: int = FPS) -> Seen:
    loop, backlog, seen = asyncio.get_running_loop(), Backlog(), Seen()

    def arrived() -> None:
        seen.most_waiting = max(seen.most_waiting, len(backlog))

    async def pumped() -> None:
        await Intake(backlog, loop.time, arrived).run(Camera(MINUTES_S, fps))
        backlog.close()

    pump = asyncio.create_task(pumped())
    while (batch := await backlog.take(MOST_A_BATCH, SLOT_BYTES)) is not None:
        goes_on = (
            not pump.done()
        )  # after the camera's end what waits is scored, however old it gets
        await asyncio.sleep(a_batch_s + a_frame_s * len(batch.frames))
        if goes_on:
            seen.ages_s.append(loop.time() - batch.frames[-1].arrived_s)
        seen.times_s += [frame.time_s for frame in batch.frames]
        seen.dropped += batch.dropped
    await pump
    return seen


@pytest.mark.parametrize("fps", [FPS, 30])
def test_what_a_slow_worker_scores_is_at_most_a_hop_and_its_own_time_old(fps: int) -> None:
    batch_s = SLOW_S + WAY_S
    seen = run(ten_minutes(batch_s, fps=fps))
    assert max(seen.ages_s) <= HOP_S + batch_s
    assert seen.dropped == 0  # nothing is missing, so nothing looks faster than it was
    assert len(seen.times_s) == MINUTES_S * fps
    assert seen.most_waiting <= MOST_A_BATCH


def test_a_worker_that_keeps_up_gets_what_comes_at_once() -> None:
    seen = run(ten_minutes(0.0, 0.02))
    assert max(seen.ages_s) <= 0.03
    assert seen.dropped == 0


@pytest.mark.parametrize("a_frame_s", [0.06, 0.2])
def test_a_worker_that_is_too_slow_for_every_frame_leaves_out_whole_stretches(
    a_frame_s: float,
) -> None:
    """It can't be kept up with: what waits stays bounded, and no single frame is missing."""
    seen = run(ten_minutes(0.0, a_frame_s))
    assert seen.dropped > 0
    assert max(seen.ages_s) <= 2.0 + MOST_A_BATCH * a_frame_s + HOP_S
    assert seen.most_waiting <= 2.0 * FPS + 1
    steps = [b - a for a, b in zip(seen.times_s, seen.times_s[1:], strict=False)]
    holes = [step for step in steps if step > 1.5 / FPS]
    assert min(holes) > 1.0
