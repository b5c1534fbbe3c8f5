"""Limits on guesses."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Self

PERIOD_S = 300.0


@dataclass(frozen=True)
class Tries:
    """How many tries one address has in `PERIOD_S`. An operator may set others: `allowing`.

    Attributes:
        name: Of signing in with one name.
        address: Of signing in with any name: nobody tries one password on all of them.
        renewals: Not against guesses, which are hopeless, but against the work: a page that is
            loaded anew renews, and many may share an address.
        invitations: Of guessing the token of an invitation.
    """

    name: int = 10
    address: int = 100
    renewals: int = 300
    invitations: int = 60

    @classmethod
    def allowing(cls, sign_in_attempts: int, requests_per_s: float) -> Self:
        """As many for one name, and in proportion for all that an address may try.

        What an address may ask in a second tells how many people share it, so how many renew.
        """
        return cls(
            name=sign_in_attempts,
            address=10 * sign_in_attempts,
            renewals=round(15 * requests_per_s),
        )


class TryLimit:
    """At most `limit` tries for a key in any `period_s`. Times are seconds of any steady clock.

    Remembers at most `most_keys` keys and forgets the ones not used for longest.

    Attributes:
        limit: As it was given.
    """

    def __init__(self, limit: int, period_s: float, *, most_keys: int = 10_000) -> None:
        self.limit = limit
        self._period_s = period_s
        self._most_keys = most_keys
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, key: str, now_s: float) -> float:
        """Count a try and return 0, or return how many seconds to wait until one is allowed."""
        tries = self._tries.setdefault(key, deque())
        self._tries.move_to_end(key)
        if len(self._tries) > self._most_keys:
            self._tries.popitem(last=False)
        while tries and tries[0] <= now_s - self._period_s:
            tries.popleft()
        if len(tries) >= self.limit:
            return tries[0] + self._period_s - now_s
        tries.append(now_s)
        return 0.0

    def forget(self, key: str) -> None:
        """Start anew, e.g. because the right password came."""
        self._tries.pop(key, None)


class Guesses:
    """Limits sign-ins for each name from each address, and for each address as a whole.

    Attributes:
        tries: How many there are.
    """

    def __init__(self, tries: Tries | None = None) -> None:
        self.tries = tries = tries or Tries()
        self._names = TryLimit(tries.name, PERIOD_S)
        self._addresses = TryLimit(tries.address, PERIOD_S)
        self._renewals = TryLimit(tries.renewals, PERIOD_S)

    def take(self, address: str, name: str, now_s: float) -> float:
        """Count a try and return 0, or return how many seconds to wait."""
        return self._addresses.take(address, now_s) or self._names.take(f"{address} {name}", now_s)

    def take_renewal(self, address: str, now_s: float) -> float:
        """Count a use of a refresh token and return 0, or return how many seconds to wait."""
        return self._renewals.take(address, now_s)

    def forget(self, address: str, name: str) -> None:
        """Forget a name's wrong tries, because the right password came."""
        self._names.forget(f"{address} {name}")
