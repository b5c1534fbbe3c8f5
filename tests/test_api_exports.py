"""Exports, reports and imports over HTTP."""

import io
import json
import re
from dataclasses import replace

import pytest
from histories import whole_session
from videos import stick_figure

from posesim_server.api.exports import MOST_IMPORTED_BYTES
from posesim_server.exports.format import HistoryFile
from posesim_server.keys import STORE
from server import problem, running

JSON = {"Content-Type": "application/json"}
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data") as server:
        yield server


async def keep(server, count=1, user=None, **options):
    """Some ended sessions of a user, oldest first."""
    user_id = (user or server.user).id
    sessions = [whole_session(user_id, seed, scores=60, **options) for seed in range(count)]
    await server.app[STORE].sessions.add_whole(sessions)
    return sorted(sessions, key=lambda whole: whole.session.id)


async def fetch(server, path, user=None):
    headers = server.headers_of(user or server.user)
    response = await server.client.get(path, headers=headers)
    assert response.status == 200, await response.text()
    return response


async def audited(server, user=None):
    entries = await server.app[STORE].audit.of_user((user or server.user).id, limit=50)
    return [(e.actor_name, e.action, e.object_id) for e in entries if "results" in e.action]


async def import_file(server, raw, user=None, **headers):
    headers = {**server.headers_of(user or server.user), **JSON, **headers}
    return await server.client.post("/v1/import", data=raw, headers=headers)


# The whole history


async def test_a_history_is_sent_whole_as_a_file_and_noted(server):
    sessions = await keep(server, 45)
    await keep(server, 1, user=await server.add_user("ben"), name="Not hers")
    response = await fetch(server, "/v1/export/history.json")
    assert response.content_type == "application/json"
    disposition = response.headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="posesim-history-[\d-]{10}\.json"', disposition)
    document = HistoryFile.model_validate_json(await response.read())
    assert [each.id for each in document.sessions] == [w.session.id for w in sessions]
    assert len(document.sessions[44].scores) == 60
    assert await audited(server) == [("anna", "results.export", None)]


async def test_an_empty_history_is_an_export_too(server):
    document = await (await fetch(server, "/v1/export/history.json")).json()
    assert document["sessions"] == []
    text = await (await fetch(server, "/v1/export/history.csv")).text("utf-8-sig")
    assert len(text.splitlines()) == 1


async def test_a_session_that_runs_is_in_no_export(server):
    exercise = await server.app[STORE].exercises.add(
        server.user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )
    session = await server.app[STORE].sessions.add(server.user.id, exercise)
    document = await (await fetch(server, "/v1/export/history.json")).json()
    assert document["sessions"] == []
    for name in ("export.json", "export.csv", "report.html", "report.pdf"):
        response = await server.client.get(
            f"/v1/sessions/{session.id}/{name}", headers=server.headers
        )
        assert "still running" in await problem(response, 409)


