"""A full disk: said in a sentence, nothing half is left, and everything else goes on."""

import contextlib
import resource
import subprocess

import pytest
from test_api_exercises import FORM, files
from test_exercises_changes import patch
from videos import stick_figure

from server import problem, running

SENTENCE = "There is no room left on this server's disk."


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=4.0)


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "posesim-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def no_reserve(monkeypatch):
    """Write to the last byte: without this, a disk with less than 100 MB free is refused before."""
    monkeypatch.setattr("posesim_server.uploads.LEAST_FREE_BYTES", 0)


async def send(server, content):
    """Upload a clip that does not say how long it is."""

    async def body():
        yield FORM
        yield content
        yield b"\r\n--x--\r\n"

    headers = {**server.headers, "Content-Type": "multipart/form-data; boundary=x"}
    return await server.client.post("/v1/exercises", data=body(), headers=headers)


async def test_an_upload_that_does_not_fit_leaves_nothing_and_others_go_on(
    tmp_path, small_disk, no_reserve, clip
):
    database_url = f"sqlite+aiosqlite:///{tmp_path / 'elsewhere.sqlite3'}"
    async with running(small_disk, database_url=database_url) as server:
        fits = await server.ready_exercise(clip)
        before = files(server)
        assert SENTENCE in await problem(await send(server, bytes(6_000_000)), 507)
        assert files(server) == before
        assert [one["id"] for one in (await server.get("/v1/exercises"))["exercises"]] == [
            fits["id"]
        ]
        await server.ready_exercise(clip)


async def test_a_picture_that_does_not_fit_leaves_everything_as_it_was(
    tmp_path, small_disk, no_reserve, clip
):
    database_url = f"sqlite+aiosqlite:///{tmp_path / 'elsewhere.sqlite3'}"
    async with running(small_disk, database_url=database_url) as server:
        exercise = await server.ready_exercise(clip)
        before = files(server)
        with filled(small_disk):
            response = await patch(server, exercise, start_s=1.0)
            assert SENTENCE in await problem(response, 507)
        assert files(server) == before
        assert await server.get(f"/v1/exercises/{exercise['id']}") == exercise
        assert (await patch(server, exercise, start_s=1.0)).status == 200


async def test_a_reference_that_does_not_fit_fails_with_a_sentence(
    tmp_path, small_disk, no_reserve, clip
):
    database_url = f"sqlite+aiosqlite:///{tmp_path / 'elsewhere.sqlite3'}"
    async with running(small_disk, database_url=database_url) as server:
        server.engine.gate.clear()
        accepted = await (await server.upload(clip)).json()
        with filled(small_disk):
            server.engine.gate.set()
            failed = await server.until(accepted["id"], "failed")
        assert "disk had no room for this reference" in failed["error"]
        assert not list((small_disk / "uploads").iterdir())


@contextlib.contextmanager
def filled(disk):
    """Not a byte of it is free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


async def test_a_file_larger_than_the_system_allows_leaves_nothing(tmp_path, no_reserve):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with running(tmp_path) as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
        try:
            response = await send(server, bytes(6_000_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert SENTENCE in await problem(response, 507)
        assert files(server) == []


async def test_what_says_that_it_will_not_fit_is_refused_before_it_is_sent(
    tmp_path, clip, monkeypatch
):
    async with running(tmp_path) as server:
        monkeypatch.setattr("posesim_server.uploads.LEAST_FREE_BYTES", 1 << 60)
        assert SENTENCE in await problem(await server.upload(clip), 507)
        assert files(server) == []
