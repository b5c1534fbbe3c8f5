"""How long what is asked for takes to come, learnt from what comes. The time is an argument.

Packets that wait in front of a link that is too thin come later and later behind their timestamps:
that lag is known with each packet. What the way there and back takes apart from it is known when a
packet that was asked for comes.
"""

import math

PACKET_BITS = 8 * 1100  # of one that is full, as most of many are
DRIFT = 0.01  # seconds a second by which the earliest arrival is forgotten: networks change
RESTART_S = 5.0  # so late is no packet: its timestamps began anew
LONGEST_TRIP_S = 1.2  # there and back that is believed, so that it is tried again and learnt anew
SOONER, LATER = 1 / 2, 1 / 8  # shares by which what comes so changes what is believed of the way


class Way:
    """From a sender and back to it.

    Attributes:
        lag_s: By how much the newest packet was longer under way than the quickest.
    """

    def __init__(self) -> None:
        self.lag_s = 0.0
        self._round_trip_s: float | None = None  # without the lag
        self._begun_s: float | None = None  # when time 0 of the sender came, at the earliest
        self._seen_s = 0.0
        self._measured_s = -math.inf  # when what was measured last was asked for

    @property
    def expected_s(self) -> float:
        """From asking to coming, now; 0 while nothing is known."""
        return (self._round_trip_s or 0.0) + self.lag_s

    def repair_s(self, packets: int, rate_bit_s: float) -> float:
        """How long it would take until so many packets had come again."""
        return self.expected_s + packets * PACKET_BITS / rate_bit_s

    def saw(self, time_s: float, now_s: float) -> None:
        """Note that a packet of that time of its sender came, newer than all others."""
        begun_s = now_s - time_s
        if self._begun_s is not None:
            aged_s = self._begun_s + DRIFT * (now_s - self._seen_s)
            if begun_s < aged_s + RESTART_S:
                begun_s = min(begun_s, aged_s)
        self._begun_s, self._seen_s = begun_s, now_s
        self.lag_s = now_s - time_s - begun_s

    def came(self, asked_s: float, now_s: float) -> None:
        """Note that a packet came that was first asked for then.

        Of those that were asked for together the first counts: the others wait for it. It may have
        been asked for again, so that one that comes late tells less than one that comes soon.
        """
        if asked_s <= self._measured_s:
            return
        self._measured_s = asked_s
        took_s = min(max(0.0, now_s - asked_s - self.lag_s), LONGEST_TRIP_S)
        if self._round_trip_s is None:
            self._round_trip_s = took_s
        else:
            share = SOONER if took_s < self._round_trip_s else LATER
            self._round_trip_s += share * (took_s - self._round_trip_s)
