"""An outside issuer of tokens: real keys, published over real HTTP."""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "https://posesim.example"


@cache
def private_key(algorithm: str, number: int = 0) -> Any:
    """A key for `algorithm`; another one for each `number`. Making them takes a while."""
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def jwk(algorithm: str, key_id: str | None = None, number: int = 0, **more: object) -> Any:
    """The public half of a key, as an issuer publishes it."""
    kinds = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
    public = kinds[algorithm].to_jwk(private_key(algorithm, number).public_key(), as_dict=True)
    public.pop("key_ops", None)
    identified = {} if key_id is None else {"kid": key_id}
    return {**public, **identified, "alg": algorithm, "use": "sig", **more}


@dataclass(frozen=True)
class Ago:
    """A time in a token: so many seconds before it is made."""

    seconds: float


class IssuerServer:
    """What it publishes can be changed while it runs; it counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: Any = {"keys": [jwk("RS256", "rsa"), jwk("ES256", "ec"), jwk("EdDSA", "ed")]}
        self.body: bytes | None = None  # in place of the keys
        self.discovery: dict[str, object] = {}  # in place of what is true
        self.status = 200
        self.asked: list[str] = []
        self.url = ""

    async def answer_discovery(self, request: web.Request) -> web.Response:
        self.asked.append("discovery")
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.discovery}
        return web.json_response(document, status=self.status)

    async def answer_keys(self, request: web.Request) -> web.Response:
        self.asked.append("keys")
        body = json.dumps(self.keys).encode() if self.body is None else self.body
        headers = {"Location": "/elsewhere"} if self.status == 302 else {}
        return web.Response(body=body, status=self.status, headers=headers)

    def token(
        self,
        algorithm: str = "RS256",
        *,
        key_id: str | None = "",
        number: int = 0,
        key: Any = None,
        header: dict[str, object] | None = None,
        **changes: object,
    ) -> str:
        """A token of this issuer; "" is the key id of `algorithm`, None leaves a claim out."""
        now = time.time()
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "preferred_username": "Anna",
            **changes,
        }
        if key_id == "":
            key_id = {"RS256": "rsa", "ES256": "ec", "EdDSA": "ed"}.get(algorithm, "rsa")
        identified = {} if key_id is None else {"kid": key_id}
        return jwt.encode(
            {
                name: now - value.seconds if isinstance(value, Ago) else value
                for name, value in claims.items()
                if value is not None
            },
            private_key(algorithm, number) if key is None else key,
            algorithm,
            headers={"typ": "at+jwt", **identified, **(header or {})},
        )


@contextlib.asynccontextmanager
async def issuing() -> AsyncIterator[IssuerServer]:
    """Run an issuer on this machine."""
    issuer = IssuerServer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.answer_discovery)
    app.router.add_get("/keys", issuer.answer_keys)
    async with TestServer(app, host="127.0.0.1") as server:
        issuer.url = f"http://127.0.0.1:{server.port}"
        yield issuer
