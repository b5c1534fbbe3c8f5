"""Signing in, staying signed in, and signing out (RFC 6749, sections 5 and 6; RFC 9700, 4.14.2)."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from ..database import new_id
from ..store import Store
from ..store.sign_ins import SignIn
from ..store.users import User
from .errors import BadToken
from .refresh import RefreshToken, RefreshTokens
from .tokens import Tokens

logger = structlog.get_logger(__name__)

# For how long a token that was just replaced is taken again: two tabs asked at once, or the answer
# was lost. Later it is a copy in other hands.
FORGIVEN = timedelta(seconds=30)


class LiveSessions(Protocol):
    """What is needed of `server.live.sessions.Sessions`, and of `server.calls.rooms.Rooms`."""

    async def end_sign_in(self, sign_in_id: str) -> None:
        """End the sessions that were begun in this sign-in."""
        ...

    async def end_user(self, user_id: str, *, keep_sign_in: str | None = None) -> None:
        """End the sessions of a user, or all but those begun in one sign-in."""
        ...


@dataclass(frozen=True)
class Grant:
    """What somebody who signed in gets; lifetimes in seconds."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int


class SignIns:
    """The sign-ins of this server. `now` must have a time zone."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        refresh_tokens: RefreshTokens,
        live: Sequence[LiveSessions],
        *,
        refresh_token_s: int,
    ) -> None:
        self._rows = store.sign_ins
        self._users = store.users
        self._audit = store.audit
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._live = live
        self._lifetime = timedelta(seconds=refresh_token_s)

    async def begin(self, user: User, now: datetime) -> Grant:
        """Sign `user` in, whose password was found right.

        Raises:
            BadToken: If the account went or its password changed meanwhile.
        """
        token = self._refresh_tokens.first(new_id())
        expires_at = now + self._lifetime
        if not await self._rows.add(token.sign_in_id, user, token.sha256, now, expires_at):
            raise BadToken
        await self._audit.note(user.id, "sign_in.begun", user.id, token.sign_in_id)
        return self._grant(user.id, token, now, expires_at)

    async def renew(self, text: str, now: datetime) -> Grant:
        """Exchange a refresh token for the next one and for a new access token.

        Raises:
            BadToken: If it is invented, over, or was replaced; the last ends the whole sign-in.
        """
        token = self._refresh_tokens.read(text)
        successor = self._refresh_tokens.after(token)
        for _ in range(2):  # again if another request with the same token was first
            sign_in = await self._rows.get(token.sign_in_id)
            if sign_in is None or not sign_in.goes_on(now):
                raise BadToken
            if _same(token, sign_in.secret_sha256):
                expires_at = now + self._lifetime
                if await self._rows.renew(sign_in, successor.sha256, now, expires_at):
                    return self._grant(sign_in.user_id, successor, now, expires_at)
            elif _forgiven(token, sign_in, now):
                return self._grant(sign_in.user_id, successor, now, sign_in.expires_at)
            else:
                await self._stolen(sign_in)
                raise BadToken
        raise BadToken

    async def end(self, user_id: str, sign_in_id: str) -> None:
        """Sign out: its tokens and its live sessions end at once."""
        await self._rows.end(sign_in_id)
        await self._end_sign_in(sign_in_id)
        await self._audit.note(user_id, "sign_in.ended", user_id, sign_in_id)

    async def end_all(self, user_id: str) -> None:
        """Sign out everywhere."""
        await self._rows.end_all(user_id)
        for live in self._live:
            await live.end_user(user_id)
        await self._audit.note(user_id, "sign_in.all_ended", user_id)

    async def change_password(self, user: User, password_hash: str, keep: str | None) -> bool:
        """Give `user` another password and end every sign-in but `keep`.

        False if the password was changed since `user` was read.
        """
        if not await self._users.change_password(user, password_hash, keep):
            return False
        for live in self._live:
            await live.end_user(user.id, keep_sign_in=keep)
        await self._audit.note(user.id, "password.changed", user.id)
        return True

    async def _stolen(self, sign_in: SignIn) -> None:
        """Two have this sign-in. Nobody can say which is the thief: it ends for both."""
        logger.warning(
            "a refresh token was used twice; its sign-in ends",
            user_id=sign_in.user_id,
            sign_in_id=sign_in.id,
        )
        await self._rows.end(sign_in.id)
        await self._end_sign_in(sign_in.id)
        await self._audit.note(None, "sign_in.reused", sign_in.user_id, sign_in.id)

    async def _end_sign_in(self, sign_in_id: str) -> None:
        for live in self._live:
            await live.end_sign_in(sign_in_id)

    def _grant(
        self, user_id: str, token: RefreshToken, now: datetime, expires_at: datetime
    ) -> Grant:
        return Grant(
            access_token=self._tokens.issue_user(user_id, token.sign_in_id, now),
            expires_in=self._tokens.user_token_s,
            refresh_token=self._refresh_tokens.write(token),
            refresh_expires_in=int((expires_at - now).total_seconds()),
        )


def _same(token: RefreshToken, sha256: str) -> bool:
    return hmac.compare_digest(token.sha256, sha256)


def _forgiven(token: RefreshToken, sign_in: SignIn, now: datetime) -> bool:
    previous = sign_in.previous_sha256
    if previous is None or not _same(token, previous):
        return False
    return now - sign_in.renewed_at <= FORGIVEN
