"""WHIP over real HTTP; what becomes of an accepted offer is in test_live_loopback.py."""

import ipaddress
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from live_server import SESSION, USER, Server, needs_address, running

from posesim_server.turn import turn_password

OTHER = "9f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b99"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def offer() -> str:
    return (Path(__file__).parent / "data" / "chromium_offer.sdp").read_bytes().decode()


def without(offer: str, *starts: str) -> str:
    return "".join(line for line in offer.splitlines(keepends=True) if not line.startswith(starts))


def sections(offer: str) -> tuple[str, list[str]]:
    head, *rest = offer.split("m=")
    return head, [f"m={section}" for section in rest]


BAD = {
    "empty": (400, "The body is empty", lambda offer: ""),
    "blank": (400, "The body is empty", lambda offer: " \r\n"),
    "garbage": (400, "must begin with v=0", lambda offer: "garbage"),
    "json": (400, "must begin with v=0", lambda offer: '{"sdp": "v=0"}'),
    "not text": (400, "not text", lambda offer: b"v=0\r\n\xff\xfe"),
    "null bytes": (400, "control characters", lambda offer: offer.replace("s=-", "s=\x00")),
    "another line break": (400, "control characters", lambda offer: offer.replace("s=-", "s=\x0b")),
    "v=0 alone": (422, "no media section", lambda offer: "v=0\r\n"),
    "broken m-line": (400, "can be read", lambda offer: offer.replace("m=video", "m= video")),
    "broken number": (400, "can be read", lambda offer: offer.replace("rtpmap:96", "rtpmap:x")),
    "huge number": (
        400,
        "can be read",
        lambda offer: offer.replace("rtpmap:96", "rtpmap:" + "9" * 5000),
    ),
    "broken candidate": (
        400,
        "can be read",
        lambda offer: offer + "a=candidate:1 1 udp\r\n",
    ),
    "no video": (422, "no video", lambda offer: sections(offer)[0] + sections(offer)[1][2]),
    "audio only": (422, "no video", lambda offer: sections(offer)[0] + sections(offer)[1][0]),
    "recvonly": (422, "direction is recvonly", lambda offer: offer.replace("sendonly", "recvonly")),
    "inactive": (422, "direction is inactive", lambda offer: offer.replace("sendonly", "inactive")),
    "no codec in common": (
        422,
        "VP8 or H264",
        lambda offer: offer.replace(" VP8/", " VP7/").replace(" H264/", " H263/"),
    ),
    "no ICE credentials": (422, "a=ice-ufrag", lambda offer: without(offer, "a=ice-ufrag")),
    "no fingerprint": (422, "a=fingerprint", lambda offer: without(offer, "a=fingerprint")),
    "weak fingerprint": (
        422,
        "a=fingerprint",
        lambda offer: offer.replace("fingerprint:sha-256", "fingerprint:md5"),
    ),
    "no setup": (422, "a=setup", lambda offer: without(offer, "a=setup")),
    "odd setup": (400, "can be read", lambda offer: offer.replace("actpass", "holdconn")),
    "no rtcp-mux": (422, "a=rtcp-mux", lambda offer: without(offer, "a=rtcp-mux")),
    "no mid": (422, "a=mid", lambda offer: without(offer, "a=mid")),
    "same mid": (422, "a=mid", lambda offer: offer.replace("a=mid:1", "a=mid:0")),
    "no bundle": (422, "BUNDLE", lambda offer: without(offer, "a=group")),
    "bundle of others": (422, "BUNDLE", lambda offer: offer.replace("BUNDLE 0", "BUNDLE 7")),
    "no sctp-port": (422, "a=sctp-port", lambda offer: without(offer, "a=sctp-port")),
    "sctp-port 0": (422, "a=sctp-port", lambda offer: offer.replace("port:5000", "port:0")),
    "tiny messages": (422, "max-message-size", lambda offer: offer.replace(":262144", ":10")),
    "old data section": (
        422,
        "webrtc-datachannel",
        lambda offer: offer.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000"),
    ),
    "two data sections": (
        422,
        "one data section",
        lambda offer: (offer + sections(offer)[1][2].replace("mid:2", "mid:3")).replace(
            "BUNDLE 0 1 2", "BUNDLE 0 1 2 3"
        ),
    ),
    "unknown section": (422, "is 'text'", lambda offer: offer.replace("m=audio", "m=text")),
    "hundreds of m-lines": (
        422,
        "at most 16",
        lambda offer: offer + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 500,
    ),
    "too many lines": (422, "at most 1500", lambda offer: offer + "a=x\r\n" * 1500),
    "too many candidates": (
        422,
        "candidates",
        lambda offer: offer + "a=candidate:1 1 udp 1 198.51.100.1 9 typ host\r\n" * 65,
    ),
    "too many codecs": (
        422,
        "codecs",
        lambda offer: offer + "a=rtpmap:96 VP8/90000\r\n" * 129,
    ),
    "too much feedback": (422, "a=rtcp-fb", lambda offer: offer + "a=rtcp-fb:* nack\r\n" * 65),
    "65 KiB": (413, "at most 65536 bytes", lambda offer: offer + "a=x\r\n" * 13312),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_offer_is_refused_with_a_sentence(
    server: Server, offer: str, name: str
) -> None:
    status, words, spoil = BAD[name]
    response = await server.post(spoil(offer))
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert words in (await response.json())["detail"]
    assert not server.store.ended  # the session still waits for a better offer


async def test_a_good_offer_may_follow_a_bad_one(server: Server, offer: str) -> None:
    assert (await server.post("garbage")).status == 400
    assert (await server.post(offer.replace(" VP8/", " VP7/").replace("H264", "H2"))).status == 422
    response = await server.post(offer)
    assert response.status == 201


async def test_the_answer_receives_video_and_nothing_else(server: Server, offer: str) -> None:
    response = await server.post(offer)
    answer = await response.text()
    assert response.status == 201
    assert response.content_type == "application/sdp"
    assert response.headers["Location"].startswith(f"/v1/whip/{SESSION}/")
    assert response.headers["ETag"].startswith('"')
    assert "Link" not in response.headers
    directions = [
        line for line in answer.splitlines() if line in ("a=recvonly", "a=inactive", "a=sendrecv")
    ]
    assert directions == ["a=inactive", "a=recvonly"]
    assert "a=fmtp:96 x-google-start-bitrate=1500" in answer


async def test_ice_servers_come_with_the_answer_as_whip_has_them(
    tmp_path: Path, offer: str
) -> None:
    options = {
        "ice_servers": ("stun:stun.example:3478",),
        "turn_urls": ("turn:turn.example:3478", "turn:turn.example:3478?transport=tcp"),
        "turn_secret": "0123456789abcdef0123456789abcdef",
    }
    async with running(tmp_path, **options) as server:
        response = await server.post(offer)
        assert response.status == 201
        stun, *turn = response.headers.getall("Link")
    assert stun == '<stun:stun.example:3478>; rel="ice-server"'
    for url, link in zip(options["turn_urls"], turn, strict=True):
        name, password = re.fullmatch(
            rf'<{re.escape(url)}>; rel="ice-server"; username="(\d+:{USER})"; '
            r'credential="([^"]+)"; credential-type="password"',
            link,
        ).groups()
        assert password == turn_password(str(options["turn_secret"]), name)


async def test_nobody_gets_credentials_without_a_good_token(tmp_path: Path, offer: str) -> None:
    turn = {"turn_urls": ("turn:turn.example",), "turn_secret": "0123456789abcdef" * 2}
    async with running(tmp_path, **turn) as server:
        server.token = "guessed"
        response = await server.post(offer)
        assert response.status == 401
        assert "Link" not in response.headers


@needs_address
async def test_the_answer_names_the_address_that_others_see(tmp_path: Path, offer: str) -> None:
    public = ("203.0.113.9", "2001:db8::9")
    async with running(tmp_path, public_addresses=public) as server:
        answer = await (await server.post(offer)).text()
    addresses = [line.split()[4] for line in answer.splitlines() if "a=candidate" in line]
    assert addresses
    # One that is public by itself stays, as it may be on the machine of this test.
    assert all(a in public or ipaddress.ip_address(a).is_global for a in addresses)


async def test_a_section_without_direction_is_sent_both_ways(server: Server, offer: str) -> None:
    response = await server.post(without(offer, "a=sendonly", "a=sendrecv"))
    assert response.status == 201
    assert "a=recvonly" in await response.text()


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/sdp2"])
async def test_another_media_type_is_refused(server: Server, offer: str, content_type: str) -> None:
    headers = {**server.headers, "Content-Type": content_type}
    response = await server.http.post(f"/v1/whip/{SESSION}", data=offer, headers=headers)
    assert response.status == 415
    assert response.headers["Accept-Post"] == "application/sdp"


async def test_a_body_that_streams_past_the_limit_is_refused(server: Server) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"v" * 1024

    headers = {**server.headers, "Content-Type": "application/sdp"}
    response = await server.http.post(f"/v1/whip/{SESSION}", data=endless(), headers=headers)
    assert response.status == 413


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["none", "forged", "user", "other session"])
async def test_a_token_that_is_not_for_this_session_is_refused(
    server: Server, offer: str, method: str, kind: str
) -> None:
    now = server.now()
    token = {
        "none": None,
        "forged": server.tokens.issue_session(SESSION, USER, now) + "x",
        "user": server.tokens.issue_user(USER, "sign-in", now),
        "other session": server.tokens.issue_session(OTHER, USER, now),
    }[kind]
    path = f"/v1/whip/{SESSION}" if method == "POST" else f"/v1/whip/{SESSION}/{OTHER}"
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    response = await server.http.request(method, path, data=offer, headers=headers)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert server.sessions.live == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/v1/whip/{SESSION}", 401),
        ("PATCH", f"/v1/whip/{SESSION}/{OTHER}", 401),
        ("DELETE", f"/v1/whip/{SESSION}/{OTHER}", 404),  # the token counts, the address is wrong
    ],
)
async def test_a_token_that_has_run_out_is_good_for_hanging_up_alone(
    server: Server, method: str, path: str, status: int
) -> None:
    server.token = server.tokens.issue_session(SESSION, USER, server.now() - timedelta(seconds=61))
    response = await server.http.request(method, path, headers=server.headers)
    assert response.status == status
    assert server.sessions.live == 1


