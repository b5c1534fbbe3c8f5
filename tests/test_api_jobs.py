"""Offline comparison over HTTP: sent, followed, cancelled, resumed; and what is left of it."""

import asyncio
import contextlib
import json
import re
import sqlite3
from pathlib import Path

import pytest
from aiohttp import FormData
from videos import sound, stick_figure

from posesim import Embedder, Reference, compare
from posesim_server import uploads
from posesim_server.api import jobs as jobs_api
from posesim_server.api import multipart
from posesim_server.background import job_progress, jobs
from posesim_server.keys import EXERCISES, JOBS, STORE
from posesim_server.privacy.deletion import erase
from posesim_server.store import Store
from server import (
    MALFORMED_FORMS,
    PASSWORD,
    WAIT_S,
    FakeEngine,
    Server,
    fake_network,
    problem,
    running,
)

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4.0)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "me at home.mp4"
    return stick_figure(path, seconds=5.0, cycle_s=2.5)


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data") as server:
        yield server


def form(*fields: tuple[str, str | Path]) -> FormData:
    data = FormData(default_to_multipart=True, quote_fields=False)  # as browsers do
    for name, value in fields:
        if isinstance(value, Path):
            data.add_field(name, value.read_bytes(), filename=value.name)
        else:
            data.add_field(name, value)
    return data


async def send(server: Server, *fields: tuple[str, str | Path], user=None):
    headers = server.headers_of(user or server.user)
    return await server.client.post("/predict", data=form(*fields), headers=headers)


async def sent(server: Server, *fields: tuple[str, str | Path], user=None):
    response = await send(server, *fields, user=user)
    assert response.status == 202, await response.text()
    return await response.json()


async def over(server: Server, job_id: str, user=None):
    """The job when it is over, as its last event says."""
    headers = server.headers_of(user or server.user)
    async with server.client.get(f"/v1/jobs/{job_id}/events", headers=headers) as response:
        *_, last = parse((await response.read()).decode())
    return json.loads(last["data"])


def parse(stream: str) -> list[dict[str, str]]:
    """Read a whole event stream as a browser does (HTML standard, 9.2.6)."""
    events, fields = [], {}
    for line in stream.split("\n"):
        if line == "":
            if "data" in fields:
                events.append(fields)
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
    return events


def files(server: Server) -> list[str]:
    folder = server.config.data / "jobs"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@contextlib.asynccontextmanager
async def held_up(tmp_path, **options):
    """A server whose engine waits at its gate."""
    engine = FakeEngine()
    engine.gate.clear()
    async with running(tmp_path / "data", engine, **options) as server:
        yield server


async def reached(server: Server) -> None:
    assert await asyncio.to_thread(server.engine.reached.wait, WAIT_S)


# What comes of it


async def test_two_videos_are_compared_as_the_library_does(server, clip, video):
    job = await sent(server, ("reference", clip), ("video", video))
    done = await over(server, job["id"])
    assert done["state"] == "done"
    embedder = Embedder(fake_network(FakeEngine()))
    expected = compare(video, Reference.from_video(clip, embedder), embedder).as_json()
    assert done["result"].pop("frames_per_second") > 0
    expected.pop("frames_per_second")
    assert done["result"] == json.loads(json.dumps(expected))


async def test_a_video_is_compared_with_an_exercise(server, clip, video):
    exercise = await server.ready_exercise(clip, "Squat")
    job = await sent(server, ("video", video), ("reference_id", exercise["id"]))
    assert job["exercise_id"] == exercise["id"]
    assert job["reference_name"] == "Squat"
    done = await over(server, job["id"])
    stored = await server.app[STORE].exercises.get(server.user.id, exercise["id"])
    reference = Reference.load(await server.app[EXERCISES].files.reference(stored))
    embedder = Embedder(fake_network(FakeEngine()))
    expected = compare(video, reference, embedder).as_json()
    assert done["result"] | {"frames_per_second": 0} == json.loads(
        json.dumps(expected | {"frames_per_second": 0})
    )


