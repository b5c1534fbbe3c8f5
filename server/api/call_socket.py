"""Being in a call: a token for it, and the WebSocket."""

from aiohttp import web
from pydantic import BaseModel

from ..calls.socket import SocketLimits, serve
from ..cluster import ClusterAway
from ..database import now
from ..keys import CLUSTER, CONFIG, ROOMS, STORE, TOKENS
from ..live.sessions import ClusterFull
from ..problems import Problem
from .allowed import require_consent
from .calls import NOT_FOUND
from .guard import SIGN_IN, USER, require_same_origin
from .ids import path_id
from .operation import Operations
from .tries import address_of, require_calm

operations = Operations("Calls")

RETRY_S = 5  # when there may be room for another socket
LIMITS = SocketLimits()
ENDED = "This call has ended. Its record is under Calls."


class CallToken(BaseModel):
    """The answer to POST /v1/calls/ID/token; `expires_in` in seconds."""

    token: str
    expires_in: int
    socket_url: str


@operations.post(
    "/v1/calls/{id}/token",
    signals=True,
    answer=CallToken,
    problems={
        403: "The call's member has not allowed calls, or a page of another site asked.",
        404: NOT_FOUND,
        409: "The call has ended.",
        503: "No node has room for the call, or it is not known which one has it.",
    },
)
async def call_token(request: web.Request) -> CallToken:
    """Hand out a token with which the caller may be in a call; it is the first thing to say there.

    A page that stays longer asks for another one and sends it as `renew`.
    """
    user, tokens = request[USER], request.app[TOKENS]
    await require_calm(request, user.id)
    call = await request.app[STORE].calls.get(user.id, path_id(request))
    if call is None:
        raise Problem(404, NOT_FOUND)
    if call.ended_at is not None:
        raise Problem(409, ENDED)
    if user.id == call.member_id:
        await require_consent(request, "call")
    return CallToken(
        token=tokens.issue_call(call.id, user.id, request.get(SIGN_IN), now()),
        expires_in=tokens.session_token_s,
        socket_url=f"{await _node_of(request, call.id)}/v1/calls/{call.id}/socket",
    )


async def _node_of(request: web.Request, call_id: str) -> str:
    """The address of the node on which both meet; empty where there is one alone.

    Raises:
        Problem: 503 if no node has room for the call, or it is not known which one has it.
    """
    if CLUSTER not in request.app:
        return ""
    try:
        node = await request.app[CLUSTER].place(call_id)
    except ClusterAway as error:
        if call_id in request.app[ROOMS].open:
            return request.app[CONFIG].own_address("")
        raise Problem(503, str(error), {"Retry-After": str(RETRY_S)}) from error
    if node is None:
        raise Problem(503, str(ClusterFull()), {"Retry-After": str(RETRY_S)})
    return node.url


@operations.get(
    "/v1/calls/{id}/socket",
    signals=True,
    access="open",
    status=101,
    headers={"Upgrade": "websocket"},
    problems={
        400: "The handshake is no WebSocket's of version 13.",
        403: "A page of another site asked.",
        426: "Not asked as a WebSocket.",
        503: "Too many are connected; try again after `Retry-After`.",
    },
)
async def call_socket(request: web.Request) -> web.StreamResponse:
    """Open the WebSocket of a call. Its first message, `hello`, brings the token: no address does.

    Messages are JSON as text, told apart by `type`, of at most 64 KiB. What they are and which
    codes a connection is closed with: docs/api.md.
    """
    require_same_origin(request)
    if not web.WebSocketResponse().can_prepare(request):
        if "websocket" in request.headers.get("Upgrade", "").casefold():
            raise Problem(400, "This is no WebSocket handshake of version 13.")
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        raise Problem(426, "This address speaks WebSocket only. Ask with Upgrade.", headers)
    rooms, address = request.app[ROOMS], address_of(request)
    if not rooms.takes(address):
        headers = {"Retry-After": str(RETRY_S)}
        raise Problem(503, "Too many are connected. Try again in a moment.", headers)
    return await serve(request, path_id(request), rooms, address=address, limits=LIMITS)
