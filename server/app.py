"""The application: what outlives a request, in the order in which it is opened and given back."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import structlog
from aiohttp import web

from . import signaling
from .admission import CHUNK_S
from .api import exercises as exercises_api
from .api import guard, health, token
from .api import sessions as sessions_api
from .auth import Guesses, Passwords, Tokens, load_secret
from .config import ServerConfig
from .exercises import Exercises
from .frames import SLOTS
from .keys import (
    CONFIG,
    EXERCISES,
    GUESSES,
    METRICS,
    PASSWORDS,
    SESSIONS,
    STORE,
    TOKENS,
    WORKERS,
)
from .metrics import Metrics
from .network import OpenNetwork, open_network
from .problems import problems
from .session import Limits
from .sessions import Sessions
from .static_files import add_headers, add_page, static_folder
from .store import Store
from .workers import Launch, ProcessBody, Workers

logger = structlog.get_logger(__name__)

JSON_BYTES = 65_536  # of any body but an upload, which is streamed


def create_app(
    config: ServerConfig,
    open_network: OpenNetwork = open_network,
    *,
    limits: Limits | None = None,
    passwords: Passwords | None = None,
    launch: Launch = ProcessBody,
) -> web.Application:
    """Put the server together; what takes time or touches the disk happens when it starts.

    Args:
        config: What the operator wants.
        open_network: Makes the network, in each worker.
        limits: How long each part of a session may take; None takes them from `config`.
        passwords: How they are hashed; None takes argon2's recommended cost.
        launch: What a worker runs in.
    """
    app = web.Application(
        middlewares=[problems, guard.same_origin, guard.signed_in], client_max_size=JSON_BYTES
    )
    app[CONFIG] = config
    app[GUESSES] = Guesses()
    app[PASSWORDS] = passwords or Passwords()
    app[METRICS] = Metrics()
    app.cleanup_ctx.append(_loop_watch)
    app.cleanup_ctx.append(_store)
    app.cleanup_ctx.append(partial(_workers, open_network, launch))
    app.cleanup_ctx.append(partial(_sessions, limits))
    app.cleanup_ctx.append(_exercises)
    app.on_shutdown.append(_end_sessions)
    app.on_response_prepare.append(add_headers)
    for module in (token, health, exercises_api, sessions_api, signaling):
        app.add_routes(module.operations.routes)
    add_page(app, static_folder())
    return app


async def _store(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    config.make_data_folder()
    app[TOKENS] = Tokens(
        load_secret(config.data / "secret"),
        user_token_s=config.user_token_s,
        session_token_s=config.session_token_s,
    )
    app[STORE] = await Store.open(config.database)
    try:
        if lost := await app[STORE].sessions.end_lost():
            logger.warning("ended sessions that an earlier run left open", sessions=lost)
        yield
    finally:
        await app[STORE].close()


async def _loop_watch(app: web.Application) -> AsyncIterator[None]:
    watch = asyncio.create_task(app[METRICS].watch_loop(), name="loop watch")
    yield
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def _workers(
    open_network: OpenNetwork, launch: Launch, app: web.Application
) -> AsyncIterator[None]:
    config = app[CONFIG]
    logger.info("loading the network", workers=config.workers)
    begun_s = time.monotonic()
    async with Workers(
        partial(open_network, config), count=config.workers, launch=launch, metrics=app[METRICS]
    ) as workers:
        app[WORKERS] = workers
        engine = workers.network.engine
        logger.info(
            "network loaded",
            engine=engine.name,
            device=engine.device,
            precision=engine.precision,
            reason=engine.reason,
            duration_s=round(time.monotonic() - begun_s, 2),
        )
        yield


async def _sessions(limits: Limits | None, app: web.Application) -> AsyncIterator[None]:
    config, workers = app[CONFIG], app[WORKERS]
    most = min(config.max_sessions or max(1, workers.capacity), SLOTS * config.workers)
    cost = workers.cost
    app[METRICS].admit(most, cost)
    logger.info(
        "sessions at once",
        most=most,
        measured=workers.capacity,
        smallest_hop_s=cost and round(cost.smallest_hop_s, 4),
        largest_hop_s=cost and round(cost.largest_hop_s, 4),
        each_s=CHUNK_S,
    )
    limits = replace(limits or Limits(total_s=config.max_session_s), most_sessions=most)
    app[SESSIONS] = Sessions(workers, app[STORE].sessions, limits, metrics=app[METRICS])
    yield
    await app[SESSIONS].close()


async def _end_sessions(app: web.Application) -> None:
    """Tell live sessions of the end at once, before waiting for requests in progress."""
    if SESSIONS in app:  # not when the start failed
        await app[SESSIONS].close()


async def _exercises(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    app[EXERCISES] = Exercises(
        folder=config.data,
        store=app[STORE],
        workers=app[WORKERS],
        end_sessions=app[SESSIONS].end_exercise,
        max_upload_bytes=config.max_upload_bytes,
        max_clip_s=config.max_clip_s,
    )
    await app[EXERCISES].start()
    yield
    await app[EXERCISES].close()
