"""A running server that is in use: people of every role, and one of everything that has an id.

It runs on a thread of its own, so that a program which waits for its answers can ask it.
"""

import asyncio
import contextlib
import itertools
import queue
import re
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import FormData
from histories import whole_session
from urllib3 import encode_multipart_formdata
from videos import stick_figure

from posesim_server.auth import Tries
from posesim_server.keys import STORE
from posesim_server.live.plan import Limits
from posesim_server.rate import Rates, Signalling
from posesim_server.store.users import Role, User
from server import PASSWORD, WAIT_S, Server, running

EVERY = Tries(name=10**9, address=10**9, renewals=10**9, invitations=10**9)
UNLIMITED = Signalling(Rates(10**9, 1.0), Rates(10**9, 1.0))
PATIENT = Limits(join_s=3600.0)  # who has a session's token may take as long as the tests do
NOBODY_LISTENS = "https://127.0.0.1:9/hook"

OFFER = (Path(__file__).parent / "data" / "chromium_offer.sdp").read_bytes().decode()

Headers = dict[str, str]


class Populated:
    """Everything is asked for over HTTP. Each thing is made when it is first needed."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, clip: bytes) -> None:
        self.url = f"http://{server.client.host}:{server.client.port}"
        self._server = server
        self._loop = loop
        self._clip = clip
        self._numbers = itertools.count()
        self._people: dict[str, User] = {}
        self._things: dict[tuple[str, str], str] = {}
        self._session_tokens: dict[str, str] = {}  # by session

    def person(self, role: Role, *, new: bool = False) -> User:
        """Somebody of this role; a new one for what ends an account or its sign-in."""
        return self._run(self._add(role) if new else self._known(role, role))

    def stranger(self, role: Role) -> User:
        """Somebody who has nothing and knows nobody."""
        return self._run(self._known(role, f"another {role}"))

    def headers(self, user: User) -> Headers:
        return self._server.headers_of(user)

    def session_headers(self, session_id: str, user: User) -> Headers:
        """Those with the session's own token; with another's for a session that there is not."""
        other = self._run(self._thing("/v1/whip/{id}", user))
        token = self._session_tokens.get(session_id) or self._session_tokens[other]
        return {"Authorization": f"Bearer {token}"}

    def ids(self, path: str, user: User, *, new: bool = False) -> dict[str, str]:
        """An id that is there for each part of an address; `new` if the last will be used up."""
        if "{" not in path:
            return {}
        if path.startswith("/v1/whip/"):
            self._run(self._hang_up(user))  # what has a camera takes no other one
        *before, last = re.finditer(r"\{(\w+)\}", path)
        ids = {part[1]: self._run(self._thing(path[: part.end()], user)) for part in before}
        kind = path if path in _MAKERS else path[: last.end()]
        return ids | {last[1]: self._run(self._thing(kind, user, new=new))}

    def body(self, name: str, user: User) -> tuple[Any, Headers] | None:
        """A body with which the operation `name` does what it is for, if that takes more than its
        schema says; and the headers that go with it.
        """
        if name not in _BODIES:
            return None
        body, headers = self._run(_BODIES[name](self, user)), {}
        if name in ("upload", "predict"):
            body, headers["Content-Type"] = encode_multipart_formdata(body)
        return body, headers

    def fields(self, user: User) -> dict[str, Callable[[], Any]]:
        """What is right in a body's field of this name."""
        return {
            "exercise_id": lambda: self._run(self._thing("/v1/exercises/{id}", user)),
            "token": lambda: self._run(self._invitation_token()),
            "current_password": lambda: PASSWORD,
            "password": lambda: PASSWORD,
            "new_password": lambda: f"{PASSWORD} {next(self._numbers)}",
            "name": lambda: f"new{next(self._numbers)}",
            "username": lambda: user.name,
            "url": lambda: NOBODY_LISTENS,
            "session_id": lambda: self._run(self._thing("/v1/calls/{id}/sessions/{session}", user)),
        }

    def end_session(self, session_id: str, user: User) -> None:
        """Free a session's place."""
        self._run(self._ask(user, "DELETE", f"/v1/sessions/{session_id}", 204))

    async def _thing(self, kind: str, user: User, *, new: bool = False) -> str:
        if new:
            return await _MAKERS[kind](self, user)
        key = kind, user.id
        if key not in self._things:
            self._things[key] = await _MAKERS[kind](self, user)
        return self._things[key]

    async def _known(self, role: Role, key: str) -> User:
        if key not in self._people:
            self._people[key] = await self._add(role)
        return self._people[key]

    async def _add(self, role: Role) -> User:
        return await self._server.add_user(f"{role}{next(self._numbers)}", role)

    # What a thing takes to be made

    async def _exercise(self, user: User) -> str:
        form = FormData({"name": "Squat"})
        form.add_field("clip", self._clip, filename="squat.mp4")
        made = await self._ask(user, "POST", "/v1/exercises", 202, data=form)
        path = f"/v1/exercises/{made['id']}"
        async with asyncio.timeout(WAIT_S):
            while (await self._ask(user, "GET", path, 200))["state"] != "ready":  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # as the page does
        return made["id"]

    async def _session(self, user: User) -> str:
        """One that has ended, with scores."""
        done = await self._ask(user, "GET", f"/v1/jobs/{await self._job(user)}", 200)
        assert done["state"] == "done", done
        return done["session_id"]

    async def _waiting(self, user: User) -> str:
        """A session that waits for its camera."""
        body = {"exercise_id": await self._thing("/v1/exercises/{id}", user)}
        ticket = await self._ask(user, "POST", "/v1/sessions", 201, json=body)
        self._session_tokens[ticket["id"]] = ticket["token"]
        return ticket["id"]

    async def _peer(self, user: User) -> str:
        """The camera of that session."""
        session_id = await self._thing("/v1/whip/{id}", user)
        headers = {
            "Authorization": f"Bearer {self._session_tokens[session_id]}",
            "Content-Type": "application/sdp",
        }
        path = f"/v1/whip/{session_id}"
        async with self._server.client.post(path, data=OFFER, headers=headers) as response:
            assert response.status == 201, await response.text()
            return response.headers["Location"].rpartition("/")[2]

    async def _hang_up(self, user: User) -> None:
        self._things.pop(("/v1/whip/{id}/{peer}", user.id), None)
        if session_id := self._things.pop(("/v1/whip/{id}", user.id), None):
            await self._ask(user, "DELETE", f"/v1/sessions/{session_id}", 204)

    async def _job(self, user: User) -> str:
        form = FormData()
        form.add_field("reference_id", await self._thing("/v1/exercises/{id}", user))
        form.add_field("video", self._clip, filename="video.mp4")
        job = await self._ask(user, "POST", "/predict", 202, data=form)
        headers = self.headers(user)
        path = f"/v1/jobs/{job['id']}/events"
        async with self._server.client.get(path, headers=headers) as response:
            await response.read()  # it ends with the job
        return job["id"]

    async def _member(self, coach: User) -> str:
        member = await self._add("member")
        await self._coaching(coach, member)
        return member.id

    async def _member_session(self, coach: User) -> str:
        """A session of the member who is asked about."""
        member_id = await self._thing("/v1/members/{id}", coach)
        member = await self._server.app[STORE].users.get(member_id)
        assert member is not None
        return await self._session(member)

    async def _coach(self, member: User) -> str:
        coach = await self._add("coach")
        await self._coaching(coach, member)
        return coach.id

    async def _coaching(self, coach: User, member: User) -> None:
        token = (await self._invitation(coach))["token"]
        body = {"token": token}
        await self._ask(member, "POST", "/v1/invitations/accept", 200, json=body)

    async def _invitation(self, coach: User) -> dict[str, Any]:
        body = {"note": "for Mia"}
        return await self._ask(coach, "POST", "/v1/invitations", 201, json=body)

    async def _invitation_token(self) -> str:
        return (await self._invitation(await self._known("coach", "coach")))["token"]

    async def _invitation_id(self, coach: User) -> str:
        return (await self._invitation(coach))["id"]

    async def _assignment(self, coach: User) -> str:
        member_id = await self._thing("/v1/members/{id}", coach)
        body = {"exercise_id": await self._thing("/v1/exercises/{id}", coach)}
        path = f"/v1/members/{member_id}/assignments"
        return (await self._ask(coach, "POST", path, 201, json=body))["id"]

    async def _call(self, user: User) -> str:
        """A call of a coach that somebody joined, or one that a member joined."""
        member = user if user.role == "member" else await self._add("member")
        coach = user if user.role != "member" else await self._known("coach", "coach")
        body = {"token": await self._call_token(coach)}
        return (await self._ask(member, "POST", "/v1/calls/join", 200, json=body))["id"]

    async def _call_session(self, user: User) -> str:
        """A session that was made in the call that is asked about."""
        call_id = await self._thing("/v1/calls/{id}", user)
        store = self._server.app[STORE]
        call = await store.calls.get(user.id, call_id)
        assert call is not None
        assert call.member_id is not None
        whole = whole_session(call.member_id, next(self._numbers))
        session = replace(whole.session, id=str(uuid.uuid4()), call_id=call_id, in_call=True)
        await store.sessions.add_whole([replace(whole, session=session)])
        return session.id

    async def _call_mark(self, coach: User) -> str:
        path = f"/v1/calls/{await self._thing('/v1/calls/{id}', coach)}/marks"
        return (await self._ask(coach, "POST", path, 201, json={"note": "here"}))["id"]

    async def _call_token(self, coach: User) -> str:
        made = await self._ask(coach, "POST", "/v1/calls", 201, json={"title": "Knee"})
        return made["token"]

    async def _webhook(self, user: User) -> str:
        body = {"url": NOBODY_LISTENS, "events": ["session.ended"]}
        return (await self._ask(user, "POST", "/v1/webhooks", 201, json=body))["id"]

    async def _consent(self, user: User) -> str:
        body = {"purpose": "recording", "language": "en"}
        return (await self._ask(user, "POST", "/v1/consents", 201, json=body))["id"]

    async def _user(self, admin: User) -> str:
        return (await self._add("member")).id

    # What bodies take that a schema can't say

    async def _newcomer(self, user: User) -> Any:
        name = f"x{next(self._numbers)}"
        return {"token": await self._invitation_token(), "username": name, "password": PASSWORD}

    async def _call_link(self, user: User) -> Any:
        return {"token": await self._call_token(await self._known("coach", "coach"))}

    async def _proof(self, user: User) -> Any:
        return {"password": PASSWORD}

    async def _export(self, user: User) -> Any:
        await self._thing("/v1/sessions/{id}", user)
        return await self._ask(user, "GET", "/v1/export/history.json", 200)

    async def _upload(self, user: User) -> Any:
        return {"name": "Squat", "clip": ("squat.mp4", self._clip)}

    async def _videos(self, user: User) -> Any:
        return {"reference": ("a.mp4", self._clip), "video": ("b.mp4", self._clip)}

    async def _offer(self, user: User) -> Any:
        return OFFER

    async def _candidate(self, user: User) -> Any:
        return "a=candidate:1 1 udp 1 198.51.100.1 9 typ host\r\n"

    async def _ask(self, user: User, method: str, path: str, status: int, **what: Any) -> Any:
        headers = self.headers(user)
        async with self._server.client.request(method, path, headers=headers, **what) as response:
            assert response.status == status, f"{method} {path}: {await response.text()}"
            return await response.json() if response.content_type == "application/json" else None

    def _run(self, coroutine: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_S)


