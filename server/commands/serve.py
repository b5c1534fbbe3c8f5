"""`posesim serve`: its options, and the configuration that they make."""

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from posesim import cli
from posesim.backbones import BACKBONES, DEFAULT
from posesim.engines import EngineChoice

from ..config import LogFormat, ServerConfig
from ..privacy.periods import parse_retention
from .options import BadOption, Options
from .storage import add_storage, private_files


def add_serve(commands: cli.Subparsers, environment: Mapping[str, str]) -> None:
    """Add it to the commands; `environment` gives the options' defaults."""
    serve = commands.add_parser(
        "serve",
        help="serve the page and the API",
        description="Serve the page and the API until Ctrl-C or SIGTERM.",
        epilog="Every option can be given as an environment variable instead, for example "
        "POSESIM_PORT=9000; options that may be repeated are separated by spaces there.",
    )
    options = Options(serve, environment)
    options.add("--host", "127.0.0.1", str, "address to listen on; this machine alone by default")
    options.add("--port", 8080, int, "port to listen on")
    add_storage(options)
    options.add(
        "--objects-public-url", None, str, "the object store's address for browsers, if another"
    )
    options.add_flag(
        "--objects-through-server", "send clips through this server, not from the object store"
    )
    options.add(
        "--objects-cache-bytes", 5_000_000_000, int, "how much of the object store may be copied"
    )
    options.add("--weights", None, Path, "the network's weights")
    engines = (*get_args(EngineChoice), "ray")
    options.add("--engine", "auto", str, "what runs the network", choices=engines)
    options.add("--backbone", DEFAULT, str, "the network", choices=tuple(BACKBONES))
    options.add("--max-upload-bytes", 200_000_000, int, "largest clip that may be uploaded")
    options.add("--max-clip-s", 120.0, float, "longest clip, in seconds")
    options.add("--max-video-s", 600.0, float, "longest video to compare offline, in seconds")
    options.add("--workers", 1, int, "processes that run the network; one uses all cores")
    _add_ray(options)
    options.add(
        "--max-sessions", "auto", _number_or_auto, "most live sessions at once; auto measures it"
    )
    options.add("--max-session-s", 3600.0, float, "longest session, in seconds")
    options.add(
        "--idle-s", 600.0, float, "end a session nobody has trained in for so long; 0: never"
    )
    _add_limits(options)
    options.add("--user-token-s", 900, int, "how long an access token is good, in seconds")
    options.add("--session-token-s", 300, int, "how long a session's token is, in seconds")
    options.add(
        "--refresh-token-s", 2_592_000, int, "after how many unused seconds a sign-in is over"
    )
    options.add("--issuer", None, str, "outside issuer whose access tokens are accepted, its URL")
    options.add("--audience", None, str, "what those tokens must be for")
    options.add("--jwks-url", None, str, "where its keys are, instead of where it says itself")
    options.add_repeated(
        "--token-type", "TYPE", "what those tokens may be, at+jwt (default) or JWT (repeatable)"
    )
    options.add_flag("--no-passwords", "let nobody sign in but by that issuer")
    _add_network(options)
    options.add_repeated("--allow-origin", "ORIGIN", "another site that may call (repeatable)")
    options.add_flag(
        "--allow-private-webhooks", "let webhooks lead into this server's own network, also by http"
    )
    options.add_repeated("--retain", "KIND=DAYS", "how long data is kept (repeatable)")
    options.add(
        "--drain-s", 20.0, float, "how long sessions may go on after SIGTERM, in seconds; 0: not"
    )
    options.add("--log-format", "auto", str, "form of the logs", choices=get_args(LogFormat))
    options.add(
        "--otel-endpoint", None, str, "OpenTelemetry collector that gets traces, by OTLP over HTTP"
    )
    options.add("--cluster", None, str, "Redis, by which several nodes serve as one")
    options.add("--node-url", None, str, "this node's own address, as browsers reach it")
    options.add_repeated(
        "--cluster-origin", "ORIGIN", "another node, or where the page is (repeatable)"
    )
    serve.add_argument(
        "--demo", action="store_true", help="make an admin demo and print its password"
    )
    serve.set_defaults(command=_serve)


def _add_ray(options: Options) -> None:
    options.add("--ray-address", "auto", str, "Ray cluster of --engine ray, as host:6379")
    options.add("--ray-cpus", "auto", _share_or_auto, "processors of a node that a worker takes")
    options.add("--ray-gpus", "auto", _share_or_auto, "GPUs that a worker takes, as in 0.25")
    options.add(
        "--max-workers",
        "auto",
        _number_or_auto,
        "most workers on Ray, where further ones come when sessions need them",
    )


