"""Who may call: other sites' pages may not, and all under /v1 needs a signed-in user."""

from typing import get_args
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ..auth import BadToken
from ..database import now
from ..keys import CONFIG, OUTSIDE, STORE, TOKENS
from ..problems import Problem
from ..store.users import Role, User
from .operation import Access, operation_of

USER = web.RequestKey("user", User)
SIGN_IN = web.RequestKey("sign_in", str)  # its id; missing for a token of an outside issuer

_ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may
ADMINS_ONLY = "Only an admin may do this. Ask whoever runs this server."
COACHES_ONLY = "Only a coach may do this. Ask whoever runs this server."
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a page of another site asks to change. Only browsers send `Origin`."""
    if request.method not in _READING:
        require_same_origin(request)
    return await handler(request)


def require_same_origin(request: web.Request) -> None:
    """Make sure that no page of another site asks, unless the operator allows it.

    Raises:
        Problem: 403.
    """
    origin = request.headers.get("Origin")
    if (
        origin is not None
        and _host(origin) != request.host.casefold()
        and origin not in request.app[CONFIG].allowed_origins
        and origin not in request.app[CONFIG].origins
    ):
        raise Problem(
            403,
            f"Pages from {origin} may not use this server. Its operator can allow them with "
            "--allow-origin.",
        )


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:  # no address at all
        return None


@web.middleware
async def signed_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the user behind the bearer token into `request[USER]`, or refuse.

    All under /v1 needs one unless its operation says otherwise: WHIP has tokens of its own, tied to
    one session, which `signaling` checks.
    """
    operation = operation_of(request.match_info.handler)
    if operation is not None:
        wanted: Access = operation.access
    elif request.match_info.http_exception is not None:
        wanted = "open"  # there is nothing here, or nothing for this method: that is documented
    else:
        wanted = "member" if request.path.startswith("/v1/") else "open"
    if wanted not in ("open", "session"):
        user = await _caller(request, bearer(request))
        if _ROLES.index(user.role) < _ROLES.index(wanted):
            raise Problem(403, ADMINS_ONLY if wanted == "admin" else COACHES_ONLY)
        request[USER] = user
    return await handler(request)


async def _caller(request: web.Request, token: str) -> User:
    """Whose token it is: one of this server's, or of the outside issuer's."""
    app = request.app
    try:
        claims = app[TOKENS].verify_user(token, now())
    except BadToken:
        outside = app.get(OUTSIDE)
        if outside is None:
            raise
        return await outside.user(token, now())
    user = await app[STORE].sign_ins.user(claims.sign_in_id, claims.user_id, now())
    if user is None:  # signed out, or removed, since the token was issued
        raise BadToken
    request[SIGN_IN] = claims.sign_in_id
    return user


def bearer(request: web.Request) -> str:
    """Return the token of the `Authorization` header.

    Raises:
        Problem: 401 if there is none.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not token.strip():
        raise Problem(401, "Sign in first.", {"WWW-Authenticate": "Bearer"})
    return token.strip()