async def test_a_new_job_says_what_was_sent(server, clip, video):
    response = await send(server, ("reference", clip), ("video", video))
    job = await response.json()
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    assert job.pop("created_at").endswith("Z")
    assert job == {
        "id": job["id"],
        "state": "queued",
        "progress": 0.0,
        "stage": None,
        "video_name": "me at home.mp4",
        "reference_name": "squat",
        "exercise_id": None,
        "started_at": None,
        "ended_at": None,
        "error": None,
        "session_id": None,
        "result": None,
    }


async def test_a_job_that_is_done_is_a_session_in_the_history(server, clip, video):
    exercise = await server.ready_exercise(clip, "Squat")
    job = await sent(server, ("reference_id", exercise["id"]), ("video", video))
    done = await over(server, job["id"])
    session = await server.get(f"/v1/sessions/{done['session_id']}")
    assert session["source"] == "file"
    assert session["state"] == "ended"
    assert session["exercise_id"] == exercise["id"]
    assert session["summary"]["duration_s"] == pytest.approx(
        done["result"]["duration_s"], abs=0.0001
    )


async def test_jobs_are_listed_newest_first_without_their_results(server, clip, video):
    first = await sent(server, ("reference", clip), ("video", video))
    second = await sent(server, ("reference", clip), ("video", clip))
    await over(server, first["id"])
    await over(server, second["id"])
    listed = (await server.get("/v1/jobs"))["jobs"]
    assert [(job["id"], job["state"], job["result"]) for job in listed] == [
        (second["id"], "done", None),
        (first["id"], "done", None),
    ]
    assert len((await server.get("/v1/jobs?limit=1"))["jobs"]) == 1


async def test_a_job_that_is_done_shows_its_result_until_it_is_removed(server, clip, video):
    job = await sent(server, ("reference", clip), ("video", video))
    done = await over(server, job["id"])
    url = f"/v1/jobs/{job['id']}"
    shown = await server.get(url)
    assert shown == done
    assert shown["progress"] == 1.0
    response = await server.client.delete(url, headers=server.headers)
    assert response.status == 204
    response = await server.client.get(url, headers=server.headers)
    assert "no such job" in await problem(response, 404)
    assert await server.get(f"/v1/sessions/{done['session_id']}")


async def test_an_exercise_that_is_deleted_meanwhile_is_compared_with_as_it_was(
    tmp_path, clip, video
):
    async with running(tmp_path / "data") as server:
        exercise = await server.ready_exercise(clip, "Squat")
        server.engine.gate.clear()
        server.engine.reached.clear()
        job = await sent(server, ("video", video), ("reference_id", exercise["id"]))
        await reached(server)
        url = f"/v1/exercises/{exercise['id']}"
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        server.engine.gate.set()
        done = await over(server, job["id"])
        assert done["state"] == "done"
        session = await server.get(f"/v1/sessions/{done['session_id']}")
        assert (session["exercise_id"], session["exercise_name"]) == (None, "Squat")


# What is left of it


async def test_the_videos_are_there_while_the_job_is_not_over_and_no_longer(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        assert set(files(server)) >= {job["id"], f"{job['id']}/video", f"{job['id']}/reference"}
        assert (server.config.data / "jobs" / job["id"]).stat().st_mode & 0o077 == 0
        server.engine.gate.set()
        await over(server, job["id"])
        assert files(server) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("text", "'video' can't be read as video"),
        ("empty", "'video' can't be read as video"),
        ("sound", "no moving picture"),
    ],
)
async def test_a_bad_video_fails_with_a_sentence_and_leaves_nothing(
    server, clip, tmp_path, bad, sentence
):
    path = tmp_path / "me.mp4"
    if bad == "sound":
        sound(path)
    else:
        path.write_text("no video " * 1000 if bad == "text" else "")
    job = await sent(server, ("reference", clip), ("video", path))
    failed = await over(server, job["id"])
    assert failed["state"] == "failed"
    assert sentence in failed["error"]
    assert failed["result"] is None
    assert failed["session_id"] is None
    assert files(server) == []
    assert (await server.get("/v1/sessions"))["sessions"] == []


