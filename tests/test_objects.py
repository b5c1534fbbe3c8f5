"""Files by key: the same claims for the data folder and a bucket, then what only a bucket has."""

import asyncio
import contextlib
import gc
import threading
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from s3_store import Bucket, s3_at

from posesim_server.objects import bucket as bucket_module
from posesim_server.objects.base import (
    ObjectGone,
    Objects,
    ObjectsError,
    ObjectsFull,
    ObjectsReadOnly,
)
from posesim_server.objects.opening import open_objects

MB = 1_000_000


async def opened(data: Path, bucket: Bucket, **options) -> Objects:
    failures: list[str] = []
    objects = await open_objects(
        data,
        bucket.url,
        **{
            "endpoint": bucket.s3.endpoint,
            "cache_bytes": 50 * MB,
            "on_failure": failures.append,
            **options,
        },
    )
    objects.failures = failures
    return objects


@pytest.fixture
def bucket(s3):
    return s3.bucket()


@pytest.fixture(params=["folder", "bucket"])
async def objects(request, tmp_path):
    if request.param == "folder":
        return await open_objects(tmp_path / "data", None)
    return await opened(tmp_path / "data", request.getfixturevalue("s3").bucket())


@pytest.fixture
def file(tmp_path):
    """Make a file of this machine."""

    def make(content: bytes = b"content") -> Path:
        path = tmp_path / "file"
        path.write_bytes(content)
        return path

    return make


async def keys(objects, prefix):
    return {entry.key for entry in await objects.entries(prefix)}


async def test_what_is_put_is_kept_whole_and_taken(objects, file):
    content = bytes(range(256)) * 60_000  # more than one part of an upload
    path = file(content)
    await objects.put("references/a/clip", path, "video/mp4")
    assert not path.exists()
    assert (await objects.fetch("references/a/clip")).read_bytes() == content
    (entry,) = await objects.entries("references")
    assert (entry.key, entry.size_bytes) == ("references/a/clip", len(content))
    assert abs(datetime.now(UTC) - entry.changed_at) < timedelta(minutes=1)


async def test_a_file_bears_the_last_name_of_its_key(objects, file):
    await objects.put("references/a/clip", file(), "video/mp4")
    assert (await objects.fetch("references/a/clip")).name == "clip"


async def test_a_file_that_was_put_again_is_the_new_one(objects, file):
    for content in (b"one", b"another"):
        await objects.put("references/a/reference.npz", file(content), "application/octet-stream")
        found = await objects.fetch("references/a/reference.npz")
        assert found.read_bytes() == content


async def test_what_is_not_there_is_said_to_be_gone(objects):
    with pytest.raises(ObjectGone):
        await objects.fetch("references/a/clip")
    assert await objects.entries("references") == []


async def test_a_copy_leaves_the_file(objects, file):
    path = file()
    await objects.upload("jobs/1/video", path)
    assert path.exists()
    assert (await objects.fetch("jobs/1/video")).read_bytes() == b"content"


async def test_what_is_removed_is_gone_and_nothing_else(objects, file):
    for key in ("a/1", "a/2", "ab/1"):
        await objects.put(key, file(), "video/mp4")
    await objects.remove(["a/1", "a/no-such"])
    with pytest.raises(ObjectGone):
        await objects.fetch("a/1")
    assert await keys(objects, "a") == {"a/2"}
    await objects.remove_under("a")
    assert await keys(objects, "a") == set()
    assert await keys(objects, "ab") == {"ab/1"}  # whose name only begins alike


async def test_all_files_of_a_prefix_can_be_had_as_a_folder(objects, file, tmp_path):
    for key in ("references/a/1/clip", "references/a/1/reference.npz", "references/b/1/clip"):
        await objects.put(key, file(key.encode()), "video/mp4")
    folder = await objects.folder_of("references/a", tmp_path / "into")
    found = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}
    assert found == {"1/clip", "1/reference.npz"}
    assert (folder / "1/clip").read_bytes() == b"references/a/1/clip"


async def test_a_folder_of_nothing_is_not_there(objects, tmp_path):
    assert not (await objects.folder_of("references/a", tmp_path / "into")).exists()


# Only in a bucket


async def test_the_folder_has_the_layout_it_always_had(tmp_path, file):
    objects = await open_objects(tmp_path / "data", None)
    await objects.put("references/a/clip", file(), "video/mp4")
    await objects.mark("changing/a/b/c")
    found = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert found == [tmp_path / "data" / "references" / "a" / "clip"]
    assert await objects.url("references/a/clip", "GET") is None
    assert objects.origin is None


