"""A server whose files lie in a bucket: what it keeps there, hands out, deletes, and survives."""

import asyncio
import contextlib
import gc
import io
import os
import signal
import zipfile
from datetime import UTC, datetime, timedelta

import aiohttp
import obstore
import pytest
from aiohttp import FormData
from obstore.store import S3Store
from s3_store import s3_at
from videos import stick_figure

from posesim_server.cli import main
from posesim_server.database import StoreError
from posesim_server.keys import EXERCISES, JOBS, STORE
from posesim_server.metrics import Metrics
from posesim_server.objects.bucket import BucketObjects
from server import PASSWORD, WAIT_S, FakeEngine, problem, running

AWAY = "The place where this server keeps files can't be used now."


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4.0)


@pytest.fixture
def own_s3(s3, tmp_path):
    """A store that may be killed; its credentials are in the environment."""
    with s3_at(tmp_path / "own s3") as store:
        yield store


@pytest.fixture
async def bucket(s3):
    return s3.bucket()


@pytest.fixture
async def server(tmp_path, bucket):
    async with running(tmp_path / "data", **bucket.options) as server:
        yield server


def copies(server):
    return [path for path in (server.config.data / "cache").rglob("*") if path.is_file()]


async def settled(server, bucket):
    """An exercise is ready a moment before the mark of that change goes."""
    await server.until_true(lambda: "changing/" not in str(bucket.content()))


async def get_clip(server, exercise, **options):
    headers = server.headers
    return await server.client.get(
        exercise["clip_url"], headers=headers, allow_redirects=False, **options
    )


async def predicted(server, exercise, clip):
    form = FormData()
    form.add_field("reference_id", exercise["id"])
    form.add_field("video", clip.read_bytes(), filename="me.mp4")
    response = await server.client.post("/predict", data=form, headers=server.headers)
    assert response.status == 202, await response.text()
    return await response.json()


async def test_a_clip_goes_to_the_bucket_and_from_there_to_the_browser(server, bucket, clip):
    exercise = await server.ready_exercise(clip)
    await settled(server, bucket)
    (folder,) = {key.rsplit("/", 1)[0] for key in bucket.content()}
    assert folder.startswith(f"references/{server.user.id}/")
    assert bucket.content() == {
        f"{folder}/{name}" for name in ("clip", "reference.npz", "thumbnail.jpg")
    }
    assert not list((server.config.data / "references").iterdir())

    response = await get_clip(server, exercise)
    assert (response.status, response.headers["Cache-Control"]) == (307, "no-store")
    url = response.headers["Location"]
    assert url.startswith(f"{bucket.s3.endpoint}/{bucket.name}/{bucket.prefix}/{folder}/clip?")
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert f"connect-src 'self' {bucket.s3.endpoint}" in policy
    assert f"media-src 'self' blob: {bucket.s3.endpoint}" in policy
    content = clip.read_bytes()
    async with aiohttp.ClientSession() as http:
        async with http.get(url, headers={"Range": "bytes=100-199"}) as part:
            assert (part.status, part.content_type) == (206, "video/mp4")
            assert await part.read() == content[100:200]
        response = await server.client.get(exercise["thumbnail_url"], headers=server.headers)
        assert (response.status, response.content_type) == (200, "image/jpeg")

        deleted = await server.client.delete(
            f"/v1/exercises/{exercise['id']}", headers=server.headers
        )
        assert deleted.status == 204
        async with http.get(url) as gone:
            assert gone.status == 404
    assert bucket.content() == set()
    assert copies(server) == []


async def test_who_may_not_see_an_exercise_gets_no_url(server, clip):
    exercise = await server.ready_exercise(clip)
    ben = await server.add_user("ben")
    for headers, status in ((server.headers_of(ben), 404), ({}, 401)):
        response = await server.client.get(
            exercise["clip_url"], headers=headers, allow_redirects=False
        )
        assert response.status == status
        assert "Location" not in response.headers


async def test_the_server_sends_clips_itself_where_browsers_do_not_reach_the_store(
    tmp_path, bucket, clip
):
    options = {**bucket.options, "objects_through_server": True}
    async with running(tmp_path / "data", **options) as server:
        exercise = await server.ready_exercise(clip)
        response = await server.client.get(
            exercise["clip_url"], headers={**server.headers, "Range": "bytes=100-199"}
        )
        assert response.status == 206
        assert await response.read() == clip.read_bytes()[100:200]
        assert bucket.s3.endpoint not in response.headers["Content-Security-Policy"]


