"""The tokens that this server signs itself: for a user, for one session, for one call."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import jwt

from .claims import check_times
from .errors import BadToken

ALGORITHM = "HS256"
ISSUER = "posesim"
LONGEST_TOKEN = 2048  # characters; ours have fewer than 600


@dataclass(frozen=True)
class UserClaims:
    """What a user token proves: who somebody is, since which sign-in."""

    user_id: str
    sign_in_id: str


@dataclass(frozen=True)
class SessionClaims:
    """What a session token proves: this user may run this session, for `left_s` seconds more."""

    session_id: str
    user_id: str
    left_s: float


@dataclass(frozen=True)
class CallClaims:
    """What a call token proves: this user may be in this call, for `left_s` seconds more.

    `sign_in_id` is None for a user of an outside issuer.
    """

    call_id: str
    user_id: str
    sign_in_id: str | None
    left_s: float


@dataclass(frozen=True)
class _Kind:
    """Kinds of token that can't stand in for each other (RFC 8725, 3.11 and 3.12)."""

    typ: str
    audience: str


_USER = _Kind("at+jwt", "posesim:user")
_SESSION = _Kind("posesim-session+jwt", "posesim:session")
_CALL = _Kind("posesim-call+jwt", "posesim:call")
_REQUIRED = ["iss", "aud", "exp", "iat", "nbf", "sub", "jti", "sid"]


class Tokens:
    """Issue and verify signed tokens. `now` must have a time zone."""

    def __init__(self, secret: bytes, *, user_token_s: int, session_token_s: int) -> None:
        self._secret = secret
        self.user_token_s = user_token_s
        self.session_token_s = session_token_s

    def issue_user(self, user_id: str, sign_in_id: str, now: datetime) -> str:
        """Return a token with which `user_id` may use the API for `user_token_s`."""
        return self._issue(_USER, user_id, sign_in_id, now, self.user_token_s)

    def issue_session(self, session_id: str, user_id: str, now: datetime) -> str:
        """Return a token that is good for one session alone, for `session_token_s`."""
        return self._issue(_SESSION, user_id, session_id, now, self.session_token_s)

    def issue_call(self, call_id: str, user_id: str, sign_in_id: str | None, now: datetime) -> str:
        """Return a token with which a user may be in one call, for `session_token_s`."""
        more = {"sign_in": sign_in_id}
        return self._issue(_CALL, user_id, call_id, now, self.session_token_s, more=more)

    def verify_user(self, token: str, now: datetime) -> UserClaims:
        """Return whose token it is.

        Raises:
            BadToken: If the token is forged, expired or of another kind.
        """
        claims = self._verify(_USER, token)
        check_times(claims, now)
        return UserClaims(user_id=claims["sub"], sign_in_id=claims["sid"])

    def verify_session(
        self, token: str, now: datetime, *, expired_too: bool = False
    ) -> SessionClaims:
        """Return which session of whom this token is for.

        Raises:
            BadToken: If the token is forged, of another kind, or expired unless `expired_too`.
        """
        claims = self._verify(_SESSION, token)
        left_s = check_times(claims, now, late_s=math.inf if expired_too else 0.0)
        # No more than it was issued for: the clock may have been set back since.
        left_s = min(left_s, self.session_token_s)
        return SessionClaims(session_id=claims["sid"], user_id=claims["sub"], left_s=left_s)

    def verify_call(self, token: str, now: datetime) -> CallClaims:
        """Return which call of whom this token is for.

        Raises:
            BadToken: If the token is forged, expired or of another kind.
        """
        claims = self._verify(_CALL, token)
        sign_in_id = claims.get("sign_in")
        if not isinstance(sign_in_id, str | None):
            raise BadToken
        left_s = min(check_times(claims, now), self.session_token_s)
        return CallClaims(
            call_id=claims["sid"], user_id=claims["sub"], sign_in_id=sign_in_id, left_s=left_s
        )

    def _issue(
        self,
        kind: _Kind,
        subject: str,
        within: str,
        now: datetime,
        lifetime_s: int,
        *,
        more: Mapping[str, str | None] = MappingProxyType({}),
    ) -> str:
        claims = {
            **more,
            "iss": ISSUER,
            "aud": kind.audience,
            "sub": subject,
            "sid": within,
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(seconds=lifetime_s),
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._secret, ALGORITHM, headers={"typ": kind.typ})

    def _verify(self, kind: _Kind, token: str) -> dict[str, Any]:
        """Return the claims of a token that is right in everything but perhaps its times."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise BadToken
        try:
            decoded = jwt.decode_complete(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=kind.audience,
                issuer=ISSUER,
                # Times are checked by `check_times`, against a moment that is given.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise BadToken from error
        claims: dict[str, Any] = decoded["payload"]
        if decoded["header"].get("typ") != kind.typ or not isinstance(claims["sid"], str):
            raise BadToken
        return claims
