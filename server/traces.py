"""Traces for OpenTelemetry, if the operator wants them: what took how long. Nothing about users.

A span is told when it is over, from times that the server takes anyhow, and never has an address,
a name, a token, or an id of anything stored. OpenTelemetry is imported when it is needed.
"""

import asyncio
import contextlib
import importlib.metadata
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from posesim.errors import PosesimError

REQUEST_S = 5.0  # for the collector to take what it is sent
BATCH = "session batch"
ONE_OF = {BATCH: 100}  # of these, which are many: about one in half a minute of a session

Attributes = Mapping[str, str | int | bool]


class NoOpenTelemetry(PosesimError):
    """It is asked for, and not installed."""

    def __init__(self) -> None:
        super().__init__(
            "--otel-endpoint needs OpenTelemetry, which is not installed. Install it with: "
            "pip install 'posesim[otel]'"
        )


@dataclass(frozen=True)
class Part:
    """A part of a span. Times are those of `time.monotonic`."""

    name: str
    begun_s: float
    ended_s: float


class Traces:
    """Takes spans; this one throws them away."""

    def note(
        self,
        name: str,
        begun_s: float,
        ended_s: float,
        attributes: Attributes | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        """Tell of something that is over. Times are those of `time.monotonic`."""


class SentTraces(Traces):
    """Sends spans to a collector, from a thread of OpenTelemetry's.

    Args:
        endpoint: The collector's URL, without the path that OTLP over HTTP adds.

    Raises:
        NoOpenTelemetry: If it is not installed.
    """

    def __init__(self, endpoint: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.context import Context
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise NoOpenTelemetry from error
        version = importlib.metadata.version("posesim")
        about = Resource.create({"service.name": "posesim", "service.version": version})
        self._provider = TracerProvider(resource=about, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=REQUEST_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("posesim", version)
        self._context = Context()  # an empty one: a stranger's is not gone on with
        self._inside = trace.set_span_in_context
        self._seen: Counter[str] = Counter()

    def note(
        self,
        name: str,
        begun_s: float,
        ended_s: float,
        attributes: Attributes | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        """Tell of something that is over; of what is many, of one in `ONE_OF`."""
        self._seen[name] += name in ONE_OF
        if name in ONE_OF and self._seen[name] % ONE_OF[name] != 1:
            return
        zero_ns = time.time_ns() - time.monotonic_ns()

        def at_ns(time_s: float) -> int:
            return zero_ns + round(time_s * 1e9)

        span = self._tracer.start_span(
            name, self._context, attributes=attributes, start_time=at_ns(begun_s)
        )
        for part in parts:
            inner = self._tracer.start_span(
                part.name, self._inside(span, self._context), start_time=at_ns(part.begun_s)
            )
            inner.end(at_ns(part.ended_s))
        span.end(at_ns(ended_s))

    def close(self) -> None:
        """Send what waits. Blocks, at most for as long as the collector may take."""
        self._provider.shutdown()


@contextlib.asynccontextmanager
async def opened(endpoint: str | None) -> AsyncIterator[Traces]:
    """Traces to a collector, or none.

    Raises:
        NoOpenTelemetry: If there is an endpoint, and it is not installed.
    """
    if endpoint is None:
        yield Traces()
        return
    traces = await asyncio.to_thread(SentTraces, endpoint)
    try:
        yield traces
    finally:
        await asyncio.to_thread(traces.close)


TRACES = web.AppKey("traces", Traces)


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell of each request by its method and the template of its address, not the address."""
    begun_s = time.monotonic()
    method = request.method if request.method in hdrs.METH_ALL else "_OTHER"
    resource = request.match_info.route.resource
    attributes: dict[str, str | int | bool] = {"http.request.method": method}
    if resource is not None:
        attributes["http.route"] = resource.canonical
    try:
        response = await handler(request)
        attributes["http.response.status_code"] = response.status
        return response
    finally:
        name = method if resource is None else f"{method} {resource.canonical}"
        request.app[TRACES].note(name, begun_s, time.monotonic(), attributes)


class SessionTraces:
    """What a session tells: how it was set up, and some of its batches."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._first_s: float | None = None  # arrival of the first picture
        self._scored = False

    def batch(
        self,
        *,
        offered_s: float | None,
        arrived_s: float,
        taken_s: float,
        answered_s: float,
        told_s: float,
        frames: int,
        tail_hop: int,
        scored: bool,
    ) -> None:
        """Note a batch.

        Args:
            offered_s: When the session's offer came; None if it goes on with an earlier one.
            arrived_s: When the batch's oldest picture did.
            taken_s: When the worker got it.
            answered_s: When it answered.
            told_s: When all that it said was handed to the channels.
            frames: How many there were.
            tail_hop: How often the tail was run.
            scored: Whether there was a score, or a state in its place.
        """
        if self._first_s is None:
            self._first_s = arrived_s
        if scored and not self._scored:
            self._scored = True
            if offered_s is not None:
                self._set_up(offered_s, self._first_s, told_s)
        parts = (
            Part("queue", arrived_s, taken_s),
            Part("worker", taken_s, answered_s),
            Part("sending", answered_s, told_s),
        )
        attributes = {"posesim.frames": frames, "posesim.tail_hop": tail_hop}
        self._traces.note(BATCH, arrived_s, told_s, attributes, parts)

    def _set_up(self, offered_s: float, first_s: float, told_s: float) -> None:
        parts = (
            Part("offer to first picture", offered_s, first_s),
            Part("first picture to first score", first_s, told_s),
        )
        self._traces.note("session set-up", offered_s, told_s, None, parts)
