"""Heavy work for a request, in its turn."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from ..one_at_a_time import OneAtATime, TooManyAsked
from ..problems import Problem
from .guard import USER


@contextlib.asynccontextmanager
async def turn(request: web.Request, work: web.AppKey[OneAtATime]) -> AsyncIterator[None]:
    """Wait for a turn of the user's and keep it.

    Raises:
        Problem: 429 if the user waits for too many already.
    """
    try:
        async with request.app[work].turn(request[USER].id):
            yield
    except TooManyAsked as error:
        raise Problem(429, str(error), {"Retry-After": "2"}) from error
