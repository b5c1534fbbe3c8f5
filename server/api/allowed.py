"""Whether a user has allowed what they ask for."""

from aiohttp import web

from ..keys import CONSENTS
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
