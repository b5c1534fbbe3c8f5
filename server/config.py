"""What an operator may set, in one frozen place."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from posesim.engines import EngineChoice
from posesim.errors import PosesimError

LogFormat = Literal["auto", "json", "console"]


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
    workers: int = 1
    max_sessions: int | None = None  # live at once; one more is refused with 503
    max_session_s: float = 3600.0
    user_token_s: int = 3600
    ice_servers: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    log_format: LogFormat = "auto"
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
        ):
            if value is not None and not value > 0:
                raise ValueError(f"{option} must be above 0, got {value}")
        if not self.max_clip_s >= 2.56:
            raise ValueError(
                f"--max-clip-s must be at least 2.56 (one window), got {self.max_clip_s}"
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
    def session_token_s(self) -> int:
        """Lifetime of a session's token: with it the page ends the session, however late."""
        return int(self.max_session_s) + 600

    @property
    def database(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'posesim.sqlite3'}"
