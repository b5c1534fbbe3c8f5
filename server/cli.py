"""The command `posesim`: the library's commands, the server, and its users."""

import argparse
import asyncio
import contextlib
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from platformdirs import user_data_path

from posesim import __version__, cli
from posesim.backbones import BACKBONES, DEFAULT
from posesim.engines import EngineChoice
from posesim.errors import PosesimError

from .config import LogFormat, ServerConfig
from .privacy.periods import parse_retention

if TYPE_CHECKING:
    from .store import Store

EXAMPLES = """
  posesim serve                                 serve the page on http://localhost:8080
  posesim serve --demo                          the same, with an account to try it
  posesim user add anna                         make an account (asks for a password)
  posesim user password anna                    give it another password
  posesim user role anna coach                  let it invite members and see their results
"""

# What the commands read from the environment, where no option says otherwise.
VARIABLES = {
    "--host": "POSESIM_HOST",
    "--port": "POSESIM_PORT",
    "--data": "POSESIM_DATA",
    "--database-url": "POSESIM_DATABASE_URL",
    "--weights": "POSESIM_WEIGHTS",
    "--engine": "POSESIM_ENGINE",
    "--backbone": "POSESIM_BACKBONE",
    "--max-upload-bytes": "POSESIM_MAX_UPLOAD_BYTES",
    "--max-clip-s": "POSESIM_MAX_CLIP_S",
    "--max-video-s": "POSESIM_MAX_VIDEO_S",
    "--workers": "POSESIM_WORKERS",
    "--max-sessions": "POSESIM_MAX_SESSIONS",
    "--max-session-s": "POSESIM_MAX_SESSION_S",
    "--user-token-s": "POSESIM_USER_TOKEN_S",
    "--session-token-s": "POSESIM_SESSION_TOKEN_S",
    "--refresh-token-s": "POSESIM_REFRESH_TOKEN_S",
    "--issuer": "POSESIM_ISSUER",
    "--audience": "POSESIM_AUDIENCE",
    "--jwks-url": "POSESIM_JWKS_URL",
    "--token-type": "POSESIM_TOKEN_TYPES",
    "--no-passwords": "POSESIM_NO_PASSWORDS",
    "--ice-server": "POSESIM_ICE_SERVERS",
    "--allow-origin": "POSESIM_ALLOW_ORIGINS",
    "--allow-private-webhooks": "POSESIM_ALLOW_PRIVATE_WEBHOOKS",
    "--retain": "POSESIM_RETAIN",
    "--log-format": "POSESIM_LOG_FORMAT",
}

_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})

# Here as well as in `store.users`, because `--help` should not wait for the database's library.
ROLES = ("member", "coach", "admin")
_ROLE_HELP = "one of member, coach, admin; each may do what those before it may"


class BadOption(PosesimError):
    """An option or variable with a value that makes no sense."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    try:
        parser = build_parser(os.environ)
    except BadOption as error:
        print(f"posesim: {error}", file=sys.stderr)
        return cli.EXIT_ERROR
    return cli.run(parser, argv)


def build_parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of all commands; `environment` gives the options' defaults."""
    parser = argparse.ArgumentParser(
        prog="posesim",
        description="Compare a person in front of a webcam with a reference clip, live.",
        epilog=cli.EXAMPLES.rstrip("\n") + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"posesim {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    cli.add_commands(commands)
    _add_serve(commands, environment)
    _add_user(commands, environment)
    return parser


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
            max_sessions=args.max_sessions,
            max_session_s=args.max_session_s,
            user_token_s=args.user_token_s,
            session_token_s=args.session_token_s,
            refresh_token_s=args.refresh_token_s,
            issuer=args.issuer,
            audience=args.audience,
            jwks_url=args.jwks_url,
            token_types=tuple(args.token_type) or ServerConfig.token_types,
            passwords=not args.no_passwords,
            ice_servers=tuple(args.ice_server),
            allowed_origins=tuple(args.allow_origin),
            allow_private_webhooks=args.allow_private_webhooks,
            retain=parse_retention(args.retain),
            log_format=args.log_format,
            demo=args.demo,
        )
    except ValueError as error:
        raise BadOption(f"{error}.") from error