_MAKERS: dict[str, Callable[[Populated, User], Awaitable[str]]] = {
    "/v1/users/{id}": Populated._user,
    "/v1/invitations/{id}": Populated._invitation_id,
    "/v1/members/{id}": Populated._member,
    "/v1/members/{id}/sessions/{session}": Populated._member_session,
    "/v1/coaches/{id}": Populated._coach,
    "/v1/assignments/{id}": Populated._assignment,
    "/v1/calls/{id}": Populated._call,
    "/v1/calls/{id}/sessions/{session}": Populated._call_session,
    "/v1/calls/{id}/marks/{mark}": Populated._call_mark,
    "/v1/exercises/{id}": Populated._exercise,
    "/v1/sessions/{id}": Populated._session,
    "/v1/jobs/{id}": Populated._job,
    "/v1/webhooks/{id}": Populated._webhook,
    "/v1/consents/{id}": Populated._consent,
    "/v1/sessions/{id}/token": Populated._waiting,
    "/v1/whip/{id}": Populated._waiting,
    "/v1/whip/{id}/{peer}": Populated._peer,
}
_BODIES: dict[str, Callable[[Populated, User], Awaitable[Any]]] = {
    "create_account": Populated._newcomer,
    "preview_call": Populated._call_link,
    "join_call": Populated._call_link,
    "delete_account": Populated._proof,
    "import_sessions": Populated._export,
    "upload": Populated._upload,
    "predict": Populated._videos,
    "offer": Populated._offer,
    "trickle": Populated._candidate,
}


@contextlib.contextmanager
def populated(folder: Path) -> Iterator[Populated]:
    """Run such a server until the end of the block."""
    clip = stick_figure(folder / "clip.mp4", seconds=3.0).read_bytes()
    started: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def serve() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        async with running(
            folder / "data",
            limits=PATIENT,
            tries=EVERY,
            rates=UNLIMITED,
            max_sessions=16,
            allow_private_webhooks=True,
        ) as server:
            started.put((Populated(server, loop, clip), loop, over))
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            started.put(error)
            raise

    thread = threading.Thread(target=run, name="populated server")
    thread.start()
    begun = started.get()
    if isinstance(begun, BaseException):
        raise begun
    server, loop, over = begun
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
