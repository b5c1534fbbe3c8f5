"""Files in a bucket of an S3-compatible store, with copies on this machine of those in use."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, cast
from weakref import WeakValueDictionary

import obstore
import structlog
from obstore.exceptions import BaseError, NotModifiedError
from obstore.store import S3Store

from ..uploads import full_disk, require_room
from .base import Entry, Failure, ObjectGone, ObjectsError, ObjectsFull, ObjectsReadOnly
from .cache import Cache

logger = structlog.get_logger(__name__)

URL_S = 300  # how long a browser may begin to read what it was sent to
PIECE_BYTES = 1 << 20
PROBE = "probe"  # the object that `check` writes
# A store on a full disk may still have room for a name. Random: zeros take no room on some disks.
PROBE_BYTES = 65_536

# Whatever a store says of itself is in its answer's body or status, which the library repeats.
_FULL = (
    "QuotaExceeded",
    "XMinioStorageFull",
    "EntityTooLarge",
    "StorageFull",
    "InsufficientStorage",
    "507 Insufficient",
)
_MISSING = ("NoSuchBucket",)
_DENIED = ("403 Forbidden", "401 Unauthorized", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_SENTENCES: dict[Failure, str] = {
    "away": "The object store does not answer as it should. Look at the server's log, and whether "
    "the store runs, has room, and can be reached from here.",
    "denied": "The object store refuses this server. Check AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, and that they may read, write, list and delete in the bucket.",
    "missing": "The bucket does not exist in the object store. Make it, or name another one with "
    "--objects.",
    "full": "The object store is full.",
}


class _Unchanged(Exception):
    """The copy on this machine is that of what is kept."""


class BucketObjects:
    """Keeps files in a bucket; `Objects` says what each method does.

    Args:
        store: The bucket, as this server reaches it.
        public: The same one as browsers reach it, whose URLs they get; None sends all through this
            server.
        cache: Copies on this machine.
        on_failure: Told why, whenever the store could not be used.
    """

    here = False

    def __init__(
        self,
        store: S3Store,
        public: S3Store | None,
        cache: Cache,
        on_failure: Callable[[Failure], object] = lambda _: None,
    ) -> None:
        self._store = store
        self._public = public
        self._cache = cache
        self._on_failure = on_failure
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by key
        self._fetching: dict[str, bool] = {}  # what is being copied, and whether it is still there
        self.origin = _origin(self._signed(public, "GET", PROBE)) if public else None

    async def check(self) -> None:
        """Write a small object: what is full or may only be read is found out by that alone."""
        try:
            with self._in_words():
                await obstore.put_async(self._store, PROBE, os.urandom(PROBE_BYTES))
        except (ObjectsError, ObjectsFull) as error:
            reason = error.reason if isinstance(error, ObjectsError) else "full"
            if reason != "missing" and await self._is_read():
                raise ObjectsReadOnly(reason) from error
            raise

    async def put(self, key: str, file: Path, media_type: str) -> None:
        """Send a file. It becomes the copy on this machine, where it is needed next."""
        e_tag = await self._send(key, file, media_type)
        place = self._cache.place(key)
        file.replace(place)  # noqa: ASYNC240 - a rename on one disk
        if e_tag is None:
            self._cache.discard(place)
        else:
            self._cache.add(key, e_tag, place)

    async def upload(
        self, key: str, file: Path, media_type: str = "application/octet-stream"
    ) -> None:
        """Send a copy of a file."""
        await self._send(key, file, media_type)

    async def mark(self, key: str) -> None:
        """Write an empty object."""
        with self._in_words():
            await obstore.put_async(self._store, key, b"")

    async def fetch(self, key: str) -> Path:
        """Return the copy on this machine, made anew if there is none or another one is kept."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            copy = self._cache.get(key)
            try:
                return await self._copy(key, copy.e_tag if copy else None)
            except _Unchanged:
                assert copy is not None, "only then it is asked for a newer one"
                return copy.path
            except ObjectGone:
                self._cache.drop(key, now=True)
                raise

    def hold(self, file: Path, holder: object) -> None:
        """Let the copy stay."""
        self._cache.hold(file, holder)

    async def folder_of(self, prefix: str, into: Path) -> Path:
        """Copy all there is into a folder, whole or not at all."""
        found = await self.entries(prefix)
        if not found:
            return into
        half = into.with_name(f"{into.name}.half")
        await asyncio.to_thread(shutil.rmtree, half, ignore_errors=True)
        try:
            for entry in found:
                path = half / entry.key.removeprefix(prefix.rstrip("/") + "/")
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                await self._write(entry.key, path)
            await asyncio.to_thread(half.replace, into)
        finally:
            await asyncio.to_thread(shutil.rmtree, half, ignore_errors=True)
        return into

    async def entries(self, prefix: str) -> list[Entry]:
        """List a part of the bucket."""
        with self._in_words():
            return [
                Entry(each["path"], each["size"], each["last_modified"])
                async for some in obstore.list(self._store, prefix=prefix.rstrip("/"))
                for each in some
            ]

    async def remove(self, keys: Iterable[str]) -> None:
        """Delete objects, and then their copies here."""
        keys = list(keys)
        if keys:
            with self._in_words():
                await obstore.delete_async(self._store, keys)
        for key in keys:
            self._forget(key)

    async def remove_under(self, prefix: str) -> None:
        """Delete a part of the bucket."""
        await self.remove([entry.key for entry in await self.entries(prefix)])
        inside = prefix.rstrip("/") + "/"
        for key in [*self._cache.known(), *self._fetching]:
            if key.startswith(inside):
                self._forget(key)

    async def url(self, key: str, method: str) -> str | None:
        """Sign a URL, which takes no request to the store."""
        return None if self._public is None else self._signed(self._public, method, key)

    async def tidy(self) -> None:
        """Ask for each copy whether what it copies is still there."""
        for key in self._cache.known():
            try:
                with self._in_words(key):
                    await obstore.head_async(self._store, key)
            except ObjectGone:
                await self.entries(key)  # raises where it is the bucket that is gone
                self._forget(key)

    async def close(self) -> None:
        """Do nothing: connections end with the object."""

    async def _is_read(self) -> bool:
        """Whether the store gives what it has. There may be nothing yet."""
        try:
            with self._in_words(PROBE):
                found = await obstore.get_async(self._store, PROBE)
                await found.bytes_async()
        except ObjectGone:
            return True
        except (ObjectsError, ObjectsFull):
            return False
        return True

    async def _send(self, key: str, file: Path, media_type: str) -> str | None:
        """Send a file; return its ETag."""
        attributes = {"Content-Type": media_type, "Cache-Control": "private, no-store"}
        with self._in_words():
            put = await obstore.put_async(self._store, key, file, attributes=attributes)
        return put["e_tag"]

    async def _copy(self, key: str, e_tag: str | None) -> Path:
        place = self._cache.place(key)
        self._fetching[key] = True
        try:
            new_tag = await self._write(key, place, e_tag)
            if not self._fetching[key]:  # deleted while it was read
                raise ObjectGone(key)
            return self._cache.add(key, new_tag, place)
        except BaseException:
            self._cache.discard(place)
            raise
        finally:
            del self._fetching[key]

    async def _write(self, key: str, path: Path, unless: str | None = None) -> str:
        """Copy an object into a new file; return its ETag.

        Raises:
            _Unchanged: If its ETag is `unless`.
        """
        with self._in_words(key):
            found = await obstore.get_async(
                self._store, key, options={"if_none_match": unless} if unless else {}
            )
            if unless is not None and found.meta["e_tag"] == unless:
                raise _Unchanged  # not every store looks at the condition; its answer is not read
            size_bytes = found.meta["size"]
            await asyncio.to_thread(require_room, path.parent, size_bytes)
            with full_disk():
                file = path.open("xb")
            with file:
                async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                    await asyncio.to_thread(_append, file, piece)
                if file.tell() != size_bytes:
                    raise self._failed("away", f"{key} came in part")
        return found.meta["e_tag"] or ""

    def _forget(self, key: str) -> None:
        if key in self._fetching:
            self._fetching[key] = False
        self._cache.drop(key, now=True)

    def _signed(self, store: S3Store, method: str, key: str) -> str:
        known = "HEAD" if method == "HEAD" else "GET"
        with self._in_words():
            return obstore.sign(store, cast("obstore.HTTP_METHOD", known), key, _URL_FOR)

    @contextlib.contextmanager
    def _in_words(self, key: str | None = None) -> Iterator[None]:
        """Turn what the library says into what can be acted on."""
        try:
            yield
        except NotModifiedError as error:
            raise _Unchanged from error
        except FileNotFoundError as error:
            if key is None or any(code in str(error) for code in _MISSING):
                raise self._failed("missing", str(error)) from error
            raise ObjectGone(key) from error
        except BaseError as error:
            text = str(error)
            if any(code in text for code in _FULL):
                raise self._full(text) from error
            reason: Failure = "away"
            if any(code in text for code in _MISSING):
                reason = "missing"
            elif any(code in text for code in _DENIED):
                reason = "denied"
            raise self._failed(reason, text) from error

    def _failed(self, reason: Failure, said: str) -> ObjectsError:
        self._on_failure(reason)
        logger.error("object store failed", reason=reason, said=said.split("\n", 1)[0])
        return ObjectsError(reason, _SENTENCES[reason])

    def _full(self, said: str) -> ObjectsFull:
        self._failed("full", said)
        return ObjectsFull()


_URL_FOR = timedelta(seconds=URL_S)


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _append(file: BinaryIO, piece: bytes) -> None:
    with full_disk():
        file.write(piece)
