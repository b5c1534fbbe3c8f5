"""For how long a session may go on: as its newest token says, on a clock that nobody sets."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from ..auth import BadToken, Tokens
from ..database import now


class Claims(Protocol):
    """What is needed of a verified token's claims."""

    @property
    def left_s(self) -> float:
        """Seconds that it is still good."""
        ...


class Lease:
    """The time that tokens give to one session, or to somebody in a call.

    What a token has left is measured by the wall clock once, when it is taken; from then on only
    the steady clock counts. A wall clock that is set neither ends a session nor prolongs it.

    Args:
        session_id, user_id: For whom tokens must be.
        tokens: Verifies them; None takes no more than `prolong` gives.
    """

    def __init__(
        self,
        session_id: str,
        user_id: str,
        tokens: Tokens | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session_id = session_id
        self._user_id = user_id
        self._tokens = tokens
        self._clock = clock
        self._until_s = clock()

    @property
    def left_s(self) -> float:
        """Seconds until it runs out; 0 if it has."""
        return max(0.0, self._until_s - self._clock())

    def prolong(self, claims: Claims) -> None:
        """Go on for what a verified token has left; a token that ends sooner changes nothing."""
        self._until_s = max(self._until_s, self._clock() + claims.left_s)

    def renew(self, token: str) -> None:
        """Go on with another token.

        Raises:
            BadToken: If it proves nothing, or is for another session.
        """
        if self._tokens is None:
            raise BadToken
        claims = self._tokens.verify_session(token, now())
        if (claims.session_id, claims.user_id) != (self._session_id, self._user_id):
            raise BadToken
        self.prolong(claims)

    async def run_out(self) -> None:
        """Wait until no token has anything left."""
        while True:
            left_s = self.left_s
            if left_s == 0:
                return
            await asyncio.sleep(left_s)
