"""Offers, answers and trickled candidates as text: what may reach aiortc, and what leaves it.

aiortc reads SDP generously and fails in many ways, some of them later and out of sight. So an
offer is counted first (its parser takes quadratic time), parsed once, and checked for everything
that the connection will need.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp, grouplines

from posesim.errors import PosesimError

MAX_BYTES = 64 * 1024
MAX_LINES = 1500  # Chromium offers about 350
MAX_SECTIONS = 16
MAX_CANDIDATES = 64
MAX_CODECS = 128  # of one section: there are not more dynamic payload types
MAX_WILDCARDS = 64  # "a=rtcp-fb:*", which aiortc multiplies with the codecs
SMALLEST_MAX_MESSAGE = 1024  # bytes; our own messages are below it

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_DIGESTS = ("sha-256", "sha-384", "sha-512")


class NotSdp(PosesimError):
    """A text that is no session description."""


class UnusableOffer(PosesimError):
    """A session description from which no session can come."""


class IceRestart(PosesimError):
    """A fragment with other ICE credentials than the offer's."""

    def __init__(self) -> None:
        super().__init__("ICE restarts are not supported. Start a new session instead.")


@dataclass(frozen=True)
class Offer:
    """An offer that was found usable.

    Attributes:
        text: The SDP, each media section with its direction.
        video_mid: The section whose video is received.
        transport_mid: The section whose transport all share (BUNDLE's first).
        credentials: The client's ICE user fragment and password.
    """

    text: str
    video_mid: str
    transport_mid: str
    credentials: tuple[str, str]


@dataclass(frozen=True)
class Fragment:
    """Trickled candidates; `last` when no more will come."""

    candidates: tuple[RTCIceCandidate, ...]
    last: bool


def read_offer(body: bytes) -> Offer:
    """Read and check the body of a WHIP request.

    Raises:
        NotSdp: If it is no SDP.
        UnusableOffer: If it is SDP, but the server can't receive a video by it.
    """
    text = _text(body)
    if not text.startswith("v=0"):
        raise NotSdp("This is not SDP: it must begin with v=0. Send the offer's SDP as the body.")
    session_lines, sections = grouplines(text)
    if not sections:
        raise UnusableOffer("The offer has no media section. Add a video track before the offer.")
    _count(text, sections)
    description = _parse(text)
    default = _direction(session_lines) or "sendrecv"
    for media, lines in zip(description.media, sections, strict=True):
        if media.kind in ("audio", "video") and media.direction is None:
            media.direction = default
            lines.append(f"a={default}")  # aiortc knows neither the default nor the session's
    video = _first_video(description.media)
    transport_mid = _check_bundle(description)
    if sum(media.kind == "application" for media in description.media) > 1:
        raise UnusableOffer("The offer has more than one data section; offer one.")
    for media in description.media:
        _check_section(media)
    transport = next(m for m in description.media if m.rtp.muxId == transport_mid)
    return Offer(
        text="\r\n".join([*session_lines, *(line for lines in sections for line in lines), ""]),
        video_mid=video.rtp.muxId,
        transport_mid=transport_mid,
        credentials=_credentials(transport),
    )


def read_fragment(body: bytes, offer: Offer) -> Fragment:
    """Read the body of a WHIP PATCH request (RFC 8840).

    Raises:
        NotSdp: If it is no fragment.
        IceRestart: If its ICE credentials are not the offer's.
    """
    lines = _text(body).splitlines()
    candidates: list[RTCIceCandidate] = []
    last = False
    for line in lines:
        key, _, value = line.partition(":")
        if key == "a=ice-ufrag" and value != offer.credentials[0]:
            raise IceRestart
        if key == "a=ice-pwd" and value != offer.credentials[1]:
            raise IceRestart
        if key == "a=end-of-candidates":
            last = True
        if key == "a=candidate":
            candidates.append(_candidate(value, offer.transport_mid))
    if not candidates and not last:
        raise NotSdp("This fragment has no a=candidate and no a=end-of-candidates line.")
    if len(candidates) > MAX_CANDIDATES:
        raise NotSdp(f"A fragment may have at most {MAX_CANDIDATES} candidates.")
    return Fragment(tuple(candidates), last)


