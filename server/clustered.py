"""The application as a node of a cluster: what of it others see, and may have done here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, get_args

from aiohttp import web

from posesim import __version__

from .auth import load_secret
from .background.turns import NoTurn
from .beside import beside
from .calls import far_seat, far_socket, session_line
from .calls.session_host import Host
from .cluster import cluster
from .cluster.adoption import Adoption
from .cluster.channel import Heard
from .cluster.cluster import Cluster
from .cluster.directory import Directory
from .cluster.membership import Membership, Room
from .cluster.node import Difference, Kind, Node
from .database import new_id
from .keys import (
    CALL_SESSIONS,
    CONFIG,
    EXERCISES,
    JOBS,
    METRICS,
    REOPENING,
    ROOMS,
    SESSIONS,
    STORE,
    WEBHOOKS,
    WORKERS,
)
from .metrics import Metrics


@asynccontextmanager
async def opened(app: web.Application) -> AsyncIterator[Cluster]:
    """Join the cluster that the configuration names, and leave it at the end."""
    config, sessions, rooms = app[CONFIG], app[SESSIONS], app[ROOMS]
    embedding, webhooks = app[EXERCISES].embedding, app[WEBHOOKS]
    assert config.cluster is not None
    assert config.node_url is not None
    directory = Directory(config.cluster, new_id())
    network = app[WORKERS].network
    node = Node(
        id=directory.node_id,
        url=config.node_url,
        version=__version__,
        kind=Kind.of(network.settings, network.calibration, load_secret(config.data / "secret")),
        began_s=0.0,
        most=sessions.most,
        placed=0,
        takes=False,
    )

    async def goes_on(**values: Any) -> None:  # they are opened later than this
        await app[JOBS].goes_on(**values)

    async def was_over(**values: Any) -> None:
        await app[JOBS].was_over(**values)

    hears: dict[str, Heard] = {
        "end_session": lambda session_id: sessions.end(session_id, "deleted"),
        "user_of": sessions.user_of,
        "end_user": sessions.end_user_here,
        "end_sign_in": sessions.end_sign_in_here,
        "end_exercise": sessions.end_exercise_here,
        "leave_user": rooms.end_user_here,
        "leave_sign_in": rooms.end_sign_in_here,
        "end_call": rooms.end_call_here,
        "end_account": rooms.end_account_here,
        "refresh_call": rooms.refresh_here,
        "job_progress": goes_on,
        "job_over": was_over,
        "look_webhooks": webhooks.look_here,
    }
    host = Host(app[CALL_SESSIONS], app[STORE].calls, directory.release)
    async with cluster.opened(
        directory,
        node,
        room=lambda: Room(sessions.most, sessions.placed, sessions.draining),
        running=lambda: sessions.unended | rooms.open | embedding.here,
        counted=lambda: sessions.counted,
        lost=lambda each: (rooms if each in rooms.open else sessions).give_up(each),
        adoption=lambda takes: Adoption(
            directory=directory, sessions=sessions, reopening=app[REOPENING], takes=takes
        ),
        hears=hears,
        accepts={
            far_seat.PURPOSE: partial(far_socket.serve, rooms),
            session_line.PURPOSE: host.accept,
        },
    ) as joined:
        show(app[METRICS], joined.membership)
        sessions.tell = rooms.tell = joined.tell
        rooms.take, rooms.line_to = joined.take, joined.line_to
        app[CALL_SESSIONS].elsewhere = joined.line_elsewhere
        webhooks.turns = joined.turns
        await embedding.take_up(joined.turns)
        try:
            async with beside(embedding.take_up_later(joined.turns), "left exercises"):
                yield joined
        finally:
            webhooks.turns = NoTurn()


def _count(membership: Membership, by: Difference) -> float:
    return len(membership.unlike[by])


def show(metrics: Metrics, membership: Membership) -> None:
    """Put what the cluster is into the figures."""
    nodes = metrics.gauge(
        "posesim_cluster_nodes", "Nodes that are there, as this one knows, itself among them."
    )
    nodes.set_function(lambda: len(membership.nodes))
    unlike = metrics.gauge(
        "posesim_cluster_unlike_nodes", "Those of them that are not like this one, by what.", ["by"]
    )
    for by in get_args(Difference):
        unlike.labels(by).set_function(partial(_count, membership, by))
    takes = metrics.gauge("posesim_cluster_takes", "1 if this node may get sessions, 0 if not.")
    takes.set_function(lambda: float(membership.node.takes))
    away = metrics.gauge("posesim_cluster_away", "1 while Redis can't be used, 0 while it can.")
    away.set_function(lambda: float(membership.away is not None))
    skew = metrics.gauge(
        "posesim_cluster_clock_skew_seconds", "How far this clock is ahead of that of Redis."
    )
    skew.set_function(lambda: membership.skew_s)
