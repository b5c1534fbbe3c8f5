"""Whether a page is still there, judged by when it was last heard of. Values in, values out."""

from typing import Literal

from .plan import Limits

Contact = Literal["good", "degraded", "away", "silent"]


class Heartbeat:
    """What is known of the page on the other end of a session's connections, one at a time.

    A frame, a message and an offer are signs of life. `good` becomes `degraded` and then `away`, of
    which the last is for a page that nobody hears, or whose connection is closed: it may come back.
    `silent` is a page that talks and shows nothing: its camera has stopped.

    Args:
        limits: How long each may last.
        seen: Whether there was a picture before, in an earlier run of the server.
    """

    def __init__(self, limits: Limits, *, seen: bool = False) -> None:
        self._limits = limits
        self._joined_s: float | None = None  # the connection that there is
        self._heard_s = 0.0
        self._frame_s: float | None = None  # the newest of this connection
        self._seen = seen  # a frame, ever

    def joined(self, now_s: float) -> None:
        """A connection begins; it takes the place of the one before."""
        self._joined_s = self._heard_s = now_s
        self._frame_s = None

    def message(self, now_s: float) -> None:
        """The page said something."""
        self._heard_s = max(self._heard_s, now_s)

    def frame(self, now_s: float) -> None:
        """A picture came."""
        self._seen = True
        self._frame_s = now_s
        self._heard_s = max(self._heard_s, now_s)

    def closed(self) -> None:
        """The connection is gone."""
        self._joined_s = None

    def look(self, now_s: float) -> Contact:
        """How it is now."""
        limits = self._limits
        if self._joined_s is None:
            return "away"
        if not self._seen:  # it takes its time to connect
            return "silent" if now_s >= self._joined_s + limits.setup_s else "good"
        if now_s >= self._heard_s + limits.free_s:
            return "away"
        if now_s >= self._heard_s + limits.degraded_s:
            return "degraded"
        return "silent" if now_s >= self._picture_due_s else "good"

    def next_s(self, now_s: float) -> float:
        """When `look` may say something else, if nothing is heard until then."""
        limits = self._limits
        if self._joined_s is None:
            return now_s
        if not self._seen:
            return self._joined_s + limits.setup_s
        times_s = (
            self._heard_s + limits.degraded_s,
            self._heard_s + limits.free_s,
            self._picture_due_s,
        )
        return min((time_s for time_s in times_s if time_s > now_s), default=now_s)

    @property
    def _picture_due_s(self) -> float:
        """Until when a picture must come."""
        assert self._joined_s is not None
        if self._frame_s is None:
            return self._joined_s + self._limits.setup_s
        return self._frame_s + self._limits.silence_s
