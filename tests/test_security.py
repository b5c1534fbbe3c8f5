"""What docs/security.md says is so: headers, the page, other sites; and the tests that it names."""

import ast
import re
from pathlib import Path

import pytest
from live_server import SESSION
from live_server import running as running_live

from posesim_server.static_files import static_folder
from server import running

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "security.md").read_text()
CHAPTERS = {"V4": 16, "V5": 13, "V7": 19, "V9": 7, "V17": 12}  # requirements of ASVS 5.0.0
EVIL = "https://evil.example"


def rows() -> list[list[str]]:
    """The requirements' rows: number, level, what it asks, how it is met, its tests."""
    found = re.findall(r"^\| (\d+\.\d+\.\d+ \|.*)\|$", TABLE, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def named_tests() -> list[str]:
    return sorted(set(re.findall(r"`((?:\w+/)*test_\w+\.py::\w+)`", TABLE)))


def test_every_requirement_of_the_chapters_has_one_row():
    numbers = [row[0] for row in rows()]
    assert len(numbers) == len(set(numbers))
    counts = {
        chapter: sum(number.startswith(f"{chapter[1:]}.") for number in numbers)
        for chapter in CHAPTERS
    }
    assert counts == CHAPTERS
    assert len(numbers) == sum(CHAPTERS.values())


def test_each_row_says_whether_it_is_met_and_what_is_met_here_is_tested_or_says_why_not():
    for number, level, asks, how, tests in rows():
        assert level in ("1", "2", "3"), number
        assert asks, number
        assert how.startswith(("Met.", "In part.", "Not met.", "Does not apply.")), number
        if how.startswith("Met."):
            assert "::" in tests or tests.startswith("no test: "), number


@pytest.mark.parametrize("name", named_tests())
def test_a_test_that_is_named_is_there(name):
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text())
    names = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert function in names


# Headers, cookies and the page


async def test_the_page_says_what_may_be_loaded_and_who_may_frame_it(tmp_path):
    async with running(tmp_path) as server:
        headers = (await server.client.get("/")).headers
    policy = dict(
        part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'self'"  # and so scripts, none of them inline
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "file", sorted(static_folder().rglob("*.html")), ids=lambda each: each.name
)
def test_no_page_has_a_script_a_style_or_a_handler_in_itself(file):
    html = file.read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert "<style" not in html
    assert not re.search(r"\son\w+\s*=", html)
    assert not re.search(r"\sstyle\s*=", html)
    assert "javascript:" not in html


async def test_no_cookie_is_ever_set(tmp_path):
    async with running(tmp_path) as server:
        body = {"username": "anna", "password": "correct horse"}
        answers = [
            await server.client.post("/token", json=body),
            await server.client.get("/"),
            await server.client.get("/v1/me", headers=server.headers),
            await server.client.get("/nothing"),
        ]
        assert [answer.status for answer in answers] == [200, 200, 200, 404]
        assert not any("Set-Cookie" in answer.headers for answer in answers)


async def test_no_other_site_may_read_an_answer(tmp_path):
    """The preflight of a page elsewhere gets no permission, so its browser does not go on."""
    async with running(tmp_path) as server:
        asks = {
            "Origin": EVIL,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        for path in ("/v1/sessions", f"/v1/whip/{SESSION}", "/token"):
            answer = await server.client.options(path, headers=asks)
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]


async def test_whip_takes_no_other_proof_than_its_token(tmp_path):
    async with running(tmp_path) as server:
        path = f"/v1/whip/{SESSION}"
        sdp = {"Content-Type": "application/sdp"}
        assert (await server.client.post(path, data="v=0", headers=sdp)).status == 401
        wrong = {**sdp, **server.headers}  # a user's token
        assert (await server.client.post(path, data="v=0", headers=wrong)).status == 401
        elsewhere = {**sdp, "Origin": EVIL}
        assert (await server.client.post(path, data="v=0", headers=elsewhere)).status == 403


async def test_answers_with_health_data_are_kept_by_nobody(tmp_path):
    async with running(tmp_path) as server:
        answer = await server.client.get("/v1/sessions", headers=server.headers)
        assert answer.headers["Cache-Control"] == "no-store"


async def test_every_answer_with_a_body_says_what_it_is(tmp_path):
    async with running(tmp_path) as server:
        for path in ("/", "/healthcheck", "/metrics", "/openapi.json", "/nothing", "/v1/me"):
            answer = await server.client.get(path, headers=server.headers)
            assert answer.content_type != "application/octet-stream", path
            if answer.content_type == "text/plain":
                assert answer.charset == "utf-8"


# DTLS, as aiortc offers it


def test_each_connection_has_a_key_of_its_own():
    from aiortc import RTCPeerConnection

    prints = {
        RTCPeerConnection()._RTCPeerConnection__certificates[0].getFingerprints()[0].value
        for _ in range(3)
    }
    assert len(prints) == 3


def test_srtp_is_authenticated_in_every_profile_that_is_offered():
    from aiortc.rtcdtlstransport import SRTP_PROFILES

    assert {profile.openssl_profile for profile in SRTP_PROFILES} <= {
        b"SRTP_AEAD_AES_256_GCM",
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    }
    assert SRTP_PROFILES[0].openssl_profile.startswith(b"SRTP_AEAD")  # what is preferred


def test_every_dtls_suite_has_forward_secrecy():
    from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate

    certificate = RTCCertificate.generateCertificate()
    context = certificate._create_ssl_context(SRTP_PROFILES)
    from OpenSSL import SSL

    suites = SSL.Connection(context).get_cipher_list()
    old = [suite for suite in suites if not suite.startswith("TLS_")]  # of DTLS 1.2
    assert old
    assert all(suite.startswith("ECDHE-ECDSA-") for suite in old)


async def test_a_session_s_offer_without_a_strong_fingerprint_is_refused(tmp_path):
    offer = (ROOT / "tests" / "data" / "chromium_offer.sdp").read_bytes().decode()
    async with running_live(tmp_path) as server:
        weak = offer.replace("fingerprint:sha-256", "fingerprint:sha-1")
        assert (await server.post(weak)).status == 422
