"""Sign in, stay signed in, sign out, and who am I."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

import structlog
from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ..auth import AuthError, BadToken, clean_name
from ..database import now
from ..keys import CONFIG, PASSWORDS, SIGN_INS, STORE
from ..problems import Model, Problem, invalid, parse, read_form
from ..store.users import Role, User
from .guard import SIGN_IN, USER
from .operation import Operations
from .tries import (
    TOO_MANY_TRIES,
    address_of,
    forget_guesses,
    require_guess,
    require_renewal,
)

logger = structlog.get_logger(__name__)
operations = Operations("Sign-in")

_REFUSED = "The name or the password is wrong."
_ELSEWHERE = "This account signs in elsewhere"


class GrantType(BaseModel):
    """What is exchanged for a token. Other fields are left alone (RFC 6749, 3.2)."""

    grant_type: Literal["password", "refresh_token"] = "password"


class PasswordGrant(BaseModel):
    """A name and a password."""

    grant_type: Literal["password"] = "password"
    username: str = Field(max_length=256)
    password: str = Field(max_length=4096)


class RefreshGrant(BaseModel):
    """The refresh token that came with the last answer."""

    grant_type: Literal["refresh_token"]
    refresh_token: str = Field(max_length=1024)


class Token(BaseModel):
    """The answer to it (RFC 6749, 5.1); lifetimes in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int
    refresh_token: str
    refresh_expires_in: int


class PasswordChange(BaseModel):
    """The body of POST /v1/password."""

    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(max_length=4096)
    new_password: str = Field(max_length=4096)


class Me(BaseModel):
    """The answer to GET /v1/me."""

    id: str
    name: str
    role: Role
    has_password: bool
    created_at: AwareDatetime


Fields = bytes | Mapping[str, object]  # JSON, or a form's
_FORM = "application/x-www-form-urlencoded"
_GRANT = (PasswordGrant, RefreshGrant)


@operations.post(
    "/token",
    access="open",
    consumes={_FORM: _GRANT, "application/json": _GRANT},
    answer=Token,
    problems={
        400: "Not JSON; or the operator lets nobody sign in by password.",
        401: "The name or the password is wrong; the refresh token is over or was used before.",
        415: "Neither a form nor JSON.",
        422: "A field is missing or does not fit.",
        429: TOO_MANY_TRIES,
    },
)
async def sign_in(request: web.Request) -> Token:
    """Exchange a name and a password, or a refresh token, for tokens.

    Each refresh token is good for one use and answered with the next one. One that was used before
    ends the whole sign-in, but for half a minute in which the answer may have been lost.
    """
    kind, fields = await _read(request)
    if not request.app[CONFIG].passwords:  # nor does anybody stay signed in by one
        raise Problem(400, "This server takes no passwords. Sign in at its issuer of tokens.")
    if kind.grant_type == "refresh_token":
        return await _renew(request, _fit(RefreshGrant, fields))
    return await _check(request, _fit(PasswordGrant, fields))


@operations.delete("/v1/sign-in", status=204, problems={409: "Signed in at an outside issuer."})
async def sign_out(request: web.Request) -> None:
    """Sign out: the tokens of this sign-in stop working at once, its live sessions end."""
    sign_in_id = request.get(SIGN_IN)
    if sign_in_id is None:
        raise Problem(409, f"{_ELSEWHERE}. Sign out there.")
    await request.app[SIGN_INS].end(request[USER].id, sign_in_id)


@operations.delete("/v1/sign-ins", status=204)
async def sign_out_everywhere(request: web.Request) -> None:
    """Sign out everywhere, here too. Tokens of an outside issuer go on until they run out."""
    await request.app[SIGN_INS].end_all(request[USER].id)


@operations.post(
    "/v1/password",
    body=PasswordChange,
    status=204,
    problems={
        403: "The current password is wrong.",
        409: "The account has no password, or it was changed meanwhile.",
        429: TOO_MANY_TRIES,
    },
)
async def change_password(request: web.Request, body: PasswordChange) -> None:
    """Change the password. Every other sign-in ends."""
    user = request[USER]
    if not user.password_hash:
        raise Problem(409, f"{_ELSEWHERE}. Change the password there.")
    passwords = request.app[PASSWORDS]
    await require_guess(request, user.name)
    if not await passwords.check(user.password_hash, body.current_password):
        raise Problem(403, "The current password is wrong. Nothing was changed.")
    await forget_guesses(request, user.name)
    password_hash = await hash_new(request, body.new_password)
    keep = request.get(SIGN_IN)
    if not await request.app[SIGN_INS].change_password(user, password_hash, keep):
        raise Problem(409, "The password was changed meanwhile. Nothing was changed.")


@operations.get("/v1/me", answer=Me)
async def me(request: web.Request) -> Me:
    """Say whose token this is."""
    user = request[USER]
    return Me(
        id=user.id,
        name=user.name,
        role=user.role,
        has_password=bool(user.password_hash),
        created_at=user.created_at,
    )


async def grant(request: web.Request, user: User) -> Token:
    """Sign in `user`, who has proved who they are, and give the whole answer.

    Raises:
        BadToken: If the account went or its password changed meanwhile.
    """
    return Token(**asdict(await request.app[SIGN_INS].begin(user, now())))


async def hash_new(request: web.Request, password: str) -> str:
    """Hash a password that somebody chose.

    Raises:
        Problem: 422 if it is too short or too long.
    """
    try:
        return await request.app[PASSWORDS].hash(password)
    except AuthError as error:
        raise Problem(422, str(error)) from error


async def _check(request: web.Request, given: PasswordGrant) -> Token:
    address = address_of(request)
    try:
        name = clean_name(given.username)
    except AuthError:
        name = ""  # nobody's, and as slow to refuse as any other
    await require_guess(request, name)
    user = await request.app[STORE].users.by_name(name) if name else None
    fits = await request.app[PASSWORDS].check(user.password_hash if user else None, given.password)
    if user is None or not fits:
        logger.warning("sign-in refused", address=address)  # the name may be a mistyped password
        raise Problem(401, _REFUSED, {"WWW-Authenticate": "Bearer"})
    await forget_guesses(request, name)
    return await grant(request, user)


async def _renew(request: web.Request, given: RefreshGrant) -> Token:
    address = address_of(request)
    await require_renewal(request)
    try:
        granted = await request.app[SIGN_INS].renew(given.refresh_token, now())
    except BadToken:
        logger.warning("renewal refused", address=address)
        raise
    return Token(**asdict(granted))


async def _read(request: web.Request) -> tuple[GrantType, Fields]:
    """Read a form or JSON: what is exchanged, and all fields."""
    if request.content_type == "application/json":
        body = await request.read()
        return parse(GrantType, body), body
    if request.content_type != _FORM:
        raise Problem(415, "Send the name and password as a form or as JSON.")
    form = await read_form(request)
    return _fit(GrantType, form), form


def _fit(model: type[Model], fields: Fields) -> Model:
    if isinstance(fields, bytes):
        return parse(model, fields)
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from error
