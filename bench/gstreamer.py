"""GStreamer as a WHIP client: whether a server takes what webrtcbin offers, and gets its pictures.

    POSESIM_PASSWORD=... /usr/bin/python3 bench/gstreamer.py http://localhost:8080 --user anna

Run it with the system's Python, which has GStreamer's bindings (Debian: python3-gi,
gir1.2-gst-plugins-bad-1.0, gstreamer1.0-plugins-bad, -good, -ugly for H264, -nice), against a
running server with an exercise of that user, who has agreed to scoring. It trains with GStreamer's
test picture for some seconds in each codec, and prints what the server stored: states, because
nobody is in that picture. Ends with 1 where nothing came.
"""

import argparse
import json
import os
import sys
import threading
import urllib.request
from collections import Counter
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

WAIT_S = 20.0  # for an offer with all candidates, and for the connection
ENCODERS = {
    "VP8": "vp8enc deadline=1 target-bitrate=1000000 keyframe-max-dist=50 ! rtpvp8pay "
    "picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "H264": "x264enc tune=zerolatency bitrate=1000 speed-preset=ultrafast key-int-max=50 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 ! "
    "application/x-rtp,media=video,encoding-name=H264,payload=96",
}
PIPELINE = (
    "webrtcbin name=peer bundle-policy=max-bundle videotestsrc is-live=true pattern=ball ! "
    "video/x-raw,width=640,height=480,framerate=25/1 ! videoconvert ! {encoder} ! peer."
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", help="its address")
    parser.add_argument("--user", required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--codec", choices=sorted(ENCODERS), action="append")
    asked = parser.parse_args()
    Gst.init(None)
    print(Gst.version_string())
    credentials = {"username": asked.user, "password": os.environ["POSESIM_PASSWORD"]}
    token = call(f"{asked.server}/token", credentials)["access_token"]
    (exercise, *_) = call(f"{asked.server}/v1/exercises", token=token)["exercises"]
    came = []
    for codec in asked.codec or ["VP8", "H264"]:
        ticket = call(f"{asked.server}/v1/sessions", {"exercise_id": exercise["id"]}, token)
        states = train(asked.server, codec, ticket, asked.seconds)
        rows = call(f"{asked.server}/v1/sessions/{ticket['id']}/scores", token=token)["scores"]
        stored = Counter(row["state"] for row in rows)
        last_s = rows[-1]["t_s"] if rows else 0.0
        print(f"{codec}: {' -> '.join(states)}; {dict(stored)}, the last of picture {last_s:.2f} s")
        came.append(bool(rows))
    return 0 if all(came) else 1


def call(url: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
    """Ask the server for JSON, with a body as JSON if there is one."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content, headers)) as answer:
        return json.load(answer)


def train(server: str, codec: str, ticket: dict[str, Any], seconds: float) -> list[str]:
    """Send pictures for so long, hang up, and return how the connection's state changed."""
    pipeline = Gst.parse_launch(PIPELINE.format(encoder=ENCODERS[codec]))
    peer = pipeline.get_by_name("peer")
    states: list[str] = []
    connected, gathered, offered = threading.Event(), threading.Event(), threading.Event()

    def state_changed(*_: Any) -> None:
        states.append(peer.get_property("connection-state").value_nick)
        if states[-1] in ("connected", "failed"):
            connected.set()

    def gathering_changed(*_: Any) -> None:
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            gathered.set()

    def offer_made(promise: Gst.Promise, *_: Any) -> None:
        reply = promise.get_reply()  # owns the offer
        peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())
        offered.set()

    def negotiate(*_: Any) -> None:
        made = Gst.Promise.new_with_change_func(offer_made, None)
        peer.emit("create-offer", None, made)

    peer.connect("notify::connection-state", state_changed)
    peer.connect("notify::ice-gathering-state", gathering_changed)
    peer.connect("on-negotiation-needed", negotiate)
    # The server only receives: the offer says so too.
    (transceiver,) = [peer.emit("get-transceiver", 0)]
    transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        if not (offered.wait(WAIT_S) and gathered.wait(WAIT_S)):
            sys.exit("GStreamer made no offer.")
        offer = peer.get_property("local-description").sdp.as_text()
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {ticket['token']}"}
        request = urllib.request.Request(
            f"{server}{ticket['whip_url']}", offer.encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request) as answer:
            location = f"{server}{answer.headers['Location']}"
            _, description = GstSdp.SDPMessage.new_from_text(answer.read().decode())
        remote = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, description)
        peer.emit("set-remote-description", remote, Gst.Promise.new())
        if connected.wait(WAIT_S):
            threading.Event().wait(seconds)
        urllib.request.urlopen(
            urllib.request.Request(location, headers=headers, method="DELETE")
        ).close()
    finally:
        pipeline.set_state(Gst.State.NULL)
    return states


if __name__ == "__main__":
    sys.exit(main())