async def test_another_part_takes_the_place_of_the_files_of_the_first(server, bucket, tmp_path):
    exercise = await server.ready_exercise(stick_figure(tmp_path / "long.mp4", seconds=6.0))
    await settled(server, bucket)
    response = await server.client.patch(
        f"/v1/exercises/{exercise['id']}", json={"start_s": 1.0}, headers=server.headers
    )
    assert response.status == 200
    await server.until(exercise["id"], "ready")
    await settled(server, bucket)
    names = {key.rsplit("/", 1)[1] for key in bucket.content()}
    assert names == {"clip", "reference-1000-end.npz", "thumbnail-1000-end.jpg"}


async def test_another_server_trains_with_what_one_received(tmp_path, bucket, clip):
    (tmp_path / "one").mkdir()
    url = f"sqlite+aiosqlite:///{tmp_path / 'shared.sqlite3'}"
    options = {"database_url": url, **bucket.options}
    async with running(tmp_path / "one", **options) as one:
        exercise = await one.ready_exercise(clip)
    async with running(tmp_path / "other", **options) as other:
        path = f"/v1/exercises/{exercise['id']}"
        picture = await other.client.get(f"{path}/frame?at_s=1", headers=other.headers)
        assert (picture.status, picture.content_type) == (200, "image/jpeg")
        session = await other.client.post(
            "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=other.headers
        )
        assert session.status == 201


async def test_the_reference_of_a_session_stays_here_until_the_session_ends(tmp_path, bucket, clip):
    options = {**bucket.options, "objects_cache_bytes": 1}
    async with running(tmp_path / "data", **options) as server:
        exercise = await server.ready_exercise(clip)
        response = await server.client.post(
            "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
        )
        (reference,) = copies(server)
        await server.ready_exercise(stick_figure(tmp_path / "other.mp4", seconds=3.0), "Lunge")
        assert reference in copies(server)
        session = (await response.json())["id"]
        await server.client.delete(f"/v1/sessions/{session}", headers=server.headers)
        await server.until_true(lambda: gc.collect() >= 0 and not reference.exists())


async def test_a_job_is_done_by_a_server_that_did_not_receive_it(tmp_path, bucket, clip):
    url = f"sqlite+aiosqlite:///{tmp_path / 'shared.sqlite3'}"
    options = {"database_url": url, **bucket.options}
    engine = FakeEngine()
    async with running(tmp_path / "one", engine, **options) as one:
        exercise = await one.ready_exercise(clip)
        engine.gate.clear()
        job = await predicted(one, exercise, clip)
        files = {key for key in bucket.content() if key.startswith("jobs/")}
        assert files == {
            f"jobs/{job['id']}/{n}" for n in ("exercise.json", "reference.npz", "video")
        }
    async with running(tmp_path / "other", **options) as other:
        async with asyncio.timeout(20):
            while (found := await other.get(f"/v1/jobs/{job['id']}"))["state"] != "done":
                assert found["state"] in ("queued", "running"), found
                await asyncio.sleep(0.02)
        await other.until_true(lambda: not any(key.startswith("jobs/") for key in bucket.content()))
        assert not list((other.config.data / "jobs").iterdir())


async def test_everything_of_an_account_can_be_taken_along_and_is_deleted_with_it(
    server, bucket, clip
):
    await server.ready_exercise(clip)
    await settled(server, bucket)
    response = await server.client.get("/v1/data", headers=server.headers)
    archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    (name,) = (each for each in archive.namelist() if each.endswith("/clip"))
    assert archive.read(name) == clip.read_bytes()

    ben = await server.add_user("ben")
    await server.ready_exercise(clip, user=ben)
    await settled(server, bucket)
    response = await server.client.post(
        "/v1/data/delete", json={"password": PASSWORD}, headers=server.headers_of(ben)
    )
    assert response.status == 204
    assert len(bucket.content()) == 3
    assert not any(ben.id in key for key in bucket.content())


def test_an_operator_removes_a_user_with_what_lies_in_the_bucket(s3, tmp_path, monkeypatch, capsys):
    bucket, data = s3.bucket(), str(tmp_path / "data")
    arguments = ["--data", data, *bucket.arguments]
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["user", "add", "anna", *arguments]) == 0

    async def user_id():
        async with running(tmp_path / "data", **bucket.options) as server:
            return (await server.app[STORE].users.by_name("anna")).id

    key = f"references/{asyncio.run(user_id())}/sha/clip"
    store = S3Store(
        bucket.name,
        prefix=bucket.prefix,
        endpoint=s3.endpoint,
        client_options={"allow_http": True},
    )
    obstore.put(store, key, b"a clip")
    assert bucket.content() == {key}
    assert main(["user", "remove", "anna", *arguments]) == 0
    assert bucket.content() == set()


