"""Options of commands, each with a variable of the environment for its default."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from posesim.errors import PosesimError

# What the commands read from the environment, where no option says otherwise.
VARIABLES = {
    "--host": "POSESIM_HOST",
    "--port": "POSESIM_PORT",
    "--data": "POSESIM_DATA",
    "--database-url": "POSESIM_DATABASE_URL",
    "--objects": "POSESIM_OBJECTS",
    "--objects-endpoint": "POSESIM_OBJECTS_ENDPOINT",
    "--objects-public-url": "POSESIM_OBJECTS_PUBLIC_URL",
    "--objects-through-server": "POSESIM_OBJECTS_THROUGH_SERVER",
    "--objects-cache-bytes": "POSESIM_OBJECTS_CACHE_BYTES",
    "--weights": "POSESIM_WEIGHTS",
    "--engine": "POSESIM_ENGINE",
    "--backbone": "POSESIM_BACKBONE",
    "--max-upload-bytes": "POSESIM_MAX_UPLOAD_BYTES",
    "--max-clip-s": "POSESIM_MAX_CLIP_S",
    "--max-video-s": "POSESIM_MAX_VIDEO_S",
    "--workers": "POSESIM_WORKERS",
    "--max-workers": "POSESIM_MAX_WORKERS",
    "--ray-address": "POSESIM_RAY_ADDRESS",
    "--ray-cpus": "POSESIM_RAY_CPUS",
    "--ray-gpus": "POSESIM_RAY_GPUS",
    "--max-sessions": "POSESIM_MAX_SESSIONS",
    "--max-session-s": "POSESIM_MAX_SESSION_S",
    "--idle-s": "POSESIM_IDLE_S",
    "--sessions-per-user": "POSESIM_SESSIONS_PER_USER",
    "--sign-in-attempts": "POSESIM_SIGN_IN_ATTEMPTS",
    "--requests-per-s": "POSESIM_REQUESTS_PER_S",
    "--user-token-s": "POSESIM_USER_TOKEN_S",
    "--session-token-s": "POSESIM_SESSION_TOKEN_S",
    "--refresh-token-s": "POSESIM_REFRESH_TOKEN_S",
    "--issuer": "POSESIM_ISSUER",
    "--audience": "POSESIM_AUDIENCE",
    "--jwks-url": "POSESIM_JWKS_URL",
    "--token-type": "POSESIM_TOKEN_TYPES",
    "--no-passwords": "POSESIM_NO_PASSWORDS",
    "--ice-server": "POSESIM_ICE_SERVERS",
    "--turn-url": "POSESIM_TURN_URLS",
    "--turn-secret-file": "POSESIM_TURN_SECRET_FILE",
    "--turn-credential-s": "POSESIM_TURN_CREDENTIAL_S",
    "--relay-only": "POSESIM_RELAY_ONLY",
    "--public-address": "POSESIM_PUBLIC_ADDRESSES",
    "--media-ports": "POSESIM_MEDIA_PORTS",
    "--stock-aiortc": "POSESIM_STOCK_AIORTC",
    "--trust-proxy": "POSESIM_TRUST_PROXIES",
    "--allow-origin": "POSESIM_ALLOW_ORIGINS",
    "--allow-private-webhooks": "POSESIM_ALLOW_PRIVATE_WEBHOOKS",
    "--retain": "POSESIM_RETAIN",
    "--drain-s": "POSESIM_DRAIN_S",
    "--log-format": "POSESIM_LOG_FORMAT",
    "--otel-endpoint": "POSESIM_OTEL_ENDPOINT",
    "--cluster": "POSESIM_CLUSTER",
    "--node-url": "POSESIM_NODE_URL",
    "--cluster-origin": "POSESIM_CLUSTER_ORIGINS",
}

# The same for `move` alone: where to.
TARGET_VARIABLES = {
    "--to-database": "POSESIM_TO_DATABASE_URL",
    "--to-objects": "POSESIM_TO_OBJECTS",
    "--to-objects-endpoint": "POSESIM_TO_OBJECTS_ENDPOINT",
}

_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})


class BadOption(PosesimError):
    """An option or variable with a value that makes no sense."""


class Options:
    """Options whose defaults come from the environment. argparse checks those as if typed."""

    def __init__(self, parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._parser = parser
        self._environment = environment

    @property
    def aws_endpoint(self) -> str | None:
        """The variable that AWS's own programs read."""
        return self._environment.get("AWS_ENDPOINT_URL_S3") or self._environment.get(
            "AWS_ENDPOINT_URL"
        )

    def add(
        self,
        option: str,
        default: object,
        kind: Callable[[str], object],
        purpose: str,
        choices: Sequence[str] | None = None,
    ) -> None:
        """Add one with a value."""
        variable = (VARIABLES | TARGET_VARIABLES)[option]
        chosen = self._environment.get(variable) or default
        if choices and chosen not in choices:  # which argparse checks in what is typed alone
            raise BadOption(f"{variable} must be one of {', '.join(choices)}, got {chosen!r}.")
        shown = "" if default is None else f" (default: {default})"
        self._parser.add_argument(
            option,
            default=chosen,
            type=kind,
            choices=choices,
            help=f"{purpose}{shown} [{variable}]".replace("%", "%%"),
        )

    def add_flag(self, option: str, purpose: str) -> None:
        """Add one that is there or not; as a variable 1 or 0."""
        variable = VARIABLES[option]
        value = self._environment.get(variable, "").casefold()
        if value not in _NO | _YES:
            raise BadOption(f"{variable} must be 1 or 0, got {value!r}.")
        self._parser.add_argument(
            option, action="store_true", default=value in _YES, help=f"{purpose} [{variable}]"
        )

    def add_repeated(self, option: str, metavar: str, purpose: str) -> None:
        """Add one that may be there several times; as a variable separated by spaces."""
        variable = VARIABLES[option]
        self._parser.add_argument(
            option,
            action="append",
            metavar=metavar,
            default=self._environment.get(variable, "").split(),
            help=f"{purpose} [{variable}]",
        )
