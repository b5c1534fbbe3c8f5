"""The application: its parts, in the order in which they are opened, and its routes."""

from functools import partial

from aiohttp import web

from . import opening
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
from .auth import PERIOD_S, Guesses, Passwords, Tries, TryLimit
from .compute.network import OpenNetwork, open_network
from .compute.process_link import Launch, ProcessBody
from .config import ServerConfig
from .keys import (
    ARCHIVING,
    CONFIG,
    GUESSES,
    IMPORTING,
    INVITATION_TRIES,
    METRICS,
    PASSWORDS,
    REPORTING,
    SIGNALLING,
)
from .live import signaling
from .live.plan import Limits
from .metrics import Metrics
from .one_at_a_time import OneAtATime
from .problems import problems
from .rate import Signalling
from .static_files import add_headers, add_page, static_folder
from .traces import traced

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
    app.cleanup_ctx.extend(
        [
            opening.opened_traces,
            opening.watched_loop,
            opening.given_back_memory,
            opening.opened_media_ports,
            opening.opened_store,
            opening.opened_objects,
            partial(opening.opened_workers, open_network, launch),
            opening.opened_webhooks,
            partial(opening.opened_sessions, limits),
            opening.opened_readiness,
            opening.opened_issuer,
            opening.opened_exercises,
            opening.reopened_sessions,
            opening.opened_consents,
            opening.opened_calls,
            *([] if config.cluster is None else [opening.opened_cluster]),
            opening.opened_sign_ins,
            opening.opened_jobs,
            opening.opened_house,
        ]
    )
    app.on_startup.append(documentation.describe)
    app.on_shutdown.extend([opening.end_calls, opening.end_sessions, opening.end_listening])
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
