"""A seat in a room on another node, for a page whose socket is here."""

import asyncio
import contextlib
from dataclasses import asdict
from typing import Any, Protocol

import structlog

from ..auth import CallClaims
from ..cluster.lines import Line
from .messages import encode
from .room import Message
from .server_messages import ByeReason

logger = structlog.get_logger(__name__)

ENTER_S = 3.0  # until the other node has let in, or not; a node that died is missed after four

PURPOSE = "seat"


class Page(Protocol):
    """What is needed of `socket.CallSocket`."""

    sign_in_id: str | None

    def send_text(self, text: str, *, lossy: bool = False) -> None:
        """Send a message that is JSON already, without waiting for it."""
        ...

    def put_out(self, reason: ByeReason) -> None:
        """Say why, and close, without waiting for it."""
        ...


class FarSeat:
    """Passes on what the page says, and, in `entered` and `listen`, what the room says.

    It decides nothing: who may be there, and what they may do, the room does. When the line to it
    is over the page is sent away, and comes back by itself.

    Args:
        page: Whose seat it is.
        line: To the node that has the room.
    """

    def __init__(self, page: Page, line: Line) -> None:
        self._page = page
        self._line = line

    @staticmethod
    def opening(claims: CallClaims, epoch: str | None) -> dict[str, object]:
        """What the other node must know to let somebody in who has proved who they are."""
        return {"claims": asdict(claims), "epoch": epoch}

    async def entered(self) -> ByeReason | None:
        """Wait until the room has answered; return why it does not let in, None if it does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENTER_S):
                async for message in self._line:
                    if "in" in message:
                        refused: ByeReason | None = message["in"]
                        return refused
                    self._pass_on(message)
        self._line.end()
        return "shutdown"

    async def listen(self) -> None:
        """Pass on what the room says; when the line is over the page is sent away."""
        try:
            async for message in self._line:
                self._pass_on(message)
        except Exception:  # of a node that says what none of ours does
            logger.exception("what a room on another node says was not understood")
        self._page.put_out("shutdown")  # of one that is closing already, nothing comes

    def take(self, _page: Page, message: Message) -> None:
        """The page wants something."""
        self._line.say({"take": encode(message)})

    def renewed(self, page: Page) -> None:
        """The page goes on, perhaps by another sign-in."""
        self._line.say({"renewed": page.sign_in_id})

    def leave(self, _page: Page) -> None:
        """The page is gone. Leaving twice is harmless."""
        self._line.end()

    def _pass_on(self, message: dict[str, Any]) -> None:
        match message:
            case {"send": text, "lossy": lossy}:
                self._page.send_text(text, lossy=lossy)
            case {"put_out": reason}:
                self._page.put_out(reason)
