"""Who somebody is: passwords, signed tokens, and a limit on guesses."""

import asyncio
import contextlib
import math
import os
import secrets
import stat
import unicodedata
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import argon2
import jwt

from posesim.errors import PosesimError

SECRET_BYTES = 32  # HS256 wants a key at least as long as its hash (RFC 7518, 3.2)
SHORTEST_PASSWORD = 10  # characters
LONGEST_PASSWORD = 1024  # characters; more would only cost time
ALGORITHM = "HS256"
ISSUER = "posesim"


class AuthError(PosesimError):
    """A name, a password or a secret that can't be used."""


class BadToken(PosesimError):
    """A token that proves nothing."""

    def __init__(self) -> None:
        # One sentence for every cause: a forger learns nothing from it.
        super().__init__("The sign-in has expired or is not valid. Sign in again.")


# Names and passwords


def clean_name(name: str) -> str:
    """Return a user name in the one form in which names are kept and compared.

    Raises:
        AuthError: If it is empty, too long, or holds spaces or control characters.
    """
    clean = unicodedata.normalize("NFKC", name).strip().casefold()
    if not 1 <= len(clean) <= 64 or not clean.isprintable() or " " in clean:
        raise AuthError("A user name has 1 to 64 characters and no spaces.")
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
        """Whether the password fits; None (no such user) takes as long and never fits."""
        stored = password_hash or self._nobody
        password = password[: LONGEST_PASSWORD + 1]
        async with self._turn:
            fits = await asyncio.to_thread(self._verify, stored, _encoded(password))
        return fits and password_hash is not None

    def _verify(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def _encoded(password: str) -> bytes:
    # One form for characters that keyboards compose differently; "replace" so that a lone
    # surrogate from JSON is a wrong password and not a crash.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")


# The secret


def load_secret(path: Path) -> bytes:
    """Read the signing secret, making it at first start. Readable by its owner alone.

    Raises:
        AuthError: If it is short, weak, or readable by others.
    """
    if not path.exists():
        write_private(path, secrets.token_bytes(SECRET_BYTES))
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise AuthError(
            f"The secret {path} can be read by others. Delete it (everybody signs in again) or, "
            f"if nobody else has seen it, run: chmod 600 {path}"
        )
    secret = path.read_bytes()
    # 32 random bytes have about 30 different values; fewer than 16 were typed or copied by hand.
    if len(secret) < SECRET_BYTES or len(set(secret)) < SECRET_BYTES // 2:
        raise AuthError(
            f"The secret {path} is too weak to sign with. Delete it, and a new one is made at the "
            "next start (everybody signs in again)."
        )
    return secret


def write_private(path: Path, content: bytes) -> None:
    """Make `path`, whole and readable by its owner alone; one that exists stays as it is."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(temporary, path)
    finally:
        temporary.unlink()


# Tokens


@dataclass(frozen=True)
class SessionClaims:
    """What a session token proves: this user may run this session."""

    session_id: str
    user_id: str


@dataclass(frozen=True)
class _Kind:
    """Two kinds of token that can't stand in for each other (RFC 8725, 3.11 and 3.12)."""

    typ: str
    audience: str


_USER = _Kind("at+jwt", "posesim:user")
_SESSION = _Kind("posesim-session+jwt", "posesim:session")
_REQUIRED = ["iss", "aud", "exp", "iat", "nbf", "sub", "jti"]


class Tokens:
    """Issue and verify signed tokens. `now` must have a time zone."""

    def __init__(self, secret: bytes, *, user_token_s: int, session_token_s: int) -> None:
        self._secret = secret
        self.user_token_s = user_token_s
        self.session_token_s = session_token_s

    def issue_user(self, user_id: str, now: datetime) -> str:
        """Return a token with which `user_id` may use the API for `user_token_s`."""
        return self._issue(_USER, user_id, now, self.user_token_s, {})

    def issue_session(self, session_id: str, user_id: str, now: datetime) -> str:
        """Return a token that is good for one session's signalling alone."""
        return self._issue(_SESSION, user_id, now, self.session_token_s, {"sid": session_id})

    def verify_user(self, token: str) -> str:
        """Return the user's id.

        Raises:
            BadToken: If the token is forged, expired or of another kind.
        """
        return str(self._verify(_USER, token, [])["sub"])

    def verify_session(self, token: str) -> SessionClaims:
        """Return which session of whom this token is for.

        Raises:
            BadToken: If the token is forged, expired or of another kind.
        """
        claims = self._verify(_SESSION, token, ["sid"])
        return SessionClaims(session_id=str(claims["sid"]), user_id=str(claims["sub"]))

    def _issue(
        self, kind: _Kind, subject: str, now: datetime, lifetime_s: int, more: dict[str, str]
    ) -> str:
        claims = {
            "iss": ISSUER,
            "aud": kind.audience,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(seconds=lifetime_s),
            "jti": str(uuid.uuid4()),
            **more,
        }
        return jwt.encode(claims, self._secret, ALGORITHM, headers={"typ": kind.typ})

    def _verify(self, kind: _Kind, token: str, more: list[str]) -> dict[str, object]:
        try:
            decoded = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=kind.audience,
                issuer=ISSUER,
                options={"require": _REQUIRED + more},
            )
        except jwt.InvalidTokenError as error:
            raise BadToken from error
        if decoded["header"].get("typ") != kind.typ:
            raise BadToken
        claims: dict[str, object] = decoded["payload"]
        return claims


# Guesses


class TryLimit:
    """At most `limit` tries for a key in any `period_s`. Times are seconds of any steady clock.

    Remembers at most `most_keys` keys and forgets the ones not used for longest.
    """

    def __init__(self, limit: int, period_s: float, *, most_keys: int = 10_000) -> None:
        self._limit = limit
        self._period_s = period_s
        self._most_keys = most_keys
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, key: str, now_s: float) -> float:
        """Count a try and return 0, or return how many seconds to wait until one is allowed."""
        tries = self._tries.setdefault(key, deque())
        self._tries.move_to_end(key)
        if len(self._tries) > self._most_keys:
            self._tries.popitem(last=False)
        while tries and tries[0] <= now_s - self._period_s:
            tries.popleft()
        if len(tries) >= self._limit:
            return tries[0] + self._period_s - now_s
        tries.append(now_s)
        return 0.0

    def forget(self, key: str) -> None:
        """Start anew, e.g. because the right password came."""
        self._tries.pop(key, None)


class Guesses:
    """Limits sign-ins for each name from each address, and for each address as a whole."""

    def __init__(self) -> None:
        self._names = TryLimit(limit=10, period_s=300.0)
        # So that one address can't try one password on every name.
        self._addresses = TryLimit(limit=100, period_s=300.0)

    def take(self, address: str, name: str, now_s: float) -> float:
        """Count a try and return 0, or return how many whole seconds to wait, at least 1."""
        wait_s = self._addresses.take(address, now_s) or self._names.take(
            f"{address} {name}", now_s
        )
        return float(math.ceil(wait_s))

    def forget(self, address: str, name: str) -> None:
        """Forget a name's wrong tries, because the right password came."""
        self._names.forget(f"{address} {name}")
