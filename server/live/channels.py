"""A session's two data channels: `scores` may lose messages, `events` may not (docs/api.md)."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from posesim.errors import PosesimError
from posesim.updates import CueUpdate, GapUpdate, PoseUpdate, RepUpdate, ScoreUpdate

from .messages import encode
from .outbox import Outbox
from .outcomes import EndReason, StateName, SummaryValues
from .page_messages import Hello
from .server_messages import (
    Draining,
    Ended,
    Idle,
    Pong,
    Renewed,
    ServerMessage,
    StateChanged,
    Welcome,
)
from .update_messages import cue_message, gap_message, pose_message, rep_message, score_message

SCORES_LIMIT_BYTES = 64 * 1024  # waiting to be sent; a score that waits is out of date
EVENTS_LIMIT_BYTES = 256 * 1024  # nobody reads who lets this much wait
MOST_UNREAD = 64  # messages from the page that wait for their turn


class NotReading(PosesimError):
    """The other side lets its events pile up."""

    def __init__(self) -> None:
        super().__init__("The client does not receive its events; its session ends.")


class Channel(Protocol):
    """What is needed of aiortc's `RTCDataChannel`."""

    @property
    def label(self) -> str:
        """The name that the page gave it."""
        ...

    @property
    def readyState(self) -> str:  # noqa: N802
        """`open` when it can send."""
        ...

    @property
    def bufferedAmount(self) -> int:  # noqa: N802
        """Bytes that wait to be sent."""
        ...

    def send(self, data: str) -> None:
        """Send a text message."""
        ...

    def close(self) -> None:
        """Close the channel."""
        ...

    def on(self, event: str, f: Callable[..., Any]) -> Any:
        """Call `f` at each `event`."""
        ...


class Channels:
    """Both channels as one counterpart, there from the start, open when the page has opened them.

    Events wait for the page's `hello`: before it only `ended` is sent.

    Args:
        outbox: Numbers the messages, over all connections of a session.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._scores: Channel | None = None
        self._events: Channel | None = None
        self._welcomed = False
        self.inbox: asyncio.Queue[str | bytes] = asyncio.Queue(MOST_UNREAD)
        self.unread = 0  # messages that did not fit into the inbox

    def adopt(self, channel: Channel) -> None:
        """Take a channel that the page opened; close it if it is none of the two.

        Called by aiortc inside its receiving task: it must not fail, and it must listen before it
        returns, or a `hello` in the next packet is lost.
        """
        if channel.label == "scores" and self._scores is None:
            self._scores = channel
        elif channel.label == "events" and self._events is None:
            self._events = channel
            channel.on("message", self._received)
        else:
            channel.close()

    def score(self, update: ScoreUpdate, *, age_s: float) -> int:
        """Send a score, or skip it when it would have to wait; return its number."""
        message = self._outbox.score(lambda seq: score_message(update, seq=seq, age_s=age_s))
        if not self._passes(message):
            self._outbox.skipped_scores += 1
        return message.seq

    def pose(self, update: PoseUpdate) -> None:
        """Send a pose, or skip it when it would have to wait."""
        if not self._passes(self._outbox.pose(lambda seq: pose_message(update, seq=seq))):
            self._outbox.skipped_poses += 1

    def welcome(
        self,
        hello: Hello,
        *,
        session_id: str,
        exercise_name: str,
        reference_duration_s: float,
        repetitions: int,
        attempts: int,
    ) -> None:
        """Answer the first `hello` with what the page has missed; from now on events are sent.

        Scores that it has missed come over `events` as well, where they arrive.

        Raises:
            NotReading: As every sending of an event, when too much waits.
        """
        if self._welcomed:
            return
        self._welcomed = True
        self._outbox.begin()
        for message in self._outbox.missed(hello.last_seq, hello.last_score):
            self._send(message)
        self._event(
            lambda seq: Welcome(
                seq=seq,
                session_id=session_id,
                exercise_name=exercise_name,
                reference_duration_s=reference_duration_s,
                window_s=64 / 25,
                hop_s=8 / 25,
                repetitions=repetitions,
                attempts=attempts,
            )
        )

    def pong(self, ping_id: int) -> None:
        """Answer a `ping`."""
        self._event(lambda seq: Pong(seq=seq, id=ping_id))

    def renewed(self, expires_in: int) -> None:
        """Answer a `renew`: for how many seconds the session may go on."""
        self._event(lambda seq: Renewed(seq=seq, expires_in=expires_in))

    def state(self, t_s: float, state: StateName) -> None:
        """Tell that the state changed."""
        self._event(lambda seq: StateChanged(seq=seq, t_s=t_s, state=state))

    def gap(self, update: GapUpdate) -> None:
        """Tell of a gap."""
        self._event(lambda seq: gap_message(update, seq=seq))

    def rep(self, update: RepUpdate) -> None:
        """Tell of a repetition."""
        self._event(lambda seq: rep_message(update, seq=seq))

    def cue(self, update: CueUpdate) -> None:
        """Tell the user what to change."""
        self._event(lambda seq: cue_message(update, seq=seq))

    def draining(self, left_s: float) -> None:
        """Tell that the server is about to stop."""
        self._event(lambda seq: Draining(seq=seq, left_s=left_s))

    def idle(self, left_s: float) -> None:
        """Tell that nobody has trained for long."""
        self._event(lambda seq: Idle(seq=seq, left_s=left_s))

    def ended(self, reason: EndReason, summary: SummaryValues | None) -> None:
        """Send the last message, whether or not the page ever said `hello`."""
        self._welcomed = True
        self._outbox.begin()
        self._event(lambda seq: Ended(seq=seq, reason=reason, summary=summary))

    @property
    def open(self) -> bool:
        """Whether events can be sent."""
        return self._events is not None and self._events.readyState == "open"

    def _passes(self, message: ServerMessage) -> bool:
        """Send something that is soon out of date, if it goes at once; return whether it did."""
        if (
            self._scores is None
            or self._scores.readyState != "open"
            or self._scores.bufferedAmount > SCORES_LIMIT_BYTES
        ):
            return False
        self._scores.send(encode(message))
        return True

    def _event(self, make: Callable[[int], ServerMessage]) -> None:
        message = self._outbox.event(make)
        if message is not None:
            self._send(message)

    def _send(self, message: ServerMessage) -> None:
        if not self._welcomed or self._events is None or not self.open:
            return
        if self._events.bufferedAmount > EVENTS_LIMIT_BYTES:
            raise NotReading
        self._events.send(encode(message))

    def _received(self, message: str | bytes) -> None:
        if self.inbox.full():
            self.unread += 1
        else:
            self.inbox.put_nowait(message)