async def test_a_bad_reference_fails_with_a_sentence(server, tmp_path, video):
    short = stick_figure(tmp_path / "short.mp4", seconds=1.0)
    job = await sent(server, ("reference", short), ("video", video))
    failed = await over(server, job["id"])
    assert failed["state"] == "failed"
    assert "'reference' is too short" in failed["error"]


async def test_a_video_and_a_reference_may_last_as_long_as_the_operator_says(tmp_path, clip, video):
    async with running(tmp_path / "data", max_video_s=4.5, max_clip_s=4.5) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        assert "at most 4.5 s" in (await over(server, job["id"]))["error"]
        job = await sent(server, ("reference", video), ("video", clip))
        assert "at most 4.5 s" in (await over(server, job["id"]))["error"]
        assert files(server) == []


async def test_an_engine_that_breaks_fails_one_job_and_not_the_next(tmp_path, clip, video):
    class Breaking(FakeEngine):
        broken = True

        def stem(self, streams, chunks, inside):
            if self.broken:
                raise RuntimeError("cosmic ray")
            return super().stem(streams, chunks, inside)

    engine = Breaking()
    async with running(tmp_path / "data", engine) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        failed = await over(server, job["id"])
        assert failed["error"].startswith("This video could not be compared.")
        engine.broken = False
        job = await sent(server, ("reference", clip), ("video", video))
        assert (await over(server, job["id"]))["state"] == "done"