def _add_serve(commands: cli.Subparsers, environment: Mapping[str, str]) -> None:
    serve = commands.add_parser(
        "serve",
        help="serve the page and the API",
        description="Serve the page and the API until Ctrl-C or SIGTERM.",
        epilog="Every option can be given as an environment variable instead, for example "
        "POSESIM_PORT=9000; options that may be repeated are separated by spaces there.",
    )
    options = _Options(serve, environment)
    options.add("--host", "127.0.0.1", str, "address to listen on; this machine alone by default")
    options.add("--port", 8080, int, "port to listen on")
    _add_storage(options)
    options.add("--weights", None, Path, "the network's weights")
    options.add("--engine", "auto", str, "what runs the network", choices=get_args(EngineChoice))
    options.add("--backbone", DEFAULT, str, "the network", choices=tuple(BACKBONES))
    options.add("--max-upload-bytes", 200_000_000, int, "largest clip that may be uploaded")
    options.add("--max-clip-s", 120.0, float, "longest clip, in seconds")
    options.add("--max-video-s", 600.0, float, "longest video to compare offline, in seconds")
    options.add("--workers", 1, int, "processes that run the network; one uses all cores")
    options.add(
        "--max-sessions", "auto", _number_or_auto, "most live sessions at once; auto measures it"
    )
    options.add("--max-session-s", 3600.0, float, "longest session, in seconds")
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
    options.add_repeated("--ice-server", "URL", "STUN or TURN server for the page (repeatable)")
    options.add_repeated("--allow-origin", "ORIGIN", "another site that may call (repeatable)")
    options.add_flag(
        "--allow-private-webhooks", "let webhooks lead into this server's own network, also by http"
    )
    options.add_repeated("--retain", "KIND=DAYS", "how long data is kept (repeatable)")
    options.add("--log-format", "auto", str, "form of the logs", choices=get_args(LogFormat))
    serve.add_argument(
        "--demo", action="store_true", help="make an admin demo and print its password"
    )
    serve.set_defaults(command=_serve)


def _add_user(commands: cli.Subparsers, environment: Mapping[str, str]) -> None:
    user = commands.add_parser("user", help="add, list and remove users")
    actions = user.add_subparsers(metavar="ACTION", required=True)
    for name, command, purpose in (
        ("add", _user_add, "make an account; asks for its password, or reads a line from a pipe"),
        ("password", _user_password, "give an account another password"),
        ("role", _user_role, "make an account that of a member, a coach or an admin"),
        ("remove", _user_remove, "remove an account and everything that belongs to it"),
        ("list", _user_list, "print all user names with their roles"),
    ):
        action = actions.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.")
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "add":
            action.add_argument("--role", choices=ROLES, default="member", help=_ROLE_HELP)
        if name == "role":
            action.add_argument("role", metavar="ROLE", choices=ROLES, help=_ROLE_HELP)
        _add_storage(_Options(action, environment))
        action.set_defaults(command=command)


