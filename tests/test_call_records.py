"""What remains of a call: for its two people, whole, and for nobody else anywhere."""

import io
import json
import zipfile
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from histories import whole_session

from posesim_server.api.operation import operations_of
from posesim_server.exports.call_json import CallFile
from posesim_server.keys import STORE
from server import PASSWORD, problem, running

NOBODY = "00000000-0000-4000-8000-000000000000"
GONE = "There is no such call of yours. It may have been deleted."
MARK = "knee-falls-inwards-7f3a"


class Call:
    """A call of carla with anna, who is coached by carla and by carlo; ben is coached by both."""

    def __init__(self, server, carla, carlo, call_id):
        self.server, self.carla, self.carlo, self.id = server, carla, carlo, call_id
        self.anna, self.store = server.user, server.app[STORE]
        self.path = f"/v1/calls/{call_id}"

    async def send(self, method, path, user, body=None):
        headers = self.server.headers_of(user)
        return await self.server.client.request(method, path, json=body, headers=headers)

    async def session(self, seed=1, **values):
        """A session of this call; of `call_id=None`, of none."""
        whole = whole_session(self.anna.id, seed, scores=60)
        of_it = {"call_id": self.id, **values}
        in_call = of_it["call_id"] is not None
        whole = replace(whole, session=replace(whole.session, in_call=in_call, **of_it))
        await self.store.sessions.add_whole([whole])
        return whole

    async def mark(self, user=None, **body):
        body = {"note": MARK, **body}
        return await self.send("POST", f"{self.path}/marks", user or self.carla, body)

    async def correct(self, session, repetitions, user=None):
        path = f"{self.path}/sessions/{session.id}/repetitions"
        return await self.send("PUT", path, user or self.carla, {"repetitions": repetitions})

    async def audited(self):
        entries = await self.store.audit.of_user(self.anna.id, limit=50)
        return [(entry.actor_name, entry.action, entry.object_id) for entry in entries]


@pytest.fixture
async def call(tmp_path):
    async with running(tmp_path / "data") as server:
        carla = await server.add_user("carla", "coach")
        carlo = await server.add_user("carlo", "coach")
        store = server.app[STORE]
        made, token = await store.calls.add(
            carla.id, title="Knee", starts_at=None, lifetime=timedelta(days=7)
        )
        await store.calls.accept(token, server.user.id)
        for coach in (carla, carlo):
            await store.coachings.add(coach.id, server.user.id)
        yield Call(server, carla, carlo, made.id)


# One record for both


async def test_both_see_sessions_marks_and_notes(call):
    first = await call.session(1)
    at = first.session.created_at + timedelta(minutes=5)
    second = await call.session(2, created_at=at)
    await call.session(3, call_id=None)
    await call.mark(session_id=second.session.id, t_s=12.5)
    await call.send("PATCH", call.path, call.carla, {"notes": "Twice a day."})
    seen = await call.server.get(f"{call.path}/record", call.carla)
    mine = await call.server.get(f"{call.path}/record")
    assert [one["id"] for one in seen["sessions"]] == [first.session.id, second.session.id]
    (mark,) = seen["marks"]
    assert (mark["note"], mark["session_id"], mark["t_s"]) == (MARK, second.session.id, 12.5)
    assert seen["call"]["notes"] == "Twice a day."
    assert (seen["call"]["role"], mine["call"]["role"]) == ("coach", "member")
    assert (mine["sessions"], mine["marks"]) == (seen["sessions"], seen["marks"])


async def test_both_see_what_was_said_in_a_session(call):
    whole = await call.session()
    path = f"{call.path}/sessions/{whole.session.id}/record"
    seen = await call.server.get(path, call.carla)
    assert len(seen["scores"]) == len(whole.parts.scores)
    assert seen["session"]["call_id"] == call.id
    assert seen == await call.server.get(path)
    assert seen == await call.server.get(f"/v1/sessions/{whole.session.id}/record")


