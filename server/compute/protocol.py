"""What the server and a worker say to each other, whatever the link between them.

Pickled: both ends are this program, of this version, and of one user. Messages are small; pictures
come beside them.
"""

import pickle
import struct
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from posesim.comparison import Comparator
from posesim.embedding import Frame, Part
from posesim.engines import EngineInfo
from posesim.errors import PosesimError
from posesim.network import Network
from posesim.references import Settings
from posesim.scoring import Calibration
from posesim.timebase import GapReason
from posesim.updates import ReferenceClock, Update

from .admission import Cost
from .frames import Placed

LENGTH = struct.Struct("!I")  # before each message: its bytes


Item = TypeVar("Item")  # what is said about a stream


class Watcher(Protocol[Item]):
    """What looks at the frames of a live stream and says something about them, in the worker."""

    tail_hop: int

    def pushing(self, time_s: float, frame: Frame) -> Generator[Any, Any, list[Item]]:
        """Look at one more frame; see `posesim.engines.calls`."""
        ...

    def follow(self, clock: ReferenceClock | None) -> None:
        """The reference is played to the user as `clock` says; said before every batch."""
        ...

    def interrupt(self, reason: GapReason) -> None:
        """Frames are missing before the next one."""
        ...

    def finishing(self) -> Generator[Any, Any, list[Item]]:
        """No more frames will come."""
        ...


LiveComparator = Watcher[Update]  # as `posesim.comparison.Comparator`
LiveDemonstrator = Watcher[Part]  # as `posesim.demonstrator.Demonstrator`


@runtime_checkable
class Follows(Protocol):
    """A comparator whose reference is a demonstration: it is told what that shows."""

    def show(self, parts: Sequence[Part]) -> None:
        """The demonstrator did this, on the demonstrator's time."""
        ...


# Something that can be pickled.
OpenNetwork = Callable[[], Network]
OpenComparator = Callable[[Network], LiveComparator]
OpenDemonstrator = Callable[[Network], LiveDemonstrator]
OpenWatcher = Callable[[Network], Watcher[Any]]  # either of the two
OpenFileComparator = Callable[[Network], Comparator]


# Server → worker. Each `call` is answered once.


@dataclass(frozen=True)
class Open:
    """Begin to watch the stream `lane`. Answered with None."""

    call: int
    lane: int
    open_watcher: OpenWatcher


@dataclass(frozen=True)
class Push:
    """Look at the pictures that lie in `slot`.

    Answered with a list of what they complete; then they have been taken.
    """

    call: int
    lane: int
    slot: int
    frames: tuple[Placed, ...]
    gap: GapReason | None  # why frames are missing before the first of these; None: none are
    tail_hop: int
    clock: ReferenceClock | None  # where the reference is that is played; None where none is
    shown: tuple[Part, ...]  # what the demonstrator that is followed did since the last push


@dataclass(frozen=True)
class Finish:
    """No more pictures will come. Answered with a list of what was still waiting."""

    call: int
    lane: int


@dataclass(frozen=True)
class Close:
    """Forget a stream. Answered with None: its slot is free."""

    call: int
    lane: int


@dataclass(frozen=True)
class Embed:
    """Write the reference of a clip, or of a part of it, to `into`.

    Answered with its duration, None if cancelled.
    """

    call: int
    clip: Path
    name: str
    longest_s: float
    start_s: float | None
    end_s: float | None
    into: Path


@dataclass(frozen=True)
class CompareFile:
    """Compare a whole video. Answered with a `Comparison`, None if cancelled."""

    call: int
    video: Path
    open_comparator: OpenFileComparator
    reference_name: str
    longest_s: float


@dataclass(frozen=True)
class Cancel:
    """Stop the embedding, or the comparison of a file, that was asked for by `call`."""

    call: int


Request = Open | Push | Finish | Close | Embed | CompareFile | Cancel


# Worker → server


@dataclass(frozen=True)
class Ready:
    """First of all: the network is loaded. `cost` where it was to be measured."""

    engine: EngineInfo
    settings: Settings
    calibration: Calibration
    warning: str | None  # for the operator
    cost: Cost | None


@dataclass(frozen=True)
class NotReady:
    """First and last: there is no network, and why; a sentence if a person can do something."""

    sentence: str | None
    details: str


@dataclass(frozen=True)
class Answer:
    """What came of a call."""

    call: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """Nothing came of a call, and why; a sentence if a person can do something about it."""

    call: int
    sentence: str | None
    details: str


@dataclass(frozen=True)
class Progress:
    """How much of a file is embedded or compared, 0 to 1."""

    call: int
    fraction: float


@dataclass(frozen=True)
class Spent:
    """What one call of the engine took.

    Attributes:
        part: "stem" or "tail".
        streams: How many were served together.
        wall_s: From its begin to its end.
        cpu_s: Of all threads of the worker, meanwhile.
        rest_cpu_s: Of the worker's own thread since the call before: mostly preparing pictures.
    """

    part: str
    streams: int
    wall_s: float
    cpu_s: float
    rest_cpu_s: float


Report = Ready | NotReady | Answer | Failed | Progress | Spent
Tell = Callable[[Report], None]  # takes a report to the server; from any thread


def told(error: BaseException) -> tuple[str | None, str]:
    """An error as (a sentence for people, everything for the log)."""
    sentence = str(error) if isinstance(error, PosesimError) else None
    return sentence, "".join(traceback.format_exception(error))


def failed(call: int, error: BaseException) -> Failed:
    """What is said of a call that an error ended."""
    return Failed(call, *told(error))


def pack(message: Request | Report) -> bytes:
    """A message as bytes, its length before it."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Any:
    """A message of the other end."""
    return pickle.loads(body)  # noqa: S301 - see above
