"""Verify the access tokens of an outside issuer (RFC 8725, RFC 9068)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import jwt
import structlog

from .claims import LEEWAY_S, check_times
from .errors import BadToken
from .key_set import ALGORITHMS, LONGEST_ID
from .remote_keys import RemoteKeys

logger = structlog.get_logger(__name__)

LONGEST_TOKEN = 8192  # characters
LONGEST_SUBJECT = 255  # characters; OpenID Connect Core, section 2
_NAMES = ("preferred_username", "email", "sub")  # what people are called, the best first


@dataclass(frozen=True)
class OutsideClaims:
    """What a token of an outside issuer proves, and what it calls the user, the best first."""

    issuer: str
    subject: str
    names: tuple[str, ...]


class Issuer:
    """An outside issuer, as the operator set it. Nothing of a token widens that.

    Args:
        url: What `iss` must be, letter for letter.
        audience: What `aud` must name.
        types: What `typ` may be; "at+jwt" is what RFC 9068 asks for.
        keys: Where its keys come from.
    """

    def __init__(self, url: str, audience: str, types: Collection[str], keys: RemoteKeys) -> None:
        self.url = url
        self._audience = audience
        self._types = frozenset(each.casefold() for each in types)
        self._keys = keys

    async def verify(self, token: str, now: datetime) -> OutsideClaims:
        """Return what `token` proves.

        Raises:
            BadToken: If it is forged, expired, for somebody else, or of another kind.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise BadToken
        try:
            key = await self._key(jwt.get_unverified_header(token))
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],  # the key's own, whatever the header says
                audience=self._audience,
                issuer=self.url,
                # Times are checked by `check_times`, against a moment that is given.
                options={
                    "require": ["iss", "aud", "exp", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as error:
            # For the operator: the classes' names are PyJWT's words, nothing of the token.
            logger.info("a token of an issuer is refused", reason=type(error).__name__)
            raise BadToken from error
        check_times(claims, now, late_s=LEEWAY_S)
        subject: str = claims["sub"]
        if not 1 <= len(subject) <= LONGEST_SUBJECT:
            raise BadToken
        names = (claims.get(name) for name in _NAMES)
        return OutsideClaims(
            self.url, subject, tuple(name for name in names if isinstance(name, str))
        )

    async def _key(self, header: dict[str, object]) -> jwt.PyJWK:
        """The key that the header names among the issuer's own.

        `jku`, `x5u`, `jwk` and `x5c` are not looked at: a token can't bring its key.
        """
        if header.get("alg") not in ALGORITHMS:  # not of any issuer: nobody is asked for its key
            raise BadToken
        kind = str(header.get("typ")).casefold().removeprefix("application/")
        if kind not in self._types:
            logger.info("a token of an issuer is refused", reason="its typ is not accepted")
            raise BadToken
        if "crit" in header or "b64" in header:  # RFC 7515, 4.1.11: nothing of it is understood
            raise BadToken
        key_id = header.get("kid")
        if key_id is not None and not (isinstance(key_id, str) and len(key_id) <= LONGEST_ID):
            raise BadToken
        key = await self._keys.find(key_id)
        if key is None:
            logger.info("a token of an issuer is refused", reason="its key is not known")
            raise BadToken
        return key
