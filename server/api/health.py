"""Whether the server works, for whoever watches it."""

from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from posesim import __version__

from ..keys import METRICS, SESSIONS, WORKERS
from ..metrics import CONTENT_TYPE
from .operation import Operations

operations = Operations("Operation")


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


@operations.get("/metrics", access="open", produces=("text/plain",))
async def metrics(request: web.Request) -> web.Response:
    """Show what the server measures of itself, as Prometheus reads it."""
    text = request.app[METRICS].text(live=request.app[SESSIONS].live)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})
