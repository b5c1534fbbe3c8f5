"""Why somebody is not let in."""

from posesim.errors import PosesimError


class AuthError(PosesimError):
    """A name, a password or a secret that can't be used."""


class BadToken(PosesimError):
    """A token that proves nothing."""

    def __init__(self) -> None:
        # One sentence for every cause: a forger learns nothing from it.
        super().__init__("The sign-in has expired or is not valid. Sign in again.")
