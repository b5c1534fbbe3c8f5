"""Refresh tokens: `<id of the sign-in>.<secret>`, a new secret at each use (RFC 9700, 4.14.2)."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from .errors import BadToken

SECRET_BYTES = 32
TAG_BYTES = 16
LONGEST_TOKEN = 128  # characters; ours have 101


@dataclass(frozen=True)
class RefreshToken:
    """One refresh token. What is stored of it is `sha256`, from which nobody gets it back."""

    sign_in_id: str
    secret: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of the secret, in hexadecimal."""
        return hashlib.sha256(self.secret).hexdigest()


class RefreshTokens:
    """Make refresh tokens, and read those that were made here.

    Each secret follows from the one before it and this server's own: who asks twice with the same
    token, in two tabs or because the answer was lost, gets the same successor twice. Each carries
    a tag, so that an old token (which was stolen) and an invented one can be told apart.
    """

    def __init__(self, secret: bytes) -> None:
        # Keys of their own, so that nothing of these is ever a signature of something else.
        self._tag_key = hmac.digest(secret, b"posesim refresh token: tag", "sha256")
        self._next_key = hmac.digest(secret, b"posesim refresh token: next", "sha256")

    def first(self, sign_in_id: str) -> RefreshToken:
        """The first one of a sign-in."""
        return RefreshToken(sign_in_id, secrets.token_bytes(SECRET_BYTES))

    def after(self, token: RefreshToken) -> RefreshToken:
        """The one that replaces `token`."""
        secret = hmac.digest(self._next_key, _whole(token), "sha256")
        return RefreshToken(token.sign_in_id, secret)

    def write(self, token: RefreshToken) -> str:
        """A token as its client keeps it."""
        secret = base64.urlsafe_b64encode(token.secret + self._tag(token)).decode()
        return f"{token.sign_in_id}.{secret}"

    def read(self, text: str) -> RefreshToken:
        """Read a token that a client sent.

        Raises:
            BadToken: If it was not made here.
        """
        if len(text) > LONGEST_TOKEN or not text.isascii():
            raise BadToken
        sign_in_id, _, encoded = text.partition(".")
        try:
            decoded = base64.b64decode(encoded, altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise BadToken from error
        token = RefreshToken(sign_in_id, decoded[:SECRET_BYTES])
        # All of it, not the tag alone: base64 has several ways to write the same bytes.
        if not hmac.compare_digest(text, self.write(token)):
            raise BadToken
        return token

    def _tag(self, token: RefreshToken) -> bytes:
        return hmac.digest(self._tag_key, _whole(token), "sha256")[:TAG_BYTES]


def _whole(token: RefreshToken) -> bytes:
    return token.sign_in_id.encode() + b"." + token.secret
