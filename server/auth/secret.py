"""The secret with which this server signs, kept in a file."""

import contextlib
import os
import secrets
import stat
import uuid
from pathlib import Path

from .errors import AuthError

SECRET_BYTES = 32  # HS256 wants a key at least as long as its hash (RFC 7518, 3.2)


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
