"""One thing to tell the user at a time, and a word of praise when it has been mended.

A fault is told when it has come twice, so that one clumsy repetition is no fault. Between two cues
there is a pause, and the same one comes back only after a longer one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from posesim.updates import CueName, CueUpdate, Part, RepUpdate

PAUSE_S = 6.0  # between two cues
AGAIN_S = 15.0  # between two of the same
LOOKED_AT = 3  # repetitions
OFTEN = 2  # of them, before a fault is told
MENDED = 2  # repetitions in a row without it
FAST, SLOW = 1.35, 0.7  # over the reference's tempo
FAR_ENOUGH = 0.75  # of the reference's range
LASTING_S = 2.0  # a fault in a hold, before it is told


@dataclass(frozen=True)
class Fault:
    """Something to be mended; a part with "check"."""

    cue: CueName
    part: Part | None = None


class Coach:
    """Choose what to tell."""

    def __init__(self) -> None:
        self._faults: deque[frozenset[Fault]] = deque(maxlen=LOOKED_AT)  # of the last repetitions
        self._told: tuple[Fault, float] | None = None  # what is being mended, and when it was told
        self._said_s: dict[Fault, float] = {}
        self._last_s = -PAUSE_S
        self._since_s: dict[Fault, float] = {}  # of faults that last, in a hold

    def after(self, rep: RepUpdate, farther: CueName) -> CueUpdate | None:
        """Look at a repetition; return what to tell.

        Args:
            rep: The repetition.
            farther: What to tell who does not go far enough.
        """
        now_s = rep.end_s
        self._faults.append(_faults(rep, farther))
        if praise := self._praise(now_s):
            return praise
        often = [
            fault
            for fault in _in_order(self._faults[-1])
            if sum(fault in each for each in self._faults) >= OFTEN
        ]
        return self._tell(often, now_s)

    def during(self, time_s: float, faults: list[Fault]) -> CueUpdate | None:
        """Look at a moment of a hold, with what is wrong in it; return what to tell."""
        self._since_s = {fault: self._since_s.get(fault, time_s) for fault in faults}
        if self._told is not None and self._told[0] not in faults:
            told, at_s = self._told
            if time_s - at_s >= LASTING_S:
                self._told = None
                return CueUpdate(time_s, told.cue, told.part, praise=True)
        lasting = [f for f in faults if time_s - self._since_s[f] >= LASTING_S]
        return self._tell(lasting, time_s)

    def _praise(self, now_s: float) -> CueUpdate | None:
        if self._told is None:
            return None
        told, at_s = self._told
        since = list(self._faults)[-MENDED:]
        if len(since) < MENDED or any(told in each for each in since) or now_s <= at_s:
            return None
        self._told = None
        return CueUpdate(now_s, told.cue, told.part, praise=True)

    def _tell(self, faults: list[Fault], now_s: float) -> CueUpdate | None:
        if now_s - self._last_s < PAUSE_S:
            return None
        for fault in faults:
            if now_s - self._said_s.get(fault, -AGAIN_S) >= AGAIN_S:
                self._said_s[fault] = self._last_s = now_s
                self._told = fault, now_s
                return CueUpdate(now_s, fault.cue, fault.part)
        return None


def _faults(rep: RepUpdate, farther: CueName) -> frozenset[Fault]:
    found = [Fault("check", difference.part) for difference in rep.differences[:1]]
    if rep.range < FAR_ENOUGH:
        found.append(Fault(farther))
    tempo = 1.0 if rep.tempo is None else rep.tempo
    if tempo > FAST:
        found.append(Fault("slow_down"))
    elif tempo < SLOW:
        found.append(Fault("speed_up"))
    return frozenset(found)


def _in_order(faults: frozenset[Fault]) -> list[Fault]:
    """The most important first: how far, how fast, then a part of the body."""
    order: tuple[CueName, ...] = ("lower", "higher", "further", "slow_down", "speed_up", "check")
    return sorted(faults, key=lambda fault: (order.index(fault.cue), fault.part or ""))
