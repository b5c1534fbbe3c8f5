"""An issuer's keys, fetched when they are needed, kept, and fetched again in time."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import jwt
import structlog

from posesim.errors import PosesimError

from .key_set import Keys

logger = structlog.get_logger(__name__)

FRESH_S = 600.0  # then a key that the issuer withdrew is not taken any more
STALE_S = 86_400.0  # for so long the last keys serve while the issuer can't be reached
PAUSE_S = 60.0  # between two fetches, whatever tokens ask for


class KeysUnavailable(PosesimError):
    """The issuer's keys can't be fetched."""


class RemoteKeys:
    """Keys by their id. Its one fetch at a time is its own task; `close` ends it.

    Args:
        fetch: Gets the keys, within a time and a size; raises KeysUnavailable or BadKeySet.
        clock: Seconds of a steady clock.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Keys]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Keys = {}
        self._fetched_s = -math.inf
        self._tried_s = -math.inf
        self._failing = False  # the last fetch that is over
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of this id; None if the issuer has none, as far as is known.

        An unknown id, and keys that are no longer fresh, are reasons to fetch, at most once in
        `PAUSE_S`. While the issuer can't be reached, nobody waits for it who has a known key.
        """
        known = self._known(key_id)
        fresh = self._clock() - self._fetched_s <= FRESH_S
        if known is not None and fresh:
            return known
        if self._fetching is None and self._clock() - self._tried_s >= PAUSE_S:
            self._tried_s = self._clock()
            self._fetching = asyncio.create_task(self._refresh(), name="issuer's keys")
        if self._fetching is not None and (known is None or not self._failing):
            await asyncio.wait({self._fetching})
        return self._known(key_id)

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _known(self, key_id: str | None) -> jwt.PyJWK | None:
        if self._clock() - self._fetched_s > STALE_S:
            return None
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        try:
            self._keys = await self._fetch()
            self._fetched_s, self._failing = self._clock(), False
        except PosesimError as error:
            self._failing = True
            logger.warning("the issuer's keys can't be fetched", error=str(error))
        finally:
            self._fetching = None
