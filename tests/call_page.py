"""One side of a call for tests: its WebSocket, what came over it, and its cameras."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType
from live_fakes import Client, MovingPicture
from yarl import URL

from posesim_server.calls.messages import parse_server
from posesim_server.calls.server_messages import ServerMessage
from posesim_server.keys import STORE
from posesim_server.store.users import User
from server import WAIT_S, Server

Holds = Callable[[Any], bool]


class Closed(Exception):
    """The server closed the socket before what was waited for; `args[0]` is the code."""


class Page:
    """A page in a call. `state` is the newest one, `code` that of the close."""

    def __init__(self, server: Server, user: User, socket: ClientWebSocketResponse) -> None:
        self.server = server
        self.user = user
        self.socket = socket
        self.state: Any = None
        self.epoch: str | None = None
        self.heard: list[ServerMessage] = []
        self.cameras: list[Client] = []

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"v": 1, "type": type_, **fields}))

    async def next(self) -> ServerMessage:
        async with asyncio.timeout(WAIT_S):
            message = await self.socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise Closed(self.socket.close_code)
        read = parse_server(message.data)
        self.heard.append(read)
        if read.type == "state":
            self.state = read
        if read.type == "peer":
            self.epoch = read.epoch
        return read

    async def until(self, type_: str, holds: Holds = lambda _: True) -> Any:
        """The next message of a type that holds."""
        async with asyncio.timeout(WAIT_S):
            while (message := await self.next()).type != type_ or not holds(message):
                pass
        return message

    async def until_state(self, holds: Holds) -> Any:
        """The state, now or as soon as it holds."""
        if self.state is not None and holds(self.state):
            return self.state
        return await self.until("state", holds)

    async def settled(self) -> list[ServerMessage]:
        """All that came until an answer to what is asked now, in one turn with it."""
        before = len(self.heard)
        await self.send("ping", id=99)
        await self.until("pong", lambda pong: pong.id == 99)
        return self.heard[before:-1]

    async def refusal(self, type_: str, **fields: Any) -> str:
        """The sentence with which a message is refused."""
        await self.send(type_, **fields)
        return (await self.until("refused", lambda refused: refused.of == type_)).detail

    async def closed(self) -> tuple[str | None, int]:
        """The reason that was said at last, and the code."""
        try:
            while True:
                await self.next()
        except Closed as closed:
            last = self.heard[-1] if self.heard else None
            reason = last.reason if last is not None and last.type == "bye" else None
            return reason, closed.args[0]

    async def camera(self, ticket: Any, track: Any = None, at: Server | None = None) -> Client:
        """Send a camera to the server, which is `at` if it is another one."""
        client = Client(track or MovingPicture())
        self.cameras.append(client)
        headers = {"Authorization": f"Bearer {ticket.token}", "Content-Type": "application/sdp"}
        response = await (at or self.server).client.post(
            URL(ticket.whip_url).path, data=await client.offer(), headers=headers
        )
        assert response.status == 201, await response.text()
        await client.accept(await response.text())
        return client


async def call_token(server: Server, user: User, call_id: str) -> str:
    headers = server.headers_of(user)
    response = await server.client.post(f"/v1/calls/{call_id}/token", headers=headers)
    assert response.status == 200, await response.text()
    return (await response.json())["token"]


@contextlib.asynccontextmanager
async def page(
    server: Server,
    user: User,
    call_id: str,
    *,
    epoch: str | None = None,
    token: str | None = None,
    welcomed: bool = True,
) -> AsyncIterator[Page]:
    """A page that has said hello, and was welcomed unless it can't be."""
    token = token or await call_token(server, user, call_id)
    async with server.client.ws_connect(f"/v1/calls/{call_id}/socket") as socket:
        opened = Page(server, user, socket)
        try:
            await opened.send("hello", token=token, epoch=epoch)
            if welcomed:
                await opened.until("welcome")
            yield opened
        finally:
            for camera in opened.cameras:
                await camera.peer.close()


class Appointment:
    """A coach, a member, and a call that the member has joined."""

    def __init__(self, server: Server, coach: User, member: User, call_id: str) -> None:
        self.server = server
        self.coach = coach
        self.member = member
        self.call_id = call_id

    def coach_page(self, **options: Any):
        return page(self.server, self.coach, self.call_id, **options)

    def member_page(self, **options: Any):
        return page(self.server, self.member, self.call_id, **options)

    @contextlib.asynccontextmanager
    async def admitted(self) -> AsyncIterator[tuple[Page, Page]]:
        """Both are there, and the member was let in."""
        async with self.coach_page() as coach, self.member_page() as member:
            await coach.until_state(lambda state: state.member.present)
            if coach.state.phase == "waiting":
                await coach.send("admit")
            await coach.until("peer")
            await member.until("peer")
            for each in (coach, member):
                await each.send("media", camera=True, microphone=True)
            await coach.until_state(lambda state: state.member.camera and state.coach.camera)
            await member.until_state(lambda state: state.member.camera and state.coach.camera)
            yield coach, member


async def appointment(server: Server, coach: str = "cora", member: str = "mia") -> Appointment:
    """Two people with a call that has not begun."""
    names = {user.name: user for user in await server.app[STORE].users.all()}
    people = []
    for name, role in ((coach, "coach"), (member, "member")):
        if name in names:
            await server.sign_in(names[name])
        people.append(names.get(name) or await server.add_user(name, role))
    made = await server.client.post(
        "/v1/calls", json={"title": "Knee"}, headers=server.headers_of(people[0])
    )
    assert made.status == 201, await made.text()
    body = await made.json()
    joined = await server.client.post(
        "/v1/calls/join",
        json={"token": body["token"], "language": "en"},
        headers=server.headers_of(people[1]),
    )
    assert joined.status == 200, await joined.text()
    return Appointment(server, people[0], people[1], body["call"]["id"])