class _Options:
    """Options whose defaults come from the environment. argparse checks those as if typed."""

    def __init__(self, parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._parser = parser
        self._environment = environment

    def add(
        self,
        option: str,
        default: object,
        kind: Callable[[str], object],
        purpose: str,
        choices: Sequence[str] | None = None,
    ) -> None:
        variable = VARIABLES[option]
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
        variable = VARIABLES[option]
        value = self._environment.get(variable, "").casefold()
        if value not in _NO | _YES:
            raise BadOption(f"{variable} must be 1 or 0, got {value!r}.")
        self._parser.add_argument(
            option, action="store_true", default=value in _YES, help=f"{purpose} [{variable}]"
        )

    def add_repeated(self, option: str, metavar: str, purpose: str) -> None:
        variable = VARIABLES[option]
        self._parser.add_argument(
            option,
            action="append",
            metavar=metavar,
            default=self._environment.get(variable, "").split(),
            help=f"{purpose} [{variable}]",
        )


def _number_or_auto(text: str) -> int | None:
    """A number; None where it is to be found out."""
    return None if text == "auto" else int(text)


def _add_storage(options: _Options) -> None:
    options.add("--data", user_data_path("posesim"), Path, "folder of everything that is kept")
    options.add("--database-url", None, str, "database, instead of SQLite in that folder")


# The commands import what they need when they run: `--help` should not wait for torch.


def _serve(args: argparse.Namespace) -> int:
    from .logs import configure_logging
    from .serve import serve

    config = config_from(args)
    configure_logging(config.log_format)
    with _private_files():
        asyncio.run(serve(config))
    return 0


def _user_add(args: argparse.Namespace) -> int:
    from .auth import Passwords, clean_name
    from .store import Store
    from .store.users import NameTaken

    async def add(store: Store) -> None:
        name = clean_name(args.name)
        if await store.users.by_name(name):  # before asking for a password
            raise NameTaken(name)
        password_hash = await Passwords().hash(_ask_password(name))
        user = await store.users.add(name, password_hash, args.role)
        await store.audit.note(None, "user.added", user.id, user.role)
        print(f"Added the {args.role} {name}.")

    return _with_store(args, add)


def _user_password(args: argparse.Namespace) -> int:
    from .auth import Passwords, clean_name
    from .store import Store

    async def change(store: Store) -> None:
        name = clean_name(args.name)
        user = await store.users.by_name(name)
        if user is None:
            raise _NoSuchUser(name)
        await store.users.set_password(name, await Passwords().hash(_ask_password(name)))
        await store.audit.note(None, "password.changed", user.id)
        print(f"Changed the password of {name}.")

    return _with_store(args, change)


def _user_role(args: argparse.Namespace) -> int:
    from .auth import clean_name
    from .roles import change_role
    from .store import Store

    async def change(store: Store) -> None:
        name = clean_name(args.name)
        user = await store.users.by_name(name)
        if user is None:
            raise _NoSuchUser(name)
        await change_role(store, user, args.role, None)
        print(f"{name} has the role {args.role} now.")

    return _with_store(args, change)


def _user_remove(args: argparse.Namespace) -> int:
    from .auth import clean_name
    from .privacy.deletion import erase
    from .store import Store

    async def remove(store: Store) -> None:
        name = clean_name(args.name)
        user = await store.users.by_name(name)
        if user is None:
            raise _NoSuchUser(name)
        await erase(store, _data(args), user.id)
        print(f"Removed the user {name} with all exercises, sessions and scores.")

    return _with_store(args, remove)


def _user_list(args: argparse.Namespace) -> int:
    from .store import Store

    async def show(store: Store) -> None:
        users = await store.users.all()
        width = max((len(user.name) for user in users), default=0)
        for user in users:
            print(f"{user.name:{width}}  {user.role}")

    return _with_store(args, show)


class _NoSuchUser(PosesimError):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name!r}. List them with: posesim user list")


def _data(args: argparse.Namespace) -> Path:
    data: Path = args.data
    return data


def _with_store(args: argparse.Namespace, act: "Callable[[Store], Awaitable[None]]") -> int:
    from .store import Store

    config = ServerConfig(data=_data(args), database_url=args.database_url)
    config.make_data_folder()

    async def run() -> None:
        store = await Store.open(config.database)
        try:
            await act(store)
        finally:
            await store.close()

    with _private_files():
        asyncio.run(run())
    return 0


@contextlib.contextmanager
def _private_files() -> Iterator[None]:
    """Make every new file readable by its owner alone, also in a folder that others may enter."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _ask_password(name: str) -> str:
    """Ask twice on a terminal; from a pipe, read one line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Again: ") != first:
        raise BadOption("The two passwords differ. Nothing was changed.")
    return first
