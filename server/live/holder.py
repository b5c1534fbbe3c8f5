"""Which of possibly several windows has a session. Values in, values out."""

from collections import deque

from .plan import AlreadyJoined, HeldElsewhere

TAKE_OVER = "*"  # instead of a connection's name: whoever has the session now
MOST_NAMES = 64  # of connections whose answers may have been lost on the way


class Holder:
    """Knows a window by the names of its connections, which nobody else was told.

    An answer may be lost on the way. So whoever names a connection of the window that has the
    session, also an older one, is that window.
    """

    def __init__(self) -> None:
        self._names: deque[str] = deque(maxlen=MOST_NAMES)

    def require(self, claim: str | None, *, there: bool, well: bool) -> None:
        """Make sure that an offer may replace the connection that there is.

        Args:
            claim: The connection that its client had, `TAKE_OVER`, or None.
            there: Whether there is a window that has not left.
            well: Whether something was just heard of it.

        Raises:
            HeldElsewhere: If another window has the session.
            AlreadyJoined: If the client claims nothing.
        """
        if claim is None and well:
            raise AlreadyJoined
        if claim not in (None, TAKE_OVER, *self._names) and there:
            raise HeldElsewhere

    def joined(self, claim: str | None, name: str) -> None:
        """An offer was answered: its client has the session, by a connection of this name."""
        if claim not in self._names:
            self._names.clear()
            if claim not in (None, TAKE_OVER):
                self._names.append(claim)
        self._names.append(name)
