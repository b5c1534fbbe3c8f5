import asyncio
import contextlib

import cv2
import numpy as np
import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from videos import sound, stick_figure

from posesim import cli
from posesim.references import Reference
from posesim_server.app import create_app
from posesim_server.config import ServerConfig
from posesim_server.keys import EXERCISES, STORE
from posesim_server.store import Store
from server import MALFORMED_FORMS, WAIT_S, FakeEngine, Server, add_user, problem, running

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4.0)


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data") as server:
        yield server


def files(server):
    """All files but the database and the secrets."""
    return sorted(
        path.relative_to(server.config.data).as_posix()
        for folder in ("references", "uploads")
        for path in (server.config.data / folder).rglob("*")
    )


async def test_an_uploaded_clip_becomes_a_reference(server, clip):
    response = await server.upload(clip, "  Squat   deep ")
    assert response.status == 202
    accepted = await response.json()
    url = f"/v1/exercises/{accepted['id']}"
    assert response.headers["Location"] == url
    assert accepted["state"] == "embedding"
    ready = await server.until(accepted["id"], "ready")
    assert ready.pop("duration_s") == pytest.approx(4.0, abs=0.1)
    assert ready.pop("clip_duration_s") == pytest.approx(4.0, abs=0.1)
    assert ready.pop("created_at").endswith("Z")
    assert ready == {
        "id": accepted["id"],
        "owner": {"id": server.user.id, "name": "anna"},
        "mine": True,
        "name": "Squat deep",
        "description": "",
        "state": "ready",
        "progress": 1.0,
        "error": None,
        "start_s": None,
        "end_s": None,
        "mirrored": False,
        "kind": "repetitions",
        "target": None,
        "visibility": "private",
        "clip_url": f"{url}/clip",
        "thumbnail_url": f"{url}/thumbnail",
    }


async def test_the_reference_is_kept_under_the_name_of_its_content(server, clip):
    exercise = await server.ready_exercise(clip)
    stored = await server.app[STORE].exercises.get(server.user.id, exercise["id"])
    path = await server.app[EXERCISES].files.reference(stored)
    assert path.parent.name == stored.clip_sha256
    assert Reference.load(path).duration_s == pytest.approx(4.0, abs=0.1)


async def test_progress_grows_while_a_clip_is_embedded(tmp_path, clip):
    engine = FakeEngine()
    engine.gate.clear()
    async with running(tmp_path, engine) as server:
        accepted = await (await server.upload(clip)).json()
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
        assert (await server.get(f"/v1/exercises/{accepted['id']}"))["progress"] == 0.0
        embedding, seen = server.app[EXERCISES].embedding, set()
        engine.gate.set()
        exercise = await server.app[STORE].exercises.get(server.user.id, accepted["id"])
        while exercise.state == "embedding":
            seen.add(embedding.progress(exercise))
            exercise = await server.app[STORE].exercises.get(server.user.id, accepted["id"])
        assert len(seen) > 2
        assert all(0 <= progress < 1 for progress in seen)


async def test_the_clip_comes_back_as_it_was_sent_whole_or_in_part(server, clip):
    exercise = await server.ready_exercise(clip)
    response = await server.client.get(exercise["clip_url"], headers=server.headers)
    assert response.status == 200
    assert response.content_type == "video/mp4"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert await response.read() == clip.read_bytes()
    headers = {**server.headers, "Range": "bytes=100-199"}
    response = await server.client.get(exercise["clip_url"], headers=headers)
    assert response.status == 206
    assert await response.read() == clip.read_bytes()[100:200]
    headers = {**server.headers, "Range": "bytes=999999999-"}
    response = await server.client.get(exercise["clip_url"], headers=headers)
    assert response.status == 416


@pytest.mark.parametrize(
    ("suffix", "media_type"), [("webm", "video/webm"), ("avi", "video/x-msvideo")]
)
async def test_a_clip_keeps_its_own_media_type(server, tmp_path, suffix, media_type):
    clip = stick_figure(tmp_path / f"clip.{suffix}", seconds=3.0)
    exercise = await server.ready_exercise(clip)
    response = await server.client.get(exercise["clip_url"], headers=server.headers)
    assert response.content_type == media_type


