"""The program of a worker, wherever it runs: the network, who watches streams, and their turns.

The thread that `Program.serve` is called on owns the engine and every watcher: it prepares pictures
and calls the engine, for one session after the other. Another one embeds clips and compares files:
it decodes by itself, and asks the first for each call of the engine, which sessions get before it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from posesim.embedding import Frame
from posesim.engines.calls import Outcome, Turns
from posesim.network import Network

from .admission import measure
from .engine_turns import AskingEngine, MeasuredEngine
from .file_work import FileWork
from .inbox import Ask, Inbox, Stopping
from .protocol import (
    Answer,
    Cancel,
    Close,
    CompareFile,
    Embed,
    Finish,
    Follows,
    NotReady,
    Open,
    OpenNetwork,
    Push,
    Ready,
    Request,
    Tell,
    Watcher,
    failed,
    told,
)

MOST_TOGETHER = 16  # calls that a GPU gets at once; a CPU is no faster with more than one

# The pictures of a batch with their times, copied from where they came.
FramesOf = Callable[[Push], list[tuple[float, Frame]]]


def opened(open_network: OpenNetwork, tell: Tell, cost: bool) -> Network | None:
    """Open the network, and say that or why not.

    Args:
        open_network: Makes the network.
        tell: Takes what is said.
        cost: Whether to measure what a session costs.
    """
    try:
        network = open_network()
        measured = measure(network) if cost else None
    except Exception as error:
        tell(NotReady(*told(error)))
        return None
    tell(
        Ready(
            network.engine.info,
            network.settings,
            network.calibration,
            network.warning,
            measured,
        )
    )
    return network


@dataclass(frozen=True)
class _Call:
    """Whose turn ended: answer this call."""

    number: int


class Program:
    """Answers requests until the inbox says that it is over.

    Args:
        network: What runs here.
        frames_of: Gives the pictures of a batch.
        inbox: What there is to do.
        tell: Takes what is said to the server; it raises OSError if the server is gone.
    """

    def __init__(self, network: Network, frames_of: FramesOf, inbox: Inbox, tell: Tell) -> None:
        self._network = network
        self._frames_of = frames_of
        self._inbox = inbox
        self._tell = tell
        self._watchers: dict[int, Watcher[Any]] = {}  # by the lane
        engine = MeasuredEngine(network.engine, tell)
        together = 1 if network.engine.info.device == "cpu" else MOST_TOGETHER
        self._turns: Turns[_Call | Ask] = Turns(engine, together)
        asking = replace(network, engine=AskingEngine(network.engine, inbox))
        self._files = FileWork(asking, tell)

    def serve(self) -> None:
        """Serve to the end.

        Raises:
            OSError: If the server is gone.
        """
        self._files.start()
        try:
            while True:
                for item in self._inbox.take(wait=not self._turns):
                    if item is None:
                        return
                    self._handle(item)
                if self._turns:
                    for outcome in self._turns.serve():
                        self._answer(outcome)
        finally:
            for item in self._inbox.close():
                if isinstance(item, Ask):
                    item.reply.put(Outcome(None, None, Stopping()))
            self._files.stop()

    def _handle(self, item: Request | Ask) -> None:
        match item:
            case Ask(calls=calls):
                self._turns.add(item, calls, urgent=False)
            case Embed() | CompareFile():
                self._files.add(item)
            case Cancel(call=call):
                self._files.cancel(call)
            case Close(call=call, lane=lane):
                self._watchers.pop(lane, None)
                self._tell(Answer(call, None))
            case Open() | Push() | Finish():
                try:
                    self._take_up(item)
                except Exception as error:  # it is this session's; the others go on
                    self._tell(failed(item.call, error))

    def _take_up(self, item: Open | Push | Finish) -> None:
        if isinstance(item, Open):
            self._watchers[item.lane] = item.open_watcher(self._network)
            self._tell(Answer(item.call, None))
            return
        watcher = self._watchers[item.lane]
        if isinstance(item, Finish):
            calls = watcher.finishing()
        else:
            calls = _pushing(watcher, self._frames_of(item), item)
        self._turns.add(_Call(item.call), calls)

    def _answer(self, outcome: Outcome[_Call | Ask]) -> None:
        match outcome.key:
            case Ask(reply=reply):
                reply.put(outcome)
            case _Call(number=number) if outcome.error is not None:
                self._tell(failed(number, outcome.error))
            case _Call(number=number):
                self._tell(Answer(number, outcome.value))


def _pushing(
    watcher: Watcher[Any], frames: list[tuple[float, Frame]], batch: Push
) -> Generator[Any, Any, list[Any]]:
    watcher.tail_hop = batch.tail_hop
    if isinstance(watcher, Follows):
        watcher.show(batch.shown)
    watcher.follow(batch.clock)
    if batch.gap is not None:
        watcher.interrupt(batch.gap)
    said: list[Any] = []
    for time_s, frame in frames:
        said += yield from watcher.pushing(time_s, frame)
    return said
