"""Who may be in a call, by a token for it and by what is stored."""

from dataclasses import dataclass

from ..auth import CallClaims
from ..database import now
from ..privacy.consents import ConsentMissing, Consents
from ..store import Store
from ..store.calls import Call
from ..store.users import User
from .server_messages import ByeReason, Role


class NotLetIn(Exception):
    """Somebody who may not be in a call, or not now."""

    def __init__(self, reason: ByeReason) -> None:
        super().__init__(reason)
        self.reason: ByeReason = reason


@dataclass(frozen=True)
class Guest:
    """Who comes, and into which call."""

    user: User
    call: Call
    role: Role


class Guests:
    """Asks the store."""

    def __init__(self, store: Store, consents: Consents) -> None:
        self._store = store
        self._consents = consents

    async def guest(self, claims: CallClaims) -> Guest:
        """Who may come by a token.

        Raises:
            NotLetIn: If they may not.
        """
        user = await self.user(claims)
        if user is None:
            raise NotLetIn("signed_out")
        call = await self._store.calls.get(user.id, claims.call_id)
        if call is None:
            raise NotLetIn("deleted")
        if call.ended_at is not None:
            raise NotLetIn("ended")
        role: Role = "coach" if user.id == call.coach_id else "member"
        if role == "member":
            try:
                await self._consents.require(user.id, "call")
            except ConsentMissing as error:
                raise NotLetIn("signed_out") from error
        return Guest(user, call, role)

    async def user(self, claims: CallClaims) -> User | None:
        """Who a token is for, if they are still signed in."""
        if claims.sign_in_id is None:  # of an outside issuer, whose sign-ins nobody here knows
            return await self._store.users.get(claims.user_id)
        return await self._store.sign_ins.user(claims.sign_in_id, claims.user_id, now())
