"""Run the application until it is told to stop."""

import asyncio
import errno
import gc
import ipaddress
import os
import signal
import socket
from typing import Any

import structlog
from aiohttp import web

from posesim.errors import PosesimError

from .app import create_app
from .compute.network import OpenNetwork, open_network
from .config import ServerConfig
from .demo import NAME, demo_password
from .draining import drain
from .keys import CONFIG, PASSWORDS, ROOMS, SESSIONS, STORE, WORKERS
from .logs import AccessLogger
from .runner import Runner

logger = structlog.get_logger(__name__)

REQUESTS_S = 3.0  # for requests in progress, when stopping
STOP_S = 30.0  # for everything together; a session's own limits add up to less
# A refused upload is read on for this long, so that its sender can read why; then it is cut off.
LINGER_S = 2.0
BACKLOG = 128  # connections that wait to be accepted


class CannotListen(PosesimError):
    """The address can't be had."""

    def __init__(self, config: ServerConfig, error: OSError) -> None:
        where = f"{config.host} port {config.port}"
        if error.errno == errno.EADDRINUSE:
            advice = "another program listens there. Stop it, or choose another --port"
        elif error.errno == errno.EACCES:
            advice = "this user may not listen there. Choose a --port above 1023"
        else:
            advice = f"{error.strerror or error}. Check --host and --port"
        super().__init__(f"Can't listen on {where}: {advice}.")


async def serve(config: ServerConfig, open_network: OpenNetwork = open_network) -> None:
    """Serve until SIGTERM or SIGINT, then end what runs and return.

    What runs may come to its end by itself for `config.drain_s`, unless there is a second signal.

    Raises:
        PosesimError: If it can't start, or its workers can't any more.
    """
    loop = asyncio.get_running_loop()
    told, told_again = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        (told_again if told.is_set() else told).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, tell)
    # First of all: a second server on this port must go before it touches the first one's data.
    listener = _bind(config)
    runner = Runner(
        create_app(config, open_network),
        access_log_class=AccessLogger,
        shutdown_timeout=REQUESTS_S,
        lingering_time=LINGER_S,
    )
    try:
        await runner.setup()
        # All that is there now stays. While it is looked through for garbage no session is served.
        gc.collect()
        gc.freeze()
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        await _announce(config, runner.app, listener)
        await _until_end(told, runner.app[WORKERS].failed)
        await _drain(runner.app, told_again)
        logger.info("stopping")
    finally:
        try:
            async with asyncio.timeout(STOP_S):
                await runner.cleanup()
        finally:
            listener.close()
    logger.info("stopped")


async def _until_end(told: asyncio.Event, failed: asyncio.Future[None]) -> None:
    """Wait until someone wants it to stop; raise what makes it stop by itself."""
    stop = asyncio.create_task(told.wait())
    ends: set[asyncio.Future[Any]] = {stop, failed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if failed.done():
        failed.result()


async def _drain(app: web.Application, told_again: asyncio.Event) -> None:
    """Let sessions and calls come to their end, unless someone does not want to wait for it."""
    again = asyncio.create_task(told_again.wait())
    try:
        drained = await drain(
            [app[SESSIONS], app[ROOMS]], app[CONFIG].drain_s, again, app[WORKERS].failed
        )
        logger.info("drained", all_ended=drained)
    finally:
        again.cancel()


async def _announce(config: ServerConfig, app: web.Application, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    lines = [f"posesim is ready: {address(config.host, port)}"]
    if config.demo:
        password = await demo_password(config.data, app[STORE], app[PASSWORDS])
        lines.append(
            f"Sign in as {NAME} with the password {password}"
            if password
            else f"Sign in as {NAME} with the password that you gave it, or give it a new one: "
            f"posesim user password {NAME}"
        )
    print(*lines, sep="\n", flush=True)


def address(host: str, port: int) -> str:
    """Return the URL to open on this machine; browsers give a camera to `localhost` without TLS."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if ip.is_loopback or ip.is_unspecified:
        host = "localhost"
    elif ip.version == 6:
        host = f"[{host}]"
    return f"http://{host}:{port}"


def _bind(config: ServerConfig) -> socket.socket:
    try:
        infos = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, place = infos[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would let two servers share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise CannotListen(config, error) from error
    return listener
