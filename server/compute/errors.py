"""What keeps work from being done, and what it means for whoever asked."""

from collections.abc import Mapping

from posesim.errors import PosesimError

MOST_BAD_STARTS = 3  # of a worker, in a row; another start does not mend what is wrong


class WorkersClosed(PosesimError):
    """The server stops."""

    def __init__(self) -> None:
        super().__init__("The server is stopping and computes nothing more. Try again in a minute.")


class WorkerLost(PosesimError):
    """The worker died before it answered."""

    def __init__(self) -> None:
        super().__init__("The part of the server that computes has failed and was started again.")


class WorkFailed(PosesimError):
    """A worker could not do what was asked, and said why in a sentence."""


class WorkBroken(Exception):
    """A worker failed in a way that nobody foresaw; the message is its traceback."""


class CannotStart(PosesimError):
    """No worker can be started, and why."""


class WorkersKeepDying(CannotStart):
    """Workers end before they are ready, without a word."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(
            f"The process that runs the network ended {MOST_BAD_STARTS} times at its start, the "
            f"last time with exit code {exit_code} (-9 often means too little memory). Look at "
            "the log above, or try another --engine."
        )


class ClipKillsWorkers(PosesimError):
    """A clip that a worker died of, more than once."""

    def __init__(self) -> None:
        super().__init__(
            "This clip made the server's decoder fail. Save it in another format, then try again."
        )


class OtherNetwork(CannotStart):
    """A worker whose network is another one than that of the others.

    Args:
        different: By setting: the worker's value, and that of the others.
    """

    def __init__(self, different: Mapping[str, tuple[object, object]]) -> None:
        listed = "; ".join(
            f"{setting} is {there!r}, not {wanted!r}"
            for setting, (there, wanted) in different.items()
        )
        super().__init__(
            f"A worker's network is another one than that of the others: {listed}. Install the "
            "same version of posesim and the same weights wherever workers run."
        )
