/** One connection to a session, from the offer to an open channel. */

import { exchangeOffer } from "./api.js";
import { t } from "./i18n.js";
import { pause } from "./pause.js";

/** Bits a second: enough for 640x480 at 25 frames; more would not change what the server sees. */
const MAX_BITRATE = 1_500_000;
const MAX_FRAMERATE = 25;

/** How long to collect our addresses. One unreachable STUN server would otherwise hold us up for many seconds. */
const GATHERING_MS = 2_000;

/** How long the way from the answer to an open channel may take before it counts as failed. */
const OPENING_MS = 15_000;

/** The connection could not be made; the message says what to do. */
export class ConnectionError extends Error {
  constructor(message) {
    super(message);
    this.name = "ConnectionError";
  }
}

/**
 * Offer the session what comes by this connection, and wait until it is open.
 *
 * `offered` is the answer of `createSession`, or the ticket of a call; `claim` the ETag of the connection that this one
 * replaces, `*` to replace anybody's, null for the first.
 * `onText` gets what the server says, as text, and `onLocation` where to hang up, as soon as that is known. The
 * connection closes when `signal` aborts, or when it can't be opened. `answerMs` is the longest to wait for an answer.
 *
 * Returns `{peer, events, sender}`.
 */
export async function openLink(
  offered,
  { token, claim = null, maxBitrate = MAX_BITRATE, answerMs = null, onText, onLocation },
  signal,
) {
  signal.throwIfAborted();
  const peer = new RTCPeerConnection({
    iceServers: offered.ice_servers ?? [],
    iceTransportPolicy: offered.ice_transport_policy ?? "all",
  });
  signal.addEventListener("abort", () => peer.close(), { once: true });

  // A lost score is not repeated: the next one is newer.
  const scores = peer.createDataChannel("scores", { ordered: false, maxRetransmits: 0 });
  const events = peer.createDataChannel("events");
  const { sender } = peer.addTransceiver("video", {
    direction: "sendonly",
    sendEncodings: [{ maxBitrate, maxFramerate: MAX_FRAMERATE }],
  });
  const receive = ({ data }) => !signal.aborted && onText(data);
  scores.addEventListener("message", receive);
  events.addEventListener("message", receive);

  const opened = channelOpen(events, peer, signal);
  opened.catch(() => {}); // it may fail before anybody waits for it
  await peer.setLocalDescription();
  await gathered(peer, signal);
  const patience = answerMs === null ? signal : AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const answer = await exchangeOffer(offered.whip_url, token, peer.localDescription.sdp, patience, claim);
  onLocation(answer.location ?? offered.whip_url);
  await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  await opened;
  return { peer, events, sender };
}

/** On a thin line give up sharpness before frames: a hole in time costs the score its alignment, blur hardly anything. */
export async function keepPace(sender) {
  const parameters = sender.getParameters();
  parameters.degradationPreference = "maintain-framerate";
  await sender.setParameters(parameters).catch(() => {}); // not every browser knows it
}

async function gathered(peer, signal) {
  if (peer.iceGatheringState === "complete") return;
  await Promise.race([
    new Promise((resolve) =>
      peer.addEventListener("icegatheringstatechange", () => {
        if (peer.iceGatheringState === "complete") resolve();
      }),
    ),
    pause(GATHERING_MS, signal).catch(() => {}),
  ]);
}

function channelOpen(channel, peer, signal) {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new ConnectionError(t("connection.blocked")));
    const timer = setTimeout(fail, GATHERING_MS + OPENING_MS);
    channel.addEventListener("open", () => (clearTimeout(timer), resolve()), { once: true });
    peer.addEventListener("connectionstatechange", () => peer.connectionState === "failed" && fail());
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