async def test_a_session_of_no_call_or_of_another_is_not_in_it(call):
    alone = await call.session(1, call_id=None)
    other, token = await call.store.calls.add(
        call.carla.id, title="Hip", starts_at=None, lifetime=timedelta(days=1)
    )
    await call.store.calls.accept(token, call.anna.id)
    elsewhere = await call.session(2, call_id=other.id)
    for session in (alone.session, elsewhere.session):
        path = f"{call.path}/sessions/{session.id}"
        response = await call.send("GET", f"{path}/record", call.carla)
        assert await problem(response, 404) == "This call has no such session."
        assert await problem(await call.correct(session, 3), 404)
        assert await problem(await call.mark(session_id=session.id), 404)


async def test_looks_of_the_coach_are_written_down_and_the_member_s_own_are_not(call):
    whole = await call.session()
    session_path = f"{call.path}/sessions/{whole.session.id}/record"
    for path in (f"{call.path}/record", session_path):
        await call.server.get(path)
    assert await call.audited() == []
    for path in (f"{call.path}/record", session_path):
        await call.server.get(path, call.carla)
    assert await call.audited() == [
        ("carla", "results.read", whole.session.id),
        ("carla", "results.read", call.id),
    ]


async def test_a_call_that_nobody_joined_has_an_empty_record(call):
    made = await (await call.send("POST", "/v1/calls", call.carla, {"title": "New"})).json()
    path = f"/v1/calls/{made['call']['id']}"
    seen = await call.server.get(f"{path}/record", call.carla)
    assert (seen["sessions"], seen["marks"]) == ([], [])
    for name in ("record.json", "report.html", "report.pdf"):
        assert (await call.send("GET", f"{path}/{name}", call.carla)).status == 200


# What the coach adds, also after the end


async def test_a_coach_marks_and_unmarks_after_the_end_and_the_member_is_told(call):
    whole = await call.session()
    await call.store.calls.end(call.id)
    response = await call.mark(session_id=whole.session.id.upper(), t_s=3)
    assert response.status == 201
    mark = await response.json()
    assert (await call.audited())[0] == ("carla", "call.changed", call.id)
    path = f"{call.path}/marks/{mark['id']}"
    assert (await call.send("DELETE", path, call.carla)).status == 204
    assert await problem(await call.send("DELETE", path, call.carla), 404)
    assert (await call.server.get(f"{call.path}/record"))["marks"] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"note": " "}, "note: Write what is to be remembered."),
        ({"note": "x" * 501}, "note: String should have at most 500 characters."),
        ({"note": "x", "t_s": 1}, "Say with session_id of which session t_s is."),
        ({"note": "x", "session_id": "x", "t_s": -1}, "t_s: Input should be greater than or"),
        ({"note": "x", "at": "2026-11-25T17:30:00Z"}, "at: Extra inputs are not permitted."),
    ],
)
async def test_a_mark_that_makes_no_sense_is_a_sentence(call, body, sentence):
    assert sentence in await problem(await call.mark(**body), 422)


async def test_marks_have_an_end(call, monkeypatch):
    monkeypatch.setattr("posesim_server.store.calls.MOST_MARKS", 1)
    assert (await call.mark()).status == 201
    assert "at most 1 marks" in await problem(await call.mark(), 409)


async def test_a_corrected_count_is_kept_beside_the_server_s_own(call):
    whole = await call.session()
    counted = whole.session.summary["repetitions"]
    response = await call.correct(whole.session, 12)
    assert response.status == 200
    session = await response.json()
    assert session["corrected_repetitions"] == 12
    assert session["summary"]["repetitions"] == counted
    mine = await call.server.get(f"/v1/sessions/{whole.session.id}")
    assert (mine["corrected_repetitions"], mine["call_id"], mine["in_call"]) == (12, call.id, True)
    assert ("carla", "call.corrected", whole.session.id) in await call.audited()
    assert (await (await call.correct(whole.session, None)).json())["corrected_repetitions"] is None


