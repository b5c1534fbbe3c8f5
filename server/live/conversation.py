"""What a page says on its channel `events`, and what is done about it."""

import time
from collections.abc import Callable

import structlog

from ..auth import BadToken
from ..rate import Rate
from .lease import Lease
from .messages import BadMessage, parse_client
from .outcomes import EndReason
from .page_messages import Bye, ClientMessage, Clock, Hello, Ping, Renew
from .peer import Peer
from .plan import SessionPlan
from .playback import Playback

logger = structlog.get_logger(__name__)

MOST_AT_ONCE = 2000  # messages, of at most 1 KiB; 20 a second fall into it again
MOST_BAD_MESSAGES = 16  # then it is no page of ours


class Conversation:
    """Takes the page's messages, one after the other.

    Args:
        plan: What the session is about.
        peer: Whose channels lead to the page.
        lease: Prolonged by the tokens that come.
        playback: Told where the page plays the reference.
        counted: Repetitions and attempts so far.
        welcomed: Called after the answer to `hello`.
        heard: Called at each message: the page is there.
        end: Asks the session to end.
        clock: The clock that frames' arrivals are told by.
    """

    def __init__(
        self,
        plan: SessionPlan,
        peer: Peer,
        lease: Lease,
        playback: Playback,
        *,
        counted: Callable[[], tuple[int, int]],
        welcomed: Callable[[], None],
        heard: Callable[[], None],
        end: Callable[[EndReason], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._peer = peer
        self._lease = lease
        self._playback = playback
        self._counted = counted
        self._welcomed = welcomed
        self._heard = heard
        self._end = end
        self._clock = clock
        self._rate = Rate(MOST_AT_ONCE, clock=clock)

    async def run(self) -> None:
        """Take messages until cancelled; too many, or too many that can't be used, end the session.

        Raises:
            NotReading: If the page lets its answers pile up.
        """
        bad = 0
        while True:
            text = await self._peer.channels.inbox.get()
            self._heard()
            try:
                if not self._rate.take():
                    raise BadMessage("Too many messages.")
                self._take(parse_client(text))
            except (BadMessage, BadToken) as error:
                bad += 1
                logger.warning("bad message", error=str(error))
                if bad >= MOST_BAD_MESSAGES:
                    self._end("failed")

    def _take(self, message: ClientMessage) -> None:
        channels = self._peer.channels
        match message:
            case Hello():
                repetitions, attempts = self._counted()
                channels.welcome(
                    message,
                    session_id=self._plan.session_id,
                    exercise_name=self._plan.exercise_name,
                    reference_duration_s=self._plan.reference_duration_s,
                    repetitions=repetitions,
                    attempts=attempts,
                )
                self._welcomed()
            case Ping(id=ping_id):
                channels.pong(ping_id)
            case Clock():
                self._playback.tell(message, self._clock())
            case Renew(token=token):
                self._lease.renew(token)
                channels.renewed(round(self._lease.left_s))
            case Bye():
                self._end("left")
