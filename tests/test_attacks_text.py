"""Whatever a stranger writes is refused with a sentence: messages, tokens, offers, fragments.

`POSESIM_EXAMPLES=20000` makes the attempts as many; the slow form has a thousand of each.
"""

import base64
import contextlib
import hmac
import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from drawn import anything, attempts, both, nearly
from hypothesis import given
from hypothesis import strategies as st
from live_server import SESSION, Server, needs_address, running
from structlog.testing import capture_logs
from unhandled import nothing_unhandled

from posesim_server.auth import BadToken, Tokens
from posesim_server.calls import messages as call_messages
from posesim_server.calls import page_messages as call_page_messages
from posesim_server.live import messages, page_messages
from posesim_server.live.sdp import MAX_BYTES
from posesim_server.rate import Rates, Signalling

UNLIMITED = Signalling(Rates(10**9, 1.0), Rates(10**9, 1.0))  # else most would be 429

DATA = Path(__file__).parent / "data"
CHROMIUM = (DATA / "chromium_offer.sdp").read_bytes().decode()
FRAGMENT = "a=ice-ufrag:Uf4g\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n"
NOW = datetime.now(UTC)
SECRET = bytes(range(32))
TOKENS = Tokens(SECRET, user_token_s=60, session_token_s=60)

LIVE_SAMPLES = [
    {"v": 1, "type": "hello"},
    {"v": 1, "type": "ping", "id": 7},
    {"v": 1, "type": "clock", "reference_s": 1.5, "rate": 1.0},
    {"v": 1, "type": "renew", "token": "a.b.c"},
    {"v": 1, "type": "bye"},
]
CALL_SAMPLES = json.loads((DATA / "call_messages.json").read_text())["client"]


@both
def test_a_message_of_a_page_is_one_or_is_refused(examples: int) -> None:
    @attempts(examples)
    @given(st.text() | st.binary() | anything.map(json.dumps) | nearly(LIVE_SAMPLES))
    def hold(text: str | bytes) -> None:
        with contextlib.suppress(messages.BadMessage):
            assert isinstance(messages.parse_client(text), page_messages.ClientMessage)

    hold()


@both
def test_a_message_of_a_call_is_one_or_is_refused(examples: int) -> None:
    @attempts(examples)
    @given(st.text() | anything.map(json.dumps) | nearly(CALL_SAMPLES))
    def hold(text: str) -> None:
        with contextlib.suppress(messages.BadMessage):
            assert isinstance(call_messages.parse_client(text), call_page_messages.ClientMessage)

    hold()


# Tokens


def good() -> str:
    return TOKENS.issue_session(SESSION, "u-1", NOW)


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(unpadded(header)), json.loads(unpadded(claims))


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def written(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def refused_everywhere(token: str) -> None:
    for verify in (TOKENS.verify_user, TOKENS.verify_session, TOKENS.verify_call):
        with pytest.raises(BadToken):
            verify(token, NOW)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_a_signature_is_refused(alg: str) -> None:
    header, claims = parts_of(good())
    for signature in ("", good().split(".")[2]):
        refused_everywhere(f"{written(header | {'alg': alg})}.{written(claims)}.{signature}")


@pytest.mark.parametrize("alg", ["HS384", "HS512"])
def test_the_right_secret_with_another_algorithm_is_refused(alg: str) -> None:
    header, claims = parts_of(good())
    refused_everywhere(jwt.encode(claims, SECRET * 2, alg, headers={"typ": header["typ"]}))


def test_a_signature_by_a_key_pair_is_refused() -> None:
    header, claims = parts_of(good())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused_everywhere(jwt.encode(claims, key, "RS256", headers={"typ": header["typ"]}))
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{written(header)}.{written(claims)}"  # by hand: PyJWT signs no such thing
    signature = hmac.digest(public, text.encode(), "sha256")
    refused_everywhere(f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize(
    "field", [{"typ": "JWT"}, {"typ": None}, {"typ": 7}, {"kid": "../../dev/null"}, {"crit": ["b"]}]
)
def test_another_header_breaks_the_signature(field: dict[str, Any]) -> None:
    header, claims = parts_of(good())
    refused_everywhere(f"{written(header | field)}.{written(claims)}.{good().split('.')[2]}")


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "posesim+jwt", "", None])
def test_a_token_of_another_type_is_refused_though_it_is_signed(typ: str | None) -> None:
    _, claims = parts_of(good())
    refused_everywhere(jwt.encode(claims, SECRET, "HS256", headers={"typ": typ}))


@both
def test_signed_claims_that_are_others_are_refused_or_say_what_they_say(examples: int) -> None:
    """Even who has the secret can't write claims that break the reader."""
    header, claims = parts_of(good())

    @attempts(examples)
    @given(st.dictionaries(st.sampled_from([*claims, "sign_in"]), anything, max_size=3))
    def hold(changes: dict[str, Any]) -> None:
        try:
            token = jwt.encode(claims | changes, SECRET, "HS256", headers={"typ": header["typ"]})
        except (TypeError, ValueError):  # PyJWT writes no such claims
            return
        with contextlib.suppress(BadToken):
            read = TOKENS.verify_session(token, NOW)
            assert isinstance(read.session_id, str)
            assert isinstance(read.user_id, str)
            assert 0 <= read.left_s <= TOKENS.session_token_s

    hold()


