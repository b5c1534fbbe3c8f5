"""How the server comes by the network it runs."""

from collections.abc import Callable

from posesim.network import Network
from posesim.weights import default_path

from .config import ServerConfig

OpenNetwork = Callable[[ServerConfig], Network]


def open_network(config: ServerConfig) -> Network:
    """Load the weights and prepare the engine: seconds of work, for the inference thread.

    Raises:
        WeightsError: If the weights are missing or damaged.
    """
    return Network.open(config.weights or default_path(), config.engine)
