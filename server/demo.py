"""The account with which a newcomer tries posesim."""

import asyncio
import secrets
from pathlib import Path

from .auth import Passwords, write_private
from .roles import change_role
from .store import Store

NAME = "demo"
FILE = "demo-password"


async def demo_password(data: Path, store: Store, passwords: Passwords) -> str | None:
    """Return the password of the user `demo`, making both at first; None if somebody changed it.

    It is an admin, so that a newcomer can try everything; but not where somebody else has the name.
    The password is kept in a file that only its owner reads, so that every start can show it.
    """
    path = data / FILE
    if not path.exists():
        await asyncio.to_thread(write_private, path, secrets.token_urlsafe(12).encode())
    password = (await asyncio.to_thread(path.read_text)).strip()
    user = await store.users.by_name(NAME)
    if user is None:
        await store.users.add(NAME, await passwords.hash(password), "admin")
        return password
    if not await passwords.check(user.password_hash, password):
        return None
    await change_role(store, user, "admin", None)  # earlier versions made it without a role
    return password
