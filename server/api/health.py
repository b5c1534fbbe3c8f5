"""Whether the server works, for whoever watches it."""

from dataclasses import asdict

from aiohttp import web

from posesim import __version__

from ..keys import METRICS, SESSIONS, WORKERS
from ..metrics import CONTENT_TYPE

routes = web.RouteTableDef()


@routes.get("/healthcheck")
async def healthcheck(request: web.Request) -> web.Response:
    """Say what runs here. Answered only once the network is loaded."""
    return web.json_response(
        {
            "status": "ok",
            "version": __version__,
            "engine": asdict(request.app[WORKERS].network.engine),
            "live_sessions": request.app[SESSIONS].live,
        }
    )


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Show what the server measures of itself, as Prometheus reads it."""
    text = request.app[METRICS].text(live=request.app[SESSIONS].live)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})
