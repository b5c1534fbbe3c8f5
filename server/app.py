"""The application: what outlives a request, in the order in which it is opened and given back."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import aiohttp
import structlog
from aiohttp import web

from .api import (
    accounts,
    audit,
    coaching,
    documentation,
    guard,
    health,
    invitations,
    predict,
    token,
)
from .api import exercises as exercises_api
from .api import exports as exports_api
from .api import history as history_api
from .api import jobs as jobs_api
from .api import plans as plans_api
from .api import privacy as privacy_api
from .api import sessions as sessions_api
from .api import webhooks as webhooks_api
from .auth import PERIOD_S, Guesses, Passwords, Tokens, Tries, TryLimit, load_secret
from .auth.discovery import fetch_keys
from .auth.issuer import Issuer
from .auth.outside import OutsideAccounts
from .auth.refresh import RefreshTokens
from .auth.remote_keys import RemoteKeys
from .auth.sign_ins import SignIns
from .background.jobs import Jobs
from .background.outbound import Outbound
from .background.webhooks import MOST_AT_ONCE, Webhooks
from .compute.admission import CHUNK_S
from .compute.frames import SLOTS
from .compute.network import OpenNetwork, open_network
from .compute.workers import Launch, ProcessBody, Workers
from .config import ServerConfig
from .keys import (
    CONFIG,
    CONSENTS,
    DELETION,
    EXERCISES,
    GUESSES,
    IMPORTING,
    INVITATION_TRIES,
    JOBS,
    METRICS,
    OUTSIDE,
    PASSWORDS,
    REFRESH_TOKENS,
    REPORTING,
    SESSIONS,
    SIGN_INS,
    STORE,
    TOKENS,
    WEBHOOKS,
    WORKERS,
)
from .library.exercises import Exercises
from .live import signaling
from .live.session import Limits
from .live.sessions import Sessions
from .metrics import Metrics
from .one_at_a_time import OneAtATime
from .privacy.consents import Consents, Wordings
from .privacy.deletion import Deletion
from .privacy.retention import keep_house
from .problems import problems
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
    launch: Launch = ProcessBody,
    tries: Tries | None = None,
) -> web.Application:
    """Put the server together; what takes time or touches the disk happens when it starts.

    Args:
        config: What the operator wants.
        open_network: Makes the network, in each worker.
        limits: How long each part of a session may take; None takes them from `config`.
        passwords: How they are hashed; None takes argon2's recommended cost.
        launch: What a worker runs in.
        tries: How often one address may guess; None takes what protects against guessing.
    """
    app = web.Application(
        middlewares=[problems, guard.same_origin, guard.signed_in], client_max_size=JSON_BYTES
    )
    app[CONFIG] = config
    tries = tries or Tries()
    app[GUESSES] = Guesses(tries)
    app[INVITATION_TRIES] = TryLimit(tries.invitations, PERIOD_S)  # for each address
    app[PASSWORDS] = passwords or Passwords()
    app[METRICS] = Metrics()
    app[IMPORTING], app[REPORTING] = OneAtATime(), OneAtATime()
    app.cleanup_ctx.append(_loop_watch)
    app.cleanup_ctx.append(_store)
    app.cleanup_ctx.append(partial(_workers, open_network, launch))
    app.cleanup_ctx.append(_webhooks)
    app.cleanup_ctx.append(partial(_sessions, limits))
    app.cleanup_ctx.append(_sign_ins)
    app.cleanup_ctx.append(_outside)
    app.cleanup_ctx.append(_exercises)
    app.cleanup_ctx.append(_jobs)
    app.cleanup_ctx.append(_privacy)
    app.on_startup.append(documentation.describe)
    app.on_shutdown.append(_end_sessions)
    app.on_shutdown.append(_end_listening)
    app.on_response_prepare.append(add_headers)
    for module in (
        token,
        accounts,
        invitations,
        coaching,
        audit,
        health,
        exercises_api,
        plans_api,
        sessions_api,
        history_api,
        exports_api,
        predict,
        jobs_api,
        webhooks_api,
        privacy_api,
        signaling,
        documentation,
    ):
        app.add_routes(module.operations.routes)
    add_page(app, static_folder())
    return app


async def _store(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    config.make_data_folder()
    secret = load_secret(config.data / "secret")
    app[REFRESH_TOKENS] = RefreshTokens(secret)
    app[TOKENS] = Tokens(
        secret,
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
    app[SESSIONS] = Sessions(
        workers,
        app[STORE].sessions,
        limits,
        metrics=app[METRICS],
        tokens=app[TOKENS],
        on_end=app[WEBHOOKS].session_ended,
    )
    yield
    await app[SESSIONS].close()


async def _sign_ins(app: web.Application) -> AsyncIterator[None]:
    app[SIGN_INS] = SignIns(
        app[STORE],
        app[TOKENS],
        app[REFRESH_TOKENS],
        app[SESSIONS],
        refresh_token_s=app[CONFIG].refresh_token_s,
    )
    yield


async def _outside(app: web.Application) -> AsyncIterator[None]:
    """The outside issuer, if there is one. It is asked for its keys when a token needs them."""
    config = app[CONFIG]
    if config.issuer is None or config.audience is None:
        yield
        return
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        keys = RemoteKeys(partial(fetch_keys, http, config.issuer, config.jwks_url))
        issuer = Issuer(config.issuer, config.audience, config.token_types, keys)
        app[OUTSIDE] = OutsideAccounts(issuer, app[STORE])
        yield
        await keys.close()


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


async def _webhooks(app: web.Application) -> AsyncIterator[None]:
    """Opened before what they tell of, so that they hear of its end."""
    outbound = Outbound(allow_private=app[CONFIG].allow_private_webhooks, at_once=MOST_AT_ONCE)
    app[WEBHOOKS] = Webhooks(app[STORE], outbound)
    app[WEBHOOKS].start()
    yield
    await app[WEBHOOKS].close()


async def _jobs(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    app[JOBS] = Jobs(
        folder=config.data,
        store=app[STORE],
        workers=app[WORKERS],
        max_upload_bytes=config.max_upload_bytes,
        max_clip_s=config.max_clip_s,
        max_video_s=config.max_video_s,
        on_over=app[WEBHOOKS].job_over,
    )
    await app[JOBS].start()
    yield
    await app[JOBS].close()


async def _end_listening(app: web.Application) -> None:
    """Let those go who follow a job: their requests would keep the server from stopping."""
    if JOBS in app:  # not when the start failed
        app[JOBS].board.close()


async def _privacy(app: web.Application) -> AsyncIterator[None]:
    """What outlives everything else that is of a user; opened last, so that it can end it all."""
    config, store = app[CONFIG], app[STORE]
    wordings = await asyncio.to_thread(Wordings.load, static_folder())
    app[CONSENTS] = Consents(store.consents, wordings)
    ends = [app[SESSIONS].end_user, app[EXERCISES].end_user, app[JOBS].end_user]
    app[DELETION] = Deletion(config.data, store, ends)
    house = asyncio.create_task(keep_house(store.database, config.retain), name="retention")
    yield
    house.cancel()
    await asyncio.gather(house, return_exceptions=True)