# A store that fails


def kill_during(monkeypatch, store, name, wanted):
    """Kill the store in the middle of a request: it stands still when that comes, then is dead."""
    real, killed_before = getattr(BucketObjects, name), []

    async def killed(self, key, *args):
        if wanted(key) and not killed_before:
            killed_before.append(key)
            os.kill(store.process.pid, signal.SIGSTOP)
            request = asyncio.create_task(real(self, key, *args))
            await asyncio.sleep(0.3)
            store.kill()
            return await request
        return await real(self, key, *args)

    monkeypatch.setattr(BucketObjects, name, killed)


async def failures(server) -> float:
    """How often the store was away."""
    metrics = await (await server.client.get("/metrics")).text()
    name = 'posesim_object_store_failures_total{reason="away"}'
    (line,) = (line for line in metrics.splitlines() if line.startswith(name))
    return float(line.split()[1])


async def restarted(store):
    await asyncio.to_thread(store.start)


@pytest.fixture
def calm(monkeypatch):
    """How late the loop of a busy machine is, is no part of what is claimed."""

    async def watch_nothing(_: Metrics) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Metrics, "watch_loop", watch_nothing)


async def test_a_store_that_is_killed_during_an_upload_loses_nothing_that_was_acknowledged(
    tmp_path, own_s3, clip, monkeypatch, calm
):
    bucket = own_s3.bucket()
    async with running(tmp_path / "data", **bucket.options) as server:
        first = await server.ready_exercise(clip)
        await settled(server, bucket)
        before = bucket.content()
        other = stick_figure(tmp_path / "other.mp4", seconds=3.0)
        kill_during(monkeypatch, own_s3, "_send", lambda key: key.endswith("/clip"))
        assert AWAY in await problem(await server.upload(other, "Lunge"), 503)

        assert "object store" in await problem(await server.client.get("/readyz"), 503)
        assert await failures(server) > 0
        path = f"/v1/exercises/{first['id']}"
        for response in (
            await server.client.delete(path, headers=server.headers),
            await server.client.post(
                "/v1/sessions", json={"exercise_id": first["id"]}, headers=server.headers
            ),
            await server.client.post(
                "/v1/data/delete", json={"password": PASSWORD}, headers=server.headers
            ),
        ):
            assert AWAY in await problem(response, 503)
        listed = (await server.get("/v1/exercises"))["exercises"]
        assert [each["name"] for each in listed] == ["Squat"]

        await restarted(own_s3)
        assert before <= bucket.content()
        await server.ready_exercise(other, "Lunge")
        # What the upload that failed had left is looked at again, and what is needed stays.
        await server.app[EXERCISES].tidy(datetime.now(UTC) + timedelta(hours=2))
        kept = bucket.content()
        assert len(kept) == 6
        assert not any(key.startswith("changing/") for key in kept)


async def test_with_a_store_that_is_full_sessions_begin_and_the_server_says_what_does_not(
    tmp_path, own_s3, clip, monkeypatch, calm
):
    monkeypatch.setattr("posesim_server.objects.opening.RETRIES", 1)
    monkeypatch.setattr("posesim_server.readiness.OBJECTS_AGAIN_S", 0.0)
    bucket = own_s3.bucket()
    async with running(tmp_path / "data", **bucket.options) as server:

        async def told() -> tuple[str | None, bool]:
            """What readiness says of it, and what the figure is."""
            ready = await server.client.get("/readyz")
            assert ready.status == 200
            metrics = await (await server.client.get("/metrics")).text()
            assert 'posesim_dependency_up{dependency="database"} 1.0' in metrics
            up = 'posesim_dependency_up{dependency="objects"} 1.0' in metrics
            return (await ready.json())["degraded"], up

        exercise = await server.ready_exercise(clip)
        await settled(server, bucket)
        before = bucket.content()
        other = stick_figure(tmp_path / "other.mp4", seconds=3.0)
        with own_s3.full():
            said, up = await told()
            assert "takes no new files" in said
            assert "New clips and comparisons are refused" in said
            assert not up
            assert AWAY in await problem(await server.upload(other, "Lunge"), 503)
            begun = await server.client.post(
                "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
            )
            assert begun.status == 201, await begun.text()
        assert await told() == (None, True)
        assert before <= bucket.content()
        await server.ready_exercise(other, "Lunge")


