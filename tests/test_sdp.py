"""Offers as text. The refusals that a client sees are in test_signaling.py."""

import contextlib
from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from posesim_server.live.sdp import (
    MAX_CODECS,
    MAX_WILDCARDS,
    IceRestart,
    NotSdp,
    Offer,
    UnusableOffer,
    read_fragment,
    read_offer,
    with_public_addresses,
    with_start_bitrate,
)

CHROMIUM = (Path(__file__).parent / "data" / "chromium_offer.sdp").read_bytes().decode()
OFFER = Offer(text="", video_mid="1", transport_mid="0", credentials=("ufrag", "password"))


def test_a_browser_s_offer_is_usable() -> None:
    offer = read_offer(CHROMIUM.encode())
    assert (offer.video_mid, offer.transport_mid) == ("1", "0")
    assert offer.credentials == ("Uf4g", "0123456789abcdefghijklmn")
    assert offer.text == CHROMIUM


def test_a_section_without_direction_gets_the_session_s() -> None:
    lines = [line for line in CHROMIUM.splitlines() if line not in ("a=sendrecv", "a=sendonly")]
    lines.insert(4, "a=sendonly")
    description = SessionDescription.parse(read_offer("\n".join(lines).encode()).text)
    assert [m.direction for m in description.media] == ["sendonly", "sendonly", None]


def test_the_first_video_that_is_sent_is_taken() -> None:
    head, audio, video, channels = CHROMIUM.split("m=")
    idle = video.replace("a=sendonly", "a=inactive").replace("a=mid:1", "a=mid:9")
    head = head.replace("BUNDLE 0 1 2", "BUNDLE 2 9 1 0")
    offer = read_offer("m=".join([head, audio, idle, video, channels]).encode())
    assert (offer.video_mid, offer.transport_mid) == ("1", "2")


def test_one_section_needs_no_bundle() -> None:
    head, _, video, _ = CHROMIUM.split("m=")
    lone = head.replace("a=group:BUNDLE 0 1 2\r\n", "") + "m=" + video
    assert read_offer(lone.encode()).transport_mid == "1"


@settings(max_examples=200)
@given(st.data())
def test_a_spoiled_offer_is_usable_or_refused(data: st.DataObject) -> None:
    lines = CHROMIUM.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "cut", "insert", "swap"])):
            case "drop" if len(lines) > 1:
                del lines[index]
            case "double":
                lines.insert(index, lines[index])
            case "cut":
                lines[index] = lines[index][: data.draw(st.integers(0, len(lines[index])))]
            case "insert":
                at = data.draw(st.integers(0, len(lines[index])))
                word = data.draw(st.text(max_size=8))
                lines[index] = lines[index][:at] + word + lines[index][at:]
            case _:
                lines[0], lines[index] = lines[index], lines[0]
    with contextlib.suppress(NotSdp, UnusableOffer):
        read_offer("\r\n".join(lines).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_no_crash(body: bytes) -> None:
    with contextlib.suppress(NotSdp, UnusableOffer):
        read_offer(b"v=0\r\n" + body)
    with contextlib.suppress(NotSdp, IceRestart):
        read_fragment(body, OFFER)


def test_the_most_expensive_offer_that_is_let_in_stays_small_for_aiortc() -> None:
    # Its parser makes an object for each codec and wildcard; without limits it would be millions.
    head, audio, video, channels = CHROMIUM.split("m=")
    codecs = MAX_CODECS - video.count("a=rtpmap:")
    wildcards = MAX_WILDCARDS - CHROMIUM.count("a=rtcp-fb:*")
    video += "a=rtpmap:96 VP8/90000\r\n" * codecs + "a=rtcp-fb:* nack\r\n" * wildcards
    offer = read_offer("m=".join([head, audio, video, channels]).encode())
    feedback = sum(
        len(codec.rtcpFeedback)
        for media in SessionDescription.parse(offer.text).media
        for codec in media.rtp.codecs
    )
    assert feedback < 20_000


def test_the_bitrate_joins_the_first_codec_s_parameters() -> None:
    answer = (
        "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=rtpmap:97 VP8/90000\r\n"
    )
    assert with_start_bitrate(answer, "0", 1500) == answer.replace(
        "packetization-mode=1", "packetization-mode=1;x-google-start-bitrate=1500"
    )


def test_the_bitrate_gets_a_line_where_the_codec_has_no_parameters() -> None:
    answer = (
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:a\r\na=rtpmap:96 opus/48000/2\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\na=rtcp-mux\r\n"
    )
    assert with_start_bitrate(answer, "v", 1500) == answer.replace(
        "VP8/90000\r\n", "VP8/90000\r\na=fmtp:96 x-google-start-bitrate=1500\r\n"
    )


ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n"
    "m=video 50001 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 10.0.0.5\r\n"
    "a=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2130706431 10.0.0.5 50001 typ host\r\n"
    "a=candidate:2 1 udp 2130706431 fd00::5 50002 typ host\r\na=end-of-candidates\r\n"
)


def test_a_candidate_gets_the_address_that_others_see_and_keeps_its_port() -> None:
    seen = with_public_addresses(ANSWER, ["203.0.113.9", "2001:db8::9"])
    assert seen == ANSWER.replace("10.0.0.5", "203.0.113.9").replace("fd00::5", "2001:db8::9")


def test_a_candidate_without_such_an_address_stays() -> None:
    seen = with_public_addresses(ANSWER, ["203.0.113.9"])
    assert seen == ANSWER.replace("10.0.0.5", "203.0.113.9")
    assert with_public_addresses(ANSWER, []) == ANSWER


def test_an_address_that_everybody_reaches_stays() -> None:
    answer = ANSWER.replace("10.0.0.5", "1.1.1.1").replace("c=IN IP4 1.1.1.1", "c=IN IP4 0.0.0.0")
    assert with_public_addresses(answer, ["203.0.113.9"]) == answer


def test_a_fragment_s_candidates_belong_to_the_shared_transport() -> None:
    fragment = read_fragment(
        b"a=ice-ufrag:ufrag\r\na=ice-pwd:password\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n"
        b"a=candidate:1 1 udp 2113937151 198.51.100.1 40000 typ host\r\na=end-of-candidates\r\n",
        OFFER,
    )
    assert [(c.ip, c.port, c.sdpMid) for c in fragment.candidates] == [("198.51.100.1", 40000, "0")]
    assert fragment.last


@pytest.mark.parametrize("line", [b"a=ice-ufrag:other", b"a=ice-pwd:other"])
def test_other_credentials_are_an_ice_restart(line: bytes) -> None:
    with pytest.raises(IceRestart, match="Start a new session instead"):
        read_fragment(line + b"\r\na=end-of-candidates\r\n", OFFER)
