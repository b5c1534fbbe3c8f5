"""A session's stream: the camera's frames in, and what is found in them out.

Frames wait in the backlog, go to a worker in batches, one under way at a time, and what the worker
finds is said.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from posesim.updates import ReferenceClock, ScoreUpdate, Update

from ..compute.frames import SLOT_BYTES
from ..compute.workers import Workers
from ..metrics import Metrics
from ..traces import SessionTraces
from .demonstration import Showing
from .earlier import Earlier
from .intake import PERIOD_S, Backlog, Batch, Intake, StreamClock, Track
from .live_comparison import LiveComparison
from .live_demonstration import LiveDemonstration
from .outcomes import SummaryValues
from .plan import SessionPlan
from .playback import Playback
from .shedding import Shedding
from .update_messages import summary_values

# What waits, as much as fits into the slot: a worker that is late by itself (a slow call, others'
# turns) then catches up at its next batch, without a frame left out. One that keeps up gets each
# frame or two as they come. More than two hops would keep the first one's score back for too long;
# of a camera with 30 a second, 18 are a little less.
MOST_A_BATCH = 18


class Stream:
    """Looks at the pictures of a session, whatever connection they come by.

    Args:
        plan: What they are compared with, or shown as.
        workers: Where that is done.
        backlog: Where frames wait.
        stream_clock: Learns from the frames how far the present is ahead of them.
        playback: Tells where the page plays the reference.
        began_s: When the first picture of the session came, if that was in an earlier run.
        earlier: What was said in an earlier run of the server, if there was one.
        say: Takes what is found.
        on_frame: Called after each frame that is kept.
        metrics, traces: Told of each batch.
        clock: The monotonic clock that frames' arrivals are told by.

    Attributes:
        intake: Reads the tracks, and counts what came.
    """

    def __init__(
        self,
        plan: SessionPlan,
        workers: Workers,
        backlog: Backlog,
        stream_clock: StreamClock,
        playback: Playback,
        *,
        began_s: float,
        earlier: Earlier | None,
        say: Callable[[Sequence[Update]], None],
        on_frame: Callable[[], None],
        metrics: Metrics,
        traces: SessionTraces,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._workers = workers
        self._backlog = backlog
        self._stream_clock = stream_clock
        self._began_s = began_s
        self._earlier = earlier
        self._say = say
        self._on_frame = on_frame
        self._metrics = metrics
        self._traces = traces
        self._clock = clock
        self.intake = Intake(backlog, clock, self._arrived, self._first_frame_s, stream_clock)
        self._playback = playback
        self._showing = Showing(plan.follows) if plan.follows is not None else None
        self._comparison: LiveComparison | LiveDemonstration | None = None
        self._compares = False
        self._comparing = asyncio.Lock()  # one at a time uses the comparison
        self._shedding = Shedding()
        self._waiting_since_s: float | None = None  # arrival of the oldest frame in the worker

    @property
    def since_frame_s(self) -> float:
        """Seconds since the newest frame; endless before the first."""
        last_s = self.intake.last_arrival_s
        return float("inf") if last_s is None else self._clock() - last_s

    def figures(self) -> dict[str, int]:
        """What is logged of it at the end."""
        return {
            "frames": self.intake.frames,
            "thinned_frames": self.intake.thinned,
            "dropped_frames": self._backlog.dropped,
            "hop": self._shedding.hop,
        }

    async def watch(self, track: Track) -> None:
        """Take frames of a track until it ends, or another one is watched.

        Raises:
            FrameTooLarge: If a picture is too large.
        """
        await self.intake.run(track)

    async def run(self, offered_s: float | None) -> None:
        """Look at what waits, until the backlog is closed and nothing does any more.

        Args:
            offered_s: When the session's offer came; None if it goes on with an earlier one.

        Raises:
            PosesimError: If the reference can't be compared with, or workers die again and again.
            NotReading: If the page lets its events pile up.
        """
        comparison = self._comparison = self._comparison_of_plan()
        await comparison.open()
        self._compares = True
        while (batch := await self._backlog.take(MOST_A_BATCH, SLOT_BYTES)) is not None:
            await self._look(comparison, batch, offered_s)

    async def suspend(self, wanted: Callable[[], bool]) -> None:
        """Give the place in the worker back until frames come again; say what was still waiting.

        A batch that is under way comes first. Nothing happens if it is not `wanted` after that.
        """
        async with self._comparing:
            if self._comparison is not None and wanted():
                self._say(await self._comparison.suspend())

    async def finish(self) -> None:
        """Say what was still waiting, after `run`."""
        if self._comparison is not None:
            self._say(await self._comparison.finish())

    def summary(self) -> SummaryValues | None:
        """What it came to, earlier runs included; None if nothing was compared."""
        compared = self._comparison if self._compares else None
        summary = compared.summary() if compared is not None else None
        if summary is not None:
            return summary_values(summary)
        return self._earlier.summary() if self._earlier is not None else None

    def close(self) -> None:
        """Give the place in the worker back. Closing twice is harmless."""
        if self._comparison is not None:
            self._comparison.close()

    async def _look(
        self,
        comparison: LiveComparison | LiveDemonstration,
        batch: Batch,
        offered_s: float | None,
    ) -> None:
        """Have a batch looked at, and say what is found in it."""
        arrived_s = batch.frames[0].arrived_s
        self._metrics.dropped(batch.dropped)
        hop = self._shedding.hop
        self._waiting_since_s = arrived_s
        taken_s = self._clock()
        self._metrics.queued(taken_s - arrived_s)
        async with self._comparing:
            updates = await comparison.push(batch, hop, self._reference_clock())
        self._waiting_since_s = None
        now_s = self._clock()
        self._shedding.update(self._stream_clock.lag_s(batch.frames[-1].time_s, now_s), now_s)
        scores = sum(isinstance(update, ScoreUpdate) for update in updates)
        for _ in range(scores):
            self._metrics.scored(now_s - arrived_s, hop)
        self._say(updates)
        told_s = self._clock()
        self._metrics.sent(told_s - now_s)
        self._traces.batch(
            offered_s=offered_s,
            arrived_s=arrived_s,
            taken_s=taken_s,
            answered_s=now_s,
            told_s=told_s,
            frames=len(batch.frames),
            tail_hop=hop,
            scored=scores > 0,
        )

    def _arrived(self) -> None:
        """A frame came. Long before the backlog drops any, the tail must run less often."""
        self._on_frame()
        if self._waiting_since_s is not None:
            now_s = self._clock()
            self._shedding.update(now_s - self._waiting_since_s, now_s)

    def _comparison_of_plan(self) -> LiveComparison | LiveDemonstration:
        plan = self._plan
        if plan.shows is not None:
            return LiveDemonstration(
                self._workers, plan.open_comparator, plan.shows, self._stream_clock
            )
        return LiveComparison(self._workers, plan.open_comparator, self._showing, self._earlier)

    def _reference_clock(self) -> ReferenceClock | None:
        """Where the reference is that the user follows, on the time of the user's stream."""
        if self._showing is not None:
            return self._showing.clock(self._stream_clock, self._clock())
        return self._playback.on(self._stream_clock)

    def _first_frame_s(self, arrived_s: float) -> float:
        """The time of the first picture: 0, or as much later as it came after an earlier run."""
        if self._earlier is None:
            return 0.0
        return max(self._earlier.seen_s + PERIOD_S, arrived_s - self._began_s)
