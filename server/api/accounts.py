"""Accounts: an admin makes, changes and removes them; a newcomer makes one by a link.

The link is that of an invitation or of a call.
"""

from typing import Self

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ..auth import AuthError, clean_name
from ..database import new_id, now
from ..keys import CONFIG, DELETION, ROOMS, SESSIONS, STORE
from ..problems import Problem
from ..roles import change_role
from ..store.calls import Call, NoCall
from ..store.invitations import NoInvitation
from ..store.users import LastAdmin, NameTaken, Role, User
from ..texts import Language
from .calls import note_joining
from .guard import USER
from .ids import path_id
from .invitations import INVALID, note_coaching
from .operation import Operations
from .token import Token, grant, hash_new
from .tries import TOO_MANY_TRIES, may_guess

operations = Operations("Accounts and coaching")

NO_USER = "There is no such user."
NAME_TAKEN = "Another user has the name."
LAST_ADMIN = "No admin would remain."


class UserOut(BaseModel):
    """An account as admins see it."""

    id: str
    name: str
    role: Role
    created_at: AwareDatetime


class UserList(BaseModel):
    """The answer to GET /v1/users."""

    users: list[UserOut]


class NewUser(BaseModel):
    """The body of POST /v1/users."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=256)
    password: str = Field(max_length=4096)
    role: Role = "member"


class UserChange(BaseModel):
    """The body of PATCH /v1/users/ID: what is to change."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    password: str | None = Field(default=None, max_length=4096)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.role is None and self.password is None:
            raise PydanticCustomError("nothing", "Give a role, a password, or both")
        return self


class NewAccount(BaseModel):
    """The body of POST /v1/accounts; `language` is the one in which the link's page was read."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256)
    username: str = Field(max_length=256)
    password: str = Field(max_length=4096)
    language: Language = "en"


class AccountToken(Token):
    """The answer to it; `call_id` is the call that was joined, if the link was one's."""

    call_id: str | None = None


# By an admin


@operations.get("/v1/users", access="admin", answer=UserList)
async def list_users(request: web.Request) -> UserList:
    """List all accounts, by name."""
    return UserList(users=[_shown(user) for user in await request.app[STORE].users.all()])


@operations.post(
    "/v1/users",
    access="admin",
    body=NewUser,
    answer=UserOut,
    status=201,
    problems={409: NAME_TAKEN},
)
async def add_user(request: web.Request, body: NewUser) -> UserOut:
    """Make an account."""
    store = request.app[STORE]
    name = _name(body.name)
    password_hash = await hash_new(request, body.password)
    try:
        user = await store.users.add(name, password_hash, body.role)
    except NameTaken as error:
        raise Problem(409, str(error)) from error
    await store.audit.note(request[USER].id, "user.added", user.id, user.role)
    return _shown(user)


@operations.patch(
    "/v1/users/{id}",
    access="admin",
    body=UserChange,
    answer=UserOut,
    problems={404: NO_USER, 409: LAST_ADMIN},
)
async def change_user(request: web.Request, body: UserChange) -> UserOut:
    """Give an account another role or another password.

    Who is no coach any more coaches nobody and calls nobody.
    """
    user, store, actor_id = await _find(request), request.app[STORE], request[USER].id
    password_hash = None if body.password is None else await hash_new(request, body.password)
    if body.role is not None:
        try:
            ended = await change_role(store, user, body.role, actor_id)
        except LastAdmin as error:
            raise Problem(409, str(error)) from error
        for call_id in ended:
            await request.app[ROOMS].end_call(call_id, "ended")
    if password_hash is not None:
        await store.users.set_password(user.name, password_hash)  # which ends every sign-in
        await request.app[ROOMS].end_user(user.id)
        await request.app[SESSIONS].end_user(user.id)
        await store.audit.note(actor_id, "password.changed", user.id)
    return _shown(await _find(request))


@operations.delete(
    "/v1/users/{id}", access="admin", status=204, problems={404: NO_USER, 409: LAST_ADMIN}
)
async def remove_user(request: web.Request) -> None:
    """Remove an account and everything of it, for ever."""
    user, store, actor_id = await _find(request), request.app[STORE], request[USER].id
    try:  # without its role first: this decides whether an admin remains
        await store.users.change_role(user.id, "member")
    except LastAdmin as error:
        raise Problem(409, str(error)) from error
    await request.app[DELETION].delete(user.id)
    await store.audit.note(actor_id, "user.removed", user.id)


# By a link


@operations.post(
    "/v1/accounts",
    access="open",
    body=NewAccount,
    answer=AccountToken,
    status=201,
    problems={
        400: "The operator accepts no passwords.",
        404: INVALID,
        409: NAME_TAKEN,
        429: TOO_MANY_TRIES,
    },
)
async def create_account(request: web.Request, body: NewAccount) -> AccountToken:
    """Make an account for somebody who was invited, accept the invitation, and sign in.

    The coach sees the results from now on. By the link of a call, that is joined instead, and its
    coach sees what is scored in it alone. A name that is taken does not use the link up.
    """
    store = request.app[STORE]
    if not request.app[CONFIG].passwords:
        raise Problem(400, "This server takes no passwords. Sign in first, then accept.")
    await _require_link(request, body.token)  # first: no link, no answer about names
    name = _name(body.username)
    if await store.users.by_name(name):  # before the work of hashing
        raise Problem(409, str(NameTaken(name)))
    password_hash = await hash_new(request, body.password)
    user = User(new_id(), name, password_hash, "member", now())
    try:
        came_by = await _accept(request, body.token, user)
    except NoInvitation as error:  # somebody else was first
        raise Problem(404, str(error)) from error
    except NameTaken as error:
        raise Problem(409, str(error)) from error
    await store.audit.note(user.id, "account.created", user.id)
    if isinstance(came_by, Call):
        await note_joining(request, came_by, user.id, body.language)
    else:
        await note_coaching(request, came_by, user.id, body.language)
    call_id = came_by.id if isinstance(came_by, Call) else None
    return AccountToken(**(await grant(request, user)).model_dump(), call_id=call_id)


async def _require_link(request: web.Request, token: str) -> None:
    """Make sure that the token is an invitation's or a call's, for somebody who may be guessing."""
    await may_guess(request)
    store = request.app[STORE]
    try:
        await store.invitations.find(token)
    except NoInvitation as error:
        try:
            await store.calls.find(token)
        except NoCall:  # one sentence for both: what it might have been is nobody's business
            raise Problem(404, str(error)) from error


async def _accept(request: web.Request, token: str, user: User) -> str | Call:
    """Make the account; return the coach who invited, or the call that was joined.

    Raises:
        NoInvitation: If the token is good for neither any more.
        NameTaken: If another user has the name.
    """
    store = request.app[STORE]
    try:
        return await store.invitations.accept_as_newcomer(token, user)
    except NoInvitation as error:
        try:
            return await store.calls.accept_as_newcomer(token, user)
        except NoCall:
            raise error from None


def _name(text: str) -> str:
    try:
        return clean_name(text)
    except AuthError as error:
        raise Problem(422, str(error)) from error


async def _find(request: web.Request) -> User:
    user = await request.app[STORE].users.get(path_id(request))
    if user is None:
        raise Problem(404, NO_USER)
    return user


def _shown(user: User) -> UserOut:
    return UserOut(id=user.id, name=user.name, role=user.role, created_at=user.created_at)
