from pathlib import Path

import pytest

from posesim_server import uploads
from posesim_server.uploads import DiskFull, FileTooLarge, full_disk, require_room, write_file


async def chunks(*sizes: int):
    for size in sizes:
        yield bytes(size)


async def test_a_file_holds_all_that_arrived(tmp_path):
    assert await write_file(tmp_path / "a", chunks(3, 0, 4), most_bytes=7) == 7
    assert (tmp_path / "a").read_bytes() == bytes(7)


async def test_a_file_above_the_limit_is_not_kept(tmp_path):
    with pytest.raises(FileTooLarge, match="larger than 1 MB"):
        await write_file(tmp_path / "a", chunks(10**6, 1), most_bytes=10**6)
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_breaks_off_is_not_kept(tmp_path):
    async def broken():
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await write_file(tmp_path / "a", broken(), most_bytes=100)
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_there_already_stays(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError):
        await write_file(tmp_path / "a", chunks(1), most_bytes=100)
    assert (tmp_path / "a").read_text() == "mine"


def test_a_full_disk_is_a_sentence():
    with (
        pytest.raises(DiskFull, match="no room left"),
        full_disk(),
        Path("/dev/full").open("wb", buffering=0) as device,
    ):
        device.write(b"x")


def test_other_errors_of_the_disk_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), full_disk():
        (tmp_path / "none").read_bytes()


def test_room_is_kept_for_the_database(tmp_path, monkeypatch):
    require_room(tmp_path, 0)
    with pytest.raises(DiskFull):
        require_room(tmp_path, 10**18)
    monkeypatch.setattr(uploads, "LEAST_FREE_BYTES", 10**18)
    with pytest.raises(DiskFull):
        require_room(tmp_path, 0)


async def test_what_arrives_unannounced_takes_no_room_that_is_the_databases(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "LEAST_FREE_BYTES", 10**18)
    with pytest.raises(DiskFull):
        await write_file(tmp_path / "a", chunks(1), most_bytes=100)
    assert list(tmp_path.iterdir()) == []
