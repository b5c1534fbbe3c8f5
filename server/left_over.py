"""Files that a server left which was killed in the middle of something."""

import contextlib
import shutil
import time
from pathlib import Path

DAY_S = 86_400.0  # nothing is in the middle of something for as long


def clear(folder: Path, *, shared: bool) -> None:
    """Remove what is in a folder; where other nodes may use it now, only what is old."""
    if not shared:
        shutil.rmtree(folder, ignore_errors=True)
        return
    oldest_s = time.time() - DAY_S
    with contextlib.suppress(FileNotFoundError):
        for entry in list(folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # another node was quicker
                if entry.stat().st_mtime < oldest_s:
                    _remove(entry)


def _remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink()
