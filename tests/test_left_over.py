import os
import time
from pathlib import Path

from posesim_server.left_over import DAY_S, clear


def left(folder: Path) -> None:
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "clip").touch()
    (folder / "older").touch()
    (folder / "new").touch()
    long_ago_s = time.time() - DAY_S - 60
    for name in ("old", "older"):
        os.utime(folder / name, (long_ago_s, long_ago_s))


def test_a_folder_of_one_server_is_cleared(tmp_path):
    left(tmp_path / "uploads")
    clear(tmp_path / "uploads", shared=False)
    assert not (tmp_path / "uploads").exists()


def test_in_a_folder_that_others_use_only_what_is_old_is_removed(tmp_path):
    left(tmp_path / "uploads")
    clear(tmp_path / "uploads", shared=True)
    assert [each.name for each in (tmp_path / "uploads").iterdir()] == ["new"]
    clear(tmp_path / "nothing", shared=True)