async def test_a_job_that_takes_too_long_is_given_up(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(jobs, "LONGEST_WORK_S", 0.0)
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        failed = await over(server, job["id"])
        assert "took too long" in failed["error"]
        assert files(server) == []


# Cancelling


async def test_a_job_that_runs_is_cancelled_at_once_and_the_next_begins(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        first = await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        second = await sent(server, ("reference", clip), ("video", video))
        url = f"/v1/jobs/{first['id']}"
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        assert (await server.get(url))["state"] == "cancelled"
        assert not any(name.startswith(first["id"]) for name in files(server))
        server.engine.gate.set()
        assert (await over(server, second["id"]))["state"] == "done"
        assert files(server) == []
        assert len((await server.get("/v1/sessions"))["sessions"]) == 1


async def test_a_job_that_waits_is_cancelled(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        first = await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        second = await sent(server, ("reference", clip), ("video", video))
        url = f"/v1/jobs/{second['id']}"
        assert (await server.client.delete(url, headers=server.headers)).status == 204
        assert not any(name.startswith(second["id"]) for name in files(server))
        assert (await over(server, second["id"]))["state"] == "cancelled"
        server.engine.gate.set()
        assert (await over(server, first["id"]))["state"] == "done"


# Who may


async def test_nobody_reaches_anothers_job(server, clip, video):
    job = await sent(server, ("reference", clip), ("video", video))
    ben = await server.add_user("ben")
    url = f"/v1/jobs/{job['id']}"
    for method, path in [("GET", url), ("GET", f"{url}/events"), ("DELETE", url)]:
        response = await server.client.request(method, path, headers=server.headers_of(ben))
        assert "no such job" in await problem(response, 404)
    assert (await server.get("/v1/jobs", ben))["jobs"] == []
    assert (await over(server, job["id"]))["state"] == "done"


@pytest.mark.parametrize("name", [MISSING, "x", "1" * 500])
async def test_a_job_that_is_not_there_is_not_found(server, name):
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/events")]:
        response = await server.client.request(
            method, f"/v1/jobs/{name}{path}", headers=server.headers
        )
        assert await problem(response, 404)


async def test_an_exercise_that_one_may_not_see_is_not_compared_with(server, clip, video):
    exercise = await server.ready_exercise(clip)
    ben = await server.add_user("ben")
    for reference_id in (exercise["id"], MISSING, "x", ""):
        response = await send(server, ("reference_id", reference_id), ("video", video), user=ben)
        assert "no such exercise" in await problem(response, 404)
    assert files(server) == []


async def test_an_exercise_that_is_not_ready_is_not_compared_with(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        exercise = await (await server.upload(clip)).json()
        response = await send(server, ("reference_id", exercise["id"]), ("video", video))
        assert "still being prepared" in await problem(response, 409)
        assert files(server) == []


async def test_only_who_is_signed_in_may_send(server, clip, video):
    response = await server.client.post(
        "/predict", data=form(("reference", clip), ("video", video))
    )
    assert "Sign in first" in await problem(response, 401)


async def withdraw(server: Server, purpose: str) -> None:
    for consent in (await server.get("/v1/consents"))["given"]:
        if consent["purpose"] == purpose:
            url = f"/v1/consents/{consent['id']}"
            assert (await server.client.delete(url, headers=server.headers)).status == 204


async def test_who_has_not_allowed_it_is_not_compared(server, clip, video):
    await withdraw(server, "scoring")
    response = await send(server, ("reference", clip), ("video", video))
    assert "Allow first" in await problem(response, 403)


async def test_a_withdrawn_consent_ends_what_waits_and_runs(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        sent_jobs = [await sent(server, ("reference", clip), ("video", video)) for _ in range(2)]
        await reached(server)
        await withdraw(server, "scoring")
        assert files(server) == []
        for job in sent_jobs:
            assert (await server.get(f"/v1/jobs/{job['id']}"))["state"] == "cancelled"


async def test_a_deleted_account_leaves_no_video(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        ben = await server.add_user("ben")
        for _ in range(2):
            await sent(server, ("reference", clip), ("video", video), user=ben)
        await reached(server)
        response = await server.client.post(
            "/v1/data/delete", json={"password": PASSWORD}, headers=server.headers_of(ben)
        )
        assert response.status == 204
        assert files(server) == []
        job = await sent(server, ("reference", clip), ("video", video))
        server.engine.gate.set()
        assert (await over(server, job["id"]))["state"] == "done"


# Limits


async def test_only_so_many_videos_of_a_user_may_wait(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_WAITING", 2)
    async with held_up(tmp_path) as server:
        first = await sent(server, ("reference", clip), ("video", video))
        await sent(server, ("reference", clip), ("video", video))
        response = await send(server, ("reference", clip), ("video", video))
        assert response.headers["Retry-After"] == "60"
        assert "2 of your videos wait already" in await problem(response, 429)
        ben = await server.add_user("ben")
        await sent(server, ("reference", clip), ("video", video), user=ben)
        await server.client.delete(f"/v1/jobs/{first['id']}", headers=server.headers)
        await sent(server, ("reference", clip), ("video", video))


async def test_videos_that_are_still_being_sent_count_too(server, clip, video, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    _, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 1000000") + FORM + bytes(300_000))
    await writer.drain()
    await server.until_true(lambda: files(server) != [])
    response = await send(server, ("reference", clip), ("video", video))
    assert await problem(response, 429)
    await hang_up(writer)
    await server.until_true(lambda: files(server) == [])
    await sent(server, ("reference", clip), ("video", video))


async def test_of_jobs_that_are_over_the_oldest_are_forgotten(server, clip, video, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_KEPT", 1)
    kept = []
    for _ in range(3):
        job = await sent(server, ("reference", clip), ("video", video))
        await over(server, job["id"])
        kept.append(job["id"])
    listed = (await server.get("/v1/jobs"))["jobs"]
    assert [job["id"] for job in listed] == [kept[2], kept[1]]


async def test_a_body_above_the_limit_is_refused_before_it_is_sent(server):
    reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 2000000000", "Expect: 100-continue"))
    async with asyncio.timeout(WAIT_S):
        status = await reader.readline()
        assert b"larger than 200 MB" in await reader.read()
    await hang_up(writer)
    assert status.startswith(b"HTTP/1.1 413 ")


async def test_a_file_that_grows_above_the_limit_is_cut_off(tmp_path):
    async with running(tmp_path / "data", max_upload_bytes=1_000_000) as server:

        async def endless():
            yield FORM
            for _ in range(100):
                yield bytes(100_000)

        headers = {**server.headers, "Content-Type": "multipart/form-data; boundary=x"}
        response = await server.client.post("/predict", data=endless(), headers=headers)
        assert "larger than 1 MB" in await problem(response, 413)
        assert files(server) == []


async def test_a_full_disk_is_a_sentence_and_leaves_nothing(server, clip, video, monkeypatch):
    def full(file, chunk, folder):
        with uploads.full_disk(), Path("/dev/full").open("wb", buffering=0) as device:
            device.write(chunk)

    monkeypatch.setattr(uploads, "append", full)
    response = await send(server, ("reference", clip), ("video", video))
    assert "no room left on this server's disk" in await problem(response, 507)
    assert files(server) == []
    assert (await server.get("/v1/jobs"))["jobs"] == []


async def test_a_disk_that_is_about_to_be_full_takes_nothing(server, clip, video, monkeypatch):
    monkeypatch.setattr(uploads, "LEAST_FREE_BYTES", 10**18)
    response = await send(server, ("reference", clip), ("video", video))
    assert await problem(response, 507)
    assert files(server) == []


# Bad forms


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ([], "Send what to compare with once"),
        (["video"], "Send what to compare with once"),
        (["reference"], "Send the video as the field video"),
        (["reference", "reference"], "each of the fields .* at most once"),
        (["video", "video"], "each of the fields .* at most once"),
        (["video", "other"], "each of the fields .* at most once"),
    ],
)
async def test_a_form_without_its_fields_is_refused(server, clip, fields, sentence):
    response = await send(server, *((name, clip) for name in fields))
    assert re.search(sentence, await problem(response, 422))
    assert files(server) == []


async def test_an_exercise_and_a_video_can_not_both_be_compared_with(server, clip):
    exercise = await server.ready_exercise(clip)
    both = [("reference", clip), ("reference_id", exercise["id"])]
    for fields in (both, both[::-1]):
        response = await send(server, *fields, ("video", clip))
        assert "Send what to compare with once" in await problem(response, 422)
    assert files(server) == []


@pytest.mark.parametrize(("content_type", "body", "status"), MALFORMED_FORMS)
async def test_a_malformed_upload_is_refused(server, content_type, body, status):
    headers = {**server.headers, "Content-Type": content_type}
    response = await server.client.post("/predict", data=body, headers=headers)
    assert await problem(response, status)
    assert files(server) == []


@pytest.mark.parametrize(
    ("sent_as", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\anna\\me.mp4", "me.mp4"),
        ("a\u202emp4.exe", "a mp4.exe"),
        ("x" * 300, "x" * 255),
        ("", "video"),
    ],
)
async def test_a_files_name_is_for_people_alone(server, clip, video, sent_as, shown):
    data = form(("reference", clip))
    data.add_field("video", video.read_bytes(), filename=sent_as, content_type="video/mp4")
    response = await server.client.post("/predict", data=data, headers=server.headers)
    job = await response.json()
    assert job["video_name"] == shown
    assert (await over(server, job["id"]))["state"] == "done"


async def test_an_upload_that_breaks_off_leaves_nothing(server):
    _, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 1000000") + FORM + bytes(300_000))
    await writer.drain()
    await server.until_true(lambda: files(server) != [])
    await hang_up(writer)
    await server.until_true(lambda: files(server) == [])
    assert (await server.get("/v1/jobs"))["jobs"] == []


async def test_an_upload_that_stands_still_is_given_up(server, monkeypatch):
    monkeypatch.setattr(multipart, "SILENCE_S", 0.05)
    reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 1000000") + FORM + bytes(600_000))
    async with asyncio.timeout(WAIT_S):
        status = await reader.readline()
        assert b"The upload stopped in the middle" in await reader.read()
    await hang_up(writer)
    assert status.startswith(b"HTTP/1.1 408 ")
    assert files(server) == []


async def test_a_video_that_is_still_being_sent_when_its_user_stops_allowing_it_is_not_kept(server):
    _, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(head(server, "Content-Length: 1000000") + FORM + bytes(300_000))
    await writer.drain()
    await server.until_true(lambda: files(server) != [])
    await withdraw(server, "scoring")
    assert files(server) == []
    writer.write(bytes(1_000_000 - 300_000 - len(FORM)))
    await hang_up(writer)
    assert (await server.get("/v1/jobs"))["jobs"] == []
    assert files(server) == []


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n'
    b"Content-Type: video/mp4\r\n\r\n"
)


def head(server: Server, *lines: str) -> bytes:
    return "\r\n".join(
        [
            "POST /predict HTTP/1.1",
            f"Host: {server.client.host}",
            f"Authorization: {server.headers['Authorization']}",
            "Content-Type: multipart/form-data; boundary=x",
            *lines,
            "",
            "",
        ]
    ).encode()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


# Restarts


async def test_what_a_stop_interrupted_is_done_by_the_next_start(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        running_job = await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        waiting = await sent(server, ("reference", clip), ("video", video))
    assert (tmp_path / "data/jobs" / running_job["id"] / "video").exists()
    async with running(tmp_path / "data") as server:
        for job in (running_job, waiting):
            assert (await over(server, job["id"]))["state"] == "done"
        assert files(server) == []
        assert len((await server.get("/v1/sessions"))["sessions"]) == 2


async def test_a_job_whose_videos_are_gone_at_the_next_start_fails_with_a_sentence(
    tmp_path, clip, video
):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
    (tmp_path / "data/jobs" / job["id"] / "video").unlink()
    async with running(tmp_path / "data") as server:
        assert "Send them again" in (await over(server, job["id"]))["error"]
        assert files(server) == []


async def test_a_start_removes_what_belongs_to_no_job(tmp_path):
    left = tmp_path / "data/jobs" / MISSING
    left.mkdir(parents=True)
    (left / "video").touch()
    left.rename(left.with_suffix(".over"))
    left.mkdir()
    async with running(tmp_path / "data") as server:
        assert files(server) == []


async def test_the_videos_of_an_account_that_another_process_removed_go_at_the_next_job(
    tmp_path, clip, video
):
    async with held_up(tmp_path) as server:
        await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        ben = await server.add_user("ben")
        job = await sent(server, ("reference", clip), ("video", video), user=ben)
        with contextlib.closing(sqlite3.connect(tmp_path / "data/posesim.sqlite3")) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("DELETE FROM users WHERE name = 'ben'")
            connection.commit()
        assert f"{job['id']}/video" in files(server)
        server.engine.gate.set()
        await server.until_true(lambda: files(server) == [])


async def test_the_videos_of_an_account_that_the_command_line_removes_go_with_it(
    tmp_path, clip, video
):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        user_id, folder = server.user.id, server.config.data
    assert (folder / "jobs" / job["id"] / "video").exists()
    store = await Store.open(server.config.database)
    try:
        await erase(store, folder, user_id)
    finally:
        await store.close()
    assert files(server) == []


# Following a job


async def events(server: Server, job_id: str, **headers: str):
    """Begin to follow a job."""
    return await server.client.get(
        f"/v1/jobs/{job_id}/events", headers={**server.headers, **headers}
    )


async def test_the_stream_tells_progress_and_ends_with_the_job(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        response = await events(server, job["id"])
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.content.readline() == b"retry: 3000\n"
        server.engine.gate.set()
        *told, last = parse((await response.read()).decode())
    progress = [json.loads(event["data"]) for event in told]
    assert {event["event"] for event in told} == {"progress"}
    assert [event["id"] for event in told] == [str(n) for n in range(len(told))]
    assert [said["progress"] for said in progress] == sorted(said["progress"] for said in progress)
    assert {said["stage"] for said in progress} >= {"reference", "comparing"}
    assert (last["event"], last["id"]) == ("done", "over")
    assert json.loads(last["data"])["state"] == "done"


async def test_who_has_the_last_event_is_told_to_stop_asking(server, clip, video):
    job = await sent(server, ("reference", clip), ("video", video))
    await over(server, job["id"])
    response = await events(server, job["id"], **{"Last-Event-ID": "over"})
    assert response.status == 204
    for other in ("7", "x\u20ac"):
        response = await events(server, job["id"], **{"Last-Event-ID": other})
        assert response.status == 200
        assert [event["event"] for event in parse(await response.text())] == ["done"]


async def test_whoever_asks_again_in_the_middle_is_told_where_the_job_is(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        await reached(server)
        response = await events(server, job["id"], **{"Last-Event-ID": "over"})
        assert response.status == 200
        server.engine.gate.set()
        told = parse(await response.text())
        assert told[0]["event"] == "progress"
        assert told[-1]["event"] == "done"


async def test_a_silent_stream_has_heartbeats(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(jobs_api, "HEARTBEAT_S", 0.01)
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        response = await events(server, job["id"])
        async with asyncio.timeout(WAIT_S):
            while await response.content.readline() != b":\n":
                pass
        response.close()


async def test_many_listeners_hear_of_the_end(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        listening = [await events(server, job["id"]) for _ in range(10)]
        assert server.app[JOBS].board.listeners == 10
        server.engine.gate.set()
        for response in listening:
            assert parse(await response.text())[-1]["event"] == "done"
        await server.until_true(lambda: server.app[JOBS].board.listeners == 0)


async def test_a_listener_that_goes_away_is_forgotten(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(jobs_api, "HEARTBEAT_S", 0.01)
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        response = await events(server, job["id"])
        assert server.app[JOBS].board.listeners == 1
        response.close()
        await server.until_true(lambda: server.app[JOBS].board.listeners == 0)


async def test_one_user_may_listen_only_so_often(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(job_progress, "MOST_LISTENERS", 2)
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        listening = [await events(server, job["id"]) for _ in range(2)]
        response = await events(server, job["id"])
        assert "2 jobs at once" in await problem(response, 429)
        for each in listening:
            each.close()


async def test_a_stream_does_not_last_for_ever(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(jobs_api, "LONGEST_S", 0.05)
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        response = await events(server, job["id"])
        assert "done" not in await response.text()


async def test_the_stream_of_a_job_that_is_cancelled_says_so(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        response = await events(server, job["id"])
        await server.client.delete(f"/v1/jobs/{job['id']}", headers=server.headers)
        assert parse(await response.text())[-1]["event"] == "cancelled"


async def test_a_server_that_stops_ends_the_streams(tmp_path, clip, video):
    async with held_up(tmp_path) as server:
        job = await sent(server, ("reference", clip), ("video", video))
        response = await events(server, job["id"])
        reading = asyncio.create_task(response.text())
        await server.client.server.close()
        async with asyncio.timeout(WAIT_S):
            assert {event["event"] for event in parse(await reading)} == {"progress"}
        server.engine.gate.set()


async def test_a_head_of_a_stream_is_no_stream(server, clip, video):
    job = await sent(server, ("reference", clip), ("video", video))
    response = await server.client.head(f"/v1/jobs/{job['id']}/events", headers=server.headers)
    assert response.status == 200
    assert response.content_type == "text/event-stream"
