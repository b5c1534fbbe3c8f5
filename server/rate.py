"""How often somebody may do something."""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Self

BURST = 100
A_SECOND = 20.0
AT_ONCE_S = 20.0  # nobody who was silent for so long has to wait
USERS_SHARE = 0.25  # of what an address may ask, which many may share


class Rate:
    """A bucket of `burst` messages, into which `a_second` more fall each second."""

    def __init__(
        self,
        burst: int = BURST,
        a_second: float = A_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._a_second = a_second
        self._clock = clock
        self._left = float(burst)
        self._at_s = clock()

    def take(self) -> bool:
        """Take one message; False if there is none left."""
        return self.wait_s() == 0

    def wait_s(self) -> float:
        """Take one and return 0, or return how many seconds to wait until there is one."""
        now_s = self._clock()
        fallen = (now_s - self._at_s) * self._a_second
        self._left, self._at_s = min(self._burst, self._left + fallen), now_s
        if self._left < 1:
            return (1 - self._left) / self._a_second
        self._left -= 1
        return 0.0


class Rates:
    """A bucket for each key. Remembers at most `most_keys`, forgets those not used for longest."""

    def __init__(
        self,
        burst: int,
        a_second: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        most_keys: int = 10_000,
    ) -> None:
        self.burst = burst
        self.a_second = a_second
        self._make: Callable[[], Rate] = partial(Rate, burst, a_second, clock)
        self._most_keys = most_keys
        self._rates: OrderedDict[str, Rate] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take one of a key's and return 0, or return how many seconds to wait."""
        rate = self._rates.get(key)
        if rate is None:
            rate = self._rates[key] = self._make()
        self._rates.move_to_end(key)
        if len(self._rates) > self._most_keys:
            self._rates.popitem(last=False)
        return rate.wait_s()


class Signalling:
    """Limits what begins, joins and ends sessions and calls: for each address, and each user.

    Many users may share an address. One page needs about five requests for a session.

    Attributes:
        addresses, users: What each has here.
    """

    def __init__(self, addresses: Rates | None = None, users: Rates | None = None) -> None:
        self.addresses = addresses or _rates(A_SECOND)
        self.users = users or _rates(USERS_SHARE * A_SECOND)

    @classmethod
    def allowing(cls, a_second: float) -> Self:
        """So many requests a second of an address, in the long run, and a part of it of a user."""
        return cls(_rates(a_second), _rates(USERS_SHARE * a_second))

    def of_address(self, address: str) -> float:
        """Count a request and return 0, or return how many seconds to wait."""
        return self.addresses.wait_s(address)

    def of_user(self, user_id: str) -> float:
        """Count a request and return 0, or return how many seconds to wait."""
        return self.users.wait_s(user_id)


def _rates(a_second: float) -> Rates:
    return Rates(round(AT_ONCE_S * a_second), a_second)
