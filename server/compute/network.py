"""How the server comes by the network it runs."""

from collections.abc import Callable
from pathlib import Path

from posesim.backbones import BACKBONES
from posesim.comparison import Comparator
from posesim.network import Network
from posesim.references import Reference
from posesim.weights import default_path

from ..config import ServerConfig

OpenNetwork = Callable[[ServerConfig], Network]  # something that can be pickled


def open_network(config: ServerConfig) -> Network:
    """Load the weights and prepare the engine: seconds of work, for a worker.

    Raises:
        WeightsError: If the weights are missing or damaged, or the backbone is not installed.
        EngineNotAvailable: If the engine can't run the backbone.
    """
    weights = config.weights or default_path(None, BACKBONES[config.backbone].weights_file)
    return Network.open(weights, config.engine, config.backbone)


def compare_with(path: Path, network: Network) -> Comparator:
    """Begin a comparison with the reference at `path`, in a worker.

    Raises:
        UnusableReference: If it can't be compared with, or is not there any more.
    """
    return network.comparator(Reference.load(path))
