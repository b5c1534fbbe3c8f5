"""A secret that the operator keeps in a file of its own, where no list of processes shows it."""

import os
import stat
from pathlib import Path

from posesim.errors import PosesimError

SHORTEST = 32  # characters; 32 of hexadecimal digits are 128 bits


class BadSecretFile(PosesimError):
    """A secret that can't be read, or that others know or could guess."""


def read_secret(path: Path, option: str) -> str:
    """Read the secret in `path`; spaces and line ends around it are not part of it.

    Args:
        path: The file.
        option: By which it was named, for the sentence.

    Raises:
        BadSecretFile: If there is none, others than owner and group may read it, or it is short.
    """
    make = f"Make one with: (umask 077; head -c 32 /dev/urandom | base64 > {path})"
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise BadSecretFile(
                f"The secret {path} ({option}) can be read by everybody. Make a new one, or, if "
                f"nobody else has seen it, run: chmod o= {path}"
            )
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = error.strerror or error
        raise BadSecretFile(
            f"The secret {path} ({option}) can't be read: {reason}. {make}"
        ) from error
    except UnicodeDecodeError as error:
        raise BadSecretFile(f"The secret {path} ({option}) is not text. {make}") from error
    if len(secret) < SHORTEST or len(set(secret)) < SHORTEST // 4 or len(secret.split()) != 1:
        raise BadSecretFile(
            f"The secret {path} ({option}) must be one line of at least {SHORTEST} random "
            f"characters without spaces. {make}"
        )
    return secret
