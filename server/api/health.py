"""Whether the server works, for whoever watches it."""

from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from posesim import __version__

from ..keys import METRICS, READINESS, SESSIONS, WORKERS
from ..metrics import CONTENT_TYPE
from ..problems import Problem
from ..readiness import NotReady
from .operation import Operations

operations = Operations("Operation")

RETRY_S = 5  # when it may be ready again


class EngineOut(BaseModel):
    """What runs the network."""

    name: str
    device: str
    precision: str
    reason: str


class Health(BaseModel):
    """The answer to GET /healthcheck."""

    status: Literal["ok"] = "ok"
    version: str
    engine: EngineOut
    live_sessions: int


@operations.get("/healthcheck", access="open", answer=Health)
async def healthcheck(request: web.Request) -> Health:
    """Say what runs here. Answered only once the network is loaded."""
    engine = request.app[WORKERS].network.engine
    return Health(
        version=__version__,
        engine=EngineOut.model_validate(engine, from_attributes=True),
        live_sessions=request.app[SESSIONS].live,
    )


class Ready(BaseModel):
    """The answer to GET /readyz.

    Attributes:
        degraded: What does not work although it should get work; null if all does.
    """

    status: Literal["ready"] = "ready"
    degraded: str | None = None


@operations.get(
    "/readyz",
    access="open",
    answer=Ready,
    problems={503: "It should get no more work now, and why; ask again after `Retry-After`."},
)
async def readyz(request: web.Request) -> Ready:
    """Say whether the server should get new sessions.

    Not while its event loop is more than 100 ms late, while it drains, when a worker is not up or
    the database can't be written. In a cluster, not while it does not fit the other nodes either.
    What all nodes would be out for at once is told by `degraded`: that Redis is away, that the
    object store is full, or that nodes differ which may go on.
    """
    try:
        return Ready(degraded=await request.app[READINESS].check())
    except NotReady as error:
        raise Problem(503, str(error), {"Retry-After": str(RETRY_S)}) from error


@operations.get("/metrics", access="open", produces=("text/plain",))
async def metrics(request: web.Request) -> web.Response:
    """Show what the server measures of itself, as Prometheus reads it."""
    await request.app[READINESS].look()
    sessions = request.app[SESSIONS]
    text = request.app[METRICS].text(
        live=sessions.live, contacts=sessions.contacts, workers=request.app[WORKERS].up
    )
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})