@pytest.mark.parametrize("repetitions", [-1, 10_000, "x", 1.5])
async def test_a_count_that_makes_no_sense_is_refused(call, repetitions):
    whole = await call.session()
    response = await call.correct(whole.session, repetitions)
    assert "repetitions: " in await problem(response, 422)


async def test_a_member_adds_nothing_and_corrects_nothing(call):
    whole = await call.session()
    assert await problem(await call.mark(call.anna), 403)
    assert await problem(await call.correct(whole.session, 99, call.anna), 403)


async def test_a_member_who_is_a_coach_elsewhere_adds_nothing_either(call):
    made, token = await call.store.calls.add(
        call.carla.id, title="Hip", starts_at=None, lifetime=timedelta(days=1)
    )
    await call.store.calls.accept(token, call.carlo.id)
    path = f"/v1/calls/{made.id}"
    for method, rest, body in (
        ("POST", "/marks", {"note": "x"}),
        ("DELETE", f"/marks/{NOBODY}", None),
        ("PUT", f"/sessions/{NOBODY}/repetitions", {"repetitions": 1}),
        ("PATCH", "", {"title": "x"}),
    ):
        response = await call.send(method, f"{path}{rest}", call.carlo, body)
        assert await problem(response, 404) == GONE


# Nobody else


def of_calls(server):
    """Every operation of one call, each with a body that it would take; also other modules'."""
    bodies = {
        "change_call": {"title": "Mine"},
        "add_mark": {"note": "x"},
        "correct_repetitions": {"repetitions": 3},
    }
    for operation in operations_of(server.app):
        if operation.path.startswith("/v1/calls/{id}"):
            yield operation, bodies[operation.name] if operation.body else None


@pytest.mark.parametrize("who", ["coach of the member", "coach of nobody", "admin", "member"])
async def test_another_s_call_is_not_there_in_any_operation(call, who):
    whole = await call.session()
    mark = await (await call.mark()).json()
    user = {
        "coach of the member": lambda: call.carlo,
        "coach of nobody": lambda: call.server.add_user("dora", "coach"),
        "admin": lambda: call.server.add_user("adam", "admin"),
        "member": lambda: call.server.add_user("ben"),
    }[who]()
    user = user if user is call.carlo else await user
    tried = 0
    for operation, body in of_calls(call.server):
        path = operation.path.replace("{id}", call.id)
        path = path.replace("{session}", whole.session.id).replace("{mark}", mark["id"])
        response = await call.send(operation.method, path, user, body)
        if operation.access == "coach" and user.role == "member":
            assert "Only a coach" in await problem(response, 403), path
        elif not path.endswith("/socket"):  # which says what it wants before it looks
            assert await problem(response, 404) == GONE, path
        tried += 1
    assert tried >= 11
    assert (await call.server.get(call.path))["title"] == "Knee"


@pytest.mark.parametrize("which", ["carla", "carlo"])
async def test_coaches_of_the_member_see_nothing_of_it_outside_the_call(call, which):
    """Neither another coach nor the very coach of the call, who sees it through the call."""
    coach = getattr(call, which)
    at = datetime.now(UTC) - timedelta(hours=1)
    alone = await call.session(1, call_id=None, created_at=at, started_at=at)
    hidden = await call.session(2, created_at=at, started_at=at + timedelta(minutes=1))
    member = f"/v1/members/{call.anna.id}"
    listed = (await call.server.get(f"{member}/sessions", coach))["sessions"]
    assert [one["id"] for one in listed] == [alone.session.id]
    (glance,) = (await call.server.get("/v1/members", coach))["members"]
    assert glance["sessions_7d"] == 1
    assert datetime.fromisoformat(glance["last_session_at"]) == at
    progress = await call.server.get(f"{member}/progress", coach)
    assert progress["weeks"][-1]["sessions"] == 1
    assert (await call.server.get("/v1/progress"))["weeks"][-1]["sessions"] == 2
    for rest in ("record", "report.html", "report.pdf"):
        path = f"{member}/sessions/{hidden.session.id}/{rest}"
        assert await problem(await call.send("GET", path, coach), 404)
        path = f"{member}/sessions/{alone.session.id}/{rest}"
        assert (await call.send("GET", path, coach)).status == 200