def with_client_hello(offer: str) -> str:
    """Let the other side begin the DTLS handshake, where its offer leaves that to the answer.

    aiortc would begin it itself and propose ciphers for ECDSA keys alone, which GStreamer's
    webrtcbin refuses: it has seemingly an RSA key. Where webrtcbin begins, they agree.
    """
    return re.sub(r"^a=setup:actpass\b", "a=setup:active", offer, flags=re.MULTILINE)


def with_start_bitrate(answer: str, mid: str, kbit_s: int) -> str:
    """Ask the sender to begin at `kbit_s`, by the format parameters of the first codec of `mid`.

    Without it Chromium begins at 300 kbit/s and takes most of a minute to reach a good picture.
    Others ignore the parameter.
    """
    session_lines, sections = grouplines(answer)
    for lines in sections:
        if f"a=mid:{mid}" in lines:
            payload_type = lines[0].split()[3]
            fmtp = f"a=fmtp:{payload_type} "
            wish = f"x-google-start-bitrate={kbit_s}"
            for index, line in enumerate(lines):
                if line.startswith(fmtp):
                    lines[index] = f"{line};{wish}"
                    break
            else:
                rtpmap = next(
                    i
                    for i, line in enumerate(lines)
                    if line.startswith(f"a=rtpmap:{payload_type} ")
                )
                lines.insert(rtpmap + 1, fmtp + wish)
    return "\r\n".join([*session_lines, *(line for lines in sections for line in lines), ""])


def with_public_addresses(answer: str, addresses: Sequence[str]) -> str:
    """Give the address that others see to each candidate of this machine's own network.

    For a machine that others reach by another address than it has itself: behind a router or in a
    cloud, where each port is mapped to the same port. A candidate whose address is reached from
    everywhere stays as it is.

    Args:
        answer: The SDP, with the candidates in it.
        addresses: At most one of IPv4 and one of IPv6.
    """
    public = {ipaddress.ip_address(address).version: address for address in addresses}

    def seen(address: str) -> str:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return address
        # "0.0.0.0" stands for no address at all.
        own = not ip.is_global and not ip.is_unspecified
        return public.get(ip.version, address) if own else address

    return re.sub(
        r"^(a=candidate:\S+ \S+ \S+ \S+ |c=IN IP[46] )(\S+)",
        lambda line: line[1] + seen(line[2]),
        answer,
        flags=re.MULTILINE,
    )


def _text(body: bytes) -> str:
    if not body.strip():
        raise NotSdp("The body is empty. Send the offer's SDP as the body.")
    if len(body) > MAX_BYTES:
        raise NotSdp(f"SDP may have at most {MAX_BYTES} bytes, got {len(body)}.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotSdp("This is not SDP: it is not text in UTF-8.") from error
    # str.splitlines, which aiortc uses, would break lines at some of these as well.
    if re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f\x85\u2028\u2029]", text):
        raise NotSdp("This is not SDP: it has control characters in it.")
    return text


def _count(text: str, sections: list[list[str]]) -> None:
    if len(sections) > MAX_SECTIONS:
        raise UnusableOffer(
            f"The offer has {len(sections)} media sections; at most {MAX_SECTIONS} are allowed. "
            "Offer one video track and one data connection."
        )
    if (lines := text.count("\n")) > MAX_LINES:
        raise UnusableOffer(f"The offer has {lines} lines; at most {MAX_LINES} are allowed.")
    if (candidates := text.count("a=candidate:")) > MAX_CANDIDATES:
        raise UnusableOffer(
            f"The offer has {candidates} candidates; at most {MAX_CANDIDATES} are allowed."
        )
    if text.count("a=rtcp-fb:*") > MAX_WILDCARDS:
        raise UnusableOffer(f"The offer has more than {MAX_WILDCARDS} a=rtcp-fb:* lines.")
    if max(sum(line.startswith("a=rtpmap:") for line in lines) for lines in sections) > MAX_CODECS:
        raise UnusableOffer(f"A media section of the offer has more than {MAX_CODECS} codecs.")


