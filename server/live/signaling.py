"""WHIP (RFC 9725): an offer in, an answer out, candidates, and the end."""

import asyncio
import uuid

from aiohttp import web
from pydantic import BaseModel

from ..api.guard import bearer
from ..api.ids import path_id
from ..api.operation import Operations
from ..api.tries import require_calm
from ..auth import BadToken, SessionClaims
from ..cluster import ClusterAway, OnAnotherNode
from ..database import now
from ..keys import CLUSTER, CONFIG, METRICS, SESSIONS, STORE, TOKENS
from ..problems import Problem
from ..turn import IceServer, ice_servers
from . import sdp
from .plan import AlreadyJoined, HeldElsewhere, SessionGone
from .session import LiveSession
from .sessions import ClusterFull, Draining, NoPlace

BODY_S = 10.0  # a body that takes longer than this is not waited for
OFFER = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"

operations = Operations("WHIP")


class SessionPlace(BaseModel):
    """Where a session's offers go."""

    whip_url: str


_SDP = {"type": "string"}
_GONE = "There is no such session, or it has ended."


@operations.post(
    "/v1/whip/{id}",
    signals=True,
    access="session",
    consumes={OFFER: _SDP},
    headers={
        "If-Match": "The `ETag` of the connection that the client had; `*` takes the place of any."
    },
    produces=(OFFER,),
    status=201,
    answer_headers={
        "Location": "Where candidates go, and what is deleted to hang up.",
        "ETag": "For `If-Match` with candidates.",
        "Link": "An ICE server, if there are any, with its credentials (RFC 9725, 4.6).",
    },
    problems={
        400: "The body is no SDP.",
        404: _GONE,
        408: "The body did not come in time.",
        409: "The session has a camera already, and `If-Match` was not sent.",
        412: "Another window took the session over from the connection that `If-Match` names.",
        413: "The body is too large.",
        415: "Not sent as application/sdp.",
        422: "The offer has no video that the server can receive.",
        503: "Others took the session's place while its page was away, or the server restarts.",
    },
)
async def offer(request: web.Request) -> web.Response:
    """Take an offer and answer it; a session whose page lost its connection goes on."""
    claims = await _authorised(request)
    (await _session(request, claims)).lease.prolong(
        claims
    )  # from now on, not from when the body is here
    body = await _body(request, OFFER)
    session = await _session(request, claims)
    peer_id = str(uuid.uuid4())
    try:
        answer = await session.join(sdp.read_offer(body), peer_id, claim=_claim(request))
    except sdp.NotSdp as error:
        request.app[METRICS].setup_failed("not_sdp")
        raise Problem(400, str(error)) from error
    except sdp.UnusableOffer as error:
        request.app[METRICS].setup_failed("unusable_offer")
        raise Problem(422, str(error)) from error
    except AlreadyJoined as error:
        raise Problem(409, str(error)) from error
    except HeldElsewhere as error:
        raise Problem(412, str(error)) from error
    except SessionGone as error:
        raise Problem(404, str(error)) from error
    except NoPlace as error:
        raise Problem(503, str(error), {"Retry-After": "1"}) from error
    config = request.app[CONFIG]
    answer = sdp.with_public_addresses(answer, config.public_addresses)
    response = web.Response(status=201, text=answer, content_type=OFFER)
    response.headers["Location"] = config.own_address(f"/v1/whip/{claims.session_id}/{peer_id}")
    response.headers["ETag"] = _etag(peer_id)
    for server in ice_servers(config, claims.user_id, now()):
        for link in _links(server):
            response.headers.add("Link", link)
    return response


@operations.patch(
    "/v1/whip/{id}/{peer}",
    signals=True,
    access="session",
    consumes={FRAGMENT: _SDP},
    headers={"If-Match": "The answer's `ETag`; `*` asks for an ICE restart, which is refused."},
    status=204,
    problems={
        400: "The body is no SDP fragment.",
        404: _GONE,
        408: "The body did not come in time.",
        412: "`If-Match` is not the answer's `ETag`.",
        413: "The body is too large.",
        415: "Not sent as application/trickle-ice-sdpfrag.",
        422: "An ICE restart, which the server does not do.",
    },
)
async def trickle(request: web.Request) -> web.Response:
    """Take candidates that the client found after its offer."""
    claims = await _authorised(request)
    body = await _body(request, FRAGMENT)
    session = await _session(request, claims)
    if session.peer_id != request.match_info["peer"]:
        raise Problem(404, str(SessionGone()))
    match request.headers.get("If-Match"):
        case "*":  # how WHIP asks for an ICE restart
            raise Problem(422, str(sdp.IceRestart()))
        case None:
            pass
        case etag if etag != _etag(session.peer_id):
            raise Problem(412, "The If-Match header is not the ETag that came with the answer.")
    try:
        async with asyncio.timeout(BODY_S):  # a candidate may be a name that is looked up
            await session.trickle(body)
    except sdp.IceRestart as error:
        raise Problem(422, str(error)) from error
    except sdp.NotSdp as error:
        raise Problem(400, str(error)) from error
    except SessionGone as error:
        raise Problem(404, str(error)) from error
    return web.Response(status=204)