async def test_a_call_shows_its_coach_nothing_else_of_the_member(call):
    await call.session(1)
    alone = await call.session(2, call_id=None)
    await call.store.coachings.remove(call.carla.id, call.anna.id)
    assert (await call.send("GET", f"{call.path}/record", call.carla)).status == 200
    assert (await call.server.get("/v1/members", call.carla))["members"] == []
    path = f"/v1/members/{call.anna.id}/sessions"
    assert await problem(await call.send("GET", path, call.carla), 404)
    for path in (f"/v1/sessions/{alone.session.id}", f"/v1/sessions/{alone.session.id}/record"):
        assert await problem(await call.send("GET", path, call.carla), 404)


async def test_after_a_member_deletes_the_call_the_coach_sees_nothing_any_more(call):
    whole = await call.session()
    assert (await call.send("DELETE", call.path, call.anna)).status == 204
    path = f"{call.path}/sessions/{whole.session.id}/record"
    assert await problem(await call.send("GET", path, call.carla), 404) == GONE
    mine = await call.server.get(f"/v1/sessions/{whole.session.id}")
    assert (mine["call_id"], mine["in_call"]) == (None, True)
    listed = await call.server.get(f"/v1/members/{call.anna.id}/sessions", call.carla)
    assert listed["sessions"] == []


# Files


async def test_a_call_as_a_file_holds_everything(call):
    whole = await call.session(corrected_repetitions=12)
    await call.send("PATCH", call.path, call.carla, {"notes": "Twice a day."})
    await call.mark(session_id=whole.session.id, t_s=2.5)
    for user in (call.carla, call.anna):
        response = await call.send("GET", f"{call.path}/record.json", user)
        assert response.status == 200
        assert response.headers["Content-Disposition"].startswith(
            'attachment; filename="posesim-call-'
        )
        document = CallFile.model_validate_json(await response.read())
        assert (document.call.title, document.call.notes) == ("Knee", "Twice a day.")
        assert (document.call.coach_name, document.call.member_name) == ("carla", "anna")
        (mark,) = document.marks
        assert (mark.note, mark.session_id, mark.t_s) == (MARK, whole.session.id, 2.5)
        (session,) = document.sessions
        assert (session.corrected_repetitions, session.in_call) == (12, True)
        assert len(session.scores) == len(whole.parts.scores)
        assert [each.number for each in session.repetitions] == [
            each.number for each in whole.parts.repetitions
        ]
    assert [entry for entry in await call.audited() if entry[1] == "results.export"] == [
        ("anna", "results.export", call.id),
        ("carla", "results.export", call.id),
    ]


async def test_a_session_that_runs_is_in_the_record_and_in_no_file(call):
    session = await call.store.sessions.add_demonstrated(call.anna.id, "Shown", call_id=call.id)
    record = await call.server.get(f"{call.path}/record", call.carla)
    assert [one["id"] for one in record["sessions"]] == [session.id]
    response = await call.send("GET", f"{call.path}/record.json", call.carla)
    assert (await response.json())["sessions"] == []


@pytest.mark.parametrize("language", ["en", "de", "es"])
async def test_a_report_of_a_call_is_made_in_each_language(call, language):
    words = {"en": "12 (counted ", "de": "12 (gezählt ", "es": "12 (contadas "}[language]
    whole = await call.session(corrected_repetitions=12)
    await call.mark(session_id=whole.session.id, t_s=72.5)
    path = f"{call.path}/report"
    query = f"language={language}&utc_offset_min=60"
    page = await call.send("GET", f"{path}.html?{query}", call.carla)
    text = await page.text()
    assert f'<html lang="{language}">' in text
    assert f"{words}{whole.session.summary['repetitions']}" in text
    assert f"1:12: {MARK}" in text
    assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'; sandbox")
    document = await call.send("GET", f"{path}.pdf?{query}", call.anna)
    assert document.content_type == "application/pdf"
    assert (await document.read()).startswith(b"%PDF-")


