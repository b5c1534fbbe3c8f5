"""How the server comes by the network it runs."""

from collections.abc import Callable
from pathlib import Path

from posesim.backbones import BACKBONES
from posesim.comparison import Comparator
from posesim.demonstration_comparison import DemonstrationComparator
from posesim.demonstrator import Demonstrator
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
    engine = "auto" if config.engine == "ray" else config.engine
    return Network.open(weights, engine, config.backbone)


def elsewhere(config: ServerConfig) -> ServerConfig:
    """What a worker on another machine needs to know, and no secret.

    It chooses its engine by what that machine has, and finds the weights where they are there,
    unless they were named.
    """
    usual = default_path(None, BACKBONES[config.backbone].weights_file)
    return ServerConfig(
        data=config.data,
        weights=None if config.weights == usual else config.weights,
        backbone=config.backbone,
    )


def compare_with(path: Path, network: Network) -> Comparator:
    """Begin a comparison with the reference at `path`, in a worker.

    Raises:
        UnusableReference: If it can't be compared with, or is not there any more.
    """
    return network.comparator(Reference.load(path))


def demonstrate(network: Network) -> Demonstrator:
    """Begin to look at who shows a movement, in a worker."""
    return network.demonstrator()


def compare_with_demonstration(network: Network) -> DemonstrationComparator:
    """Begin a comparison with somebody who shows the movement, in a worker."""
    return network.demonstration_comparator()