async def test_another_server_finds_what_one_kept(tmp_path, bucket, file):
    one = await opened(tmp_path / "one", bucket)
    other = await opened(tmp_path / "other", bucket)
    await one.put("a/clip", file(b"first"), "video/mp4")
    assert (await other.fetch("a/clip")).read_bytes() == b"first"
    await one.put("a/clip", file(b"second"), "video/mp4")
    assert (await other.fetch("a/clip")).read_bytes() == b"second"


async def test_a_copy_that_is_still_the_same_is_not_fetched_again(tmp_path, bucket, file):
    one = await opened(tmp_path / "one", bucket)
    other = await opened(tmp_path / "other", bucket)
    await one.put("a/clip", file(), "video/mp4")
    copy = await other.fetch("a/clip")
    assert await other.fetch("a/clip") == copy


async def test_a_copy_of_what_another_server_removed_is_removed(tmp_path, bucket, file):
    one = await opened(tmp_path / "one", bucket)
    other = await opened(tmp_path / "other", bucket)
    await one.put("a/clip", file(), "video/mp4")
    copy = await other.fetch("a/clip")
    await one.remove(["a/clip"])
    await other.tidy()
    assert not copy.exists()
    with pytest.raises(ObjectGone):
        await other.fetch("a/clip")


async def test_a_file_removed_here_is_removed_with_its_copy(tmp_path, bucket, file):
    objects = await opened(tmp_path / "data", bucket)
    await objects.put("a/clip", file(), "video/mp4")
    copy = await objects.fetch("a/clip")
    objects.hold(copy, file)
    await objects.remove_under("a")
    assert not copy.exists()
    assert bucket.content() == set()
    assert list((tmp_path / "data" / "cache").iterdir()) == []


async def test_copies_take_no_more_room_than_allowed_and_the_oldest_go(tmp_path, bucket, file):
    objects = await opened(tmp_path / "data", bucket, cache_bytes=250)
    for name in "abc":
        await objects.put(name, file(bytes(100)), "video/mp4")
    copies = sorted((tmp_path / "data" / "cache").rglob("?"))
    assert [copy.name for copy in copies if copy.is_file()].count("a") == 0
    assert sum(copy.stat().st_size for copy in copies if copy.is_file()) == 200
    assert (await objects.fetch("a")).stat().st_size == 100  # fetched again


async def test_a_copy_in_use_stays_until_nobody_uses_it(tmp_path, bucket, file):
    class Session:
        pass

    objects = await opened(tmp_path / "data", bucket, cache_bytes=150)
    await objects.put("a", file(bytes(100)), "video/mp4")
    session, copy = Session(), await objects.fetch("a")
    objects.hold(copy, session)
    await objects.put("b", file(bytes(100)), "video/mp4")
    await objects.put("a", file(bytes(100)), "video/mp4")  # and there is a newer one
    assert copy.exists()
    del session
    gc.collect()
    assert not copy.exists()


async def test_a_start_finds_no_copy_of_an_earlier_run(tmp_path, bucket, file):
    objects = await opened(tmp_path / "data", bucket)
    await objects.put("a", file(), "video/mp4")
    copy = await objects.fetch("a")
    again = await opened(tmp_path / "data", bucket)
    assert not copy.exists()
    assert (await again.fetch("a")).read_bytes() == b"content"


async def test_a_file_removed_while_it_is_fetched_leaves_no_copy(
    tmp_path, bucket, file, monkeypatch
):
    one = await opened(tmp_path / "one", bucket)
    other = await opened(tmp_path / "other", bucket)
    await one.put("a/clip", file(), "video/mp4")
    append, reading = bucket_module._append, asyncio.Event()
    loop, go_on = asyncio.get_running_loop(), threading.Event()

    def held(target, piece):
        loop.call_soon_threadsafe(reading.set)
        assert go_on.wait(10)
        append(target, piece)

    monkeypatch.setattr(bucket_module, "_append", held)
    fetching = asyncio.create_task(other.fetch("a/clip"))
    await reading.wait()
    await other.remove_under("a")
    go_on.set()
    with pytest.raises(ObjectGone):
        await fetching
    assert list((tmp_path / "other" / "cache").iterdir()) == []


async def test_a_signed_url_gives_parts_and_only_for_its_file(tmp_path, bucket, file):
    objects = await opened(tmp_path / "data", bucket)
    await objects.put("a/clip", file(b"0123456789"), "video/mp4")
    await objects.put("a/other", file(), "video/mp4")
    url = await objects.url("a/clip", "GET")
    assert url is not None
    assert url.startswith(f"{objects.origin}/")
    async with aiohttp.ClientSession() as http:
        async with http.get(url, headers={"Range": "bytes=2-4"}) as response:
            assert (response.status, await response.read()) == (206, b"234")
            assert response.content_type == "video/mp4"
            assert response.headers["Cache-Control"] == "private, no-store"
        async with http.get(url.replace("a/clip", "a/other")) as response:
            assert response.status == 403
        async with http.head(await objects.url("a/clip", "HEAD")) as response:
            assert response.status == 200


