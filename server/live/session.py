"""One try at an exercise, or one demonstration of it, from its creation to its end.

Its page may lose its connection and come back over another one: then the comparison goes on after a
gap.

    connections ──▶ stream ──▶ publisher ──▶ page, audience, record
         └──────▶ signs of life ──▶ absence ──▶ end
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
from aiortc import RTCIceServer

from posesim.updates import Update

from ..auth import Tokens
from ..compute.workers import Workers
from ..metrics import Metrics
from ..traces import SessionTraces, Traces
from . import sdp
from .absence import Absence
from .audience import Told
from .connections import Connections
from .conversation import Conversation
from .earlier import Earlier
from .farewell import Farewell
from .heartbeat import Contact
from .idleness import Idleness
from .intake import Backlog, StreamClock
from .lease import Lease
from .notices import Notices
from .outbox import Outbox
from .outcomes import EndReason
from .peer import Peer
from .plan import Limits, OnEnd, SessionPlan
from .playback import Playback
from .publishing import Publisher
from .record import Record, SessionStore
from .setting_up import SettingUp
from .signs_of_life import SignsOfLife
from .stream import Stream
from .tally import Tally

logger = structlog.get_logger(__name__)


class LiveSession:
    """A session: waits for its offer, looks at the camera until it ends, and closes everything.

    `run` is the whole life and the only owner of the peer connections and of all tasks.

    Args:
        require_place: Asked before a session goes on whose place others may have taken meanwhile.
        earlier: What it was in an earlier run of the server; its page is away.
    """

    def __init__(
        self,
        plan: SessionPlan,
        workers: Workers,
        store: SessionStore,
        limits: Limits,
        *,
        ice_servers: Sequence[RTCIceServer] = (),
        stock_aiortc: bool = False,
        metrics: Metrics | None = None,
        tokens: Tokens | None = None,
        traces: Traces | None = None,
        on_end: OnEnd | None = None,
        require_place: Callable[[], None] = lambda: None,
        earlier: Earlier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        kept = plan.shows is None
        metrics = metrics or Metrics()
        done = earlier.repetitions if earlier else []
        self.plan = plan
        self.lease = Lease(plan.session_id, plan.user_id, tokens, clock)
        self.backlog = Backlog()
        self.ended = asyncio.Event()  # stored and told; the connection may close a little later
        self._limits = limits
        self._earlier = earlier
        self._clock = clock
        self._begun = asyncio.Event()  # joined, or ended before that
        self._ending = asyncio.Event()
        self._reason: EndReason = "failed"
        self._began_s = clock() - (earlier.age_s if earlier else 0.0)  # the first picture

        outbox = Outbox(earlier.restarts if earlier else 0)
        self._setting_up = SettingUp(metrics, before=earlier is not None, clock=clock)
        self._signs = SignsOfLife(limits, seen=earlier is not None, clock=clock)
        self._connections = Connections(
            outbox,
            self._signs,
            limits,
            resumable=plan.resumable,
            require_place=require_place,
            gone=self._ending.is_set,
            ice_servers=ice_servers,
            stock_aiortc=stock_aiortc,
        )
        self._stream_clock = StreamClock()
        self._tally = Tally(done)
        self._idleness = Idleness(limits.idle_s if plan.resumable else 0.0, clock)
        self._record = Record(
            store if kept else None, plan.session_id, limits.store_again_s, earlier, run=plan.run
        )
        audience = Told(plan.audience)
        self._publisher = publisher = Publisher(
            self._record,
            audience,
            lambda: self._connections.channels,
            metrics,
            lambda time_s: self._stream_clock.lag_s(time_s, clock()),
        )
        self._notices = Notices(lambda: self._connections.channels, self._idleness, clock)
        self._playback = Playback()
        self._stream = Stream(
            plan,
            workers,
            self.backlog,
            self._stream_clock,
            self._playback,
            began_s=self._began_s,
            earlier=earlier,
            say=self._say,
            on_frame=self._on_frame,
            metrics=metrics,
            traces=SessionTraces(traces or Traces()),
            clock=clock,
        )
        self._farewell = Farewell(
            plan=plan,
            stream=self._stream,
            record=self._record,
            publisher=publisher,
            audience=audience,
            connections=self._connections,
            finish_s=limits.finish_s,
            again_s=limits.store_again_s,
            on_end=on_end if kept else None,
        )
        self._absence = Absence(
            self._connections,
            self._signs,
            self._stream,
            limits,
            resumable=plan.resumable,
            end=self.end,
            ending=self._ending.is_set,
        )
        if earlier is not None:  # its page may have missed the last of it
            outbox.begin()
            for each in done:
                self._connections.channels.rep(each)

    # From outside

    async def join(self, offer: sdp.Offer, peer_id: str, *, claim: str | None = None) -> str:
        """Take the client's offer and return the answer's SDP.

        The arguments, and what it raises, are those of `Connections.join`.
        """
        offered_s = self._clock()
        answer = await self._connections.join(offer, peer_id, claim)
        self._setting_up.joined(offered_s)
        self._begun.set()
        return answer

    async def trickle(self, body: bytes) -> None:
        """Add the candidates of an SDP fragment, as `Connections.trickle`."""
        await self._connections.trickle(body)

    def pause(self) -> None:
        """Look at no pictures until `resume`; what was said stays. Pausing twice is harmless.

        The camera goes on, and a session whose camera stops ends all the same.
        """
        self.backlog.pause()

    def resume(self) -> None:
        """Look at pictures again, after a gap; the comparison begins anew."""
        self.backlog.resume()

    def drain(self, left_s: float) -> None:
        """Tell its user that the server stops in `left_s` seconds; the session goes on until then.

        Raises:
            NotReading: If the page lets its events pile up.
        """
        self._notices.draining(left_s)

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

    @property
    def unstored(self) -> bool:
        """Whether it is over, and something of it waits for a database that can't be used."""
        return self._farewell.unstored

    @property
    def contact(self) -> Contact:
        """How its page is; one that is away has no place in a worker."""
        return self._signs.contact

    @property
    def peer_id(self) -> str | None:
        """Which of possibly many offers its connection came of; None before."""
        return self._connections.newest.id

    @property
    def time_s(self) -> float | None:
        """Where its stream is now, in seconds; None before the first picture."""
        return self._stream_clock.time_s(self._clock())

    # The whole life

    async def run(self) -> None:
        """Live until the end. Whatever happens, the peer is closed and the end is stored.

        A database that is away then is waited for, without a place in a worker.
        """
        structlog.contextvars.bind_contextvars(session_id=self.plan.session_id)
        try:
            await self._wait_for_offer()
            if self.peer_id is not None and not self.ending:
                await self._serve()
        except asyncio.CancelledError:
            self.end("shutdown")
            raise
        except Exception:
            logger.exception("session failed")
            self._fail()
        finally:
            await self._wind_up()
        await self._farewell.store_late()

    async def _wait_for_offer(self) -> None:
        limits = self._limits
        try:
            async with asyncio.timeout(limits.resume_s if self._earlier else limits.join_s):
                await self._begun.wait()
        except TimeoutError:
            self.end("lost" if self._earlier else "never_joined")

    async def _serve(self) -> None:
        done_s = self._clock() - self._began_s if self._earlier else 0.0
        left_s = self._limits.total_s - done_s
        async with asyncio.TaskGroup() as group:
            looks = group.create_task(self._stream.run(self._setting_up.offered_s))
            others = [
                group.create_task(self._connections.run(self._stream.watch, self._talk)),
                group.create_task(self._keep_record()),
                group.create_task(self._absence.run()),
                group.create_task(self._end_after(lambda: asyncio.sleep(left_s), "expired")),
                group.create_task(
                    self._end_after(partial(self._idleness.run_out, self._notices.idle), "idle")
                ),
                group.create_task(self._end_after(self.lease.run_out, "token_expired")),
            ]
            await self._ending.wait()
            self.backlog.close()
            await asyncio.wait({looks}, timeout=self._limits.drain_s)
            for task in (looks, *others):
                task.cancel()

    async def _keep_record(self) -> None:
        """Store what is said; where another run has taken the session, its page is to go there."""
        await self._record.run()
        self.end("shutdown")

    async def _talk(self, peer: Peer) -> None:
        """Take what the page says over a connection."""
        conversation = Conversation(
            self.plan,
            peer,
            self.lease,
            self._playback,
            counted=lambda: (self._tally.repetitions, self._tally.attempts),
            welcomed=lambda: self._notices.repeat(peer.channels),
            heard=self._signs.message,
            end=self.end,
            clock=self._clock,
        )
        await conversation.run()

    async def _end_after(self, over: Callable[[], Awaitable[None]], reason: EndReason) -> None:
        await over()
        self.end(reason)

    async def _wind_up(self) -> None:
        """Say farewell, then close everything, whether or not that succeeded."""
        self.end("failed")  # counts only if nobody gave a reason
        try:
            await self._farewell.say(self._reason)
            self._setting_up.ended(self._reason)
            self.ended.set()
            if self._connections.channels.open:
                await self._connections.newest.hang_on()
        finally:
            self.ended.set()
            self._stream.close()
            await self._connections.newest.close()

    # Steps

    def _on_frame(self) -> None:
        """A frame came, and was kept."""
        self._signs.frame()
        self._setting_up.frame()
        self._record.begin()

    def _say(self, updates: Sequence[Update]) -> None:
        """Tell of updates, to all who are to know them."""
        for update in updates:
            self._tally.add(update)
            self._idleness.note(update)
        self._publisher.publish(updates)

    def _fail(self) -> None:
        """A failure outweighs a reason given before it: the summary may be wrong."""
        self._reason = "failed"
        self._ending.set()
        self._begun.set()
