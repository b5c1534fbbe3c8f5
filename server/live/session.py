"""One try at an exercise, from its creation to its end."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from posesim.errors import PosesimError
from posesim.updates import CueUpdate, GapUpdate, PoseUpdate, RepUpdate, ScoreUpdate, Update

from ..auth import BadToken, Tokens
from ..compute.frames import SLOT_BYTES
from ..compute.protocol import OpenComparator
from ..compute.workers import Workers
from ..database import StoreError
from ..metrics import Metrics
from ..store.parts import Notes, Parts
from . import sdp
from .channels import Channels
from .intake import Backlog, Intake, Track
from .lease import Lease
from .live_comparison import LiveComparison
from .messages import (
    BadMessage,
    Bye,
    ClientMessage,
    Clock,
    EndReason,
    Hello,
    Ping,
    Renew,
    StateName,
    SummaryValues,
    parse_client,
)
from .playback import Playback
from .shedding import Shedding
from .update_messages import summary_values

logger = structlog.get_logger(__name__)

FRAMES_A_BATCH = 8  # one hop: sessions take turns, and each score leaves as soon as it is known
ROWS_A_WRITE = 16  # about five seconds of scores and what else is said
LAST_PAUSES_S = (0.2, 0.6)  # before the second and the third try to store the end
MOST_BAD_MESSAGES = 16  # then it is no page of ours
RECENT_S = 3.0  # frames came until this long before the end: the person left, and was not lost
START_BITRATE_KBIT_S = 1500


class SessionStore(Protocol):
    """What is needed of `store.Store`."""

    async def start(self, session_id: str) -> bool:
        """Note that the camera arrived."""
        ...

    async def add_parts(self, session_id: str, parts: Parts) -> None:
        """Append what was said, all or none; doing it again changes nothing."""
        ...

    async def end(self, session_id: str, reason: str, summary: dict[str, Any] | None) -> bool:
        """Note the end."""
        ...


@dataclass(frozen=True, kw_only=True)
class SessionPlan:
    """What a session is about.

    Attributes:
        open_comparator: Runs in a worker, once, or again in the next.
        sign_in_id: In which sign-in it was begun; None for a user of an outside issuer.
    """

    session_id: str
    user_id: str
    exercise_id: str
    exercise_name: str
    reference_duration_s: float
    open_comparator: OpenComparator
    sign_in_id: str | None = None


OnEnd = Callable[[SessionPlan, EndReason], Awaitable[object]]  # told of an end that is stored


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long each part of a session may take, in seconds, and how many may run."""

    join_s: float = 60.0  # from creation to the offer
    negotiation_s: float = 10.0  # from the offer to the answer
    setup_s: float = 20.0  # from the answer to the first frame
    silence_s: float = 10.0  # without a frame
    total_s: float = 3600.0  # from the answer to the end
    drain_s: float = 2.0  # for the frames that wait when it ends
    finish_s: float = 5.0  # for the summary
    linger_s: float = 1.0  # for the client to hang up after `ended`, which it might miss otherwise
    close_s: float = 5.0  # for the peer connection to close
    store_again_s: float = 5.0  # between two tries to store what could not be stored
    most_sessions: int = 4


class SessionGone(PosesimError):
    """A session that has ended or never was."""

    def __init__(self) -> None:
        super().__init__("This session has ended. Start a new one.")


class AlreadyJoined(PosesimError):
    """A second offer."""

    def __init__(self) -> None:
        super().__init__("This session has a camera already. End it, or start another session.")


