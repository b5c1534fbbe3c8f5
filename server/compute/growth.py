"""Workers that come and go with the sessions: how many, for how long, and that they are alike."""

import asyncio
import time
from dataclasses import asdict, dataclass

from posesim.references import Settings

from .admission import Cost
from .asked_worker import Worker
from .errors import OtherNetwork

LOOK_S = 5.0  # between two looks at whether a further worker is used


@dataclass(frozen=True)
class Growth:
    """Further workers, which come and go with the sessions.

    Attributes:
        most: How many workers there may be, those that are always there included.
        idle_s: How long a further one may be without a stream.
        again_s: Between two tries to start one where none can be started now.
    """

    most: int
    idle_s: float = 300.0
    again_s: float = 5.0


@dataclass(frozen=True)
class Life:
    """What a worker was, after its end."""

    ready: bool
    given_back: bool  # because it was not used
    cost: Cost | None
    exit_code: int | None
    error: BaseException | None


async def unused(worker: Worker, listening: asyncio.Task[None], idle_s: float) -> bool:
    """Wait until a worker was idle for so long; False if it is gone before."""
    idle_from_s = time.monotonic()
    while not listening.done():
        await asyncio.wait({listening}, timeout=min(idle_s, LOOK_S))
        now_s = time.monotonic()
        if not worker.idle:
            idle_from_s = now_s
        elif now_s - idle_from_s >= idle_s:
            return not listening.done()
    return False


def require_same(wanted: Settings, there: Settings) -> None:
    """Refuse a worker whose embeddings could not be compared with the others'.

    Raises:
        OtherNetwork: With each setting that differs.
    """
    ours, theirs = asdict(wanted), asdict(there)
    if different := {k: (theirs[k], ours[k]) for k in ours if ours[k] != theirs[k]}:
        raise OtherNetwork(different)