async def test_the_thumbnail_is_an_upright_picture_of_the_clip(server, tmp_path):
    clip = stick_figure(tmp_path / "turned.mp4", 4.0, size=(320, 240), rotation_deg=90)
    exercise = await server.ready_exercise(clip)
    response = await server.client.get(exercise["thumbnail_url"], headers=server.headers)
    assert response.content_type == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(await response.read(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (320, 240, 3)


async def test_exercises_are_listed_newest_first(server, clip):
    for name in ("first", "second"):
        await server.ready_exercise(clip, name)
    listed = (await server.get("/v1/exercises"))["exercises"]
    assert [exercise["name"] for exercise in listed] == ["second", "first"]


async def test_nobody_reaches_anothers_exercise(server, clip):
    exercise = await server.ready_exercise(clip)
    ben = await server.add_user("ben")
    url = f"/v1/exercises/{exercise['id']}"
    for method, path in [
        ("GET", url),
        ("GET", f"{url}/clip"),
        ("GET", f"{url}/thumbnail"),
        ("GET", f"{url}/frame?at_s=1"),
        ("PATCH", url),
        ("DELETE", url),
    ]:
        body = {"json": {"name": "Mine"}} if method == "PATCH" else {}
        headers = server.headers_of(ben)
        response = await server.client.request(method, path, headers=headers, **body)
        assert "no such exercise" in await problem(response, 404)
    assert (await server.get("/v1/exercises", ben))["exercises"] == []
    assert (await server.get(url))["state"] == "ready"


@pytest.mark.parametrize("name", [MISSING, "x", "1" * 500])
async def test_an_exercise_that_is_not_there_is_not_found(server, name):
    for method in ("GET", "DELETE"):
        response = await server.client.request(
            method, f"/v1/exercises/{name}", headers=server.headers
        )
        assert await problem(response, 404)


async def test_a_deleted_exercise_leaves_no_file(server, clip):
    exercise = await server.ready_exercise(clip)
    url = f"/v1/exercises/{exercise['id']}"
    assert (await server.client.delete(url, headers=server.headers)).status == 204
    assert (await server.client.get(url, headers=server.headers)).status == 404
    assert files(server) == [f"references/{server.user.id}"]


async def test_files_that_another_exercise_needs_survive_its_twin(server, clip):
    one, two = await server.ready_exercise(clip), await server.ready_exercise(clip)
    await server.client.delete(f"/v1/exercises/{one['id']}", headers=server.headers)
    response = await server.client.get(two["clip_url"], headers=server.headers)
    assert await response.read() == clip.read_bytes()


async def test_an_exercise_can_be_deleted_while_it_is_embedded(tmp_path, clip):
    engine = FakeEngine()
    engine.gate.clear()
    async with running(tmp_path, engine) as server:
        first = await (await server.upload(clip, "first")).json()
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
        url = f"/v1/exercises/{first['id']}"
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        engine.gate.set()
        await server.ready_exercise(clip, "second")  # the work goes on with the next one
        assert [e["name"] for e in (await server.get("/v1/exercises"))["exercises"]] == ["second"]


# What is said of a clip


async def send(server, clip, **fields):
    form = FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("clip", await asyncio.to_thread(clip.read_bytes), filename="squat.mp4")
    return await server.client.post("/v1/exercises", data=form, headers=server.headers)


async def test_what_is_said_before_the_clip_is_kept(server, clip):
    about = {"name": "Plank", "description": "Breathe.", "kind": "hold"}
    response = await send(server, clip, **about, target="45", mirrored="true")
    assert response.status == 202, await response.text()
    exercise = await response.json()
    assert {name: exercise[name] for name in about} == about
    assert (exercise["target"], exercise["mirrored"]) == (45, True)
    assert exercise["visibility"] == "private"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "Squat", "target": "many"}, "target"),
        ({"name": "Squat", "target": "0"}, "target"),
        ({"name": "Squat", "kind": "dance"}, "kind"),
        ({"name": "Squat", "mirrored": "perhaps"}, "mirrored"),
        ({"name": "Squat", "description": "x" * 2001}, "description"),
        ({"name": "Squat", "description": "x" * 100_000}, "description"),
        ({"description": "Without a name."}, "name"),
        ({"name": "Squat", "visibility": "everyone"}, "fields"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_the_clip_is_kept(server, clip, fields, named):
    assert named in await problem(await send(server, clip, **fields), 422)
    assert files(server) == []


async def test_two_uploads_of_one_name_at_once_get_two_names(server, clip):
    responses = await asyncio.gather(*(server.upload(clip, "Squat") for _ in range(3)))
    names = [(await response.json())["name"] for response in responses]
    assert sorted(names) == ["Squat", "Squat (2)", "Squat (3)"]


# Bad clips


async def test_a_file_that_is_no_video_is_refused_at_once(server, tmp_path):
    (tmp_path / "notes.mp4").write_text("not a video " * 1000)
    response = await server.upload(tmp_path / "notes.mp4")
    assert "can't be read as video" in await problem(response, 422)
    assert files(server) == []


async def test_sound_alone_is_refused(server, tmp_path):
    response = await server.upload(sound(tmp_path / "sound.mp4"))
    assert "no moving picture" in await problem(response, 422)


async def test_an_empty_file_is_refused(server, tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert "empty" in await problem(await server.upload(tmp_path / "empty.mp4"), 422)


async def test_a_clip_shorter_than_a_window_is_refused(server, tmp_path):
    response = await server.upload(stick_figure(tmp_path / "short.mp4", seconds=1.0))
    assert "too short: it lasts 1.0" in await problem(response, 422)
    assert files(server) == []


async def test_a_clip_above_the_limit_of_time_is_refused(tmp_path, clip):
    async with running(tmp_path, max_clip_s=3.0) as server:
        assert "at most 3 s" in await problem(await server.upload(clip), 422)


async def test_a_clip_that_turns_out_bad_while_it_is_embedded_fails_with_a_sentence(
    server, tmp_path, clip, monkeypatch
):
    # The header promises four seconds, the frames have a hole that leaves no whole window.
    clip = stick_figure(tmp_path / "short.mp4", seconds=2.0)
    monkeypatch.setattr("posesim_server.library.clips.SHORTEST_CLIP_S", 1.0)
    accepted = await (await server.upload(clip)).json()
    failed = await server.until(accepted["id"], "failed")
    assert "too short" in failed["error"]
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": failed["id"]}, headers=server.headers
    )
    assert "too short" in await problem(response, 409)


async def test_an_engine_that_breaks_fails_one_exercise_and_not_the_next(tmp_path, clip):
    class Breaking(FakeEngine):
        broken = True

        def stem(self, streams, chunks, inside):
            if self.broken:
                raise RuntimeError("cosmic ray")
            return super().stem(streams, chunks, inside)

    engine = Breaking()
    async with running(tmp_path, engine) as server:
        accepted = await (await server.upload(clip)).json()
        failed = await server.until(accepted["id"], "failed")
        assert failed["error"].startswith("This clip could not be turned into a reference.")
        engine.broken = False
        await server.ready_exercise(clip)


# Bad uploads


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", "x" * 100_000])
async def test_a_name_that_does_not_fit_is_refused(server, clip, name):
    response = await server.upload(clip, name)
    assert "name of 1 to 80 characters" in await problem(response, 422)
    assert files(server) == []


@pytest.mark.parametrize("fields", [[], ["clip"], ["name"], ["clip", "name"], ["name", "other"]])
async def test_a_form_without_its_fields_in_order_is_refused(server, fields):
    form = FormData(default_to_multipart=True)
    for field in fields:
        form.add_field(field, "x", filename=None if field == "name" else "x.mp4")
    response = await server.client.post("/v1/exercises", data=form, headers=server.headers)
    assert await problem(response, 422)
    assert files(server) == []


@pytest.mark.parametrize(("content_type", "body", "status"), MALFORMED_FORMS)
async def test_a_malformed_upload_is_refused(server, content_type, body, status):
    headers = {**server.headers, "Content-Type": content_type}
    response = await server.client.post("/v1/exercises", data=body, headers=headers)
    assert await problem(response, status)
    assert files(server) == []


def head(server, *lines):
    return "\r\n".join(
        [
            "POST /v1/exercises HTTP/1.1",
            f"Host: {server.client.host}",
            f"Authorization: {server.headers['Authorization']}",
            "Content-Type: multipart/form-data; boundary=x",
            *lines,
            "",
            "",
        ]
    ).encode()


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nSquat\r\n'
    b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
)