async def test_a_history_keeps_that_it_was_in_a_call_wherever_it_goes(call):
    whole = await call.session(corrected_repetitions=12)
    raw = await (await call.send("GET", "/v1/export/history.json", call.anna)).read()
    ben = await call.server.add_user("ben")
    await call.store.coachings.add(call.carlo.id, ben.id)
    headers = {**call.server.headers_of(ben), "Content-Type": "application/json"}
    response = await call.server.client.post("/v1/import", data=raw, headers=headers)
    assert response.status == 201, await response.text()
    (mine,) = (await call.server.get("/v1/sessions", ben))["sessions"]
    assert (mine["in_call"], mine["call_id"], mine["corrected_repetitions"]) == (True, None, 12)
    listed = await call.server.get(f"/v1/members/{ben.id}/sessions", call.carlo)
    assert listed["sessions"] == []
    again = await (await call.send("GET", "/v1/export/history.json", ben)).json()
    before = json.loads(raw)
    for document in (again, before):
        del document["sessions"][0]["id"]
    assert again["sessions"] == before["sessions"]
    assert whole.session.corrected_repetitions == 12


async def test_an_export_of_before_calls_can_be_imported(call):
    whole = await call.session(call_id=None)
    raw = await (await call.send("GET", "/v1/export/history.json", call.anna)).json()
    for name in ("in_call", "corrected_repetitions"):
        del raw["sessions"][0][name]
    ben = await call.server.add_user("ben")
    response = await call.send("POST", "/v1/import", ben, raw)
    assert response.status == 201
    (mine,) = (await call.server.get("/v1/sessions", ben))["sessions"]
    assert (mine["in_call"], mine["corrected_repetitions"]) == (False, None)
    assert whole.session.summary == mine["summary"]


# What is handed out, and what is forgotten


async def test_the_archive_of_each_holds_the_call(call):
    whole = await call.session()
    await call.mark(session_id=whole.session.id)
    for user in (call.anna, call.carla):
        response = await call.send("GET", "/v1/data", user)
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
        data = json.loads(archive.read("data.json"))
        assert [row["id"] for row in data["calls"]] == [call.id]
        assert "token_sha256" not in data["calls"][0]
        assert [row["note"] for row in data["call_marks"]] == [MARK]
        assert len(data["sessions"]) == (user is call.anna)
    response = await call.send("GET", "/v1/data", call.carlo)
    data = json.loads(zipfile.ZipFile(io.BytesIO(await response.read())).read("data.json"))
    assert (data["calls"], data["call_marks"]) == ([], [])


async def test_with_the_member_s_account_nothing_of_the_call_remains(call):
    whole = await call.session()
    await call.mark(session_id=whole.session.id)
    await call.send("PATCH", call.path, call.carla, {"title": MARK, "notes": MARK})
    response = await call.send("POST", "/v1/data/delete", call.anna, {"password": PASSWORD})
    assert response.status == 204, await response.text()
    assert (await call.server.get("/v1/calls", call.carla))["calls"] == []
    files = [path for path in call.server.config.data.rglob("*") if path.is_file()]
    assert not any(MARK.encode() in path.read_bytes() for path in files)


async def test_with_the_coach_s_account_marks_and_notes_go_and_sessions_stay(call):
    whole = await call.session()
    await call.mark(session_id=whole.session.id)
    response = await call.send("POST", "/v1/data/delete", call.carla, {"password": PASSWORD})
    assert response.status == 204, await response.text()
    assert (await call.server.get("/v1/calls"))["calls"] == []
    mine = await call.server.get(f"/v1/sessions/{whole.session.id}")
    assert (mine["call_id"], mine["in_call"]) == (None, True)
    files = [path for path in call.server.config.data.rglob("*") if path.is_file()]
    assert not any(MARK.encode() in path.read_bytes() for path in files)
    kept = await call.store.sessions.whole(call.anna.id, whole.session.id)
    assert asdict(kept.parts) == asdict(whole.parts)
