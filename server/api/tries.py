"""Limits on guesses, as requests meet them."""

import math
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from ..auth import PERIOD_S
from ..forwarded import client_address, counted
from ..keys import CLUSTER, CONFIG, GUESSES, INVITATION_TRIES, METRICS, SIGNALLING
from ..problems import Problem
from ..rate import Rates
from .operation import operation_of

TOO_MANY_TRIES = "Too many tries; wait for `Retry-After`."


def address_of(request: web.Request) -> str:
    """From where a request came, by which tries are counted."""
    address = client_address(
        request.remote,
        request.headers.getall("X-Forwarded-For", ()),
        request.app[CONFIG].trusted_proxies,
    )
    return counted(address)


@web.middleware
async def signalling(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Limit how often an address may ask for what begins, joins and ends sessions and calls."""
    operation = operation_of(request.match_info.handler)
    if operation is not None and operation.signals:
        own, address = request.app[SIGNALLING], address_of(request)
        await _require_calm(request, "address", address, own.of_address(address), own.addresses)
    return await handler(request)


async def require_calm(request: web.Request, user_id: str) -> None:
    """As `signalling`, for a user; called as soon as it is known who asks.

    Raises:
        Problem: 429.
    """
    own = request.app[SIGNALLING]
    await _require_calm(request, "user", user_id, own.of_user(user_id), own.users)


async def require_guess(request: web.Request, name: str) -> None:
    """Count a password that somebody tries for a name.

    Raises:
        Problem: 429 for too many tries, over all nodes if there are several.
    """
    guesses, address = request.app[GUESSES], address_of(request)
    require_try(guesses.take(address, name, time.monotonic()))
    await _require_everywhere(request, "guess_address", address, guesses.tries.address)
    await _require_everywhere(request, "guess_name", f"{address} {name}", guesses.tries.name)


async def forget_guesses(request: web.Request, name: str) -> None:
    """Forget a name's wrong tries, because the right password came."""
    address = address_of(request)
    request.app[GUESSES].forget(address, name)
    if CLUSTER in request.app:
        await request.app[CLUSTER].limits.forget("guess_name", f"{address} {name}")


async def require_renewal(request: web.Request) -> None:
    """Count a use of a refresh token.

    Raises:
        Problem: 429 for too many.
    """
    guesses, address = request.app[GUESSES], address_of(request)
    require_try(guesses.take_renewal(address, time.monotonic()))
    await _require_everywhere(request, "renewal", address, guesses.tries.renewals)


async def may_guess(request: web.Request) -> None:
    """Count a token that is sent: of an invitation or of a call, which are guessed alike.

    Raises:
        Problem: 429 for too many tries from one address.
    """
    tries, address = request.app[INVITATION_TRIES], address_of(request)
    require_try(tries.take(address, time.monotonic()))
    await _require_everywhere(request, "invitation", address, tries.limit)


async def _require_everywhere(request: web.Request, kind: str, key: str, limit: int) -> None:
    if CLUSTER in request.app:
        require_try(await request.app[CLUSTER].limits.try_s(kind, key, limit, PERIOD_S))


async def _require_calm(
    request: web.Request, kind: str, key: str, wait_s: float, rates: Rates
) -> None:
    """Refuse where this node's own count says `wait_s`, or that of all nodes does."""
    if not wait_s and CLUSTER in request.app:
        limits = request.app[CLUSTER].limits
        wait_s = await limits.bucket_s(kind, key, rates.burst, rates.a_second)
    if wait_s:
        request.app[METRICS].setup_failed("too_often")
    require_try(wait_s)


def require_try(wait_s: float) -> None:
    """Refuse a try for which one has to wait.

    Raises:
        Problem: 429 unless `wait_s` is 0.
    """
    if wait_s:
        seconds = math.ceil(wait_s)
        raise Problem(
            429,
            f"Too many tries. Wait {seconds} s, then try again.",
            {"Retry-After": str(seconds)},
        )
