"""The reference as the page plays it, on the time of the user's stream."""

from posesim.updates import ReferenceClock

from .intake import StreamClock
from .page_messages import Clock


class Playback:
    """Turns what the page says of its player into what a comparison can follow.

    Only the newest message counts, and nothing is done for it until a comparison asks: a page that
    floods costs no more than the reading of its messages.
    """

    def __init__(self) -> None:
        self._told: tuple[Clock, float] | None = None  # and when; not on the stream's time yet
        self._clock: ReferenceClock | None = None

    def tell(self, message: Clock, now_s: float) -> None:
        """Note what came at `now_s`, seconds of the clock that frames' arrivals are told by."""
        self._told = message, now_s

    def on(self, stream: StreamClock) -> ReferenceClock | None:
        """Where the reference is, on the time of `stream`; None while it is not played.

        What was told before the first frame counts from that frame on.
        """
        if self._told is not None:
            message, told_s = self._told
            at_s = stream.time_s(told_s)
            if at_s is not None:
                self._told = None
                self._clock = _on_stream(message, at_s)
        return self._clock


def _on_stream(message: Clock, at_s: float) -> ReferenceClock | None:
    if message.reference_s is None or message.rate is None:
        return None
    return ReferenceClock(at_s, message.reference_s, message.rate)
