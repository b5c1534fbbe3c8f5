"""What may go wrong between nodes, in words.

PosesimError
├── NoRedisLibrary   the extra is not installed
├── BadNode          this node can't be one of this cluster
├── ClusterAway      Redis does not answer
└── OnAnotherNode    a session that is not here
"""

from posesim.errors import PosesimError


class NoRedisLibrary(PosesimError):
    """It is asked for, and not installed."""

    def __init__(self) -> None:
        super().__init__(
            "--cluster needs the Python package redis, which is not installed. Install it with: "
            "pip install 'posesim[cluster]'"
        )


class BadNode(PosesimError):
    """This node is not ready, and its sentence says why."""


class ClusterAway(PosesimError):
    """Redis does not answer, or can't do what it is asked."""

    def __init__(self, reason: object) -> None:
        said = _REASONS.get(type(reason).__name__) or str(reason).rstrip(".")
        super().__init__(
            f"The Redis that --cluster names can't be used: {said}. Sessions that run go on; new "
            "ones are begun on the node that is asked."
        )


# By the names of the library's errors, which may not be installed; the others speak for themselves.
_REASONS = {
    "OutOfMemoryError": "it has no memory left. Raise its maxmemory, or look at what else is kept "
    "in it",
    "ReadOnlyError": "it only copies another one. Name that, which takes writes",
    "BusyLoadingError": "it is starting, and still reads what it had kept",
    "AuthenticationError": "it refuses the password in the URL, or wants one that is not there",
}


class OnAnotherNode(PosesimError):
    """A session that another node has."""

    def __init__(self) -> None:
        super().__init__("This session is on another node. Ask where it is, and go on there.")
