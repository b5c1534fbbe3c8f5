"""The audit log: who saw or changed what of whom."""

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from ..keys import STORE
from ..problems import Problem
from .fields import Timestamp
from .guard import USER
from .operation import Operations

operations = Operations("Accounts and coaching")

ADMIN_ONLY = "Only an admin may see what concerns others."


class AuditPage(BaseModel):
    """Which entries are asked for."""

    limit: int = Field(default=50, ge=1, le=200)
    before: Timestamp | None = None
    all: bool = False


class AuditOut(BaseModel):
    """An entry; names are those of now, and null once an account is gone."""

    at: AwareDatetime
    actor_id: str | None
    actor_name: str | None
    action: str
    subject_id: str | None
    subject_name: str | None
    object_id: str | None


class AuditList(BaseModel):
    """The answer to GET /v1/audit."""

    entries: list[AuditOut]


@operations.get("/v1/audit", query=AuditPage, answer=AuditList, problems={403: ADMIN_ONLY})
async def list_audit(request: web.Request, query: AuditPage) -> AuditList:
    """List who saw or changed what of the user, newest first.

    With `all`, an admin sees the entries about everybody, which is itself written down.
    """
    user, audit = request[USER], request.app[STORE].audit
    if not query.all:
        found = await audit.of_user(user.id, limit=query.limit, before=query.before)
    else:
        if user.role != "admin":
            raise Problem(403, ADMIN_ONLY)
        found = await audit.all(limit=query.limit, before=query.before)
        await audit.note(user.id, "audit.read")
    return AuditList(
        entries=[AuditOut.model_validate(entry, from_attributes=True) for entry in found]
    )
