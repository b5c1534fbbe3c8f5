"""How many repetitions a user has done in a session, for a page that comes back."""

from collections.abc import Iterable

from posesim.updates import RepUpdate, Update


class Tally:
    """Counts over all connections.

    Args:
        done: Those of an earlier run of the server.

    Attributes:
        repetitions: That counted.
        attempts: That did not.
    """

    def __init__(self, done: Iterable[RepUpdate] = ()) -> None:
        self.repetitions = self.attempts = 0
        for each in done:
            self.add(each)

    def add(self, update: Update) -> None:
        """Count an update, if it is a repetition."""
        if isinstance(update, RepUpdate):
            self.repetitions += update.valid
            self.attempts += not update.valid
