"""What a sender is allowed, less of it while packets wait on their way.

aiortc allows 85 % of what passes where packets come later and later. What waits already goes down
by the other 15 % then, so that a queue of a second is there for many more. With less the pictures
are in time again sooner, and hardly worse.
"""

from collections.abc import Callable
from typing import Any

LONG_LAG_S = 0.3  # behind the quickest packet: no jitter, and no large keyframe alone
SHARE = 0.7  # of what would be allowed


class Relief:
    """aiortc's `RemoteBitrateEstimator`, with less to allow as long as the lag is long."""

    def __init__(self, estimator: Any, lag_s: Callable[[], float]) -> None:
        self._estimator = estimator
        self._lag_s = lag_s

    @property
    def rate_bit_s(self) -> float:
        """How much seems to pass; before that is known, more than any camera sends."""
        return float(self._estimator.rate_control.current_bitrate)

    def add(self, **packet: int) -> tuple[int, list[int]] | None:
        """Take a packet; return now and then how many bits a second which streams may have."""
        allowed: tuple[int, list[int]] | None = self._estimator.add(**packet)
        if allowed is None or self._lag_s() < LONG_LAG_S:
            return allowed
        rate_bit_s, ssrcs = allowed
        return round(SHARE * rate_bit_s), ssrcs
