/** The live connection: camera out by WHIP, scores in by data channel. */

import { endWhip, exchangeOffer, renewSessionToken } from "./api.js";
import { t } from "./i18n.js";
import { bye, clock, hello, parseMessage, ping, renew } from "./messages.js";

/** Bits a second: enough for 640x480 at 25 frames; more would not change what the server sees. */
const MAX_BITRATE = 1_500_000;
const MAX_FRAMERATE = 25;

/** How long to collect our addresses. One unreachable STUN server would otherwise hold us up for many seconds. */
const GATHERING_MS = 2_000;

/** How long the way from the answer to an open channel may take before it counts as failed. */
const OPENING_MS = 15_000;

const PING_MS = 2_000;
/** Without a message for this long the connection is shown as weak: two pings went unanswered. */
const WEAK_MS = 5_000;
/** How long to wait for the server's last message after `bye`. */
const GOODBYE_MS = 3_000;

/** The connection could not be made; the message says what to do. */
export class ConnectionError extends Error {
  constructor(message) {
    super(message);
    this.name = "ConnectionError";
  }
}

/**
 * Connect to the session that the server opened.
 *
 * `offered` is the answer of `createSession`. `onMessage` gets each message of the server; `onStatus` gets
 * `"good"`, `"weak"` or, once and at last, `"lost"`. Everything ends when `signal` aborts.
 *
 * Returns, when the channel is open, `{send(track), tellClock(referenceS, rate), leave()}`: `send` starts to send a
 * camera track, `tellClock` says where the reference is that is played (nulls: none is any more), `leave` says goodbye,
 * waits for the summary a moment and closes.
 */
export async function connect(offered, { onMessage, onStatus }, signal) {
  signal.throwIfAborted();
  const own = new AbortController();
  const close = () => own.abort();
  signal.addEventListener("abort", close, { once: true });

  const peer = new RTCPeerConnection({ iceServers: offered.ice_servers ?? [] });
  own.signal.addEventListener("abort", () => peer.close(), { once: true });

  // A lost score is not repeated: the next one is newer.
  const scores = peer.createDataChannel("scores", { ordered: false, maxRetransmits: 0 });
  const events = peer.createDataChannel("events");
  const { sender } = peer.addTransceiver("video", {
    direction: "sendonly",
    sendEncodings: [{ maxBitrate: MAX_BITRATE, maxFramerate: MAX_FRAMERATE }],
  });

  let heard = performance.now();
  let ended = false;
  let resolveEnded;
  const endedMessage = new Promise((resolve) => (resolveEnded = resolve));
  const receive = ({ data }) => {
    const message = parseMessage(data);
    if (message === null || own.signal.aborted) return;
    heard = performance.now();
    if (message.type === "ended") {
      ended = true;
      resolveEnded();
    }
    onMessage(message);
  };
  scores.addEventListener("message", receive);
  events.addEventListener("message", receive);

  let location = null;
  let token = offered.token;
  const endOnServer = () => location !== null && endWhip(location, token);
  window.addEventListener("pagehide", endOnServer, { signal: own.signal });

  try {
    const opened = channelOpen(events, peer, own.signal);
    opened.catch(() => {}); // it may fail before anybody waits for it
    await peer.setLocalDescription();
    await gathered(peer, own.signal);
    const answer = await exchangeOffer(
      offered.whip_url,
      token,
      peer.localDescription.sdp,
      own.signal,
    );
    location = answer.location ?? offered.whip_url;
    await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    await opened;
  } catch (error) {
    endOnServer();
    close();
    throw error;
  }
  events.send(hello());
  heard = performance.now();
  keepAllowed(offered, events, (next) => (token = next), own.signal);

  watch(peer, events, {
    quietFor: () => performance.now() - heard,
    onStatus: (status) => !ended && onStatus(status),
    signal: own.signal,
  });

  let played = false; // as the server knows it
  return {
    async send(track) {
      track.contentHint = "motion";
      await sender.replaceTrack(track);
      await keepPace(sender);
    },
    tellClock(referenceS, rate) {
      const plays = referenceS !== null;
      if (events.readyState !== "open" || (!plays && !played)) return;
      events.send(clock(referenceS, rate));
      played = plays;
    },
    async leave() {
      if (!own.signal.aborted && !ended && events.readyState === "open") {
        events.send(bye());
        await Promise.race([endedMessage, pause(GOODBYE_MS, own.signal)]);
      }
      await Promise.race([endOnServer(), pause(GOODBYE_MS, own.signal)]); // the line may be dead
      close();
    },
  };
}

/**
 * Bring another token while half of the last one's time is left. Where that fails it is tried again; in the end the
 * server says that the session is over.
 */
async function keepAllowed(offered, events, onToken, signal) {
  let lifetimeS = offered.expires_in;
  for (;;) {
    await pause((lifetimeS / 2) * 1000, signal);
    if (signal.aborted || events.readyState !== "open") return;
    try {
      const { token, expires_in: next } = await renewSessionToken(offered.id, signal);
      onToken(token);
      events.send(renew(token));
      lifetimeS = next;
    } catch {
      if (signal.aborted) return;
      lifetimeS = Math.max(2, lifetimeS / 2);
    }
  }
}

/** On a thin line give up sharpness before frames: a hole in time costs the score its alignment, blur hardly anything. */
async function keepPace(sender) {
  const parameters = sender.getParameters();
  parameters.degradationPreference = "maintain-framerate";
  await sender.setParameters(parameters).catch(() => {}); // not every browser knows it
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function gathered(peer, signal) {
  if (peer.iceGatheringState === "complete") return;
  await Promise.race([
    new Promise((resolve) =>
      peer.addEventListener("icegatheringstatechange", () => {
        if (peer.iceGatheringState === "complete") resolve();
      }),
    ),
    pause(GATHERING_MS, signal),
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

/** Tell how the connection is, whenever that changes. */
function watch(peer, events, { quietFor, onStatus, signal }) {
  let status = null;
  let id = 0;
  const tell = (next) => {
    if (next === status || status === "lost" || signal.aborted) return;
    status = next;
    onStatus(next);
  };
  const look = () => {
    if (["failed", "closed"].includes(peer.connectionState) || events.readyState === "closed") {
      tell("lost");
    } else {
      tell(peer.connectionState === "connected" && quietFor() < WEAK_MS ? "good" : "weak");
    }
  };
  const beat = setInterval(() => {
    if (events.readyState === "open") events.send(ping((id += 1)));
    look();
  }, PING_MS);
  signal.addEventListener("abort", () => clearInterval(beat), { once: true });
  peer.addEventListener("connectionstatechange", look, { signal });
  events.addEventListener("close", look, { signal });
  look();
}