async def test_what_no_row_knows_after_a_failure_is_removed_an_hour_later(
    tmp_path, own_s3, clip, monkeypatch
):
    bucket = own_s3.bucket()
    async with running(tmp_path / "data", **bucket.options) as server:

        async def die_both(*args, **values):
            own_s3.kill()
            raise StoreError("The database is away, too.")

        with monkeypatch.context() as patch:
            patch.setattr(server.app[STORE].exercises, "add", die_both)
            await problem(await server.upload(clip), 503)
        await restarted(own_s3)
        assert len(bucket.content()) == 3  # the clip, its picture, and the mark
        at = datetime.now(UTC)
        await server.app[EXERCISES].tidy(at)
        assert len(bucket.content()) == 3  # it could still be under way
        await server.app[EXERCISES].tidy(at + timedelta(hours=2))
        assert bucket.content() == set()


async def test_a_deletion_that_the_store_interrupts_is_finished_later(
    tmp_path, own_s3, clip, monkeypatch
):
    bucket = own_s3.bucket()
    async with running(tmp_path / "data", **bucket.options) as server:
        exercise = await server.ready_exercise(clip)
        await settled(server, bucket)
        kill_during(monkeypatch, own_s3, "remove_under", lambda key: key.startswith("references"))
        response = await server.client.delete(
            f"/v1/exercises/{exercise['id']}", headers=server.headers
        )
        assert response.status == 204
        assert (await server.get("/v1/exercises"))["exercises"] == []
        await restarted(own_s3)
        assert len(bucket.content()) == 4  # with the mark
        await server.app[EXERCISES].tidy(datetime.now(UTC) + timedelta(hours=2))
        assert bucket.content() == set()


async def test_an_upload_that_is_kept_is_acknowledged_whatever_happens_then(
    tmp_path, own_s3, clip, monkeypatch
):
    monkeypatch.setattr("posesim_server.library.embedding.PAUSE_S", 0.05)
    async with running(tmp_path / "data", **own_s3.bucket().options) as server:
        kill_during(monkeypatch, own_s3, "remove", lambda keys: "changing/" in str(keys))
        response = await server.upload(clip)
        assert response.status == 202
        await restarted(own_s3)
        await server.until((await response.json())["id"], "ready")


async def test_a_reference_is_made_again_when_the_store_is_back(
    tmp_path, own_s3, clip, monkeypatch
):
    monkeypatch.setattr("posesim_server.library.embedding.PAUSE_S", 0.05)
    engine = FakeEngine()
    async with running(tmp_path / "data", engine, **own_s3.bucket().options) as server:
        engine.gate.clear()
        exercise = await (await server.upload(clip)).json()
        await server.until_true(engine.reached.is_set)
        own_s3.kill()
        engine.gate.set()
        async with asyncio.timeout(WAIT_S):
            while not await failures(server):  # noqa: ASYNC110 - a figure has no event
                await asyncio.sleep(0.05)
        assert (await server.get(f"/v1/exercises/{exercise['id']}"))["state"] == "embedding"
        await restarted(own_s3)
        await server.until(exercise["id"], "ready")


async def test_a_job_that_was_never_accepted_leaves_nothing(server, bucket, clip, monkeypatch):
    exercise = await server.ready_exercise(clip)

    async def fail(*args, **values):
        raise StoreError("The database is away.")

    with monkeypatch.context() as patch, contextlib.suppress(AssertionError):
        patch.setattr(server.app[STORE].jobs, "add", fail)
        await predicted(server, exercise, clip)
    assert not any(key.startswith("jobs/") for key in bucket.content())


async def test_files_of_jobs_that_are_not_any_more_are_removed_an_hour_later(
    server, bucket, tmp_path
):
    file = tmp_path / "video"
    file.write_bytes(b"a video")
    objects = server.app[EXERCISES]._objects
    await objects.upload("jobs/nobodys/video", file)
    at = datetime.now(UTC)
    await server.app[JOBS].tidy(at)
    assert bucket.content() == {"jobs/nobodys/video"}
    await server.app[JOBS].tidy(at + timedelta(hours=2))
    assert bucket.content() == set()


def test_a_server_does_not_start_without_its_bucket(s3, tmp_path, capsys):
    arguments = ["--objects", "s3://no-such-bucket", "--objects-endpoint", s3.endpoint]
    assert main(["user", "list", "--data", str(tmp_path / "data")]) == 0  # makes the database
    assert main(["serve", "--data", str(tmp_path / "data"), *arguments]) == 2
    assert "The bucket does not exist in the object store." in capsys.readouterr().err
