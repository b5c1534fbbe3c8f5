"""What the server measures of itself, for Prometheus. Nothing in it is about one user."""

import asyncio

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from posesim.timebase import GapReason

from .compute.admission import Cost
from .compute.protocol import Spent

CONTENT_TYPE = CONTENT_TYPE_LATEST
LOOP_CHECK_S = 0.25  # between two looks at the event loop
LOOP_WINDOW = 20  # looks, of which the gauge shows the worst
CALL_BUCKETS_S = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
LATENCY_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
GAP_REASONS: tuple[GapReason, ...] = ("no_frames", "clock", "overload", "restart")


class Metrics:
    """The instruments of one application, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._live = Gauge(
            "posesim_live_sessions", "Sessions that have not ended.", registry=registry
        )
        self._capacity = Gauge(
            "posesim_capacity_sessions", "Sessions that may run at once.", registry=registry
        )
        self._cost = Gauge(
            "posesim_session_cost_seconds",
            "Worker's time for 0.32 s of one session, measured at start, by the tail's hop.",
            ["hop_frames"],
            registry=registry,
        )
        self._calls = {
            part: Histogram(
                f"posesim_{part}_seconds",
                f"One call of the engine's {part}.",
                buckets=CALL_BUCKETS_S,
                registry=registry,
            )
            for part in ("stem", "tail")
        }
        self._cpu = Counter(
            "posesim_worker_cpu_seconds",
            "Processor time of the workers: stem, tail, and the serving thread's rest, which is "
            "mostly the preparation of pictures.",
            ["part"],
            registry=registry,
        )
        self._latency = Histogram(
            "posesim_frame_to_score_seconds",
            "From the arrival of the oldest frame that a score was made of to its sending.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self._gaps = Counter(
            "posesim_gaps", "Gaps that sessions were told of.", ["reason"], registry=registry
        )
        for reason in GAP_REASONS:
            self._gaps.labels(reason)
        self._dropped = Counter(
            "posesim_dropped_frames", "Frames dropped under load.", registry=registry
        )
        self._hops = Counter(
            "posesim_scores", "Scores, by the tail's hop then.", ["hop_frames"], registry=registry
        )
        self._restarts = Counter(
            "posesim_worker_restarts", "Workers that died and were replaced.", registry=registry
        )
        self._loop_lag = Gauge(
            "posesim_event_loop_lag_seconds",
            f"The latest that the event loop was in the last {LOOP_CHECK_S * LOOP_WINDOW:.0f} s.",
            registry=registry,
        )

    def admit(self, most: int, cost: Cost | None) -> None:
        """Note how many sessions may run, and what one costs."""
        self._capacity.set(most)
        if cost is not None:
            self._cost.labels("8").set(cost.smallest_hop_s)
            self._cost.labels("32").set(cost.largest_hop_s)

    def spent(self, spent: Spent) -> None:
        """Note a call of the engine."""
        self._calls[spent.part].observe(spent.wall_s)
        self._cpu.labels(spent.part).inc(spent.cpu_s)
        self._cpu.labels("preparation").inc(spent.rest_cpu_s)

    def scored(self, latency_s: float, tail_hop: int) -> None:
        """Note a score."""
        self._latency.observe(max(0.0, latency_s))
        self._hops.labels(str(tail_hop)).inc()

    def gap(self, reason: GapReason) -> None:
        """Note a gap."""
        self._gaps.labels(reason).inc()

    def dropped(self, frames: int) -> None:
        """Note frames that were dropped."""
        self._dropped.inc(frames)

    def restarted(self) -> None:
        """Note that a worker was replaced."""
        self._restarts.inc()

    def text(self, live: int) -> bytes:
        """Everything, as Prometheus reads it."""
        self._live.set(live)
        return generate_latest(self._registry)

    async def watch_loop(self) -> None:
        """Measure how late the event loop comes to what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        latest = [0.0] * LOOP_WINDOW
        look = 0
        while True:
            due_s = loop.time() + LOOP_CHECK_S
            await asyncio.sleep(LOOP_CHECK_S)
            latest[look % LOOP_WINDOW] = max(0.0, loop.time() - due_s)
            look += 1
            self._loop_lag.set(max(latest))
