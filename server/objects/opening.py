"""Where files are kept, as the operator says."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog

from posesim.errors import PosesimError

from .base import Failure, Objects, ObjectsReadOnly
from .folder import FolderObjects

logger = structlog.get_logger(__name__)

URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[\w.-]+)*)/?")
CACHE = "cache"  # of the data folder
CONNECT_S = 5
SILENCE_S = 20  # of the store, in the middle of an answer
WHOLE_S = 900  # for one request; the largest are clips
RETRIES = 3
RETRY_S = 20  # after that a failure is told


class NoObjectLibrary(PosesimError):
    """A bucket without what reaches it."""

    def __init__(self) -> None:
        super().__init__("--objects takes the extra s3. Install it: pip install 'posesim[s3]'")


async def open_objects(
    data: Path,
    url: str | None,
    *,
    endpoint: str | None = None,
    public_url: str | None = None,
    through_server: bool = False,
    cache_bytes: int = 0,
    on_failure: Callable[[Failure], object] = lambda _: None,
    on_cached: Callable[[int], object] = lambda _: None,
    cache: str = CACHE,
) -> Objects:
    """Open what keeps files, and make sure that it can be used. It may be full.

    Credentials and region come from the environment's AWS_* variables, as everywhere.

    Args:
        data: The data folder.
        url: `s3://bucket/prefix`; None keeps files in the data folder.
        endpoint: Of the store; None is AWS.
        public_url: The endpoint as browsers reach it, where that is another one.
        through_server: Whether browsers get everything from this server.
        cache_bytes: How much of it may lie on this machine, as copies.
        on_failure: Told why, whenever the store could not be used.
        on_cached: Told how many bytes lie here.
        cache: The folder of those in the data folder.

    Raises:
        NoObjectLibrary: If what reaches it is not installed.
        ObjectsError: If it can't be used.
    """
    if url is None:
        return FolderObjects(data)
    try:
        from obstore.store import S3Store

        from .bucket import BucketObjects
        from .cache import Cache
    except ImportError as error:
        raise NoObjectLibrary from error
    parts = URL.fullmatch(url)
    assert parts, "the configuration was checked"

    def store(at: str | None) -> S3Store:
        return S3Store(
            parts["bucket"],
            prefix=parts["prefix"].strip("/") or None,
            endpoint=at,
            client_options={
                "allow_http": at is not None and at.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "read_timeout": timedelta(seconds=SILENCE_S),
                "timeout": timedelta(seconds=WHOLE_S),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_S),
                "backoff": {"max_backoff": timedelta(seconds=2)},
            },
        )

    copies = Cache(data / cache, cache_bytes, on_cached)
    await asyncio.to_thread(copies.clear)
    public = None if through_server else store(public_url or endpoint)
    objects = BucketObjects(store(endpoint), public, copies, on_failure)
    try:
        await objects.check()
    except ObjectsReadOnly as error:
        if error.reason == "denied":  # as when rights were forgotten; nothing to wait for
            raise
        logger.warning(str(error))
    return objects
