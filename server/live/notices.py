"""What a page is told of an end that is near."""

import time
from collections.abc import Callable

from .channels import Channels
from .idleness import Idleness


class Notices:
    """Tells the page that is there, and again each that comes after it.

    Args:
        channels: Those that lead to the page now.
        idleness: Knows whether nobody trains.
        clock: A monotonic clock.
    """

    def __init__(
        self,
        channels: Callable[[], Channels],
        idleness: Idleness,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channels = channels
        self._idleness = idleness
        self._clock = clock
        self._stops_s: float | None = None  # when the server does

    def draining(self, left_s: float) -> None:
        """The server stops in `left_s` seconds.

        Raises:
            NotReading: If the page lets its events pile up.
        """
        self._stops_s = self._clock() + left_s
        self._channels().draining(left_s)

    def idle(self, left_s: float) -> None:
        """Nobody trains, and the session ends in `left_s` seconds if that stays so.

        Raises:
            NotReading: If the page lets its events pile up.
        """
        self._channels().idle(left_s)

    def repeat(self, channels: Channels) -> None:
        """A page has begun to listen: tell it what others were told.

        Raises:
            NotReading: If the page lets its events pile up.
        """
        if self._stops_s is not None:
            channels.draining(max(0.0, self._stops_s - self._clock()))
        if self._idleness.told:
            channels.idle(self._idleness.left_s)
