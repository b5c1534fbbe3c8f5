"""A Ray cluster as the server meets it: reached or not, how large, and the workers on it.

The server's machine is a node of the cluster itself, without a share of the work if it has none to
give (`ray start --address=HOST:6379 --num-cpus=0`).
"""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import structlog

from posesim.errors import PosesimError

from ...metrics import Metrics
from ..growth import Growth
from ..protocol import OpenNetwork
from ..workers import Workers

logger = structlog.get_logger(__name__)

AUTO = "auto"  # the cluster that this machine is a node of
CONNECT_S = 5.0
JOIN_S = 30.0


class RayNotInstalled(PosesimError):
    """`--engine ray` without the extra."""

    def __init__(self) -> None:
        super().__init__(
            "--engine ray needs Ray, which is not installed. Install it with: "
            "pip install 'posesim[ray]'"
        )


class NoCluster(PosesimError):
    """No Ray cluster can be joined, and why."""


@contextlib.asynccontextmanager
async def ray_workers(
    open_network: OpenNetwork,
    *,
    address: str,
    cpus: float | None,
    gpus: float | None,
    count: int,
    most: int | None,
    metrics: Metrics,
) -> AsyncIterator[Workers]:
    """Workers on a Ray cluster.

    Args:
        open_network: Makes the network, in each worker.
        address: Of the cluster, as HOST:PORT, or `AUTO`.
        cpus: Share of each worker; None takes all of a node.
        gpus: The same; None takes one where there is one.
        count: How many workers there are always.
        most: How many there may be; None is what the nodes have room for now.
        metrics: Where what they do is counted.

    Raises:
        RayNotInstalled: If Ray is missing here.
        NoCluster: If there is no cluster that can be joined.
        CannotStart: If no worker can be started there.
    """
    try:
        from .link import RayLink, Share
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise RayNotInstalled from error
    async with _joined(address) as nodes:
        share = Share(*shares(nodes, cpus, gpus))
        most = max(count, most or places_on(nodes, share.cpus, share.gpus))
        logger.info(
            "joined a Ray cluster",
            nodes=len(nodes),
            cpus=share.cpus,
            gpus=share.gpus,
            workers=count,
            most=most,
        )
        async with Workers(
            open_network,
            count=count,
            start=partial(RayLink, share),
            growth=Growth(most),
            metrics=metrics,
        ) as workers:
            yield workers


@contextlib.asynccontextmanager
async def _joined(address: str) -> AsyncIterator[list[dict[str, float]]]:
    """Join a cluster; gives what each node has to share. A process can be in one at a time."""
    import ray

    nodes = await _join_in_time(address)
    _take_signal_back()
    try:
        yield nodes
    finally:
        await asyncio.to_thread(ray.shutdown)


def _take_signal_back() -> None:
    """Let SIGTERM be ours alone: Ray writes a trace of its own to the log first."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        signal.siginterrupt(signal.SIGTERM, False)


async def _join_in_time(address: str) -> list[dict[str, float]]:
    """Join a cluster, on a thread that is left behind if it takes too long.

    Raises:
        NoCluster: If it can't be joined.
    """
    loop = asyncio.get_running_loop()
    joined: asyncio.Future[list[dict[str, float]]] = loop.create_future()

    def tell(nodes: list[dict[str, float]] | None, error: Exception | None) -> None:
        if joined.done():  # nobody waits any more
            return
        if error is not None:
            joined.set_exception(error)
        elif nodes is not None:
            joined.set_result(nodes)

    def join() -> None:
        nodes, failure = None, None
        try:
            nodes = _join(address)
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, nodes, failure)

    threading.Thread(target=join, name="join Ray", daemon=True).start()
    try:
        async with asyncio.timeout(JOIN_S):
            return await joined
    except TimeoutError as error:
        raise NoCluster(
            f"What listens at {address} does not answer as Ray does. Check --ray-address: it is "
            "the head's host and the port that `ray start --head` names."
        ) from error


def _join(address: str) -> list[dict[str, float]]:
    import ray

    if address != AUTO:
        _require_listener(address)
    # Ray's own warning, that it leaves SIGTERM to us, is what we want.
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as error:  # Ray raises many kinds, also its own and gRPC's
        ray.shutdown()
        raise NoCluster(_why(address, error)) from error
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _require_listener(address: str) -> None:
    """Make sure that somebody listens there: Ray itself would try for a minute.

    Raises:
        NoCluster: If nobody does.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        raise NoCluster(
            f"No Ray cluster answers at {address}: {error.strerror or error}. Check "
            "--ray-address, and that Ray runs there: ray start --head --port=6379"
        ) from error


def _why(address: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "Version mismatch" in text:
        return (
            f"The Ray cluster at {address} runs with other versions than this server. Use the "
            f"same Python and the same Ray on all machines. Ray says: {text}"
        )
    if address == AUTO:
        return (
            "This machine is in no Ray cluster. Start one with: ray start --head --port=6379; or "
            f"join one with: ray start --address=HOST:6379 --num-cpus=0. Ray says: {text}"
        )
    return (
        f"The Ray cluster at {address} can't be joined. The server's machine must be a node of it: "
        f"ray start --address={address} --num-cpus=0. Ray says: {text}"
    )


def shares(
    nodes: Sequence[dict[str, Any]], cpus: float | None, gpus: float | None
) -> tuple[float, float]:
    """What each worker takes of a node, as (processors, GPUs).

    By itself: a GPU and one processor where there are GPUs; else all processors of the smallest
    node that has any, because one call of the engine uses all.
    """
    most_gpus = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    if gpus is None:
        gpus = min(1.0, most_gpus)
    if cpus is None:
        all_of = [node["CPU"] for node in nodes if node.get("CPU", 0.0) > 0]
        cpus = 1.0 if gpus else min(all_of, default=1.0)
    return cpus, gpus


def places_on(nodes: Sequence[dict[str, Any]], cpus: float, gpus: float) -> int:
    """How many workers the nodes have room for, if nothing else runs there; at least 1."""

    def on(node: dict[str, Any]) -> int:
        wanted = [("CPU", cpus), ("GPU", gpus)]
        return min(int(node.get(name, 0.0) / share) for name, share in wanted if share)

    return max(1, sum(on(node) for node in nodes)) if cpus or gpus else 1
