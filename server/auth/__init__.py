"""Who somebody is: passwords, the tokens of this server and of an outside issuer, and limits."""

from .errors import AuthError, BadToken
from .limits import PERIOD_S, Guesses, Tries, TryLimit
from .passwords import Passwords, clean_name
from .secret import load_secret, write_private
from .tokens import CallClaims, SessionClaims, Tokens, UserClaims

__all__ = [
    "PERIOD_S",
    "AuthError",
    "BadToken",
    "CallClaims",
    "Guesses",
    "Passwords",
    "SessionClaims",
    "Tokens",
    "Tries",
    "TryLimit",
    "UserClaims",
    "clean_name",
    "load_secret",
    "write_private",
]
