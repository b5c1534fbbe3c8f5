"""Whether what is asked for may be done: by its user's consent, and by this server."""

from aiohttp import web

from ..keys import CLUSTER, CONSENTS
from ..privacy.consents import ConsentMissing, Purpose
from ..problems import Problem
from .guard import USER


async def require_consent(request: web.Request, purpose: Purpose) -> None:
    """Make sure that the user allows this.

    Raises:
        Problem: 403 if not.
    """
    try:
        await request.app[CONSENTS].require(request[USER].id, purpose)
    except ConsentMissing as error:
        raise Problem(403, str(error)) from error


def require_fit(request: web.Request) -> None:
    """Make sure that this server may begin what takes the network.

    Raises:
        BadNode: If it is a node that does not fit the others, which could not use what it made.
    """
    if CLUSTER in request.app:
        request.app[CLUSTER].require_fit()
