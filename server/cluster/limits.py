"""Limits that count over all nodes. Where Redis is away, each node's own count alone."""

from collections.abc import Callable

from . import scripts
from .directory import Directory
from .errors import ClusterAway


class SharedLimits:
    """Counts in Redis.

    Args:
        directory: Has the connection.
        away: Whether Redis is known to be away: then nobody waits to find out again.
    """

    def __init__(self, directory: Directory, away: Callable[[], bool]) -> None:
        self._directory = directory
        self._away = away

    async def try_s(self, kind: str, key: str, limit: int, period_s: float) -> float:
        """Count a try, of at most `limit` in any `period_s`; as `auth.limits.TryLimit.take`."""
        return await self._ask(
            scripts.TRY, self._directory.key(f"limit:{kind}", key), limit, round(period_s * 1000)
        )

    async def bucket_s(self, kind: str, key: str, burst: int, a_second: float) -> float:
        """Take one from a bucket; as `rate.Rate.wait_s`."""
        return await self._ask(
            scripts.BUCKET, self._directory.key(f"limit:{kind}", key), burst, a_second
        )

    async def forget(self, kind: str, key: str) -> None:
        """Start anew, e.g. because the right password came."""
        await self._ask(scripts.FORGET, self._directory.key(f"limit:{kind}", key))

    async def _ask(self, script: str, *values: object) -> float:
        if self._away():
            return 0.0
        try:
            wait_ms: int = await self._directory.run(script, *values)
        except ClusterAway:
            return 0.0
        return wait_ms / 1000
