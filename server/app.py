"""The application: what outlives a request, in the order in which it is opened and given back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial

import aiohttp
import structlog
from aiohttp import web

from . import clustered
from .api import (
    accounts,
    audit,
    call_records,
    call_socket,
    coaching,
    documentation,
    guard,
    health,
    invitations,
    predict,
    token,
)
from .api import calls as calls_api
from .api import exercises as exercises_api
from .api import exports as exports_api
from .api import history as history_api
from .api import jobs as jobs_api
from .api import plans as plans_api
from .api import privacy as privacy_api
from .api import sessions as sessions_api
from .api import webhooks as webhooks_api
from .api.tries import signalling
from .auth import PERIOD_S, Guesses, Passwords, Tokens, Tries, TryLimit, load_secret
from .auth.discovery import fetch_keys
from .auth.issuer import Issuer
from .auth.outside import OutsideAccounts
from .auth.refresh import RefreshTokens
from .auth.remote_keys import RemoteKeys
from .auth.sign_ins import SignIns
from .background.jobs import Jobs
from .background.outbound import Outbound
from .background.turns import NoTurn
from .background.webhooks import MOST_AT_ONCE, Webhooks
from .beside import beside
from .calls.rooms import Rooms
from .calls.sessions import CallSessions
from .compute.admission import CHUNK_S
from .compute.frames import SLOTS
from .compute.network import OpenNetwork, elsewhere, open_network
from .compute.on_ray.cluster import ray_workers
from .compute.process_link import Launch, ProcessBody
from .compute.workers import Workers
from .config import ServerConfig
from .database import now
from .keys import (
    ARCHIVING,
    CALL_SESSIONS,
    CLUSTER,
    CONFIG,
    CONSENTS,
    DELETION,
    EXERCISES,
    GUESSES,
    IMPORTING,
    INVITATION_TRIES,
    JOBS,
    METRICS,
    OBJECTS,
    OUTSIDE,
    PASSWORDS,
    READINESS,
    REFRESH_TOKENS,
    REOPENING,
    REPORTING,
    ROOMS,
    SESSIONS,
    SIGN_INS,
    SIGNALLING,
    STORE,
    TOKENS,
    WEBHOOKS,
    WORKERS,
)
from .left_over import clear
from .library.exercises import Exercises
from .live import signaling
from .live.media_ports import media_ports
from .live.plan import Limits
from .live.sessions import Sessions
from .memory import give_back_memory
from .metrics import Metrics
from .objects.opening import open_objects
from .one_at_a_time import OneAtATime
from .privacy.consents import Consents, Wordings
from .privacy.deletion import Deletion
from .privacy.personal_data import DOWNLOADS
from .privacy.retention import keep_house
from .problems import problems
from .rate import Signalling
from .readiness import Readiness
from .reopening import Reopening
from .static_files import add_headers, add_page, static_folder
from .store import Store
from .traces import TRACES, opened, traced

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
    rates: Signalling | None = None,
) -> web.Application:
    """Put the server together; what takes time or touches the disk happens when it starts.

    Args:
        config: What the operator wants.
        open_network: Makes the network, in each worker.
        limits: How long each part of a session may take; None takes them from `config`.
        passwords: How they are hashed; None takes argon2's recommended cost.
        launch: What a worker runs in.
        tries: How often one address may guess; None takes it from `config`.
        rates: How often sessions and calls may be begun, joined and ended; None as well.
    """
    app = web.Application(
        middlewares=[problems, signalling, guard.same_origin, guard.signed_in],
        client_max_size=JSON_BYTES,
    )
    if config.otel_endpoint is not None:
        app.middlewares.insert(0, traced)
    app[CONFIG] = config
    tries = tries or Tries.allowing(config.sign_in_attempts, config.requests_per_s)
    app[GUESSES] = Guesses(tries)
    app[INVITATION_TRIES] = TryLimit(tries.invitations, PERIOD_S)  # for each address
    app[SIGNALLING] = rates or Signalling.allowing(config.requests_per_s)
    app[PASSWORDS] = passwords or Passwords()
    app[METRICS] = Metrics()
    for work in (ARCHIVING, IMPORTING, REPORTING):
        app[work] = OneAtATime()
    app.cleanup_ctx.append(_traces)
    app.cleanup_ctx.append(_loop_watch)
    app.cleanup_ctx.append(_memory)
    app.cleanup_ctx.append(_media_ports)
    app.cleanup_ctx.append(_store)
    app.cleanup_ctx.append(_objects)
    app.cleanup_ctx.append(partial(_workers, open_network, launch))
    app.cleanup_ctx.append(_webhooks)
    app.cleanup_ctx.append(partial(_sessions, limits))
    app.cleanup_ctx.append(_readiness)
    app.cleanup_ctx.append(_outside)
    app.cleanup_ctx.append(_exercises)
    app.cleanup_ctx.append(_reopening)
    app.cleanup_ctx.append(_consents)
    app.cleanup_ctx.append(_calls)
    if config.cluster is not None:
        app.cleanup_ctx.append(_cluster)
    app.cleanup_ctx.append(_sign_ins)
    app.cleanup_ctx.append(_jobs)
    app.cleanup_ctx.append(_privacy)
    app.on_startup.append(documentation.describe)
    app.on_shutdown.append(_end_calls)
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
        calls_api,
        call_records,
        call_socket,
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
    yield
    await app[STORE].close()


async def _objects(app: web.Application) -> AsyncIterator[None]:
    """What keeps files. That it can't be used now ends the start, as with the database."""
    config, metrics = app[CONFIG], app[METRICS]
    app[OBJECTS] = await open_objects(
        config.data,
        config.objects,
        endpoint=config.objects_endpoint,
        public_url=config.objects_public_url,
        through_server=config.objects_through_server,
        cache_bytes=config.objects_cache_bytes,
        on_failure=metrics.objects_failed,
        on_cached=metrics.objects_cached,
    )
    yield
    await app[OBJECTS].close()


