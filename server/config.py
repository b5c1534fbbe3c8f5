"""What an operator may set, in one frozen place."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posesim.engines import EngineChoice
from posesim.errors import PosesimError

from .objects.opening import URL as OBJECTS_URL
from .privacy.periods import Kind
from .safe_urls import is_safe_url

LogFormat = Literal["auto", "json", "console"]
ServerEngine = EngineChoice | Literal["ray"]  # "ray": on a cluster, where each worker chooses
LONGEST_DRAIN_S = 3600.0  # a session is no longer, unless the operator says so
LONGEST_SIGN_IN_S = 365 * 86_400
MOST_SIGN_IN_ATTEMPTS = 100  # for one name in five minutes
MOST_REQUESTS_PER_S = 1000  # more than a server answers
LONGEST_TURN_CREDENTIAL_S = 86_400
LOWEST_MEDIA_PORT = 1024
FEWEST_MEDIA_PORTS = 20
TOKEN_TYPES = ("at+jwt", "JWT")  # of RFC 9068, and what other issuers write

_HOST = r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
_ORIGIN = re.compile(rf"https?://{_HOST}")
_REDIS = re.compile(rf"rediss?://(?:[^@/\s]*@)?{_HOST}(?:/\d+)?")
_STUN = re.compile(rf"stuns?:{_HOST}")  # RFC 7064
_ENDPOINT = re.compile(rf"https?://{_HOST}(?:/[\w./-]*)?")
_RAY = re.compile(r"auto|(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
_TURN = re.compile(rf"turns?:{_HOST}(?:\?transport=(?:udp|tcp))?")  # RFC 7065


class DataFolderError(PosesimError):
    """The data folder can't be used."""

    def __init__(self, folder: Path, error: OSError) -> None:
        reason = error.strerror or error
        super().__init__(
            f"The data folder {folder} can't be used: {reason}. Choose another with --data."
        )


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """Everything an operator may set. Built once, from the command line.

    Attributes:
        data: Folder of the database, the references and the secrets; readable by its owner alone.
        database_url: Of PostgreSQL, or another file of SQLite; None means SQLite inside `data`.
        backbone: The network, of `posesim.backbones.BACKBONES`.
        weights: The network's weights; None means where `posesim weights fetch` puts them.
        engine: What runs the network; "ray" runs it on a Ray cluster.
        workers: Processes that run the network; one call of it uses every core of a processor.
            On Ray, actors that are always there.
        max_workers: Actors that there may be; None is what the cluster has room for.
        ray_address: HOST:PORT of the cluster; "auto" is the one that this machine is in.
        ray_cpus: Processors that an actor takes of its node; None is derived from the nodes.
        ray_gpus: GPUs, also a part of one; None is derived from the nodes.
        max_sessions: Fewer than the machine serves, or more; None is what was measured at start.
        ice_servers: STUN URLs told to the page. None by default: nothing outside is asked.
        turn_urls: Of a TURN server that knows `turn_secret`, told to the page with credentials.
        turn_secret: What this server shares with the TURN server, and never tells.
        turn_credential_s: How long credentials of the TURN server are good.
        relay_only: Whether pages may send pictures and sound through the TURN server alone.
        public_addresses: Under which others reach this machine, where a router or a cloud maps
            them to its own; at most one of IPv4 and one of IPv6.
        media_ports: The first and the last UDP port for pictures; None lets the system choose.
        stock_aiortc: Whether video is received by aiortc alone, with all its delays.
        trusted_proxies: Addresses or networks whose `X-Forwarded-For` is believed.
        allowed_origins: Further origins (`https://host`) whose pages may call this server.
        user_token_s: How long an access token is good.
        session_token_s: How long a session may go on without another token.
        refresh_token_s: How long somebody stays signed in who does not come back.
        issuer: Outside issuer whose tokens are accepted, as it names itself in `iss`.
        audience: What those tokens must be for.
        jwks_url: Where the issuer's keys are; None asks its discovery document.
        token_types: What those tokens may be, of `TOKEN_TYPES`.
        passwords: Whether local accounts may sign in.
        max_clip_s: Of a reference.
        max_video_s: Of a video that is compared offline.
        allow_private_webhooks: Whether webhooks may lead into the server's own network.
        retain: Days that a kind of data is kept, where not `DEFAULTS`; 0 is for ever.
        sessions_per_user: Live at once, outside calls; one whose page is away gives way to another.
        sign_in_attempts: Wrong passwords for one name, from one address, in five minutes.
        requests_per_s: Of one address, that begin, join and end sessions and calls; a user has a
            quarter of it. More may come at once, as `rate.Signalling` says.
        idle_s: How long nobody may train in a session before it ends; 0: it never ends of that.
        drain_s: How long sessions and calls may go on when the server is told to stop.
        objects: Where files are kept, `s3://bucket/prefix`; None means `data`.
        objects_endpoint: Of the store that has the bucket; None means AWS.
        objects_public_url: The endpoint as browsers reach it; None means the same.
        objects_through_server: Whether browsers get clips from this server all the same.
        objects_cache_bytes: How much of what lies in the bucket may lie here as copies.
        otel_endpoint: Where traces go, by OTLP over HTTP; None makes none.
        cluster: Redis, by which several nodes serve as one; None: this one is alone.
        node_url: This node's own address, as browsers reach it.
        cluster_origins: Where else the page may be, and where other nodes are.
        demo: Make a user `demo` and print its password at every start.

    Raises:
        ValueError: If a value makes no sense; the sentence names the option.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    database_url: str | None = field(default=None, repr=False)  # may have a password in it
    weights: Path | None = None
    engine: ServerEngine = "auto"
    backbone: str = "i3d"
    max_upload_bytes: int = 200_000_000
    max_clip_s: float = 120.0
    max_video_s: float = 600.0
    workers: int = 1
    max_workers: int | None = None
    ray_address: str = "auto"
    ray_cpus: float | None = None
    ray_gpus: float | None = None
    max_sessions: int | None = None  # live at once; one more is refused with 503
    max_session_s: float = 3600.0
    idle_s: float = 600.0
    sessions_per_user: int = 3  # one that is used, and tabs that were forgotten
    sign_in_attempts: int = 10
    requests_per_s: float = 20.0
    user_token_s: int = 900
    session_token_s: int = 300
    refresh_token_s: int = 30 * 86_400
    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    token_types: tuple[str, ...] = TOKEN_TYPES[:1]
    passwords: bool = True
    ice_servers: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str | None = field(default=None, repr=False)
    turn_credential_s: int = 3600
    relay_only: bool = False
    public_addresses: tuple[str, ...] = ()
    media_ports: tuple[int, int] | None = None
    stock_aiortc: bool = False
    trusted_proxies: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    allow_private_webhooks: bool = False
    drain_s: float = 20.0
    log_format: LogFormat = "auto"
    retain: Mapping[Kind, int] = field(default_factory=dict)
    objects: str | None = None
    objects_endpoint: str | None = None
    objects_public_url: str | None = None
    objects_through_server: bool = False
    objects_cache_bytes: int = 5_000_000_000
    otel_endpoint: str | None = None
    cluster: str | None = field(default=None, repr=False)  # it may have a password
    node_url: str | None = None
    cluster_origins: tuple[str, ...] = ()
    demo: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"--port must be between 0 and 65535, got {self.port}")
        self._check_amounts()
        self._check_tokens()
        for origin in self.allowed_origins:
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise ValueError(
                    f"--allow-origin must look like https://host or https://host:port, got "
                    f"{origin!r}"
                )
        if self.otel_endpoint is not None and not _ENDPOINT.fullmatch(self.otel_endpoint):
            raise ValueError(
                f"--otel-endpoint must look like http://host:4318, got {self.otel_endpoint!r}"
            )
        self._check_objects()
        self._check_cluster()
        self._check_issuer()
        self._check_ray()
        self._check_turn()
        self._check_network()

    def _check_amounts(self) -> None:
        for option, value in (
            ("--max-upload-bytes", self.max_upload_bytes),
            ("--workers", self.workers),
            ("--max-workers", self.max_workers),
            ("--max-sessions", self.max_sessions),
            ("--max-session-s", self.max_session_s),
            ("--sessions-per-user", self.sessions_per_user),
            ("--user-token-s", self.user_token_s),
            ("--session-token-s", self.session_token_s),
            ("--refresh-token-s", self.refresh_token_s),
            ("--turn-credential-s", self.turn_credential_s),
            ("--objects-cache-bytes", self.objects_cache_bytes),
        ):
            if value is not None and not value > 0:
                raise ValueError(f"{option} must be above 0, got {value}")
        if not 1 <= self.sign_in_attempts <= MOST_SIGN_IN_ATTEMPTS:
            raise ValueError(
                f"--sign-in-attempts must be between 1 and {MOST_SIGN_IN_ATTEMPTS}, or passwords "
                f"could be guessed, got {self.sign_in_attempts}"
            )
        if not 1 <= self.requests_per_s <= MOST_REQUESTS_PER_S:
            raise ValueError(
                f"--requests-per-s must be between 1 and {MOST_REQUESTS_PER_S}, got "
                f"{self.requests_per_s}"
            )
        if not 0 <= self.idle_s < float("inf"):
            raise ValueError(f"--idle-s must be at least 0, got {self.idle_s}")
        if not 0 <= self.drain_s <= LONGEST_DRAIN_S:
            raise ValueError(
                f"--drain-s must be between 0 and {LONGEST_DRAIN_S:.0f}, got {self.drain_s}"
            )
        if not self.max_clip_s >= 2.56:
            raise ValueError(
                f"--max-clip-s must be at least 2.56 (one window), got {self.max_clip_s}"
            )
        if not self.max_video_s >= 2.56:
            raise ValueError(
                f"--max-video-s must be at least 2.56 (one window), got {self.max_video_s}"
            )

    def _check_cluster(self) -> None:
        if (self.cluster is None) != (self.node_url is None):
            raise ValueError("--cluster and --node-url are given together or not at all")
        if self.cluster_origins and self.cluster is None:
            raise ValueError("--cluster-origin needs --cluster")
        if self.cluster is not None and not _REDIS.fullmatch(self.cluster):
            raise ValueError("--cluster must look like redis://host:6379/0")
        for option, origins in (
            ("--node-url", (self.node_url,)),
            ("--cluster-origin", self.cluster_origins),
        ):
            for origin in origins:
                if origin is not None and not _ORIGIN.fullmatch(origin):
                    raise ValueError(
                        f"{option} must look like https://host or https://host:port, got {origin!r}"
                    )

    def _check_tokens(self) -> None:
        if self.refresh_token_s > LONGEST_SIGN_IN_S:
            raise ValueError(
                f"--refresh-token-s must be at most {LONGEST_SIGN_IN_S} (a year), got "
                f"{self.refresh_token_s}"
            )
        for option, lifetime_s in (
            ("--user-token-s", self.user_token_s),
            ("--session-token-s", self.session_token_s),
        ):
            if lifetime_s > self.refresh_token_s:
                raise ValueError(
                    f"{option} must be at most --refresh-token-s ({self.refresh_token_s}), got "
                    f"{lifetime_s}"
                )

    def _check_objects(self) -> None:
        if self.objects is not None and not OBJECTS_URL.fullmatch(self.objects):
            raise ValueError(
                f"--objects must look like s3://bucket or s3://bucket/prefix, got {self.objects!r}"
            )
        for option, url in (
            ("--objects-endpoint", self.objects_endpoint),
            ("--objects-public-url", self.objects_public_url),
        ):
            if url is not None and not _ENDPOINT.fullmatch(url):
                raise ValueError(f"{option} must look like https://host:9000, got {url!r}")
        if self.objects is None and self.objects_public_url is not None:
            raise ValueError("--objects-public-url needs --objects")

    def _check_ray(self) -> None:
        if not _RAY.fullmatch(self.ray_address):
            raise ValueError(
                "--ray-address must be auto or look like host:6379 (this machine joins the cluster "
                f"with `ray start`, so it is no ray:// address), got {self.ray_address!r}"
            )
        for option, share in (("--ray-cpus", self.ray_cpus), ("--ray-gpus", self.ray_gpus)):
            if share is not None and not 0 <= share < float("inf"):
                raise ValueError(f"{option} must be at least 0, got {share}")
        if self.max_workers is not None and self.max_workers < self.workers:
            raise ValueError(
                f"--max-workers must be at least --workers ({self.workers}), got {self.max_workers}"
            )
        if self.max_workers is not None and self.engine != "ray":
            raise ValueError("--max-workers needs --engine ray; other workers are always there")

    def _check_turn(self) -> None:
        for url in self.ice_servers:
            if url.startswith(("turn:", "turns:")):
                raise ValueError(
                    f"--ice-server is for STUN; name a TURN server with --turn-url, got {url!r}"
                )
            if not _STUN.fullmatch(url):
                raise ValueError(f"--ice-server must look like stun:host:3478, got {url!r}")
        for url in self.turn_urls:
            if not _TURN.fullmatch(url):
                raise ValueError(
                    f"--turn-url must look like turn:host:3478, turns:host:5349 or "
                    f"turn:host:3478?transport=tcp, got {url!r}"
                )
        if self.turn_urls and self.turn_secret is None:
            raise ValueError("--turn-url needs --turn-secret-file, which the TURN server knows too")
        if self.turn_secret is not None and not self.turn_urls:
            raise ValueError("--turn-secret-file needs --turn-url, or nobody could use it")
        if self.turn_credential_s > LONGEST_TURN_CREDENTIAL_S:
            raise ValueError(
                f"--turn-credential-s must be at most {LONGEST_TURN_CREDENTIAL_S} (a day), got "
                f"{self.turn_credential_s}"
            )
        if self.relay_only and not self.turn_urls:
            raise ValueError("--relay-only needs --turn-url, or nobody could be reached")

    def _check_network(self) -> None:
        versions = []
        for address in self.public_addresses:
            try:
                versions.append(ipaddress.ip_address(address).version)
            except ValueError as error:
                raise ValueError(
                    f"--public-address must be an IP address, got {address!r}"
                ) from error
        if len(versions) > len(set(versions)):
            raise ValueError("--public-address may be given once for IPv4 and once for IPv6")
        if self.media_ports is not None:
            first, last = self.media_ports
            if not LOWEST_MEDIA_PORT <= first <= last <= 65535 or (
                last - first + 1 < FEWEST_MEDIA_PORTS
            ):
                raise ValueError(
                    f"--media-ports must be at least {FEWEST_MEDIA_PORTS} ports between "
                    f"{LOWEST_MEDIA_PORT} and 65535, as in 50000-50199, got {first}-{last}"
                )
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(
                    f"--trust-proxy must be an address or a network such as 10.0.0.0/24, got "
                    f"{proxy!r}"
                ) from error

    def _check_issuer(self) -> None:
        if (self.issuer is None) != (self.audience is None):
            raise ValueError("--issuer and --audience are given together or not at all")
        if self.issuer is None:
            if self.jwks_url is not None:
                raise ValueError("--jwks-url needs --issuer and --audience")
            if not self.passwords:
                raise ValueError("--no-passwords needs --issuer, or nobody could sign in")
        if self.demo and not self.passwords:
            raise ValueError("--demo makes an account with a password; leave out --no-passwords")
        for option, url in (("--issuer", self.issuer), ("--jwks-url", self.jwks_url)):
            if url is not None and not is_safe_url(url):
                raise ValueError(
                    f"{option} must be an https URL, or http on this machine, got {url!r}"
                )
        for each in self.token_types:
            if each not in TOKEN_TYPES:
                raise ValueError(f"--token-type must be at+jwt or JWT, got {each!r}")

    def make_data_folder(self) -> None:
        """Make the data folder, readable by its owner alone.

        Raises:
            DataFolderError: If it can't be made, or is not a folder that can be written.
        """
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(self.data, error) from error
        if not os.access(self.data, os.W_OK | os.X_OK):
            raise DataFolderError(self.data, PermissionError("it can't be written"))

    def own_address(self, path: str) -> str:
        """Where a path is that this node alone can answer; one that is alone needs no host."""
        return path if self.node_url is None else f"{self.node_url}{path}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Of the nodes and of the pages that may talk to them; empty for one that is alone."""
        if self.node_url is None:
            return ()
        return tuple(dict.fromkeys((self.node_url, *self.cluster_origins)))

    @property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'posesim.sqlite3'}"
