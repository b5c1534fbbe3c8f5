"""The application: what outlives a request, in the order in which it is opened and given back."""

import time
from collections.abc import AsyncIterator
from functools import partial

import structlog
from aiohttp import web

from . import signaling
from .api import exercises as exercises_api
from .api import guard, health, token
from .api import sessions as sessions_api
from .auth import Guesses, Passwords, Tokens, load_secret
from .config import ServerConfig
from .exercises import Exercises
from .inference import Inference
from .keys import (
    CONFIG,
    EXERCISES,
    GUESSES,
    INFERENCE,
    NETWORK,
    PASSWORDS,
    SESSIONS,
    STORE,
    TOKENS,
)
from .network import OpenNetwork, open_network
from .problems import problems
from .session import Limits, Sessions
from .static_files import add_headers, add_page, static_folder
from .store import Store

logger = structlog.get_logger(__name__)

JSON_BYTES = 65_536  # of any body but an upload, which is streamed


def create_app(
    config: ServerConfig,
    open_network: OpenNetwork = open_network,
    *,
    limits: Limits | None = None,
    passwords: Passwords | None = None,
) -> web.Application:
    """Put the server together; what takes time or touches the disk happens when it starts.

    Args:
        config: What the operator wants.
        open_network: Makes the network, on the inference thread.
        limits: How long each part of a session may take; None takes them from `config`.
        passwords: How they are hashed; None takes argon2's recommended cost.
    """
    app = web.Application(
        middlewares=[problems, guard.same_origin, guard.signed_in], client_max_size=JSON_BYTES
    )
    app[CONFIG] = config
    app[GUESSES] = Guesses()
    app[PASSWORDS] = passwords or Passwords()
    app.cleanup_ctx.append(_store)
    app.cleanup_ctx.append(partial(_inference, open_network))
    app.cleanup_ctx.append(partial(_sessions, limits))
    app.cleanup_ctx.append(_exercises)
    app.on_shutdown.append(_end_sessions)
    app.on_response_prepare.append(add_headers)
    for module in (token, health, exercises_api, sessions_api, signaling):
        app.add_routes(module.routes)
    app.add_routes([exercises_api.UPLOAD_ROUTE])
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
        if lost := await app[STORE].end_lost_sessions():
            logger.warning("ended sessions that an earlier run left open", sessions=lost)
        yield
    finally:
        await app[STORE].close()


async def _inference(open_network: OpenNetwork, app: web.Application) -> AsyncIterator[None]:
    async with Inference() as inference:
        app[INFERENCE] = inference
        logger.info("loading the network")
        begun_s = time.monotonic()
        app[NETWORK] = await inference.run(partial(open_network, app[CONFIG]), urgent=True)
        info = app[NETWORK].engine.info
        logger.info(
            "network loaded",
            engine=info.name,
            device=info.device,
            precision=info.precision,
            duration_s=round(time.monotonic() - begun_s, 2),
        )
        yield


async def _sessions(limits: Limits | None, app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    limits = limits or Limits(total_s=config.max_session_s, most_sessions=config.max_sessions)
    app[SESSIONS] = Sessions(app[INFERENCE], app[STORE], limits)
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
        inference=app[INFERENCE],
        open_job=partial(app[NETWORK].embedding_job, longest_s=config.max_clip_s),
        end_sessions=app[SESSIONS].end_exercise,
        max_upload_bytes=config.max_upload_bytes,
        max_clip_s=config.max_clip_s,
    )
    await app[EXERCISES].start()
    yield
    await app[EXERCISES].close()
