"""Copies of files on this machine: whole, not more than so many bytes, gone with what they copy."""

import shutil
import uuid
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Copy:
    """A file as it was when it was fetched."""

    path: Path
    e_tag: str
    size_bytes: int


class Cache:
    """A folder of copies, each in a folder of its own. Used by one event loop alone.

    Args:
        folder: Emptied by `clear` at the start, so that nothing half or old is ever found there.
        most_bytes: Above that, those that were not used for longest go; not those that are held,
            nor the newest one.
        on_size: Told of how many bytes there are.
    """

    def __init__(
        self, folder: Path, most_bytes: int, on_size: Callable[[int], object] = lambda _: None
    ) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._on_size = on_size
        self._copies: OrderedDict[str, Copy] = OrderedDict()  # by key, used last at the end
        self._held: Counter[Path] = Counter()
        self.size_bytes = 0

    def clear(self) -> None:
        """Make the folder anew, for its owner alone."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)

    def known(self) -> list[str]:
        """The keys of what there are copies of now."""
        return list(self._copies)

    def get(self, key: str) -> Copy | None:
        """Return the copy and note that it is used."""
        if copy := self._copies.get(key):
            self._copies.move_to_end(key)
        return copy

    def place(self, key: str) -> Path:
        """Make a place for a new copy, which bears the last name of its key."""
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        return folder / key.rsplit("/", 1)[-1]

    def add(self, key: str, e_tag: str, path: Path) -> Path:
        """Know a whole copy that lies in a place made for it; it is used now."""
        self.drop(key)
        copy = self._copies[key] = Copy(path, e_tag, path.stat().st_size)
        self.size_bytes += copy.size_bytes
        self._on_size(self.size_bytes)
        self._shrink()
        return path

    def drop(self, key: str, *, now: bool = False) -> None:
        """Forget a copy. One that is held is removed when nobody holds it any more, or `now`."""
        copy = self._copies.pop(key, None)
        if copy is None:
            return
        self.size_bytes -= copy.size_bytes
        self._on_size(self.size_bytes)
        if now or not self._held[copy.path]:
            self.discard(copy.path)

    def discard(self, path: Path) -> None:
        """Remove a file and the place made for it."""
        shutil.rmtree(path.parent, ignore_errors=True)

    def hold(self, path: Path, holder: object) -> None:
        """Keep the file of a copy until `holder` is gone, also when there is a newer copy."""
        self._held[path] += 1
        # Not at the interpreter's exit: the next start clears the folder.
        weakref.finalize(holder, self._release, path).atexit = False

    def _release(self, path: Path) -> None:
        self._held[path] -= 1
        if self._held[path] > 0:
            return
        del self._held[path]
        if all(copy.path != path for copy in self._copies.values()):
            self.discard(path)
        self._shrink()

    def _shrink(self) -> None:
        for key in list(self._copies)[:-1]:
            if self.size_bytes <= self._most_bytes:
                return
            if not self._held[self._copies[key].path]:
                self.drop(key)