@operations.delete("/v1/whip/{id}/{peer}", signals=True, access="session", problems={404: _GONE})
async def hang_up(request: web.Request) -> web.Response:
    """End the session. Asking twice is fine: a page that closes may ask again.

    A token that has run out is good enough for this: a page keeps the one it began with, and may
    close at any time.
    """
    session_id = (await _authorised(request, expired_too=True)).session_id
    sessions = request.app[SESSIONS]
    try:
        session = sessions.get(session_id)
    except SessionGone:
        await sessions.end(session_id, "deleted")  # it may be on its way out: wait for that
        return web.Response(status=200)
    if session.peer_id != request.match_info["peer"]:
        raise Problem(404, str(SessionGone()))
    await sessions.end(session_id, "deleted")
    return web.Response(status=200)


@operations.options("/v1/whip/{id}", access="open", status=204)
async def endpoint_options(_request: web.Request) -> web.Response:
    """Say what the endpoint takes."""
    return web.Response(status=204, headers={"Allow": "POST, OPTIONS", "Accept-Post": OFFER})


@operations.options("/v1/whip/{id}/{peer}", access="open", status=204)
async def resource_options(_request: web.Request) -> web.Response:
    """Say what a session's resource takes."""
    headers = {"Allow": "PATCH, DELETE, OPTIONS", "Accept-Patch": FRAGMENT}
    return web.Response(status=204, headers=headers)


async def _authorised(request: web.Request, *, expired_too: bool = False) -> SessionClaims:
    """Return what the request's token proves, which must be for the session in its address."""
    session_id = path_id(request)
    token = bearer(request)
    claims = request.app[TOKENS].verify_session(token, now(), expired_too=expired_too)
    if claims.session_id != session_id:
        raise BadToken  # good, but for another session
    await require_calm(request, claims.user_id)
    return claims


async def _session(request: web.Request, claims: SessionClaims) -> LiveSession:
    """The session that is here; in a cluster, one that is stored and that no other node has."""
    try:
        try:
            return request.app[SESSIONS].get(claims.session_id)
        except SessionGone:
            if CLUSTER not in request.app:
                raise
        request.app[CLUSTER].require_fit()
        await request.app[CLUSTER].adoption.open(claims.session_id)
        return request.app[SESSIONS].get(claims.session_id)
    except (NoPlace, OnAnotherNode, ClusterAway) as error:
        raise Problem(503, str(error), {"Retry-After": "1"}) from error
    except SessionGone as error:
        if request.app[SESSIONS].draining:  # another run of the server may go on with it
            raise Problem(503, str(Draining()), {"Retry-After": "1"}) from error
        raise Problem(404, str(error)) from error


@operations.get(
    "/v1/whip/{id}/node",
    access="session",
    signals=True,
    answer=SessionPlace,
    problems={404: _GONE, 503: "No node has room, or it is not known which nodes there are."},
)
async def session_place(request: web.Request) -> SessionPlace:
    """Say where a session's offers go now, whose node does not answer.

    A session whose node is gone gets another one, which is promised to it for a minute.
    """
    claims = await _authorised(request)
    if not await request.app[STORE].open_sessions.is_open(claims.user_id, claims.session_id):
        raise Problem(404, _GONE)
    path = f"/v1/whip/{claims.session_id}"
    cluster = request.app.get(CLUSTER)
    if cluster is None:
        return SessionPlace(whip_url=path)
    try:
        node = await cluster.place(claims.session_id)
    except ClusterAway as error:
        raise Problem(503, str(error), {"Retry-After": "1"}) from error
    if node is None:
        raise Problem(503, str(ClusterFull()), {"Retry-After": "1"})
    return SessionPlace(whip_url=f"{node.url}{path}")


async def _body(request: web.Request, content_type: str) -> bytes:
    """Read a body of the right type and of at most `sdp.MAX_BYTES`."""
    if request.content_type != content_type:
        raise Problem(415, f"Send the request as {content_type}.", {"Accept-Post": OFFER})
    too_large = Problem(413, f"The body may have at most {sdp.MAX_BYTES} bytes.")
    if (request.content_length or 0) > sdp.MAX_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > sdp.MAX_BYTES:
                    raise too_large
    except TimeoutError as error:
        raise Problem(408, "The body did not come in time. Try again.") from error
    return bytes(body)


def _links(server: IceServer) -> list[str]:
    """An ICE server as WHIP tells it (RFC 9725, 4.6): a `Link` header for each of its URLs."""
    parts = ['rel="ice-server"']
    if server.username is not None:
        parts += [
            f'username="{server.username}"',
            f'credential="{server.credential}"',
            'credential-type="password"',
        ]
    return ["; ".join([f"<{url}>", *parts]) for url in server.urls]


def _etag(peer_id: str) -> str:
    return f'"{peer_id}"'


def _claim(request: web.Request) -> str | None:
    """The connection that an offer's client had, by its ETag."""
    condition = request.headers.get("If-Match")
    return None if condition is None else condition.strip('"')
