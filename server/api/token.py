"""Sign in, and who am I."""

import time
from datetime import UTC, datetime

import structlog
from aiohttp import web
from pydantic import BaseModel, Field

from ..auth import AuthError, clean_name
from ..keys import GUESSES, PASSWORDS, STORE, TOKENS
from ..problems import Problem, read_json
from ..store.users import Role
from .guard import USER
from .operation import Operations

logger = structlog.get_logger(__name__)
operations = Operations("Sign-in")

_REFUSED = "The name or the password is wrong."


class SignIn(BaseModel):
    """The body of POST /token."""

    username: str = Field(max_length=256)
    password: str = Field(max_length=4096)


class Token(BaseModel):
    """The answer to it (RFC 6749, 5.1)."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105
    expires_in: int


class Me(BaseModel):
    """The answer to GET /v1/me."""

    id: str
    name: str
    role: Role


_FORM = "application/x-www-form-urlencoded"


@operations.post(
    "/token",
    access="open",
    consumes={_FORM: SignIn.model_json_schema(), "application/json": SignIn.model_json_schema()},
    answer=Token,
    problems={
        401: "The name or the password is wrong.",
        415: "Neither a form nor JSON.",
        429: "Too many tries; wait for `Retry-After`.",
    },
)
async def sign_in(request: web.Request) -> Token:
    """Exchange a name and a password for a token."""
    given = await _read(request)
    now_s = time.monotonic()
    address = request.remote or "?"
    try:
        name = clean_name(given.username)
    except AuthError:
        name = ""  # nobody's, and as slow to refuse as any other
    guesses = request.app[GUESSES]
    if wait_s := guesses.take(address, name, now_s):
        raise Problem(
            429,
            f"Too many tries. Wait {wait_s:.0f} s, then try again.",
            {"Retry-After": f"{wait_s:.0f}"},
        )
    user = await request.app[STORE].users.by_name(name) if name else None
    fits = await request.app[PASSWORDS].check(user.password_hash if user else None, given.password)
    if user is None or not fits:
        logger.warning("sign-in refused", address=address)  # the name may be a mistyped password
        raise Problem(401, _REFUSED, {"WWW-Authenticate": "Bearer"})
    guesses.forget(address, name)
    tokens = request.app[TOKENS]
    return Token(
        access_token=tokens.issue_user(user.id, datetime.now(UTC)),
        expires_in=tokens.user_token_s,
    )


@operations.get("/v1/me", answer=Me)
async def me(request: web.Request) -> Me:
    """Say whose token this is."""
    user = request[USER]
    return Me(id=user.id, name=user.name, role=user.role)


async def _read(request: web.Request) -> SignIn:
    if request.content_type == "application/json":
        return await read_json(request, SignIn)
    if request.content_type != _FORM:
        raise Problem(415, "Send the name and password as a form or as JSON.")
    form = await request.post()
    name, password = form.get("username"), form.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise Problem(422, "Give a username and a password.")
    return SignIn(username=name[:256], password=password[:4096])
