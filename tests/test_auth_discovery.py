import json

import aiohttp
import pytest
from issuer_server import issuing

from posesim_server.auth.discovery import MOST_BYTES, fetch_keys
from posesim_server.auth.key_set import BadKeySet
from posesim_server.auth.remote_keys import KeysUnavailable
from posesim_server.safe_urls import is_safe_url


@pytest.fixture
async def issuer():
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as http:
        yield http


async def test_an_issuer_says_where_its_keys_are(issuer, http):
    assert set(await fetch_keys(http, issuer.url, None)) == {"rsa", "ec", "ed"}
    assert issuer.asked == ["discovery", "keys"]


async def test_an_operator_can_say_where_the_keys_are(issuer, http):
    keys = await fetch_keys(http, "https://elsewhere.example", f"{issuer.url}/keys")
    assert set(keys) == {"rsa", "ec", "ed"}
    assert issuer.asked == ["keys"]


async def test_an_issuer_s_name_may_end_with_a_slash(issuer, http):
    issuer.discovery = {"issuer": f"{issuer.url}/"}
    assert await fetch_keys(http, f"{issuer.url}/", None)


@pytest.mark.parametrize(
    ("discovery", "words"),
    [
        ({"issuer": "https://evil.example"}, "is of another issuer"),
        ({"issuer": None}, "is of another issuer"),
        ({"jwks_uri": None}, "names no https address"),
        ({"jwks_uri": "http://evil.example/keys"}, "names no https address"),
        ({"jwks_uri": "file:///etc/passwd"}, "names no https address"),
    ],
)
async def test_a_discovery_document_that_leads_elsewhere_is_refused(issuer, http, discovery, words):
    issuer.discovery = discovery
    with pytest.raises(KeysUnavailable, match=words):
        await fetch_keys(http, issuer.url, None)
    assert issuer.asked == ["discovery"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_another_status_is_no_key_set_and_redirects_are_not_followed(issuer, http, status):
    issuer.status = status
    with pytest.raises(KeysUnavailable, match=f"answers {status}"):
        await fetch_keys(http, issuer.url, f"{issuer.url}/keys")
    assert issuer.asked == ["keys"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b" " * (MOST_BYTES + 1), f"more than {MOST_BYTES} bytes"),
    ],
)
async def test_an_answer_that_can_not_be_read_is_refused(issuer, http, body, words):
    issuer.body = body
    with pytest.raises(KeysUnavailable, match=words):
        await fetch_keys(http, issuer.url, None)


async def test_a_key_set_without_keys_is_refused(issuer, http):
    issuer.body = json.dumps({"keys": []}).encode()
    with pytest.raises(BadKeySet):
        await fetch_keys(http, issuer.url, None)


async def test_an_issuer_that_is_not_there_is_a_sentence(issuer, http, unused_tcp_port):
    with pytest.raises(KeysUnavailable, match="can't be reached"):
        await fetch_keys(http, f"http://127.0.0.1:{unused_tcp_port}", None)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://issuer.example", True),
        ("https://issuer.example:8443/realms/clinic", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1/keys", True),
        ("http://[::1]:8080/keys", True),
        ("http://issuer.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("https://user:password@issuer.example", False),
        ("https://issuer.example/#fragment", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_what_can_be_replaced_on_the_way_is_not_relied_on(url, safe):
    assert is_safe_url(url) == safe
