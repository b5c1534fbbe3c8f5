"""The connections that a session's page has had, one after the other, and the one that it has."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any

from aiortc import RTCIceServer

from . import sdp
from .channels import Channels
from .holder import Holder
from .intake import Track
from .outbox import NUMBERS_A_RUN, Outbox
from .peer import Peer
from .plan import AlreadyJoined, Limits, SessionGone
from .signs_of_life import SignsOfLife

Watch = Callable[[Track], Coroutine[Any, Any, None]]
Talk = Callable[[Peer], Coroutine[Any, Any, None]]


class Connections:
    """Takes offers and serves their connections; a new one takes the place of the one before.

    Who owns a session closes the newest, because it may have a last word for it; `run` closes all
    others.

    Args:
        outbox: What is said over all of them.
        signs: Told when one begins and when one is gone.
        limits: How long the parts of a connection's life may take.
        resumable: Whether one may take the place of another that is well.
        require_place: Asked before a page comes back whose place others may have taken meanwhile.
        gone: Whether the session has ended.
        ice_servers, stock_aiortc: See `Peer`.

    Attributes:
        newest: The one that there is; nobody's before the first offer.
        joining: Whether an offer is being answered.
    """

    def __init__(
        self,
        outbox: Outbox,
        signs: SignsOfLife,
        limits: Limits,
        *,
        resumable: bool,
        require_place: Callable[[], None],
        gone: Callable[[], bool],
        ice_servers: Sequence[RTCIceServer] = (),
        stock_aiortc: bool = False,
    ) -> None:
        self._new_peer = partial(
            Peer, limits, tuple(ice_servers), outbox, stock_aiortc=stock_aiortc
        )
        self.newest = self._new_peer()
        self.joining = False
        self._outbox = outbox
        self._signs = signs
        self._resumable = resumable
        self._require_place = require_place
        self._gone = gone
        self._holder = Holder()
        self._joined: asyncio.Queue[Peer] = asyncio.Queue()  # to be served
        self._replaced = asyncio.Event()

    @property
    def channels(self) -> Channels:
        """Those that lead to the page now."""
        return self.newest.channels

    async def join(self, offer: sdp.Offer, peer_id: str, claim: str | None) -> str:
        """Take the client's offer and return the answer's SDP.

        The connection that was there is closed, and its client told that another took its place.

        Args:
            offer: What the client wants.
            peer_id: What the connection is to be called.
            claim: The connection that its client had, or `TAKE_OVER`; None: it claims nothing.

        Raises:
            AlreadyJoined: If there is a connection, and it is not to be taken over.
            HeldElsewhere: If another window took it over from the client.
            SessionGone: If the session has ended, or ends meanwhile.
            NoPlace: If others have its place by now; the session waits on.
            UnusableOffer: If aiortc can't make a connection of it; another offer may follow.
        """
        before = self.newest
        again = before.id is not None
        contact = self._signs.look()
        well = again and contact in ("good", "silent")
        if self.joining or (well and not self._resumable):
            raise AlreadyJoined
        self._holder.require(claim, there=again and contact != "away", well=well)
        peer = self._new_peer()
        with self._place_back(), self._one_at_a_time():
            answer = await peer.join(offer, peer_id, self._gone)
        self._holder.joined(claim, peer_id)
        self.newest = peer
        if again:
            before.channels.ended("taken_over", None)
            before.retire()
            self._outbox.epoch += 1
        self._signs.joined()
        self._replaced.set()
        self._joined.put_nowait(peer)
        return answer

    async def trickle(self, body: bytes) -> None:
        """Add the candidates of an SDP fragment.

        Raises:
            NotSdp: If it is no fragment.
            IceRestart: If it asks for one.
            SessionGone: If there is no connection.
        """
        if self._gone():
            raise SessionGone
        await self.newest.trickle(body)

    async def replaced(self, peer: Peer) -> None:
        """Wait until another one has taken the place of `peer`."""
        while self.newest is peer:
            self._replaced.clear()
            await self._replaced.wait()

    def figures(self) -> dict[str, int]:
        """What is logged of them at the end."""
        return {
            "connections": self._outbox.epoch % NUMBERS_A_RUN + 1,  # since the server started
            "skipped_scores": self._outbox.skipped_scores,
            "skipped_poses": self._outbox.skipped_poses,
        }

    async def run(self, watch: Watch, talk: Talk) -> None:
        """Serve one after the other until cancelled; one that was replaced may still be closing.

        Args:
            watch: Takes the pictures of one, to their end; without any it is of no use.
            talk: Takes what the page says over one, until cancelled.
        """
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._serve(await self._joined.get(), watch, talk))

    async def _serve(self, peer: Peer, watch: Watch, talk: Talk) -> None:
        """Serve one until it is gone, or another one takes its place."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_watch(peer, watch)),
                    group.create_task(talk(peer)),
                ]
                await peer.over()
                for task in tasks:
                    task.cancel()
            if self.newest is peer:
                self._signs.closed()
            else:
                await peer.hang_on()
        finally:
            if self.newest is not peer:
                await peer.close()

    @contextlib.contextmanager
    def _place_back(self) -> Iterator[None]:
        """A page that is away has its place again, for good if its offer can be answered."""
        was_away = self._signs.contact == "away"
        if was_away:
            self._require_place()
            self._signs.contact = "good"
        try:
            yield
        except BaseException:
            if was_away:
                self._signs.contact = "away"
            raise

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        self.joining = True
        try:
            yield
        finally:
            self.joining = False


async def _watch(peer: Peer, watch: Watch) -> None:
    assert peer.track is not None
    await watch(peer.track)
    peer.retire()
