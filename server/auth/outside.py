"""The accounts of people who sign in at an outside issuer."""

import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog

from ..store import Store
from ..store.users import NameTaken, User
from .errors import AuthError
from .issuer import Issuer, OutsideClaims
from .passwords import LONGEST_NAME, clean_name

logger = structlog.get_logger(__name__)

MOST_NUMBERED = 20  # names with a number behind them; then it is something random


class OutsideAccounts:
    """Who a token of an outside issuer is for; the first one of a person makes an account.

    Accounts are found by issuer and subject alone: a name or an address proves nothing, and never
    leads to an account that was made otherwise.
    """

    def __init__(self, issuer: Issuer, store: Store) -> None:
        self._issuer = issuer
        self._store = store

    async def user(self, token: str, now: datetime) -> User:
        """The user behind `token`.

        Raises:
            BadToken: If it proves nothing.
        """
        claims = await self._issuer.verify(token, now)
        known = await self._store.identities.user(claims.issuer, claims.subject)
        return known or await self._welcome(claims)

    async def _welcome(self, claims: OutsideClaims) -> User:
        for name in names_for(claims.names):
            try:
                user = await self._store.identities.add(claims.issuer, claims.subject, name)
            except NameTaken:
                # Unless it was this person, in another request.
                known = await self._store.identities.user(claims.issuer, claims.subject)
                if known is not None:
                    return known
                continue
            logger.info("made an account for a user of the issuer", user_id=user.id)
            await self._store.audit.note(user.id, "account.created", user.id)
            return user
        raise AssertionError("names never end")


def names_for(wanted: Sequence[str]) -> Iterator[str]:
    """User names to try in turn, without end: what can be made of `wanted`, then with an ending."""
    name = next(filter(None, map(_fitting, wanted)), "user")
    yield name
    for number in range(2, MOST_NUMBERED):
        yield _with_ending(name, str(number))
    while True:
        yield _with_ending(name, secrets.token_hex(4))


def _fitting(text: str) -> str | None:
    """`text` as a user name; None if nothing of it can be one."""
    printable = (
        "-" if character.isspace() else character
        for character in unicodedata.normalize("NFKC", text).strip()
        if character.isspace() or character.isprintable()
    )
    try:
        return clean_name("".join(printable)[:LONGEST_NAME])
    except AuthError:
        return None


def _with_ending(name: str, ending: str) -> str:
    return f"{name[: LONGEST_NAME - len(ending) - 1]}-{ending}"
