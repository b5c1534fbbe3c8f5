"""What the server measures of itself, for Prometheus. Nothing in it is about one user."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from posesim.timebase import GapReason

from .compute.admission import Cost
from .compute.protocol import Spent
from .live.heartbeat import Contact
from .objects.base import Failure

CONTENT_TYPE = CONTENT_TYPE_LATEST
LOOP_CHECK_S = 0.25  # between two looks at the event loop
LOOP_WINDOW = 20  # looks, of which the gauge shows the worst
CALL_BUCKETS_S = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
LATENCY_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
PART_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SETUP_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)

# What takes time, as posesim_NAME_seconds: what it is, and the buckets.
HISTOGRAMS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "stem": ("One call of the engine's stem.", CALL_BUCKETS_S),
    "tail": ("One call of the engine's tail.", CALL_BUCKETS_S),
    "queue": (
        "From the arrival of a batch's oldest frame until a worker gets it.",
        PART_BUCKETS_S,
    ),
    "preparation": (
        "Processor time for pictures between two calls of the engine.",
        PART_BUCKETS_S,
    ),
    "sending": (
        "From a worker's answer until all is handed to the channels.",
        PART_BUCKETS_S,
    ),
    "score_age": (
        "From the arrival of the newest frame that a score counts to its sending.",
        LATENCY_BUCKETS_S,
    ),
    "frame_to_score": (
        "From the arrival of the oldest frame that a score was made of to its sending.",
        LATENCY_BUCKETS_S,
    ),
    "session_setup": ("From a session's offer to its first picture.", SETUP_BUCKETS_S),
}

Dependency = Literal["database", "objects"]  # of Redis there is posesim_cluster_away

CONTACTS: tuple[Contact, ...] = ("good", "degraded", "away")
GAP_REASONS: tuple[GapReason, ...] = (
    "no_frames",
    "clock",
    "overload",
    "restart",
    "paused",
    "connection",
)

# Why a session could not begin: no place, one user has too many, the server drains, asked too
# often, no SDP, no usable offer, no offer in time, no picture in time, a failure of the server's.
SetupFailure = Literal[
    "full",
    "user_limit",
    "draining",
    "too_often",
    "not_sdp",
    "unusable_offer",
    "never_joined",
    "no_frames",
    "failed",
]


class Metrics:
    """The instruments of one application, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._seconds = {
            name: Histogram(f"posesim_{name}_seconds", help_, buckets=buckets, registry=registry)
            for name, (help_, buckets) in HISTOGRAMS.items()
        }
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
        self._cpu = Counter(
            "posesim_worker_cpu_seconds",
            "Processor time of the workers: stem, tail, and the serving thread's rest, which is "
            "mostly the preparation of pictures.",
            ["part"],
            registry=registry,
        )
        self._busy = Counter(
            "posesim_engine_busy_seconds",
            "Time of all workers' engines in calls; its rate over posesim_workers is utilisation.",
            registry=registry,
        )
        self._workers = Gauge(
            "posesim_workers", "Workers whose network is loaded.", registry=registry
        )
        self._setup_failures = Counter(
            "posesim_session_setup_failures",
            "Sessions that were refused or ended before their first picture.",
            ["reason"],
            registry=registry,
        )
        for failure in get_args(SetupFailure):
            self._setup_failures.labels(failure)
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
        self._contacts = Gauge(
            "posesim_session_pages",
            "Pages of these sessions: heard of lately, not for 3 s, or away and maybe coming back.",
            ["contact"],
            registry=registry,
        )
        self._resumed = Counter(
            "posesim_resumed_sessions",
            "Connections that took the place of an earlier one of their session.",
            registry=registry,
        )
        self._restarts = Counter(
            "posesim_worker_restarts", "Workers that died and were replaced.", registry=registry
        )
        self._seats = Gauge(
            "posesim_call_seats", "People who are connected to a call.", registry=registry
        )
        self._refused_joins = Counter(
            "posesim_call_joins_refused",
            "Connections that were not let into a call.",
            ["reason"],
            registry=registry,
        )
        self._depends = Gauge(
            "posesim_dependency_up",
            "1 if it takes writes, 0 if not: it is away, full, or can only be read.",
            ["dependency"],
            registry=registry,
        )
        self._objects_failed = Counter(
            "posesim_object_store_failures",
            "Requests that the object store did not serve: away, denied, missing bucket, full.",
            ["reason"],
            registry=registry,
        )
        for reason in get_args(Failure):
            self._objects_failed.labels(reason)
        self._objects_cached = Gauge(
            "posesim_object_cache_bytes",
            "Copies on this machine of what lies in the object store.",
            registry=registry,
        )
        self._loop_lag = Gauge(
            "posesim_event_loop_lag_seconds",
            f"How late the event loop was at worst in the last {LOOP_CHECK_S * LOOP_WINDOW:.0f} s.",
            registry=registry,
        )
        self.loop_lag_s = 0.0  # as that gauge has it
        self._loop_tasks = Gauge(
            "posesim_event_loop_tasks",
            "Tasks of the event loop; with as many sessions there are as many.",
            registry=registry,
        )

    def gauge(self, name: str, help_: str, labels: Sequence[str] = ()) -> Gauge:
        """Another figure, of something that not every server has."""
        return Gauge(name, help_, labels, registry=self._registry)

    def admit(self, most: int, cost: Cost | None) -> None:
        """Note how many sessions may run, and what one costs."""
        self._capacity.set(most)
        if cost is not None:
            self._cost.labels("8").set(cost.smallest_hop_s)
            self._cost.labels("32").set(cost.largest_hop_s)

    def spent(self, spent: Spent) -> None:
        """Note a call of the engine."""
        self._seconds[spent.part].observe(spent.wall_s)
        self._cpu.labels(spent.part).inc(spent.cpu_s)
        self._cpu.labels("preparation").inc(spent.rest_cpu_s)
        self._seconds["preparation"].observe(spent.rest_cpu_s)
        self._busy.inc(spent.wall_s)

    def scored(self, latency_s: float, tail_hop: int) -> None:
        """Note a score."""
        self._seconds["frame_to_score"].observe(max(0.0, latency_s))
        self._hops.labels(str(tail_hop)).inc()

    def aged(self, age_s: float) -> None:
        """Note how old what a score counts was when it was sent."""
        self._seconds["score_age"].observe(age_s)

    def queued(self, wait_s: float) -> None:
        """Note for how long a batch's oldest frame waited."""
        self._seconds["queue"].observe(wait_s)

    def sent(self, took_s: float) -> None:
        """Note how long the telling of a batch's updates took."""
        self._seconds["sending"].observe(took_s)

    def set_up(self, took_s: float) -> None:
        """Note how long it was from a session's offer to its first picture."""
        self._seconds["session_setup"].observe(took_s)

    def setup_failed(self, reason: SetupFailure) -> None:
        """Note a session that did not come to its first picture."""
        self._setup_failures.labels(reason).inc()

    def gap(self, reason: GapReason) -> None:
        """Note a gap."""
        self._gaps.labels(reason).inc()

    def dropped(self, frames: int) -> None:
        """Note frames that were dropped."""
        self._dropped.inc(frames)

    def resumed(self) -> None:
        """Note that a page came back to its session."""
        self._resumed.inc()

    def restarted(self) -> None:
        """Note that a worker was replaced."""
        self._restarts.inc()

    def seats(self, taken: int) -> None:
        """Note how many people are connected to calls."""
        self._seats.set(taken)

    def refused_join(self, reason: str) -> None:
        """Note that somebody was not let into a call."""
        self._refused_joins.labels(reason).inc()

    def depends(self, up: Mapping[Dependency, bool]) -> None:
        """Note whether what the server needs can be written."""
        for dependency, is_up in up.items():
            self._depends.labels(dependency).set(is_up)

    def objects_failed(self, reason: Failure) -> None:
        """Note that the object store could not be used."""
        self._objects_failed.labels(reason).inc()

    def objects_cached(self, size_bytes: int) -> None:
        """Note how much of it lies on this machine."""
        self._objects_cached.set(size_bytes)

    def text(self, live: int, contacts: Mapping[Contact, int], workers: int = 0) -> bytes:
        """Everything, as Prometheus reads it.

        Args:
            live: Sessions that have not ended.
            contacts: How their pages are.
            workers: Those that are up.
        """
        self._live.set(live)
        self._workers.set(workers)
        for contact in CONTACTS:
            self._contacts.labels(contact).set(contacts.get(contact, 0))
        return generate_latest(self._registry)

    async def watch_loop(self) -> None:
        """Measure how late the event loop comes to what is due, and its tasks, until cancelled."""
        loop = asyncio.get_running_loop()
        latest = [0.0] * LOOP_WINDOW
        look = 0
        while True:
            due_s = loop.time() + LOOP_CHECK_S
            await asyncio.sleep(LOOP_CHECK_S)
            latest[look % LOOP_WINDOW] = max(0.0, loop.time() - due_s)
            look += 1
            self._loop_tasks.set(len(asyncio.all_tasks()))
            self.loop_lag_s = max(latest)
            self._loop_lag.set(self.loop_lag_s)
