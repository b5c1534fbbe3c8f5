"""Get an issuer's keys over HTTP, by its discovery document unless told where they are."""

import json
from typing import Any

import aiohttp

from ..safe_urls import is_safe_url
from .key_set import Keys, read_keys
from .remote_keys import KeysUnavailable

TIMEOUT_S = 5.0  # for each of at most two requests
MOST_BYTES = 262_144  # of each answer


async def fetch_keys(http: aiohttp.ClientSession, issuer: str, jwks_url: str | None) -> Keys:
    """Fetch the keys of `issuer`, from `jwks_url` or from where its discovery document says.

    Raises:
        KeysUnavailable: If it does not answer as it should.
        BadKeySet: If there is no key that can be used.
    """
    if jwks_url is None:
        jwks_url = await _discover(http, issuer)
    return read_keys(await _get_json(http, jwks_url))


async def _discover(http: aiohttp.ClientSession, issuer: str) -> str:
    """Where the keys are (OpenID Connect Discovery 1.0, section 4; RFC 8414, 3.3)."""
    document = await _get_json(http, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise KeysUnavailable(f"The discovery document of {issuer} is of another issuer.")
    url = document.get("jwks_uri")
    if not isinstance(url, str) or not is_safe_url(url):
        raise KeysUnavailable(f"The discovery document of {issuer} names no https address of keys.")
    return url


async def _get_json(http: aiohttp.ClientSession, url: str) -> Any:
    try:
        async with http.get(
            url,
            allow_redirects=False,  # they could lead to an address that nobody checked
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        ) as response:
            if response.status != 200:
                raise KeysUnavailable(f"{url} answers {response.status}.")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise KeysUnavailable(f"{url} answers with more than {MOST_BYTES} bytes.")
        return json.loads(body)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise KeysUnavailable(f"{url} can't be reached: {error!r}.") from error
    except (ValueError, RecursionError) as error:
        raise KeysUnavailable(f"{url} answers with what is no JSON.") from error
