"""A session in which nobody trains: its user is told, and it ends if that stays so."""

import asyncio
import time
from collections.abc import Callable

from posesim.updates import RepUpdate, ScoreUpdate, Update

WARN_S = 60.0  # before the end; half of the limit, where that is shorter


class Idleness:
    """For how long nothing was scored in a session.

    Args:
        limit_s: How long that may last; 0: for ever.
        clock: A monotonic clock.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._warn_s = min(WARN_S, limit_s / 2)
        self._clock = clock
        self._active_s = clock()
        self._told = False

    def note(self, update: Update) -> None:
        """Something was said of the user: a number or a repetition shows that somebody trains."""
        if isinstance(update, RepUpdate) or (
            isinstance(update, ScoreUpdate) and update.score is not None
        ):
            self._active_s = self._clock()
            self._told = False

    @property
    def left_s(self) -> float:
        """Seconds until the end, if nobody trains until then."""
        return max(0.0, self._active_s + self._limit_s - self._clock())

    @property
    def told(self) -> bool:
        """Whether the user was told of it, and has done nothing since."""
        return self._told

    async def run_out(self, tell: Callable[[float], None]) -> None:
        """Wait until nobody has trained for too long; `tell` is called with the seconds left."""
        if self._limit_s == 0:
            await asyncio.Event().wait()
        self._active_s = self._clock()
        while (left_s := self.left_s) > 0:
            if left_s > self._warn_s:
                await asyncio.sleep(left_s - self._warn_s)
                continue
            if not self._told:
                self._told = True
                tell(left_s)
            await asyncio.sleep(left_s)