async def _traces(app: web.Application) -> AsyncIterator[None]:
    """Opened first, so that what is told at the end is sent, too."""
    async with opened(app[CONFIG].otel_endpoint) as app[TRACES]:
        yield


async def _loop_watch(app: web.Application) -> AsyncIterator[None]:
    async with beside(app[METRICS].watch_loop(), "loop watch"):
        yield


async def _memory(_app: web.Application) -> AsyncIterator[None]:
    async with beside(give_back_memory(), "memory"):
        yield


async def _media_ports(app: web.Application) -> AsyncIterator[None]:
    """The ports for pictures; they are given back after the sessions."""
    ports = app[CONFIG].media_ports
    with media_ports(asyncio.get_running_loop(), *ports) if ports else nullcontext():
        yield


async def _workers(
    open_network: OpenNetwork, launch: Launch, app: web.Application
) -> AsyncIterator[None]:
    config = app[CONFIG]
    logger.info("loading the network", workers=config.workers)
    begun_s = time.monotonic()
    async with _opened_workers(open_network, launch, config, app[METRICS]) as workers:
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


def _opened_workers(
    open_network: OpenNetwork, launch: Launch, config: ServerConfig, metrics: Metrics
) -> AbstractAsyncContextManager[Workers]:
    if config.engine != "ray":
        opening = partial(open_network, config)
        return Workers(opening, count=config.workers, launch=launch, metrics=metrics)
    return ray_workers(
        partial(open_network, elsewhere(config)),
        address=config.ray_address,
        cpus=config.ray_cpus,
        gpus=config.ray_gpus,
        count=config.workers,
        most=config.max_workers,
        metrics=metrics,
    )


async def _sessions(limits: Limits | None, app: web.Application) -> AsyncIterator[None]:
    config, workers = app[CONFIG], app[WORKERS]
    most = min(config.max_sessions or max(1, workers.capacity), SLOTS * workers.most)
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
    wanted = limits or Limits(
        total_s=config.max_session_s,
        idle_s=config.idle_s,
        most_of_user=config.sessions_per_user,
    )
    limits = replace(wanted, most_sessions=most)
    app[SESSIONS] = Sessions(
        workers,
        app[STORE].sessions,
        limits,
        stock_aiortc=config.stock_aiortc,
        metrics=app[METRICS],
        tokens=app[TOKENS],
        traces=app[TRACES],
        on_end=app[WEBHOOKS].session_ended,
    )
    yield
    await app[SESSIONS].close()