async def test_an_unknown_session_is_not_found(server: Server, offer: str) -> None:
    token = server.tokens.issue_session(OTHER, USER, server.now())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    response = await server.http.post(f"/v1/whip/{OTHER}", data=offer, headers=headers)
    assert response.status == 404
    assert "has ended" in (await response.json())["detail"]


async def test_an_ended_session_takes_no_offer(server: Server, offer: str) -> None:
    await server.sessions.end(SESSION, "deleted")
    assert (await server.post(offer)).status == 404


async def test_another_peer_of_the_session_is_not_found(server: Server, offer: str) -> None:
    await server.post(offer)
    path = f"/v1/whip/{SESSION}/{OTHER}"
    assert (await server.http.delete(path, headers=server.headers)).status == 404
    assert (await server.patch(path, "a=end-of-candidates")).status == 404
    assert server.sessions.live == 1


async def test_deleting_is_idempotent(server: Server, offer: str) -> None:
    location = (await server.post(offer)).headers["Location"]
    for _ in range(3):
        assert (await server.http.delete(location, headers=server.headers)).status == 200
    assert [(end[0], end[1]) for end in server.store.ended] == [(SESSION, "deleted")]


FRAGMENTS = {
    "restart by ETag": (422, "ICE restarts are not supported", "a=end-of-candidates", "*"),
    "restart by ufrag": (422, "ICE restarts are not supported", "a=ice-ufrag:other", None),
    "restart by password": (422, "ICE restarts are not supported", "a=ice-pwd:other", None),
    "another ETag": (412, "If-Match", "a=end-of-candidates", '"other"'),
    "nothing in it": (400, "no a=candidate", "a=mid:0", None),
    "broken candidate": (400, "a=candidate", "a=candidate:1 1 udp", None),
    "too many": (
        400,
        "at most 64",
        "a=candidate:1 1 udp 1 198.51.100.1 9 typ host\r\n" * 65,
        None,
    ),
}


