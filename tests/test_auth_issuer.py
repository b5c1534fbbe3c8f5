"""Tokens of an outside issuer: real keys over real HTTP, and what a forger may try."""

import base64
import json
from datetime import UTC, datetime
from functools import partial

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from issuer_server import AUDIENCE, Ago, issuing, jwk, private_key

from posesim_server.auth import BadToken, Tokens
from posesim_server.auth.discovery import fetch_keys
from posesim_server.auth.issuer import Issuer, OutsideClaims
from posesim_server.auth.remote_keys import RemoteKeys


class Place:
    """An issuer, and this server's view of it."""

    def __init__(self, server, http):
        self.server = server
        self.now_s = 1000.0
        self.keys = RemoteKeys(partial(fetch_keys, http, server.url, None), lambda: self.now_s)
        self.issuer = self.trusting("at+jwt")

    def trusting(self, *types):
        return Issuer(self.server.url, AUDIENCE, types, self.keys)

    async def verify(self, token):
        return await self.issuer.verify(token, datetime.now(UTC))

    async def refuses(self, token):
        with pytest.raises(BadToken, match="Sign in again"):
            await self.verify(token)


@pytest.fixture
async def place():
    async with issuing() as server, aiohttp.ClientSession() as http:
        place = Place(server, http)
        yield place
        await place.keys.close()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_of_the_issuer_says_who_it_is_for(place, algorithm):
    token = place.server.token(algorithm, email="anna@example.org")
    assert await place.verify(token) == OutsideClaims(
        place.server.url, "subject-1", ("Anna", "anna@example.org", "subject-1")
    )


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": ["https://other.example", AUDIENCE]}, id="several audiences"),
        pytest.param({"iat": None}, id="no iat"),
        pytest.param({"nbf": Ago(5)}, id="nbf"),
        pytest.param({"exp": Ago(5)}, id="a clock that is slow by 5 s"),
        pytest.param({"nbf": Ago(-5)}, id="a clock that is fast by 5 s"),
        pytest.param({"preferred_username": ["Anna"]}, id="a name that is none"),
    ],
)
async def test_a_token_need_not_look_like_the_one_above(place, claims):
    assert (await place.verify(place.server.token(**claims))).subject == "subject-1"


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt"])
async def test_the_kind_of_a_token_is_written_in_several_ways(place, typ):
    assert await place.verify(place.server.token(header={"typ": typ}))


@pytest.mark.parametrize(
    "claims",
    [
        *(
            pytest.param({name: None}, id=f"without {name}")
            for name in ("iss", "aud", "exp", "sub")
        ),
        pytest.param({"iss": "https://evil.example"}, id="another issuer"),
        pytest.param({"aud": "https://other.example"}, id="another audience"),
        pytest.param({"aud": []}, id="no audience"),
        pytest.param({"aud": {AUDIENCE: 1}}, id="an audience in another form"),
        pytest.param({"exp": Ago(11)}, id="expired"),
        pytest.param({"exp": "9999999999"}, id="exp as text"),
        pytest.param({"exp": float("inf")}, id="exp without end"),
        pytest.param({"nbf": Ago(-60)}, id="not yet"),
        pytest.param({"iat": Ago(-60)}, id="of the future"),
        pytest.param({"sub": ""}, id="an empty subject"),
        pytest.param({"sub": 7}, id="a subject that is no text"),
        pytest.param({"sub": "x" * 256}, id="a long subject"),
        pytest.param({"padding": "x" * 8192}, id="huge"),
    ],
)
async def test_claims_that_prove_nothing_are_refused(place, claims):
    await place.refuses(place.server.token(**claims))


async def test_an_issuer_whose_name_differs_in_a_slash_is_another_one(place):
    await place.refuses(place.server.token(iss=f"{place.server.url}/"))


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "posesim-session+jwt", "", None, 7])
async def test_a_token_of_another_kind_is_refused(place, typ):
    await place.refuses(place.server.token(header={"typ": typ}))


async def test_an_operator_can_accept_tokens_that_only_say_jwt(place):
    place.issuer = place.trusting("at+jwt", "JWT")
    assert await place.verify(place.server.token(header={"typ": "JWT"}))
    assert await place.verify(place.server.token())
    await place.refuses(place.server.token(header={"typ": "id+jwt"}))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def pem(algorithm):
    public = private_key(algorithm).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hmac_signed(token, key, algorithm="HS256"):
    """`token` signed anew with a secret that everybody knows: the issuer's public key."""
    header, claims, _ = token.split(".")
    header = {**jwt.get_unverified_header(token), "alg": algorithm}
    signed = f"{encoded(header)}.{claims}"
    hashed = jwt.get_algorithm_by_name(algorithm)
    signature = base64.urlsafe_b64encode(hashed.sign(signed.encode(), key)).rstrip(b"=").decode()
    return f"{signed}.{signature}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_is_no_secret_to_sign_with(place, algorithm):
    published = json.dumps(jwk(algorithm, "x")).encode()
    for key in (pem(algorithm), pem(algorithm).strip(), published):
        for hashed in ("HS256", "HS384", "HS512"):
            await place.refuses(hmac_signed(place.server.token(algorithm), key, hashed))