async def test_browsers_are_told_the_address_under_which_they_reach_the_store(tmp_path, bucket):
    objects = await opened(tmp_path / "data", bucket, public_url="https://files.example.org")
    assert objects.origin == "https://files.example.org"
    url = await objects.url("a/clip", "GET")
    assert url.startswith(f"https://files.example.org/{bucket.name}/{bucket.prefix}/a/clip?")


async def test_where_browsers_do_not_reach_it_there_is_no_url(tmp_path, bucket):
    objects = await opened(tmp_path / "data", bucket, through_server=True)
    assert await objects.url("a/clip", "GET") is None
    assert objects.origin is None


# Failures


async def test_a_bucket_that_is_not_there_is_said_so(tmp_path, bucket):
    with pytest.raises(ObjectsError, match="bucket does not exist") as error:
        await opened(tmp_path / "data", Bucket(bucket.s3, "no-such-bucket"))
    assert error.value.reason == "missing"


async def test_a_bucket_that_vanished_is_no_file_that_is_gone(tmp_path, bucket, file):
    objects = await opened(tmp_path / "data", bucket)
    (bucket.s3.folder / bucket.name).rename(bucket.s3.folder / "elsewhere")
    try:
        with pytest.raises(ObjectsError, match="bucket does not exist"):
            await objects.fetch("a/clip")
    finally:
        (bucket.s3.folder / "elsewhere").rename(bucket.s3.folder / bucket.name)


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
async def test_wrong_credentials_are_said_so(tmp_path, bucket, monkeypatch, name):
    monkeypatch.setenv(name, "wrong")
    with pytest.raises(ObjectsError, match="Check AWS_ACCESS_KEY_ID") as error:
        await opened(tmp_path / "data", bucket)
    assert error.value.reason == "denied"


@contextlib.asynccontextmanager
async def answering(status: int, code: str):
    """A store that has one answer to who writes, for what a real one says only when it is full."""

    async def answer(request: web.Request) -> web.Response:
        said, why = (status, code) if request.method == "PUT" else (404, "NoSuchKey")
        body = f"<Error><Code>{why}</Code><Message>No.</Message></Error>"
        return web.Response(status=said, text=body, content_type="application/xml")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (507, "XMinioStorageFull"),
        (403, "QuotaExceeded"),
        (400, "EntityTooLarge"),
        (507, "InsufficientStorage"),
    ],
)
async def test_a_full_store_is_said_to_be_full(tmp_path, bucket, file, status, code, monkeypatch):
    monkeypatch.setattr("posesim_server.objects.opening.RETRIES", 0)
    async with answering(status, code) as endpoint:
        objects = await opened(tmp_path / "data", bucket, endpoint=endpoint)  # which is no failure
        with pytest.raises(ObjectsReadOnly, match=r"is full\. Make room in it"):
            await objects.check()
        with pytest.raises(ObjectsFull, match="no room left"):
            await objects.put("a/clip", file(), "video/mp4")
    assert set(objects.failures) == {"full"}


async def test_what_is_written_as_a_probe_takes_room(tmp_path, bucket):
    """An empty file fits on a full disk, and zeros take no room on some."""
    await opened(tmp_path / "data", bucket)
    probe = (bucket.s3.folder / bucket.name / bucket.prefix / "probe").read_bytes()
    assert len(zlib.compress(probe)) > 60_000


async def test_rights_that_only_read_are_no_start(tmp_path, bucket, monkeypatch):
    monkeypatch.setattr("posesim_server.objects.opening.RETRIES", 0)
    async with answering(403, "AccessDenied") as endpoint:
        with pytest.raises(ObjectsReadOnly, match="may only be read"):
            await opened(tmp_path / "data", bucket, endpoint=endpoint)


async def test_a_store_without_room_that_does_not_say_so_is_found_out_and_can_be_read(
    tmp_path, s3, file, monkeypatch
):
    """A real one with a full disk: it says, as of any other fault, that something is wrong."""
    monkeypatch.setattr("posesim_server.objects.opening.RETRIES", 1)
    with s3_at(tmp_path / "own s3") as store:
        bucket = store.bucket()
        objects = await opened(tmp_path / "data", bucket)
        await objects.put("a/clip", file(), "video/mp4")
        with store.full():
            with pytest.raises(
                ObjectsReadOnly, match=r"gives those it has. Look at the server's log"
            ):
                await objects.check()
            with pytest.raises(ObjectsError, match="has room"):
                await objects.upload("a/other", file())
            another = await opened(tmp_path / "another", bucket)
            assert (await another.fetch("a/clip")).read_bytes() == b"content"
        await objects.check()