@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)])
async def test_two_gigabytes_are_refused_before_they_are_sent(server, expect):
    reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 2000000000", *expect))
    async with asyncio.timeout(WAIT_S):
        status = await reader.readline()
        rest = await reader.read()  # to the end: the server closes the connection
    writer.close()
    await writer.wait_closed()
    assert status.startswith(b"HTTP/1.1 413 ")
    assert b"larger than 200 MB" in rest
    assert files(server) == []


async def test_an_upload_that_expects_to_be_asked_is_asked(server, clip):
    form = FormData()
    form.add_field("name", "Squat")
    form.add_field("clip", clip.read_bytes(), filename="a.mp4")
    response = await server.client.post(
        "/v1/exercises", data=form, headers=server.headers, expect100=True
    )
    assert response.status == 202


async def test_a_body_that_grows_above_the_limit_is_cut_off(tmp_path):
    async with running(tmp_path, max_upload_bytes=1_000_000) as server:

        async def endless():
            yield FORM
            for _ in range(100):
                yield bytes(100_000)

        headers = {**server.headers, "Content-Type": "multipart/form-data; boundary=x"}
        response = await server.client.post("/v1/exercises", data=endless(), headers=headers)
        assert "larger than 1 MB" in await problem(response, 413)
        assert files(server) == []


