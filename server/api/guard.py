"""Who may call: other sites' pages may not, and all under /v1 needs a signed-in user."""

from typing import get_args
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ..auth import BadToken
from ..keys import CONFIG, STORE, TOKENS
from ..problems import Problem
from ..store.users import Role, User
from .operation import Access, operation_of

USER = web.RequestKey("user", User)

_ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a page of another site asks to change. Only browsers send `Origin`."""
    origin = request.headers.get("Origin")
    if (
        origin is not None
        and request.method not in _READING
        and urlsplit(origin).netloc.casefold() != request.host.casefold()
        and origin not in request.app[CONFIG].allowed_origins
    ):
        raise Problem(
            403,
            f"Pages from {origin} may not use this server. Its operator can allow them with "
            "--allow-origin.",
        )
    return await handler(request)


@web.middleware
async def signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the user behind the bearer token into `request[USER]`, or refuse.

    All under /v1 needs one, also what does not exist, unless its operation says otherwise: WHIP has
    tokens of its own, tied to one session, which `signaling` checks.
    """
    operation = operation_of(request.match_info.handler)
    if operation is None:
        wanted: Access = "member" if request.path.startswith("/v1/") else "open"
    else:
        wanted = operation.access
    if wanted not in ("open", "session"):
        user_id = request.app[TOKENS].verify_user(bearer(request))
        user = await request.app[STORE].users.get(user_id)
        if user is None:  # removed since the token was issued
            raise BadToken
        if _ROLES.index(user.role) < _ROLES.index(wanted):
            raise Problem(403, f"Only a {wanted} may do this. Ask whoever runs this server.")
        request[USER] = user
    return await handler(request)


def bearer(request: web.Request) -> str:
    """Return the token of the `Authorization` header.

    Raises:
        Problem: 401 if there is none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not token.strip():
        raise Problem(401, "Sign in first.", {"WWW-Authenticate": "Bearer"})
    return token.strip()