@both
def test_what_is_no_token_is_refused(examples: int) -> None:
    token = good()

    @attempts(examples)
    @given(
        st.text(max_size=300)
        | st.builds("{}.{}.{}".format, *[st.text(max_size=60)] * 3)
        | st.builds(
            lambda at, mark: token[:at] + mark + token[at + 1 :],
            st.integers(0, len(token) - 3),  # the last digits hold bits that count for nothing
            st.characters(exclude_characters=token),
        )
    )
    def hold(text: str) -> None:
        refused_everywhere(text)

    hold()
    refused_everywhere(token * 10_000)
    refused_everywhere("." * 1_000_000)


# WHIP


@st.composite
def spoiled(draw: st.DrawFn, text: str) -> bytes:
    """An offer or a fragment with lines that are missing, doubled, cut, huge or of bytes."""
    lines = text.encode().split(b"\r\n")
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "cut", "bytes", "long", "number", "many"])):
            case "drop" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
            case "bytes":
                lines.insert(at, draw(st.binary(max_size=30)))
            case "long":
                lines[at] += b"9" * draw(st.integers(100, 20_000))
            case "number":
                lines[at] = lines[at].replace(b"1", draw(st.sampled_from([b"-1", b"9" * 30, b"x"])))
            case _:
                lines[at:at] = [lines[at]] * 50
    ends = draw(st.sampled_from([b"\r\n", b"\n", b"\r", b"\x00"]))
    return ends.join(lines)


bodies = st.binary(max_size=200) | spoiled(CHROMIUM) | spoiled(FRAGMENT)
kinds = st.sampled_from(
    ["application/sdp", "application/trickle-ice-sdpfrag", "text/plain", "a/b; c=", ";", "x" * 999]
)
names = st.sampled_from(["If-Match", "Accept", "Content-Encoding", "Range", "X-A"])
values = st.sampled_from(["*", '"a"', "gzip", "bytes=0-", "a" * 2000, "\xe9", ""])


@needs_address
@both
async def test_a_whip_request_is_answered_or_refused(examples: int, tmp_path: Path) -> None:
    """With a good token: what strangers send is stopped before (test_access.py)."""
    drawn: list[tuple[str, str, bytes, dict[str, str]]] = []

    @attempts(examples)
    @given(
        st.sampled_from(["POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS"]),
        st.sampled_from(["", "/x", f"/{SESSION}", "/%00", "/a/b"]),
        bodies,
        kinds,
        st.dictionaries(names, values, max_size=2),
    )
    def draw(method: str, path: str, body: bytes, kind: str, headers: dict[str, str]) -> None:
        drawn.append((method, path, body, {**headers, "Content-Type": kind}))

    draw()
    with nothing_unhandled():
        async with running(tmp_path, rates=UNLIMITED) as server:
            with capture_logs() as logs:
                for method, path, body, headers in drawn:
                    await refused_or_answered(server, method, path, body, headers)
            assert [log for log in logs if log["log_level"] in ("error", "critical")] == []


@needs_address
@both
async def test_an_offer_or_fragment_is_answered_or_refused(examples: int, tmp_path: Path) -> None:
    drawn: list[tuple[bytes, bytes]] = []

    @attempts(examples // 2)
    @given(spoiled(CHROMIUM), spoiled(FRAGMENT))
    def draw(offer: bytes, fragment: bytes) -> None:
        drawn.append((offer, fragment))

    draw()
    with nothing_unhandled():
        async with running(tmp_path, rates=UNLIMITED) as server:
            with capture_logs() as logs:
                for offer, fragment in drawn:
                    response = await server.post(offer)
                    assert response.status in (201, 400, 404, 409, 413, 422), await response.text()
                    if response.status == 201:
                        await after_an_answer(server, response.headers["Location"], fragment)
            assert [log for log in logs if log["log_level"] in ("error", "critical")] == []


async def after_an_answer(server: Server, location: str, fragment: bytes) -> None:
    kind = {"Content-Type": "application/trickle-ice-sdpfrag"}
    async with server.http.patch(
        location, data=BytesIO(fragment), headers={**server.headers, **kind}
    ) as response:
        assert response.status in (204, 400, 413, 422), await response.text()
    async with server.http.delete(location, headers=server.headers) as response:
        assert response.status == 200
    while SESSION in server.sessions._running:  # its connection closes a little later
        await server.sessions._running[SESSION][1]
    server.create()


async def refused_or_answered(
    server: Server, method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    address = f"/v1/whip/{SESSION}{path}"
    headers = {**headers, **server.headers}
    # As a file, because aiohttp's client warns of a large body given as bytes.
    try:
        response = await server.http.request(method, address, data=BytesIO(body), headers=headers)
    except aiohttp.ServerDisconnectedError:
        # The server hangs up on a body that it refused unread, and the client may have kept that
        # connection for the next request. A second time it is not that.
        response = await server.http.request(method, address, data=BytesIO(body), headers=headers)
    async with response:
        text = await response.text()
        assert response.status < 500, text
        if response.status >= 400:
            assert response.content_type == "application/problem+json", text
            assert json.loads(text)["detail"]
            return
        location = response.headers.get("Location")
    if location is not None or method == "DELETE":
        await server.sessions.end(SESSION, "deleted")
        while SESSION in server.sessions._running:
            await server.sessions._running[SESSION][1]
        server.create()


@needs_address
async def test_a_body_of_any_length_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        for body in (b"v=0\r\n" * MAX_BYTES, CHROMIUM.encode() + b"\r\n" * MAX_BYTES):
            assert (await server.post(body)).status == 413
