"""What the parts of a room want done, in one list."""

from .effects import Effect, Send
from .server_messages import ServerMessage


class Wishes:
    """Effects in the order in which they were wanted, and whether everybody is to see a change."""

    def __init__(self) -> None:
        self.changed = False
        self._effects: list[Effect] = []

    def do(self, effect: Effect) -> None:
        """Want something done."""
        self._effects.append(effect)

    def send(self, connection: int | None, message: ServerMessage, *, lossy: bool = False) -> None:
        """Want a message sent, if there is a connection."""
        if connection is not None:
            self._effects.append(Send(connection, message, lossy))

    def take(self) -> list[Effect]:
        """What was wanted since the last time."""
        wanted, self._effects, self.changed = self._effects, [], False
        return wanted
