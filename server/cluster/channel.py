"""What nodes tell each other: sent to all that are there now, kept for nobody."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from .cancelling import cancellation_kept
from .directory import Directory
from .errors import ClusterAway

logger = structlog.get_logger(__name__)

AGAIN_S = 1.0  # before the channel is opened again
ANSWER_S = 8.0  # a session's farewell may take that long

Heard = Callable[..., Awaitable[object]]


class Channel:
    """Tells other nodes, and does what they tell.

    Args:
        directory: Has the connection.
        hears: What is done for each kind of message; called with its values.
    """

    def __init__(self, directory: Directory, hears: Mapping[str, Heard]) -> None:
        self._directory = directory
        self._hears = hears
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._doing: set[asyncio.Task[None]] = set()

    async def tell(self, kind: str, **values: object) -> None:
        """Tell all other nodes. One that is away will not know.

        Raises:
            ClusterAway: If Redis can't be used.
        """
        await self._send("all", {"kind": kind, "values": values})

    async def say(self, node_id: str, kind: str, **values: object) -> None:
        """Tell one node. If it is away nobody will know.

        Raises:
            ClusterAway: If Redis can't be used.
        """
        await self._send(node_id, {"kind": kind, "values": values})

    def tell_soon(self, kind: str, **values: object) -> None:
        """As `tell`, without waiting and without knowing."""
        task = asyncio.create_task(self._tell_quietly(kind, values), name="tell nodes")
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _tell_quietly(self, kind: str, values: dict[str, object]) -> None:
        with contextlib.suppress(ClusterAway):
            await self.tell(kind, **values)

    async def ask(self, node_id: str, kind: str, **values: object) -> Any:
        """Tell one node, wait until it has done it, and return what came of it.

        Raises:
            ClusterAway: If Redis can't be used, or the node does not say so in time.
        """
        number = str(uuid.uuid4())
        self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(node_id, {"kind": kind, "values": values, "answer": number})
            async with asyncio.timeout(ANSWER_S):
                return await self._answers[number]
        except TimeoutError as error:
            raise ClusterAway("another node does not answer") from error
        finally:
            del self._answers[number]

    async def run(self) -> None:
        """Hear until cancelled; what breaks is opened again."""
        from redis.exceptions import RedisError

        while True:
            try:
                await self._hear()
            except (RedisError, OSError, TimeoutError):
                pass  # the beat says so
            except Exception:
                logger.exception("what nodes tell could not be heard")
            await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Wait for what is being done."""
        await asyncio.gather(*self._doing, return_exceptions=True)

    async def _hear(self) -> None:
        own = self._directory.node_id
        async with self._directory.redis.pubsub() as subscription:
            with cancellation_kept():
                await subscription.subscribe(self._name("all"), self._name(own))
            while True:
                with cancellation_kept():
                    heard = await subscription.get_message(
                        ignore_subscribe_messages=True, timeout=5.0
                    )
                if heard is None:
                    continue
                message = json.loads(heard["data"])
                if message["from"] != own:
                    task = asyncio.create_task(self._do(message), name="told by a node")
                    self._doing.add(task)
                    task.add_done_callback(self._doing.discard)

    async def _do(self, message: dict[str, Any]) -> None:
        if (done := message.get("done")) is not None:
            future = self._answers.get(done)
            if future is not None and not future.done():
                future.set_result(message.get("value"))
            return
        heard = self._hears.get(message["kind"])
        if heard is None:
            return  # of another version
        try:
            value = await heard(**message["values"])
            if (number := message.get("answer")) is not None:
                await self._send(message["from"], {"done": number, "value": value})
        except Exception:
            logger.exception("what another node told could not be done", kind=message["kind"])

    async def _send(self, to: str, message: dict[str, Any]) -> None:
        from redis.exceptions import RedisError

        text = json.dumps({"from": self._directory.node_id, **message})
        try:
            with cancellation_kept():
                await self._directory.redis.publish(self._name(to), text)
        except (RedisError, OSError, TimeoutError) as error:
            raise ClusterAway(error) from error

    def _name(self, to: str) -> str:
        return f"{self._directory.prefix}:to:{to}"
