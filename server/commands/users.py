"""`posesim user`: accounts, whether or not a server runs."""

import argparse
import asyncio
import getpass
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from posesim import cli
from posesim.errors import PosesimError

from .options import BadOption, Options
from .storage import add_storage, private_files, storage

if TYPE_CHECKING:
    from ..store import Store
    from ..store.users import User


# Here as well as in `store.users`, because `--help` should not wait for the database's library.
ROLES = ("member", "coach", "admin")
_ROLE_HELP = "one of member, coach, admin; each may do what those before it may"


def add_user(commands: cli.Subparsers, environment: Mapping[str, str]) -> None:
    """Add it to the commands; `environment` gives the options' defaults."""
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
        add_storage(Options(action, environment))
        action.set_defaults(command=command)


def _user_add(args: argparse.Namespace) -> int:
    from ..auth import Passwords, clean_name
    from ..store import Store
    from ..store.users import NameTaken

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
    from ..auth import Passwords
    from ..store import Store

    async def change(store: Store) -> None:
        user = await _existing(store, args.name)
        await store.users.set_password(user.name, await Passwords().hash(_ask_password(user.name)))
        await store.audit.note(None, "password.changed", user.id)
        print(f"Changed the password of {user.name}.")

    return _with_store(args, change)


def _user_role(args: argparse.Namespace) -> int:
    from ..roles import change_role
    from ..store import Store

    async def change(store: Store) -> None:
        user = await _existing(store, args.name)
        await change_role(store, user, args.role, None)
        print(f"{user.name} has the role {args.role} now.")

    return _with_store(args, change)


def _user_remove(args: argparse.Namespace) -> int:
    from ..objects.opening import open_objects
    from ..privacy.deletion import erase
    from ..store import Store

    async def remove(store: Store) -> None:
        user = await _existing(store, args.name)
        with tempfile.TemporaryDirectory() as cache:  # a server that runs has its own
            objects = await open_objects(
                _data(args), args.objects, endpoint=args.objects_endpoint, cache=cache
            )
            await erase(store, _data(args), user.id, objects)
        print(f"Removed the user {user.name} with all exercises, sessions and scores.")

    return _with_store(args, remove)


def _user_list(args: argparse.Namespace) -> int:
    from ..store import Store

    async def show(store: Store) -> None:
        users = await store.users.all()
        width = max((len(user.name) for user in users), default=0)
        for user in users:
            print(f"{user.name:{width}}  {user.role}")

    return _with_store(args, show)


async def _existing(store: "Store", name: str) -> "User":
    from ..auth import clean_name

    name = clean_name(name)
    user = await store.users.by_name(name)
    if user is None:
        raise _NoSuchUser(name)
    return user


class _NoSuchUser(PosesimError):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name!r}. List them with: posesim user list")


def _data(args: argparse.Namespace) -> Path:
    data: Path = args.data
    return data


def _with_store(args: argparse.Namespace, act: "Callable[[Store], Awaitable[None]]") -> int:
    from ..store import Store

    config = storage(args)
    config.make_data_folder()

    async def run() -> None:
        store = await Store.open(config.database)
        try:
            await act(store)
        finally:
            await store.close()

    with private_files():
        asyncio.run(run())
    return 0


def _ask_password(name: str) -> str:
    """Ask twice on a terminal; from a pipe, read one line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("Again: ") != first:
        raise BadOption("The two passwords differ. Nothing was changed.")
    return first