async def _readiness(app: web.Application) -> AsyncIterator[None]:
    app[READINESS] = Readiness(
        app[METRICS],
        app[WORKERS],
        app[STORE].database,
        draining=lambda: app[SESSIONS].draining,
        objects=app[OBJECTS],
        refused=lambda: app[CLUSTER].membership.refused if CLUSTER in app else None,
        degraded=lambda: app[CLUSTER].membership.degraded if CLUSTER in app else None,
    )
    yield
    await app[READINESS].close()


async def _sign_ins(app: web.Application) -> AsyncIterator[None]:
    app[SIGN_INS] = SignIns(
        app[STORE],
        app[TOKENS],
        app[REFRESH_TOKENS],
        [app[ROOMS], app[SESSIONS]],
        refresh_token_s=app[CONFIG].refresh_token_s,
    )
    yield


async def _consents(app: web.Application) -> AsyncIterator[None]:
    wordings = await asyncio.to_thread(Wordings.load, static_folder())
    app[CONSENTS] = Consents(app[STORE].consents, wordings)
    yield


async def _calls(app: web.Application) -> AsyncIterator[None]:
    app[CALL_SESSIONS] = CallSessions(
        config=app[CONFIG],
        store=app[STORE],
        consents=app[CONSENTS],
        tokens=app[TOKENS],
        library=app[EXERCISES],
        workers=app[WORKERS],
        sessions=app[SESSIONS],
    )
    app[ROOMS] = Rooms(
        config=app[CONFIG],
        store=app[STORE],
        consents=app[CONSENTS],
        tokens=app[TOKENS],
        sessions=app[CALL_SESSIONS],
        metrics=app[METRICS],
    )
    yield
    await app[ROOMS].close()


async def _end_calls(app: web.Application) -> None:
    """Tell those who are in calls at once: their pages come back when the server does."""
    if ROOMS in app:  # not when the start failed
        await app[ROOMS].close()


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
        objects=app[OBJECTS],
        store=app[STORE],
        workers=app[WORKERS],
        end_sessions=app[SESSIONS].end_exercise,
        max_upload_bytes=config.max_upload_bytes,
        max_clip_s=config.max_clip_s,
    )
    await app[EXERCISES].start(alone=config.cluster is None)
    yield
    await app[EXERCISES].close()


async def _reopening(app: web.Application) -> AsyncIterator[None]:
    """Sessions that an earlier run left open; their pages ask for them as soon as they can.

    In a cluster they may be on other nodes by now: those that are not are found later.
    """
    app[REOPENING] = Reopening(
        store=app[STORE],
        library=app[EXERCISES],
        settings=app[WORKERS].network.settings,
        sessions=app[SESSIONS],
        longest_s=app[CONFIG].max_session_s,
    )
    if app[CONFIG].cluster is None:
        await app[REOPENING].run(now())
    yield


async def _cluster(app: web.Application) -> AsyncIterator[None]:
    """Opened when all is there that other nodes may ask of this one."""
    async with clustered.opened(app) as app[CLUSTER]:
        yield


async def _webhooks(app: web.Application) -> AsyncIterator[None]:
    """Opened before what they tell of, so that they hear of its end."""
    outbound = Outbound(allow_private=app[CONFIG].allow_private_webhooks, at_once=MOST_AT_ONCE)
    app[WEBHOOKS] = Webhooks(app[STORE], outbound)
    if app[CONFIG].cluster is not None:
        app[WEBHOOKS].turns = NoTurn()
    app[WEBHOOKS].start()
    yield
    await app[WEBHOOKS].close()


async def _jobs(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    app[JOBS] = Jobs(
        folder=config.data,
        objects=app[OBJECTS],
        store=app[STORE],
        workers=app[WORKERS],
        max_upload_bytes=config.max_upload_bytes,
        max_clip_s=config.max_clip_s,
        max_video_s=config.max_video_s,
        traces=app[TRACES],
        on_over=app[WEBHOOKS].job_over,
        turns=app[CLUSTER].turns if CLUSTER in app else None,
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
    # What a server that was killed was sending.
    await asyncio.to_thread(clear, config.data / DOWNLOADS, shared=config.cluster is not None)
    ends = [
        app[ROOMS].end_account,
        app[SESSIONS].end_user,
        app[EXERCISES].end_user,
        app[JOBS].end_user,
    ]
    app[DELETION] = Deletion(config.data, store, ends, app[OBJECTS])
    tidies = (app[EXERCISES].tidy, app[JOBS].tidy)
    async with beside(keep_house(store.database, config.retain, tidies=tidies), "retention"):
        yield
