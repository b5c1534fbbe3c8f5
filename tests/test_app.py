import asyncio
import multiprocessing

import pytest
from aiohttp import web
from videos import stick_figure

from posesim import __version__
from posesim_server.app import create_app
from posesim_server.compute.errors import CannotStart
from posesim_server.compute.network import open_network
from posesim_server.config import DataFolderError, ServerConfig
from posesim_server.keys import STORE
from server import PASSWORD, WAIT_S, FakeEngine, problem, running


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as server:
        yield server


async def test_the_health_check_says_what_runs_and_needs_no_token(server):
    response = await server.client.get("/healthcheck")
    assert response.status == 200
    assert await response.json() == {
        "status": "ok",
        "version": __version__,
        "engine": {"name": "fake", "device": "none", "precision": "f32", "reason": "a test"},
        "live_sessions": 0,
    }


async def test_the_loop_answers_while_the_engine_works(server, tmp_path):
    server.engine.gate.clear()
    await server.upload(stick_figure(tmp_path / "clip.mp4", seconds=3.0))
    await asyncio.to_thread(server.engine.reached.wait, WAIT_S)
    assert (await server.client.get("/healthcheck")).status == 200


async def test_metrics_need_no_token_and_name_no_user(server):
    response = await server.client.get("/metrics")
    assert response.status == 200
    assert response.content_type == "text/plain"
    text = await response.text()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert names == {
        "posesim_call_joins_refused_total",
        "posesim_call_seats",
        "posesim_dependency_up",
        "posesim_capacity_sessions",
        "posesim_dropped_frames_total",
        "posesim_engine_busy_seconds_total",
        "posesim_event_loop_lag_seconds",
        "posesim_event_loop_tasks",
        "posesim_frame_to_score_seconds",
        "posesim_gaps_total",
        "posesim_live_sessions",
        "posesim_preparation_seconds",
        "posesim_queue_seconds",
        "posesim_score_age_seconds",
        "posesim_resumed_sessions_total",
        "posesim_object_cache_bytes",
        "posesim_object_store_failures_total",
        "posesim_scores_total",
        "posesim_sending_seconds",
        "posesim_session_cost_seconds",
        "posesim_session_pages",
        "posesim_session_setup_failures_total",
        "posesim_session_setup_seconds",
        "posesim_stem_seconds",
        "posesim_tail_seconds",
        "posesim_worker_cpu_seconds_total",
        "posesim_worker_restarts_total",
        "posesim_workers",
    } | {name for name in names if name.endswith("_created")}
    assert "posesim_capacity_sessions 4.0" in text
    assert "posesim_workers 1.0" in text
    assert 'posesim_session_setup_failures_total{reason="full"} 0.0' in text
    assert 'posesim_gaps_total{reason="restart"} 0.0' in text
    assert server.user.id not in text


async def test_the_page_is_served_at_the_root_and_asked_for_each_time(server):
    response = await server.client.get("/")
    assert response.status == 200
    assert response.content_type == "text/html"
    assert response.headers["Cache-Control"] == "no-cache"
    again = await server.client.get("/", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304


async def test_modules_come_with_a_type_that_browsers_run(server):
    response = await server.client.get("/main.js")
    assert response.content_type in ("text/javascript", "application/javascript")


@pytest.mark.parametrize("path", ["/", "/healthcheck", "/v1/me", "/nothing"])
async def test_every_response_keeps_foreign_content_out(server, path):
    headers = (await server.client.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self), microphone=(self)" in headers["Permissions-Policy"]


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/../config.py", "/%2e%2e/pyproject.toml", "/..%2fpyproject.toml", "/vendor"],
)
async def test_nothing_but_the_page_is_served(server, path):
    response = await server.client.get(path)
    assert response.status in (403, 404)
    assert await problem(response, response.status)


async def test_an_address_that_is_not_there_is_a_problem(server):
    response = await server.client.get("/v1/nothing", headers=server.headers)
    assert await problem(response, 404) == "There is nothing at this address."


async def test_a_method_that_is_not_supported_is_a_problem(server):
    response = await server.client.put("/v1/sessions", headers=server.headers)
    assert "does not support" in await problem(response, 405)
    assert "POST" in response.headers["Allow"]


async def test_pages_of_other_sites_change_nothing(server):
    headers = {**server.headers, "Origin": "https://evil.example"}
    response = await server.client.delete("/v1/sessions/x", headers=headers)
    assert "--allow-origin" in await problem(response, 403)
    own = {**server.headers, "Origin": f"http://{server.client.host}:{server.client.port}"}
    response = await server.client.delete("/v1/sessions/x", headers=own)
    assert response.status == 404


async def test_an_operator_can_allow_another_site(tmp_path):
    async with running(tmp_path, allowed_origins=("https://clinic.example",)) as server:
        headers = {"Origin": "https://clinic.example"}
        credentials = {"username": "anna", "password": PASSWORD}
        response = await server.client.post("/token", json=credentials, headers=headers)
        assert response.status == 200


async def test_a_database_that_fails_is_said_so_and_logged(server, caplog):
    headers = server.headers
    async with server.app[STORE].database._engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE sessions RENAME TO elsewhere")
    response = await server.client.get("/v1/sessions", headers=headers)
    assert "database can't be used" in await problem(response, 503)


async def start_and_stop(config):
    runner = web.AppRunner(create_app(config, open_network))
    try:
        await runner.setup()
    finally:
        await runner.cleanup()


async def test_a_start_without_weights_says_how_to_get_them_and_gives_all_back(tmp_path):
    config = ServerConfig(data=tmp_path / "data", weights=tmp_path / "none.safetensors")
    with pytest.raises(CannotStart, match="posesim weights fetch"):
        await start_and_stop(config)
    assert multiprocessing.active_children() == []


async def test_a_data_folder_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match=r"/file/data can't be used.*--data"):
        await start_and_stop(ServerConfig(data=tmp_path / "file" / "data"))


async def test_the_data_folder_is_its_owners_alone(tmp_path):
    async with running(tmp_path / "new" / "data", FakeEngine()) as server:
        assert server.config.data.stat().st_mode & 0o777 == 0o700
