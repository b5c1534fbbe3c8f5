"""A camera's way to the server within a call: it may be lost and come back as another session."""

from dataclasses import dataclass

from ..live.outcomes import EndReason

MOST_SESSIONS = 20  # of one stream: a page that comes and goes without end is none of ours

# How a session ends when it is the connection that went, and not the wish to go on.
LOST: frozenset[EndReason] = frozenset({"left", "deleted", "lost", "token_expired"})


@dataclass(eq=False)
class Stream:
    """What one of the two is to send to the server, as one session after the other.

    Attributes:
        session_id: The one that there is; None while there is none.
        making: Whether one is being made.
        begun: Whether pictures came in it.
        ending: Whether it was told to end, and another waits for that.
        made: How many were made, or are being made.
    """

    session_id: str | None = None
    making: bool = False
    begun: bool = False
    ending: bool = False
    made: int = 0

    @property
    def missing(self) -> bool:
        """Whether there is no session, and none on its way."""
        return self.session_id is None and not self.making

    @property
    def worn_out(self) -> bool:
        """Whether it was made as often as may be."""
        return self.made >= MOST_SESSIONS

    def make(self) -> None:
        """A session is being made."""
        self.making, self.begun = True, False
        self.made += 1

    def is_made(self, session_id: str) -> None:
        """There it is."""
        self.making, self.session_id = False, session_id

    def is_gone(self) -> None:
        """There is none any more."""
        self.session_id, self.begun, self.ending = None, False, False
