"""Whether the server works, for whoever watches it."""

from dataclasses import asdict

from aiohttp import web

from posesim import __version__

from ..keys import NETWORK, SESSIONS

routes = web.RouteTableDef()


@routes.get("/healthcheck")
async def healthcheck(request: web.Request) -> web.Response:
    """Say what runs here. Answered only once the network is loaded."""
    return web.json_response(
        {
            "status": "ok",
            "version": __version__,
            "engine": asdict(request.app[NETWORK].engine.info),
            "live_sessions": request.app[SESSIONS].live,
        }
    )
