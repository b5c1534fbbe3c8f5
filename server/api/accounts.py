"""Accounts: an admin makes, changes and removes them; a newcomer makes one by an invitation."""

from typing import Self

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ..auth import AuthError, clean_name
from ..database import new_id, now
from ..keys import CONFIG, DELETION, PASSWORDS, SESSIONS, STORE
from ..problems import Problem
from ..roles import change_role
from ..store.invitations import NoInvitation
from ..store.users import LastAdmin, NameTaken, Role, User
from ..texts import Language
from .guard import USER
from .ids import path_id
from .invitations import INVALID, TOO_MANY_TRIES, find_invitation, note_coaching
from .operation import Operations
from .token import Token, grant

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
    """The body of POST /v1/accounts; `language` is the one in which the invitation was read."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256)
    username: str = Field(max_length=256)
    password: str = Field(max_length=4096)
    language: Language = "en"


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
    password_hash = await _hash(request, body.password)
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

    Who is no coach any more coaches nobody.
    """
    user, store, actor_id = await _find(request), request.app[STORE], request[USER].id
    password_hash = None if body.password is None else await _hash(request, body.password)
    if body.role is not None:
        try:
            await change_role(store, user, body.role, actor_id)
        except LastAdmin as error:
            raise Problem(409, str(error)) from error
    if password_hash is not None:
        await store.users.set_password(user.name, password_hash)  # which ends every sign-in
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


# By invitation


@operations.post(
    "/v1/accounts",
    access="open",
    body=NewAccount,
    answer=Token,
    status=201,
    problems={
        400: "The operator accepts no passwords.",
        404: INVALID,
        409: NAME_TAKEN,
        429: TOO_MANY_TRIES,
    },
)
async def create_account(request: web.Request, body: NewAccount) -> Token:
    """Make an account for somebody who was invited, accept the invitation, and sign in.

    The coach sees the results from now on. A name that is taken does not use the invitation up.
    """
    store = request.app[STORE]
    if not request.app[CONFIG].passwords:
        raise Problem(400, "This server takes no passwords. Sign in first, then accept.")
    await find_invitation(request, body.token)  # first: no invitation, no answer about names
    name = _name(body.username)
    if await store.users.by_name(name):  # before the work of hashing
        raise Problem(409, str(NameTaken(name)))
    password_hash = await _hash(request, body.password)
    user = User(new_id(), name, password_hash, "member", now())
    try:
        coach_id = await store.invitations.accept_as_newcomer(body.token, user)
    except NoInvitation as error:  # somebody else was first
        raise Problem(404, str(error)) from error
    except NameTaken as error:
        raise Problem(409, str(error)) from error
    await store.audit.note(user.id, "account.created", user.id)
    await note_coaching(request, coach_id, user.id, body.language)
    return await grant(request, user)


def _name(text: str) -> str:
    try:
        return clean_name(text)
    except AuthError as error:
        raise Problem(422, str(error)) from error


async def _hash(request: web.Request, password: str) -> str:
    try:
        return await request.app[PASSWORDS].hash(password)
    except AuthError as error:
        raise Problem(422, str(error)) from error


async def _find(request: web.Request) -> User:
    user = await request.app[STORE].users.get(path_id(request))
    if user is None:
        raise Problem(404, NO_USER)
    return user


def _shown(user: User) -> UserOut:
    return UserOut(id=user.id, name=user.name, role=user.role, created_at=user.created_at)