@pytest.mark.parametrize("name", FRAGMENTS)
async def test_a_bad_fragment_is_refused_with_a_sentence(
    server: Server, offer: str, name: str
) -> None:
    status, words, fragment, etag = FRAGMENTS[name]
    location = (await server.post(offer)).headers["Location"]
    headers = {"If-Match": etag} if etag else {}
    response = await server.patch(location, fragment, **headers)
    assert response.status == status
    assert words in (await response.json())["detail"]


async def test_the_etag_of_the_answer_is_accepted(server: Server, offer: str) -> None:
    response = await server.post(offer)
    headers = {"If-Match": response.headers["ETag"]}
    fragment = "a=candidate:1 1 udp 1 198.51.100.1 9 typ host\r\n"
    assert (await server.patch(response.headers["Location"], fragment, **headers)).status == 204


async def test_options_say_what_is_taken(server: Server) -> None:
    endpoint = await server.http.options(f"/v1/whip/{SESSION}")
    assert (endpoint.status, endpoint.headers["Accept-Post"]) == (204, "application/sdp")
    resource = await server.http.options(f"/v1/whip/{SESSION}/{OTHER}")
    assert (resource.status, resource.headers["Allow"]) == (204, "PATCH, DELETE, OPTIONS")


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_other_methods_are_not_allowed(server: Server, method: str) -> None:
    response = await server.http.request(method, f"/v1/whip/{SESSION}", headers=server.headers)
    assert response.status == 405
