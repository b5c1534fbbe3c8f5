"""User names and passwords."""

import asyncio
import secrets
import unicodedata

import argon2

from .errors import AuthError

LONGEST_NAME = 64  # characters
SHORTEST_PASSWORD = 10  # characters
LONGEST_PASSWORD = 1024  # characters; more would only cost time


def clean_name(name: str) -> str:
    """Return a user name in the one form in which names are kept and compared.

    Raises:
        AuthError: If it is empty, too long, or holds spaces or control characters.
    """
    clean = unicodedata.normalize("NFKC", name).strip().casefold()
    if not 1 <= len(clean) <= LONGEST_NAME or not clean.isprintable() or " " in clean:
        raise AuthError(f"A user name has 1 to {LONGEST_NAME} characters and no spaces.")
    return clean


class Passwords:
    """Hash and check passwords with argon2id, never on the event loop."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._turn = asyncio.Semaphore(2)  # each hash takes 64 MiB and a core
        # Checked for a name that nobody has, so that it costs the same time as a wrong password.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Return the encoded hash of a new password.

        Raises:
            AuthError: If it is too short or too long.
        """
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise AuthError(
                f"A password has at least {SHORTEST_PASSWORD} and at most {LONGEST_PASSWORD} "
                "characters."
            )
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, _encoded(password))

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits.

        None (no such user) and "" (who signs in elsewhere) take as long and never fit.
        """
        stored = password_hash or self._nobody
        password = password[: LONGEST_PASSWORD + 1]
        async with self._turn:
            fits = await asyncio.to_thread(self._verify, stored, _encoded(password))
        return fits and bool(password_hash)

    def _verify(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def _encoded(password: str) -> bytes:
    # One form for characters that keyboards compose differently; "replace" so that a lone
    # surrogate from JSON is a wrong password and not a crash.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