def _parse(text: str) -> SessionDescription:
    try:
        return SessionDescription.parse(text)
    except Exception as error:  # the parser raises whatever its own lines happen to raise
        raise NotSdp(
            "This is not SDP that can be read. Send the offer as the browser made it."
        ) from error


def _direction(lines: list[str]) -> str | None:
    return next((line[2:] for line in lines if line[2:] in _DIRECTIONS), None)


def _first_video(media: list[MediaDescription]) -> MediaDescription:
    videos = [m for m in media if m.kind == "video"]
    if not videos:
        raise UnusableOffer("The offer has no video. Add the camera's track before the offer.")
    for video in videos:
        if video.direction in ("sendonly", "sendrecv"):
            return video
    raise UnusableOffer(
        "The offer's video would not be sent to the server: its direction is "
        f"{videos[0].direction}. Offer it as sendonly."
    )


def _check_bundle(description: SessionDescription) -> str:
    """Return the first mid of the one BUNDLE group that must hold every section."""
    mids = [media.rtp.muxId for media in description.media]
    if not all(mids) or len(set(mids)) < len(mids):
        raise UnusableOffer("Each media section of the offer needs an a=mid of its own.")
    bundles = [group.items for group in description.group if group.semantic == "BUNDLE"]
    if not bundles and len(mids) == 1:
        return mids[0]
    if len(bundles) != 1 or sorted(map(str, bundles[0])) != sorted(mids):
        raise UnusableOffer(
            "The offer's media must share one transport: a=group:BUNDLE must name every section."
        )
    return str(bundles[0][0])


def _check_section(media: MediaDescription) -> None:
    name = f"The offer's section {media.rtp.muxId!r}"
    if media.kind not in ("audio", "video", "application"):
        raise UnusableOffer(f"{name} is {media.kind!r}; only audio, video and data are known.")
    ufrag, password = _credentials(media)
    if not 0 < len(ufrag) <= 256 or not 0 < len(password) <= 256:
        raise UnusableOffer(f"{name} needs a=ice-ufrag and a=ice-pwd of at most 256 characters.")
    if media.dtls is None:
        raise UnusableOffer(f"{name} needs an a=setup line (actpass).")
    if not any(f.algorithm.lower() in _DIGESTS for f in media.dtls.fingerprints):
        raise UnusableOffer(f"{name} needs an a=fingerprint line with sha-256, sha-384 or sha-512.")
    if media.kind == "application":
        _check_data(media, name)
    elif not media.rtcp_mux:
        raise UnusableOffer(f"{name} needs an a=rtcp-mux line.")


def _credentials(media: MediaDescription) -> tuple[str, str]:
    return (media.ice.usernameFragment or "", media.ice.password or "") if media.ice else ("", "")


def _check_data(media: MediaDescription, name: str) -> None:
    if "webrtc-datachannel" not in media.fmt:
        raise UnusableOffer(f"{name} must be UDP/DTLS/SCTP webrtc-datachannel.")
    if media.sctp_port is None or not 0 < media.sctp_port < 65536:
        raise UnusableOffer(f"{name} needs an a=sctp-port line with a port number.")
    limit = media.sctpCapabilities.maxMessageSize if media.sctpCapabilities else 0
    if limit < 0 or 0 < limit < SMALLEST_MAX_MESSAGE:
        raise UnusableOffer(f"{name} has an a=max-message-size below {SMALLEST_MAX_MESSAGE}.")


def _candidate(value: str, mid: str) -> RTCIceCandidate:
    try:
        candidate = candidate_from_sdp(value)
    except Exception as error:  # as with the whole description
        raise NotSdp("An a=candidate line can't be read.") from error
    candidate.sdpMid = mid  # bundled: whatever section it names, there is one transport
    return candidate
