"""What an operator may set, in one frozen place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posesim.engines import EngineChoice
from posesim.errors import PosesimError

from .privacy.periods import Kind
from .safe_urls import is_safe_url

LogFormat = Literal["auto", "json", "console"]
LONGEST_SIGN_IN_S = 365 * 86_400
TOKEN_TYPES = ("at+jwt", "JWT")  # of RFC 9068, and what other issuers write


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
        database_url: SQLAlchemy URL with an async driver; None means SQLite inside `data`.
        backbone: The network, of `posesim.backbones.BACKBONES`.
        weights: The network's weights; None means where `posesim weights fetch` puts them.
        workers: Processes that run the network; one call of it uses every core of a processor.
        max_sessions: Fewer than the machine serves, or more; None is what was measured at start.
        ice_servers: STUN or TURN URLs told to the page. None by default: nothing outside is asked.
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
        demo: Make a user `demo` and print its password at every start.

    Raises:
        ValueError: If a value makes no sense; the sentence names the option.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    database_url: str | None = None
    weights: Path | None = None
    engine: EngineChoice = "auto"
    backbone: str = "i3d"
    max_upload_bytes: int = 200_000_000
    max_clip_s: float = 120.0
    max_video_s: float = 600.0
    workers: int = 1
    max_sessions: int | None = None  # live at once; one more is refused with 503
    max_session_s: float = 3600.0
    user_token_s: int = 900
    session_token_s: int = 300
    refresh_token_s: int = 30 * 86_400
    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    token_types: tuple[str, ...] = TOKEN_TYPES[:1]
    passwords: bool = True
    ice_servers: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    allow_private_webhooks: bool = False
    log_format: LogFormat = "auto"
    retain: Mapping[Kind, int] = field(default_factory=dict)
    demo: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"--port must be between 0 and 65535, got {self.port}")
        for option, value in (
            ("--max-upload-bytes", self.max_upload_bytes),
            ("--workers", self.workers),
            ("--max-sessions", self.max_sessions),
            ("--max-session-s", self.max_session_s),
            ("--user-token-s", self.user_token_s),
            ("--session-token-s", self.session_token_s),
            ("--refresh-token-s", self.refresh_token_s),
        ):
            if value is not None and not value > 0:
                raise ValueError(f"{option} must be above 0, got {value}")
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
        if not self.max_clip_s >= 2.56:
            raise ValueError(
                f"--max-clip-s must be at least 2.56 (one window), got {self.max_clip_s}"
            )
        if not self.max_video_s >= 2.56:
            raise ValueError(
                f"--max-video-s must be at least 2.56 (one window), got {self.max_video_s}"
            )
        for url in self.ice_servers:
            if not url.startswith(("stun:", "stuns:", "turn:", "turns:")):
                raise ValueError(
                    f"--ice-server must start with stun:, stuns:, turn: or turns:, got {url!r}"
                )
        for origin in self.allowed_origins:
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise ValueError(
                    f"--allow-origin must look like https://host or https://host:port, got "
                    f"{origin!r}"
                )
        self._check_issuer()

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

    @property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'posesim.sqlite3'}"
