"""Work that is done for one user after the other, so that it never takes more than its share."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

from posesim.errors import PosesimError

MOST_A_USER = 4  # that wait or are under way; who asks for more lets others wait


class TooManyAsked(PosesimError):
    """A user asks for more before the rest is done."""

    def __init__(self) -> None:
        super().__init__("You asked for several of these at once. Wait until they are done.")


class OneAtATime:
    """One turn after the other, in the order in which they were asked for."""

    def __init__(self, most_a_user: int = MOST_A_USER) -> None:
        self._most_a_user = most_a_user
        self._asked: Counter[str] = Counter()
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def turn(self, user_id: str) -> AsyncIterator[None]:
        """Wait for a turn and keep it.

        Raises:
            TooManyAsked: If the user has asked for too many already.
        """
        if self._asked[user_id] >= self._most_a_user:
            raise TooManyAsked
        self._asked[user_id] += 1
        try:
            async with self._lock:
                yield
        finally:
            self._asked[user_id] -= 1
            self._asked += Counter()  # forgets who waits for none