async def test_an_upload_that_breaks_off_leaves_nothing(server):
    _, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 1000000") + FORM + bytes(300_000))
    await writer.drain()
    await server.until_true(lambda: files(server) != [])
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    await server.until_true(lambda: files(server) == [])
    assert (await server.get("/v1/exercises"))["exercises"] == []


@pytest.mark.parametrize("sent", [FORM[:20], FORM[:80], FORM, FORM + bytes(600_000)])
async def test_an_upload_that_stands_still_is_given_up(server, monkeypatch, sent):
    monkeypatch.setattr("posesim_server.api.multipart.SILENCE_S", 0.05)
    reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 1000000") + sent)
    async with asyncio.timeout(WAIT_S):
        status = await reader.readline()
        assert b"The upload stopped in the middle" in await reader.read()
    writer.close()
    await writer.wait_closed()
    assert status.startswith(b"HTTP/1.1 408 ")
    assert files(server) == []


# Restarts


async def test_what_a_stop_interrupted_is_embedded_at_the_next_start(tmp_path, clip):
    engine = FakeEngine()
    engine.gate.clear()
    async with running(tmp_path, engine) as server:
        accepted = await (await server.upload(clip)).json()
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
    async with running(tmp_path) as server:
        await server.until(accepted["id"], "ready")


async def test_a_clip_that_vanished_meanwhile_fails_with_a_sentence(tmp_path):
    async with running(tmp_path) as server:
        user = server.user
    store = await Store.open(server.config.database)
    exercise = await store.exercises.add(
        user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=4.0
    )
    await store.close()
    async with running(tmp_path) as server:
        failed = await server.until(exercise.id, "failed")
        assert "upload it again" in failed["error"]
        for what in ("clip", "thumbnail"):
            response = await server.client.get(failed[f"{what}_url"], headers=server.headers)
            assert "upload its clip again" in await problem(response, 404)


async def test_leftovers_of_an_upload_are_gone_after_a_restart(tmp_path):
    (tmp_path / "uploads" / "half").mkdir(parents=True)
    (tmp_path / "uploads" / "half" / "clip").write_bytes(b"half a clip")
    async with running(tmp_path) as server:
        assert files(server) == []


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.shares
async def test_the_real_network_makes_a_reference_of_an_upload(tmp_path, weights, clip):
    config = ServerConfig(data=tmp_path, weights=cli.weights_path())
    app = create_app(config)
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        server = Server(client, app, None, config, await add_user(app, "anna"))
        await server.sign_in(server.user)
        user = server.user
        exercise = await server.ready_exercise(clip)
        stored = await app[STORE].exercises.get(user.id, exercise["id"])
        reference = Reference.load(await app[EXERCISES].files.reference(stored))
        assert reference.settings.weights == weights.sha256
        assert np.ptp(reference.features.logits) > 1.0
