"""What outlives a request: each part is opened at the start, and given back at the end."""

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
from .auth import Tokens, load_secret
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
from .compute.network import OpenNetwork, elsewhere
from .compute.on_ray.cluster import ray_workers
from .compute.process_link import Launch
from .compute.workers import Workers
from .config import ServerConfig
from .database import now
from .keys import (
    CALL_SESSIONS,
    CLUSTER,
    CONFIG,
    CONSENTS,
    DELETION,
    EXERCISES,
    JOBS,
    METRICS,
    OBJECTS,
    OUTSIDE,
    READINESS,
    REFRESH_TOKENS,
    REOPENING,
    ROOMS,
    SESSIONS,
    SIGN_INS,
    STORE,
    TOKENS,
    WEBHOOKS,
    WORKERS,
)
from .left_over import clear
from .library.exercises import Exercises
from .live.media_ports import media_ports
from .live.plan import Limits
from .live.sessions import Sessions
from .memory import give_back_memory
from .metrics import Metrics
from .objects.opening import open_objects
from .privacy.consents import Consents, Wordings
from .privacy.deletion import Deletion
from .privacy.personal_data import DOWNLOADS
from .privacy.retention import keep_house
from .readiness import Readiness
from .reopening import Reopening
from .static_files import static_folder
from .store import Store
from .traces import TRACES, opened

logger = structlog.get_logger(__name__)


async def opened_store(app: web.Application) -> AsyncIterator[None]:
    """The secret, what is signed with it, and the database."""
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


async def opened_objects(app: web.Application) -> AsyncIterator[None]:
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


async def opened_traces(app: web.Application) -> AsyncIterator[None]:
    """Opened first, so that what is told at the end is sent, too."""
    async with opened(app[CONFIG].otel_endpoint) as app[TRACES]:
        yield


async def watched_loop(app: web.Application) -> AsyncIterator[None]:
    """Measure how late the event loop is."""
    async with beside(app[METRICS].watch_loop(), "loop watch"):
        yield


async def given_back_memory(_app: web.Application) -> AsyncIterator[None]:
    """Give memory that is free back to the system, now and then."""
    async with beside(give_back_memory(), "memory"):
        yield


async def opened_media_ports(app: web.Application) -> AsyncIterator[None]:
    """The ports for pictures; they are given back after the sessions."""
    ports = app[CONFIG].media_ports
    with media_ports(asyncio.get_running_loop(), *ports) if ports else nullcontext():
        yield


async def opened_workers(
    open_network: OpenNetwork, launch: Launch, app: web.Application
) -> AsyncIterator[None]:
    """The workers, and the network in each of them."""
    config = app[CONFIG]
    logger.info("loading the network", workers=config.workers)
    begun_s = time.monotonic()
    async with _workers_on(open_network, launch, config, app[METRICS]) as workers:
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


def _workers_on(
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


async def opened_sessions(limits: Limits | None, app: web.Application) -> AsyncIterator[None]:
    """The live sessions, as many at once as the workers can carry."""
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


async def opened_readiness(app: web.Application) -> AsyncIterator[None]:
    """Whether the server should get new sessions; the parts are asked when somebody asks it."""
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


async def opened_sign_ins(app: web.Application) -> AsyncIterator[None]:
    """The sign-ins, which end what is open of theirs."""
    app[SIGN_INS] = SignIns(
        app[STORE],
        app[TOKENS],
        app[REFRESH_TOKENS],
        [app[ROOMS], app[SESSIONS]],
        refresh_token_s=app[CONFIG].refresh_token_s,
    )
    yield


async def opened_consents(app: web.Application) -> AsyncIterator[None]:
    """What people agreed to, and the words that they read."""
    wordings = await asyncio.to_thread(Wordings.load, static_folder())
    app[CONSENTS] = Consents(app[STORE].consents, wordings)
    yield


async def opened_calls(app: web.Application) -> AsyncIterator[None]:
    """The calls, and the sessions in them."""
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


async def end_calls(app: web.Application) -> None:
    """Tell those who are in calls at once: their pages come back when the server does."""
    if ROOMS in app:  # not when the start failed
        await app[ROOMS].close()


async def opened_issuer(app: web.Application) -> AsyncIterator[None]:
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


async def end_sessions(app: web.Application) -> None:
    """Tell live sessions of the end at once, before waiting for requests in progress."""
    if SESSIONS in app:  # not when the start failed
        await app[SESSIONS].close()


async def opened_exercises(app: web.Application) -> AsyncIterator[None]:
    """The library. Only a server that is alone embeds again what a stop interrupted."""
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


async def reopened_sessions(app: web.Application) -> AsyncIterator[None]:
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


async def opened_cluster(app: web.Application) -> AsyncIterator[None]:
    """Opened when all is there that other nodes may ask of this one."""
    async with clustered.opened(app) as app[CLUSTER]:
        yield


async def opened_webhooks(app: web.Application) -> AsyncIterator[None]:
    """Opened before what they tell of, so that they hear of its end."""
    outbound = Outbound(allow_private=app[CONFIG].allow_private_webhooks, at_once=MOST_AT_ONCE)
    app[WEBHOOKS] = Webhooks(app[STORE], outbound)
    if app[CONFIG].cluster is not None:
        app[WEBHOOKS].turns = NoTurn()
    app[WEBHOOKS].start()
    yield
    await app[WEBHOOKS].close()


async def opened_jobs(app: web.Application) -> AsyncIterator[None]:
    """The comparisons of files, which go on where an earlier run stopped."""
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


async def end_listening(app: web.Application) -> None:
    """Let those go who follow a job: their requests would keep the server from stopping."""
    if JOBS in app:  # not when the start failed
        app[JOBS].board.close()


async def opened_house(app: web.Application) -> AsyncIterator[None]:
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
