"""Consent, everything of a user to take along, and the end of an account."""

import io
import json
import zipfile

import pytest
from videos import stick_figure

from posesim_server import schema
from posesim_server.keys import STORE
from posesim_server.privacy.personal_data import DOWNLOADS, IN_HISTORY, SECRETS, tables_of_users
from server import PASSWORD, problem, running

MARK = "a-very-rare-name"


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data") as server:
        yield server


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=3.2)


async def consents(server):
    return await server.get("/v1/consents")


async def test_what_is_asked_is_there_in_every_language(server):
    for wanted in (await consents(server))["wanted"]:
        assert set(wanted["wording"]) == {"en", "de", "es"}
        assert len(set(wanted["wording"].values())) == 3


async def test_a_consent_is_kept_with_its_words(server):
    body = {"purpose": "recording", "language": "de"}
    response = await server.client.post("/v1/consents", json=body, headers=server.headers)
    given = await response.json()
    assert response.status == 201
    asked = {each["purpose"]: each for each in (await consents(server))["wanted"]}
    assert given["wording"] == asked["recording"]["wording"]["de"]
    assert asked["recording"]["given"]


async def test_consent_that_is_withdrawn_counts_no_more_and_stays_known(server):
    body = {"purpose": "recording", "language": "en"}
    given = await (
        await server.client.post("/v1/consents", json=body, headers=server.headers)
    ).json()
    path = f"/v1/consents/{given['id']}"
    assert (await server.client.delete(path, headers=server.headers)).status == 204
    known = await consents(server)
    assert not {each["purpose"]: each["given"] for each in known["wanted"]}["recording"]
    (kept,) = [each for each in known["given"] if each["id"] == given["id"]]
    assert kept["withdrawn_at"] is not None
    again = await server.client.delete(path, headers=server.headers)
    assert "withdrawn before" in await problem(again, 404)


async def test_nobody_withdraws_for_somebody_else(server):
    other = await server.add_user("berta")
    body = {"purpose": "recording", "language": "en"}
    given = await (
        await server.client.post("/v1/consents", json=body, headers=server.headers)
    ).json()
    response = await server.client.delete(
        f"/v1/consents/{given['id']}", headers=server.headers_of(other)
    )
    assert response.status == 404


async def test_without_consent_no_session_begins(server, clip):
    exercise = await server.ready_exercise(clip)
    (given,) = [e for e in (await consents(server))["given"] if e["purpose"] == "scoring"]
    await server.client.delete(f"/v1/consents/{given['id']}", headers=server.headers)
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
    )
    assert "Allow first that your movements are analysed" in await problem(response, 403)


async def test_without_consent_no_clip_is_kept(server, clip):
    (given,) = [e for e in (await consents(server))["given"] if e["purpose"] == "recording"]
    await server.client.delete(f"/v1/consents/{given['id']}", headers=server.headers)
    response = await server.upload(clip)
    assert "Allow first that your clips are kept" in await problem(response, 403)
    assert list((server.config.data / "uploads").iterdir()) == []


# Everything to take along


async def archive(server):
    response = await server.client.get("/v1/data", headers=server.headers)
    assert response.status == 200
    assert response.content_type == "application/zip"
    return zipfile.ZipFile(io.BytesIO(await response.read()))


async def test_the_archive_holds_the_clips_as_they_were_uploaded(server, clip):
    await server.ready_exercise(clip)
    found = await archive(server)
    (name,) = [name for name in found.namelist() if name.endswith("/clip")]
    assert found.read(name) == clip.read_bytes()


async def test_the_archive_holds_every_row_of_the_user_and_none_of_another(server, clip):
    other = await server.add_user("berta")
    exercise = await server.ready_exercise(clip, name="Squat")
    await server.app[STORE].exercises.add(
        other.id, name="Secret", clip_sha256="1" * 64, clip_type="video/mp4", duration_s=3.0
    )
    data = json.loads((await archive(server)).read("data.json"))
    assert [row["id"] for row in data["exercises"]] == [exercise["id"]]
    assert [row["name"] for row in data["users"]] == ["anna"]