@pytest.mark.parametrize("none", ["none", "None", "NONE", "nOnE", "", None])
async def test_a_token_without_signature_is_refused(place, none):
    _, claims, signature = place.server.token().split(".")
    header = encoded({"alg": none, "typ": "at+jwt", "kid": "rsa"})
    for end in ("", signature):
        await place.refuses(f"{header}.{claims}.{end}")


@pytest.mark.parametrize(
    ("algorithm", "key_id"),
    [("RS256", "ec"), ("ES256", "rsa"), ("EdDSA", "ec"), ("PS256", "rsa"), ("RS512", "rsa")],
)
async def test_a_key_verifies_with_its_own_algorithm_alone(place, algorithm, key_id):
    key = private_key("RS256") if algorithm in ("PS256", "RS512") else None
    await place.refuses(place.server.token(algorithm, key_id=key_id, key=key))


async def test_a_token_can_not_bring_its_key(place):
    mine = jwk("RS256", "mine", number=1)
    evil = "http://127.0.0.1:1/keys"
    for header in (
        {"jwk": mine},
        {"jku": evil},
        {"x5u": evil},
        {"x5c": ["AAAA"]},
        {"jwk": mine, "kid": "mine"},
        {"jku": evil, "kid": "mine"},
    ):
        await place.refuses(place.server.token(number=1, header=header))
    assert await place.verify(place.server.token(header={"jku": evil, "jwk": mine}))


@pytest.mark.parametrize(
    "key_id",
    ["../../secret", "/dev/null", "' OR 1=1 --", "rsa\x00", "x" * 256, "", 7, ["rsa"], {}, True],
)
async def test_a_key_s_id_leads_nowhere_but_to_a_key_of_the_issuer(place, key_id):
    header, claims, signature = place.server.token().split(".")
    header = encoded({"alg": "RS256", "typ": "at+jwt", "kid": key_id})
    await place.refuses(f"{header}.{claims}.{signature}")


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": True, "crit": ["b64"]}]
)
async def test_extensions_that_must_be_understood_are_refused(place, header):
    signed = jwt.PyJWS().encode(
        json.dumps({"iss": place.server.url}).encode(), private_key("RS256"), "RS256", {}
    )
    _, claims, signature = signed.split(".")
    whole = encoded({"alg": "RS256", "typ": "at+jwt", "kid": "rsa", **header})
    await place.refuses(f"{whole}.{claims}.{signature}")


async def test_without_a_key_id_a_single_key_is_meant(place):
    await place.refuses(place.server.token(key_id=None))
    place.server.keys = {"keys": [jwk("RS256", "rsa")]}
    place.now_s += 60.0
    assert await place.verify(place.server.token(key_id=None))


async def test_another_key_of_the_same_kind_is_refused(place):
    await place.refuses(place.server.token(number=1))


async def test_a_key_that_the_issuer_takes_into_use_is_found(place):
    assert await place.verify(place.server.token())
    place.server.keys = {"keys": [jwk("RS256", "next", number=1)]}
    token = place.server.token(key_id="next", number=1)
    await place.refuses(token)  # it was asked less than a minute ago
    place.now_s += 60.0
    assert await place.verify(token)
    await place.refuses(place.server.token())  # of the key that was withdrawn


async def test_an_issuer_that_is_down_stops_nobody_with_a_known_key(place):
    assert await place.verify(place.server.token("ES256"))
    place.server.status = 500
    place.now_s += 3600.0
    assert await place.verify(place.server.token("ES256"))
    await place.refuses(place.server.token(key_id="unknown"))


async def test_tokens_of_this_server_are_not_of_the_issuer(place):
    tokens = Tokens(bytes(range(32)), user_token_s=900, session_token_s=300)
    await place.refuses(tokens.issue_user("anna", "sign-in", datetime.now(UTC)))
    assert place.server.asked == []  # nobody with such a token waits for the issuer


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0), replacement=st.characters())
async def test_a_token_with_one_character_changed_is_refused(place, position, replacement):
    token = place.server.token("EdDSA")
    position %= len(token)
    forged = token[:position] + replacement + token[position + 1 :]
    if forged != token:
        await place.refuses(forged)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.sampled_from(["at+jwt", "RS256", "HS256", "none", "rsa", "ec"]),
    )
)
async def test_whatever_stands_in_a_header_without_a_signature_is_refused(place, header):
    _, claims, signature = place.server.token("EdDSA").split(".")
    await place.refuses(f"{encoded(header)}.{claims}.{signature}")