async def test_a_history_as_a_table_has_a_line_for_each_session(server):
    sessions = await keep(server, 230)
    response = await fetch(server, "/v1/export/history.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = (await response.text("utf-8-sig")).splitlines()
    assert [line[:36] for line in lines[1:]] == [whole.session.id for whole in sessions]


@pytest.mark.parametrize("path", ["/v1/export/history.json", "/v1/export/history.csv"])
async def test_the_head_of_an_export_is_its_headers_alone(server, path):
    await keep(server, 3)
    response = await server.client.head(path, headers=server.headers)
    assert response.status == 200
    assert await response.read() == b""
    assert await server.get("/v1/me")  # the connection goes on


# The way back


async def test_an_export_goes_into_another_account_over_http(server):
    await keep(server, 25)
    raw = await (await fetch(server, "/v1/export/history.json")).read()
    ben = await server.add_user("ben")
    response = await import_file(server, raw, ben)
    assert response.status == 201
    assert await response.json() == {"imported": 25, "already_here": 0}
    assert await (await import_file(server, raw, ben)).json() == {
        "imported": 0,
        "already_here": 25,
    }
    (listed, *_) = (await server.get("/v1/sessions", ben))["sessions"]
    assert listed["source"] == "import"
    assert await audited(server, ben) == [("ben", "results.import", None)] * 2


async def test_an_export_of_one_session_can_be_imported(server):
    (whole,) = await keep(server)
    url = f"/v1/sessions/{whole.session.id}"
    raw = await (await fetch(server, f"{url}/export.json")).read()
    await server.client.delete(f"{url}/record", headers=server.headers)
    assert await (await import_file(server, raw)).json() == {"imported": 1, "already_here": 0}
    again = await server.app[STORE].sessions.whole(server.user.id, whole.session.id)
    assert again.parts == whole.parts


async def test_a_file_that_is_no_export_is_refused_and_nothing_is_kept(server):
    await keep(server, 3)
    document = await (await fetch(server, "/v1/export/history.json")).json()
    document["sessions"][2]["kind"] = "dance"
    ben = await server.add_user("ben")
    response = await import_file(server, json.dumps(document), ben)
    assert (await problem(response, 422)).startswith("sessions.2.kind")
    assert (await server.get("/v1/sessions", ben))["sessions"] == []
    assert "no export" in await problem(await import_file(server, b"hello", ben), 422)


async def test_an_import_has_a_largest_size(server):
    too_many = io.BytesIO(b" " * (MOST_IMPORTED_BYTES + 1))
    assert "at most 64 MB" in await problem(await import_file(server, too_many), 413)

    async def chunks():
        for _ in range(66):
            yield b" " * 1_000_000

    assert "at most 64 MB" in await problem(await import_file(server, chunks()), 413)


async def test_an_import_is_json(server):
    response = await import_file(server, b"{}", **{"Content-Type": "text/plain"})
    assert "application/json" in await problem(response, 415)


async def test_nothing_of_an_upload_stays_in_the_data_folder(server):
    before = set(server.config.data.iterdir())
    await import_file(server, b"hello")
    assert set(server.config.data.iterdir()) == before


# One session


async def test_a_timeline_is_a_table(server):
    (whole,) = await keep(server)
    response = await fetch(server, f"/v1/sessions/{whole.session.id}/export.csv")
    assert response.content_type == "text/csv"
    lines = (await response.text("utf-8-sig")).splitlines()
    assert len(lines) == 1 + len(whole.parts)


async def test_a_report_comes_as_a_page_that_can_do_nothing(server):
    (whole,) = await keep(server)
    path = f"/v1/sessions/{whole.session.id}/report.html?language=de&utc_offset_min=60"
    response = await fetch(server, path)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "sandbox" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    disposition = response.headers["Content-Disposition"]
    assert disposition == 'attachment; filename="posesim-session-2026-11-23-1730.html"'
    text = await response.text()
    assert "Trainingsbericht" in text
    assert "anna · 23.11.2026, 18:30 (UTC+1)" in text
    assert await audited(server) == [("anna", "results.export", whole.session.id)]


async def test_a_report_comes_as_pdf(server):
    (whole,) = await keep(server)
    response = await fetch(server, f"/v1/sessions/{whole.session.id}/report.pdf")
    assert response.headers["Content-Type"] == "application/pdf"
    assert (await response.read()).startswith(b"%PDF-")


async def test_a_report_shows_the_reference_at_both_moments(server, tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", seconds=3.0)
    made = await server.ready_exercise(clip)
    exercise = await server.app[STORE].exercises.get(server.user.id, made["id"])
    (whole,) = await keep(server, exercise=exercise)
    url = f"/v1/sessions/{whole.session.id}"
    text = await (await fetch(server, f"{url}/report.html")).text()
    assert text.count('src="data:image/jpeg;base64,') == 2
    pdf = await (await fetch(server, f"{url}/report.pdf")).read()
    assert b"/Subtype /Image" in pdf


async def test_a_report_without_its_clip_says_so(server):
    (whole,) = await keep(server)
    text = await (await fetch(server, f"/v1/sessions/{whole.session.id}/report.html")).text()
    assert text.count("The clip of the reference is not available.") == 2


@pytest.mark.parametrize("query", ["language=fr", "utc_offset_min=x"])
async def test_a_report_that_nobody_could_read_is_refused(server, query):
    (whole,) = await keep(server)
    response = await server.client.get(
        f"/v1/sessions/{whole.session.id}/report.pdf?{query}", headers=server.headers
    )
    assert (await problem(response, 422)).startswith(query.partition("=")[0])


@pytest.mark.parametrize("name", ["export.json", "export.csv", "report.html", "report.pdf"])
async def test_nobody_exports_anothers_session(server, name):
    (whole,) = await keep(server)
    ben = await server.add_user("ben")
    for session_id in (whole.session.id, MISSING):
        response = await server.client.get(
            f"/v1/sessions/{session_id}/{name}", headers=server.headers_of(ben)
        )
        assert "no such session" in await problem(response, 404)
    assert await audited(server) == []


# Coaches


@pytest.mark.parametrize("name", ["report.html", "report.pdf"])
async def test_a_coach_gets_a_members_report_and_the_member_sees_that(server, name):
    (whole,) = await keep(server)
    carla = await server.add_user("carla", "coach")
    path = f"/v1/members/{server.user.id}/sessions/{whole.session.id}/{name}"
    response = await server.client.get(path, headers=server.headers_of(carla))
    assert "You coach nobody" in await problem(response, 404)
    await server.app[STORE].coachings.add(carla.id, server.user.id)
    await fetch(server, path, carla)
    assert await audited(server) == [("carla", "results.export", whole.session.id)]


async def test_a_coach_sees_no_private_clip_of_a_member(server, tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", seconds=3.0)
    made = await server.ready_exercise(clip)
    exercise = await server.app[STORE].exercises.get(server.user.id, made["id"])
    (whole,) = await keep(server, exercise=exercise)
    carla = await server.add_user("carla", "coach")
    await server.app[STORE].coachings.add(carla.id, server.user.id)
    path = f"/v1/members/{server.user.id}/sessions/{whole.session.id}/report.html"
    text = await (await fetch(server, path, carla)).text()
    assert "data:image/jpeg" not in text
    assert "anna" in text


async def test_an_imported_session_can_not_be_used_to_see_anothers_clip(server, tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", seconds=3.0)
    made = await server.ready_exercise(clip)
    exercise = await server.app[STORE].exercises.get(server.user.id, made["id"])
    ben = await server.add_user("ben")
    forged = whole_session(ben.id, 1, exercise=exercise)
    forged = replace(forged, session=replace(forged.session, exercise_id=made["id"]))
    await server.app[STORE].sessions.add_whole([forged])  # as if the import had let it in
    path = f"/v1/sessions/{forged.session.id}/report.html"
    assert "data:image/jpeg" not in await (await fetch(server, path, ben)).text()