def _add_limits(options: Options) -> None:
    options.add("--sessions-per-user", 3, int, "most live sessions of one user at once")
    options.add(
        "--sign-in-attempts", 10, int, "wrong passwords for a name in 5 minutes, from one address"
    )
    options.add(
        "--requests-per-s",
        20.0,
        float,
        "how often one address may begin, join and end sessions and calls, in a second",
    )


def _add_network(options: Options) -> None:
    options.add_repeated("--ice-server", "URL", "STUN server for the page (repeatable)")
    options.add_repeated("--turn-url", "URL", "TURN server for the page (repeatable)")
    options.add("--turn-secret-file", None, Path, "file of the secret that it shares with this one")
    options.add("--turn-credential-s", 3600, int, "how long its credentials are good, in seconds")
    options.add_flag("--relay-only", "send pictures and sound through the TURN server alone")
    options.add_repeated(
        "--public-address",
        "IP",
        "under which others reach this machine, where it has another itself (repeatable)",
    )
    options.add("--media-ports", None, _ports, "UDP ports for pictures, as in 50000-50199")
    options.add_flag("--stock-aiortc", "receive video with aiortc's own delays, to compare")
    options.add_repeated(
        "--trust-proxy", "ADDRESS", "proxy whose X-Forwarded-For is believed (repeatable)"
    )


def config_from(args: argparse.Namespace) -> ServerConfig:
    """Make the configuration of parsed options.

    Raises:
        BadOption: If a value makes no sense.
    """
    try:
        return ServerConfig(
            data=args.data,
            host=args.host,
            port=args.port,
            database_url=args.database_url,
            weights=args.weights or cli.weights_path(args.backbone),
            engine=args.engine,
            backbone=args.backbone,
            max_upload_bytes=args.max_upload_bytes,
            max_clip_s=args.max_clip_s,
            max_video_s=args.max_video_s,
            workers=args.workers,
            max_workers=args.max_workers,
            ray_address=args.ray_address,
            ray_cpus=args.ray_cpus,
            ray_gpus=args.ray_gpus,
            max_sessions=args.max_sessions,
            max_session_s=args.max_session_s,
            idle_s=args.idle_s,
            sessions_per_user=args.sessions_per_user,
            sign_in_attempts=args.sign_in_attempts,
            requests_per_s=args.requests_per_s,
            user_token_s=args.user_token_s,
            session_token_s=args.session_token_s,
            refresh_token_s=args.refresh_token_s,
            issuer=args.issuer,
            audience=args.audience,
            jwks_url=args.jwks_url,
            token_types=tuple(args.token_type) or ServerConfig.token_types,
            passwords=not args.no_passwords,
            ice_servers=tuple(args.ice_server),
            turn_urls=tuple(args.turn_url),
            turn_secret=_turn_secret(args.turn_secret_file),
            turn_credential_s=args.turn_credential_s,
            relay_only=args.relay_only,
            public_addresses=tuple(args.public_address),
            media_ports=args.media_ports,
            stock_aiortc=args.stock_aiortc,
            trusted_proxies=tuple(args.trust_proxy),
            allowed_origins=tuple(args.allow_origin),
            allow_private_webhooks=args.allow_private_webhooks,
            retain=parse_retention(args.retain),
            drain_s=args.drain_s,
            log_format=args.log_format,
            objects=args.objects,
            objects_endpoint=args.objects_endpoint,
            objects_public_url=args.objects_public_url,
            objects_through_server=args.objects_through_server,
            objects_cache_bytes=args.objects_cache_bytes,
            otel_endpoint=args.otel_endpoint,
            cluster=args.cluster,
            node_url=args.node_url,
            cluster_origins=tuple(args.cluster_origin),
            demo=args.demo,
        )
    except ValueError as error:
        raise BadOption(f"{error}.") from error


def _number_or_auto(text: str) -> int | None:
    """A number; None where it is to be found out."""
    return None if text == "auto" else int(text)


def _share_or_auto(text: str) -> float | None:
    """A share of a node; None where it is derived."""
    return None if text == "auto" else float(text)


def _ports(text: str) -> tuple[int, int]:
    """A range of ports, its ends included."""
    first, _, last = text.partition("-")
    try:
        return int(first), int(last)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be two ports, as in 50000-50199") from error


def _turn_secret(path: Path | None) -> str | None:
    from ..secret_file import read_secret

    return read_secret(path, "--turn-secret-file") if path else None


def _serve(args: argparse.Namespace) -> int:
    from ..logs import configure_logging
    from ..serve import serve

    config = config_from(args)
    configure_logging(config.log_format)
    with private_files():
        asyncio.run(serve(config))
    return 0