class LiveSession:
    """A session: waits for its offer, scores the camera until it ends, and closes everything.

    `run` is the whole life and the only owner of the peer connection and of all tasks.
    """

    def __init__(
        self,
        plan: SessionPlan,
        workers: Workers,
        store: SessionStore,
        limits: Limits,
        *,
        ice_servers: Sequence[RTCIceServer] = (),
        metrics: Metrics | None = None,
        tokens: Tokens | None = None,
        on_end: OnEnd | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.lease = Lease(plan.session_id, plan.user_id, tokens, clock)
        self.peer_id: str | None = None  # set by join: which of possibly many offers this is
        self.ended = asyncio.Event()  # stored and told; the connection may close a little later
        self._metrics = metrics or Metrics()
        self._store = store
        self._limits = limits
        self._ice_servers = list(ice_servers)
        self._on_end = on_end
        self._clock = clock
        self._begun = asyncio.Event()  # joined, or ended before that
        self._ending = asyncio.Event()
        self._reason: EndReason = "failed"
        self._peer: RTCPeerConnection | None = None
        self._offer: sdp.Offer | None = None
        self._track: Track | None = None
        self._connection_changed = asyncio.Event()
        self._channels = Channels()
        self.backlog = Backlog()
        self._intake: Intake | None = None
        self._playback = Playback()
        self._first_frame = asyncio.Event()
        self._comparison = LiveComparison(workers, plan.open_comparator)
        self._compares = False
        self._shedding = Shedding()
        self._waiting_since_s: float | None = None  # arrival of the oldest frame in the worker
        self._state: StateName | None = None
        self._notes = Notes()
        self._notes_wait = asyncio.Event()

    # From outside

    async def join(self, offer: sdp.Offer, peer_id: str) -> str:
        """Take the client's offer and return the answer's SDP.

        Raises:
            AlreadyJoined: If there is a peer connection already.
            SessionGone: If the session has ended, or ends meanwhile.
            UnusableOffer: If aiortc can't make a connection of it; another offer may follow.
        """
        if self._ending.is_set():
            raise SessionGone
        if self._peer is not None:
            raise AlreadyJoined
        # An empty list, never None: that would ask a public STUN server.
        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=self._ice_servers))
        channels = Channels()
        peer.on("datachannel", channels.adopt)
        peer.on("connectionstatechange", self._connection_changed.set)
        try:
            async with asyncio.timeout(self._limits.negotiation_s):
                track, answer = await _answer(peer, offer)
        except BaseException as error:
            self._peer = None
            await self._close(peer)
            if not isinstance(error, Exception):
                raise
            if self._ending.is_set():
                raise SessionGone from error
            logger.info("offer refused by aiortc", error=repr(error))
            raise sdp.UnusableOffer(
                "No connection can be made of this offer. It needs a video in VP8 or H264 "
                "(packetization mode 1 or 0), and SDP as a browser makes it."
            ) from error
        if self._ending.is_set():  # ended while it was being answered; run may not see the peer
            self._peer = None
            await self._close(peer)
            raise SessionGone
        self._offer, self._track, self._channels = offer, track, channels
        self.peer_id = peer_id
        self._begun.set()
        return sdp.with_start_bitrate(answer, offer.video_mid, START_BITRATE_KBIT_S)

    async def trickle(self, body: bytes) -> None:
        """Add the candidates of an SDP fragment.

        Raises:
            NotSdp: If it is no fragment.
            IceRestart: If it asks for one.
            SessionGone: If there is no connection.
        """
        if self._peer is None or self._offer is None or self._ending.is_set():
            raise SessionGone
        fragment = sdp.read_fragment(body, self._offer)
        for candidate in fragment.candidates:
            await self._peer.addIceCandidate(candidate)
        if fragment.last:
            await self._peer.addIceCandidate(None)

    def end(self, reason: EndReason) -> None:
        """Ask it to end. The first reason counts; wait for `ended` to know that it has."""
        if not self._ending.is_set():
            self._reason = reason
            self._ending.set()
            self._begun.set()

    @property
    def ending(self) -> bool:
        """Whether it has ended or is about to."""
        return self._ending.is_set()

    # The whole life

    async def run(self) -> None:
        """Live until the end. Whatever happens, the peer is closed and the end is stored."""
        structlog.contextvars.bind_contextvars(session_id=self.plan.session_id)
        try:
            await self._wait_for_offer()
            if self._track is not None and not self._ending.is_set():
                await self._serve(self._track)
        except asyncio.CancelledError:
            self.end("shutdown")
            raise
        except Exception:
            logger.exception("session failed")
            self._fail()
        finally:
            await self._wind_up()

    async def _wait_for_offer(self) -> None:
        try:
            async with asyncio.timeout(self._limits.join_s):
                await self._begun.wait()
        except TimeoutError:
            self.end("never_joined")

    async def _serve(self, track: Track) -> None:
        self._intake = Intake(track, self.backlog, self._clock, self._arrived)
        async with asyncio.TaskGroup() as group:
            scorer = group.create_task(self._score(self._intake))
            others = [
                group.create_task(self._pump(self._intake)),
                group.create_task(self._record()),
                group.create_task(self._converse()),
                group.create_task(self._watch_connection()),
                group.create_task(self._watch_frames(self._intake)),
                group.create_task(self._watch_total()),
                group.create_task(self._watch_token()),
            ]
            await self._ending.wait()
            self.backlog.close()
            await asyncio.wait({scorer}, timeout=self._limits.drain_s)
            for task in (scorer, *others):
                task.cancel()

    async def _wind_up(self) -> None:
        """Summarise, store, tell, hang up: each whether or not the one before succeeded."""
        self.end("failed")  # counts only if nobody gave a reason
        try:
            summary = await self._summarise()
            reason = self._reason
            with _logged("what was said last could not be stored"):
                await _tried_again(self._write_notes)
            with _logged("the end could not be stored"):
                await _tried_again(partial(self._write_end, reason, summary))
                if self._on_end is not None:
                    await self._on_end(self.plan, reason)
            told = self._channels.open
            with _logged("the end could not be told"):
                self._channels.ended(reason, summary)
            self._log_end(summary)
            self.ended.set()
            if told and self._peer is not None:
                await self._hang_on(self._peer)
        finally:
            self.ended.set()
            self._comparison.close()
            if self._peer is not None:
                await self._close(self._peer)

    # The tasks of a session that runs

    async def _pump(self, intake: Intake) -> None:
        await intake.run()
        self.end(self._gone())

    async def _score(self, intake: Intake) -> None:
        await self._comparison.open()
        self._compares = True
        while (batch := await self.backlog.take(FRAMES_A_BATCH, SLOT_BYTES)) is not None:
            self._metrics.dropped(batch.dropped)
            hop = self._shedding.hop
            self._waiting_since_s = batch.frames[0].arrived_s
            clock = self._playback.on(intake.stream_clock)
            updates = await self._comparison.push(batch, hop, clock)
            self._waiting_since_s = None
            now_s = self._clock()
            self._shedding.update(self._lag_s(batch.frames[-1].time_s), now_s)
            for update in updates:
                if isinstance(update, ScoreUpdate):
                    self._metrics.scored(now_s - batch.frames[0].arrived_s, hop)
            self._publish(updates)

    async def _record(self) -> None:
        """Store what is said, as long as it takes: a database that is busy ends no session."""
        await self._first_frame.wait()
        started = False
        while True:
            try:
                if not started:
                    await self._store.start(self.plan.session_id)
                    started = True
                await self._write_notes()
            except StoreError as error:
                logger.warning("what was said waits to be stored", error=str(error))
                await asyncio.sleep(self._limits.store_again_s)
                continue
            await self._notes_wait.wait()
            self._notes_wait.clear()

    async def _converse(self) -> None:
        bad = 0
        while True:
            text = await self._channels.inbox.get()
            try:
                self._take(parse_client(text))
            except (BadMessage, BadToken) as error:
                bad += 1
                logger.warning("bad message", error=str(error))
                if bad >= MOST_BAD_MESSAGES:
                    self.end("failed")

    async def _watch_connection(self) -> None:
        """End when the connection is gone: aiortc closes it by itself when the other side does."""
        while self._peer is not None and self._peer.connectionState not in ("failed", "closed"):
            await self._connection_changed.wait()
            self._connection_changed.clear()
        self.end(self._gone())

    async def _watch_frames(self, intake: Intake) -> None:
        """End when no frame comes: a camera may stop and the connection stay."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.setup_s):
                await self._first_frame.wait()
        while (last_s := intake.last_arrival_s) is not None:
            left_s = last_s + self._limits.silence_s - self._clock()
            if left_s <= 0:
                break
            await asyncio.sleep(left_s)
        self.end("lost")

    async def _watch_total(self) -> None:
        await asyncio.sleep(self._limits.total_s)
        self.end("expired")

    async def _watch_token(self) -> None:
        await self.lease.run_out()
        self.end("token_expired")

    # Steps

    def _take(self, message: ClientMessage) -> None:
        match message:
            case Hello():
                self._welcome()
            case Ping(id=ping_id):
                self._channels.pong(ping_id)
            case Clock():
                self._playback.tell(message, self._clock())
            case Renew(token=token):
                self.lease.renew(token)
                self._channels.renewed(round(self.lease.left_s))
            case Bye():
                self.end("left")

    def _arrived(self) -> None:
        """A frame came. Long before the backlog drops any, the tail must run less often."""
        self._first_frame.set()
        if self._waiting_since_s is not None:
            now_s = self._clock()
            self._shedding.update(now_s - self._waiting_since_s, now_s)

    def _publish(self, updates: list[Update]) -> None:
        for update in updates:
            self._notes.add(update)
            match update:
                case GapUpdate():
                    self._metrics.gap(update.reason)
                    self._channels.gap(update)
                case ScoreUpdate():
                    self._publish_score(update)
                case PoseUpdate():
                    self._channels.pose(update)
                case RepUpdate():
                    self._channels.rep(update)
                case CueUpdate():
                    self._channels.cue(update)
        if len(self._notes) >= ROWS_A_WRITE:
            self._notes_wait.set()

    def _publish_score(self, update: ScoreUpdate) -> None:
        self._channels.score(update, age_s=self._lag_s(update.t_s))
        if update.state != self._state:
            self._state = update.state
            self._channels.state(update.t_s, update.state)

    def _welcome(self) -> None:
        self._channels.welcome(
            session_id=self.plan.session_id,
            exercise_name=self.plan.exercise_name,
            reference_duration_s=self.plan.reference_duration_s,
        )

    async def _write_notes(self) -> None:
        """Store what waits; what can't be stored waits on."""
        parts = self._notes.waiting()
        await self._store.add_parts(self.plan.session_id, parts)
        self._notes.forget(parts)

    async def _write_end(self, reason: EndReason, summary: SummaryValues | None) -> None:
        stored = summary.model_dump(mode="json") if summary else None
        await self._store.end(self.plan.session_id, reason, stored)

    async def _summarise(self) -> SummaryValues | None:
        """Finish the comparison as far as that is possible; None if there was none."""
        if not self._compares:
            return None
        with _logged("the comparison could not be finished"):
            async with asyncio.timeout(self._limits.finish_s):
                self._publish(await self._comparison.finish())
        return summary_values(self._comparison.summary())

    async def _hang_on(self, peer: RTCPeerConnection) -> None:
        """Give the client time to receive `ended` and to close the connection itself."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_s):
                while peer.connectionState not in ("failed", "closed"):
                    await self._connection_changed.wait()
                    self._connection_changed.clear()

    async def _close(self, peer: RTCPeerConnection) -> None:
        # Not cancelled with us: aiortc's second close waits for ever for a first one cut short.
        closing = asyncio.ensure_future(peer.close())
        _, late = await asyncio.wait({closing}, timeout=self._limits.close_s)
        if late:
            logger.error("peer connection does not close")
        elif error := closing.exception():
            logger.error("peer connection closed badly", exc_info=error)

    def _lag_s(self, time_s: float) -> float:
        assert self._intake is not None
        return self._intake.stream_clock.lag_s(time_s, self._clock())

    def _gone(self) -> EndReason:
        """Why the camera is gone, seen from when its last frame came."""
        last_s = self._intake.last_arrival_s if self._intake else None
        if last_s is None:
            return "lost"
        return "left" if self._clock() - last_s < RECENT_S else "lost"

    def _fail(self) -> None:
        """A failure outweighs a reason given before it: the summary may be wrong."""
        self._reason = "failed"
        self._ending.set()
        self._begun.set()

    def _log_end(self, summary: SummaryValues | None) -> None:
        logger.info(
            "session ended",
            reason=self._reason,
            score=summary.score if summary else None,
            frames=self._intake.frames if self._intake else 0,
            dropped_frames=self.backlog.dropped,
            skipped_scores=self._channels.skipped_scores,
            skipped_poses=self._channels.skipped_poses,
            hop=self._shedding.hop,
        )


async def _answer(peer: RTCPeerConnection, offer: sdp.Offer) -> tuple[Track, str]:
    """Answer `offer` so that only its first video comes in."""
    await peer.setRemoteDescription(RTCSessionDescription(sdp=offer.text, type="offer"))
    accepted: Track | None = None
    for transceiver in peer.getTransceivers():
        if transceiver.mid == offer.video_mid:
            accepted = transceiver.receiver.track
        else:
            transceiver.direction = "inactive"  # a track that nobody reads would fill the memory
    if accepted is None:
        raise sdp.UnusableOffer("The offer has no video that the server can receive.")
    await peer.setLocalDescription(await peer.createAnswer())
    return accepted, peer.localDescription.sdp


async def _tried_again(step: Callable[[], Awaitable[None]]) -> None:
    """Do a step, and again after a pause when the database can't be used."""
    for pause_s in LAST_PAUSES_S:
        try:
            return await step()
        except StoreError as error:
            logger.warning("to be stored again", error=str(error))
            await asyncio.sleep(pause_s)
    return await step()


@contextlib.contextmanager
def _logged(event: str) -> Any:
    """Log what goes wrong and go on: the steps after it must happen as well."""
    try:
        yield
    except Exception:
        logger.exception(event)