async def test_the_archive_holds_no_proof_that_a_thief_could_use(server):
    data = json.loads((await archive(server)).read("data.json"))
    assert set(data) == {table.name for table in tables_of_users()}
    assert not SECRETS & {name for rows in data.values() for row in rows for name in row}


def test_no_table_with_something_of_a_user_is_forgotten():
    told = {table.name for table in (*tables_of_users(), *IN_HISTORY)}
    assert set(schema.metadata.tables) == told


async def test_the_archive_holds_the_history_in_the_form_that_can_be_read_back(server, clip):
    exercise = await server.ready_exercise(clip)
    sessions = server.app[STORE].sessions
    stored = await server.app[STORE].exercises.get(server.user.id, exercise["id"])
    session = await sessions.add(server.user.id, stored)
    await sessions.end(session.id, "left", None)
    history = (await archive(server)).read("history.json")
    await server.client.delete(f"/v1/sessions/{session.id}/record", headers=server.headers)
    headers = {**server.headers, "Content-Type": "application/json"}
    response = await server.client.post("/v1/import", data=history, headers=headers)
    assert await response.json() == {"imported": 1, "already_here": 0}


async def test_the_archive_leaves_no_file_behind(server):
    await archive(server)
    await server.until_true(lambda: not list((server.config.data / DOWNLOADS).iterdir()))


async def test_an_archive_that_a_killed_server_was_sending_is_gone_after_its_next_start(tmp_path):
    left = tmp_path / "data" / DOWNLOADS / "0123"
    left.mkdir(parents=True)
    (left / "archive.zip").write_bytes(b"health data")
    async with running(tmp_path / "data"):
        assert not left.exists()


# The end of an account


async def delete_account(server, user, **proof):
    return await server.client.post("/v1/data/delete", json=proof, headers=server.headers_of(user))


async def test_a_wrong_password_deletes_nothing(server):
    response = await delete_account(server, server.user, password="something else")
    assert "Nothing was deleted" in await problem(response, 403)
    assert await server.app[STORE].users.get(server.user.id) is not None


async def test_passwords_can_not_be_guessed_by_deleting(server):
    for _ in range(10):
        await delete_account(server, server.user, password="a guess")
    response = await delete_account(server, server.user, password=PASSWORD)
    assert "Too many tries" in await problem(response, 429)


async def test_after_deletion_nothing_of_the_account_is_in_the_data_folder(tmp_path, clip):
    async with running(tmp_path / "data") as server:
        marked = await server.add_user(MARK)
        kept = await server.ready_exercise(clip, name="Kept by anna")
        uploaded = await (await server.upload(clip, f"{MARK} squat", marked)).json()
        await server.until_true(lambda: files_of(server, marked, "reference.npz"))
        store = server.app[STORE]
        session = await store.sessions.add(
            marked.id, await store.exercises.get(marked.id, uploaded["id"])
        )
        await store.sessions.end(session.id, "left", {"note": MARK})
        assert traces(server.config.data, MARK.encode())
        response = await delete_account(server, marked, password=PASSWORD)
        assert response.status == 204, await response.text()
        data = server.config.data
        assert traces(data, MARK.encode()) == []
        # Its id is left in the audit log alone, and belongs to nobody.
        assert files_of(server, marked, "") == []
        gone = await server.client.get("/v1/me", headers=server.headers_of(marked))
        assert gone.status == 401
        assert (await server.get(f"/v1/exercises/{kept['id']}"))["state"] == "ready"


def files_of(server, user, name):
    return list((server.config.data / "references" / user.id).rglob(f"*{name}"))


def traces(folder, text):
    """Every file whose name or content holds the text."""
    return [
        path
        for path in folder.rglob("*")
        if text in path.name.encode() or (path.is_file() and text in path.read_bytes())
    ]
