"""What a collector gets, over a real connection; and that nothing of it is there when it is off."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestServer, unused_port
from live_fakes import Client
from live_server import needs_address
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from videos import stick_figure

from posesim_server import traces
from posesim_server.config import ServerConfig
from posesim_server.traces import BATCH, ONE_OF, NoOpenTelemetry, SentTraces, opened
from server import WAIT_S, Server, running


class Collector:
    """Takes OTLP over HTTP, as OpenTelemetry's own collector does."""

    def __init__(self) -> None:
        self.spans: list = []
        self.resources: list[dict[str, str]] = []
        self.endpoint = ""

    async def take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for each in sent.resource_spans:
            self.resources.append(values(each.resource.attributes))
            for scope in each.scope_spans:
                self.spans += scope.spans
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    def named(self, name: str) -> list:
        return [span for span in self.spans if span.name == name]

    def inside(self, span) -> dict[str, tuple[int, int]]:
        """The parts of a span: from when until when."""
        return {
            each.name: (each.start_time_unix_nano, each.end_time_unix_nano)
            for each in self.spans
            if each.parent_span_id == span.span_id
        }


def values(attributes) -> dict:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    async with TestServer(app) as server:
        collector.endpoint = f"http://127.0.0.1:{server.port}"
        yield collector


@contextlib.asynccontextmanager
async def traced(folder: Path) -> AsyncIterator[tuple[Server, Collector]]:
    """A server whose spans are at the collector when it has stopped."""
    async with (
        collecting() as collector,
        running(folder, otel_endpoint=collector.endpoint) as server,
    ):
        yield server, collector


async def test_a_request_is_told_by_method_template_and_status_alone(tmp_path: Path) -> None:
    secret = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11"
    async with traced(tmp_path) as (server, collector):
        await server.get("/v1/exercises?name=secret")
        await server.client.get(f"/v1/sessions/{secret}", headers=server.headers)
        await server.client.get(f"/nowhere/{secret}")
        await server.client.request("PROPFIND", "/v1/exercises")
    told = {span.name: values(span.attributes) for span in collector.spans}
    assert told["GET /v1/exercises"] == {
        "http.request.method": "GET",
        "http.route": "/v1/exercises",
        "http.response.status_code": 200,
    }
    assert told["GET /v1/sessions/{id}"]["http.response.status_code"] == 404
    assert told["_OTHER"]["http.response.status_code"] == 405
    everything = str(collector.spans).casefold()
    for word in (secret, "secret", "anna", server.user.id, server.token_of(server.user)):
        assert word.casefold() not in everything
    assert collector.resources[0]["service.name"] == "posesim"


async def test_what_a_stranger_calls_its_trace_is_not_gone_on_with(tmp_path: Path) -> None:
    theirs = "0af7651916cd43dd8448eb211c80319c"
    async with traced(tmp_path) as (server, collector):
        headers = {"traceparent": f"00-{theirs}-b7ad6b7169203331-01"}
        await server.client.get("/healthcheck", headers=headers)
    (span,) = collector.named("GET /healthcheck")
    assert span.trace_id.hex() != theirs
    assert span.parent_span_id == b""


@needs_address
async def test_a_session_tells_how_it_was_set_up_and_one_of_its_batches(tmp_path: Path) -> None:
    clip = stick_figure(tmp_path / "squat.mp4", seconds=4.0)
    async with traced(tmp_path / "data") as (server, collector):
        exercise = await server.ready_exercise(clip)
        made = await server.client.post(
            "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
        )
        ticket = await made.json()
        client = Client()
        headers = {"Authorization": f"Bearer {ticket['token']}", "Content-Type": "application/sdp"}
        answer = await server.client.post(
            ticket["whip_url"], data=await client.offer(), headers=headers
        )
        await client.accept(await answer.text())
        async with asyncio.timeout(WAIT_S):
            await client.score_messages.get()
        await client.peer.close()
    (set_up,) = collector.named("session set-up")
    parts = collector.inside(set_up)
    assert list(parts) == ["offer to first picture", "first picture to first score"]
    offered, first = parts["offer to first picture"]
    assert offered == set_up.start_time_unix_nano
    assert parts["first picture to first score"] == (first, set_up.end_time_unix_nano)
    assert offered < first < set_up.end_time_unix_nano
    (batch,) = collector.named(BATCH)
    assert list(collector.inside(batch)) == ["queue", "worker", "sending"]
    assert values(batch.attributes)["posesim.frames"] >= 1
    for word in (ticket["id"], exercise["id"], server.user.id, "Squat"):
        assert word not in str(collector.spans)


async def test_a_job_tells_what_came_of_it(tmp_path: Path) -> None:
    clip = stick_figure(tmp_path / "squat.mp4", seconds=4.0)
    async with traced(tmp_path / "data") as (server, collector):
        for video in (clip.read_bytes(), clip.read_bytes()[:3000]):
            form = FormData()
            for name, content in (("reference", clip.read_bytes()), ("video", video)):
                form.add_field(name, content, filename=f"{name}.mp4")
            sent = await server.client.post("/predict", data=form, headers=server.headers)
            assert sent.status == 202, await sent.text()
            job_id = (await sent.json())["id"]
            path = f"/v1/jobs/{job_id}/events"
            await (await server.client.get(path, headers=server.headers)).read()
    states = [values(span.attributes)["posesim.job.state"] for span in collector.named("job")]
    assert states == ["done", "failed"]


async def test_of_what_is_many_some_are_told() -> None:
    async with collecting() as collector, opened(collector.endpoint) as told:
        for _ in range(2 * ONE_OF[BATCH]):
            told.note(BATCH, 0.0, 1.0)
        told.note("job", 0.0, 1.0)
    assert [span.name for span in collector.spans] == [BATCH, BATCH, "job"]


async def test_a_collector_that_is_not_there_costs_no_request_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "REQUEST_S", 0.2)
    async with running(tmp_path, otel_endpoint=f"http://127.0.0.1:{unused_port()}") as server:
        assert await server.get("/v1/exercises") is not None


def test_without_it_opentelemetry_is_not_even_imported() -> None:
    code = "import posesim_server.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "posesim_server.traces" in done.stdout
    assert not [name for name in done.stdout.split() if name.startswith("opentelemetry")]


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(NoOpenTelemetry, match=r"pip install 'posesim\[otel\]'"):
        SentTraces("http://127.0.0.1:4318")


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://a", "http://", "http://u:p@a"])
def test_what_is_no_endpoint_is_refused(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(ValueError, match="--otel-endpoint must look like"):
        ServerConfig(data=tmp_path, otel_endpoint=endpoint)
