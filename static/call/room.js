/** A call from the inside: its line to the server, the connection to the other person, the own stream to be scored. */
import { callToken } from "../api.js";
import { openCallSocket } from "./call-socket.js";
import { openPeer } from "./peer.js";
import { qualityOf } from "./quality.js";
import { ticketStreams } from "./streams.js";

const STATS_MS = 2_000;

/** What the server's tickets are for, as the view calls it. */
const STREAMS = { score: "scoring", reference: "showing" };

/** What is known of the call's lines before anything has been opened. */
export const closedRoom = {
  status: "opening",
  over: null,
  error: null,
  peerState: null,
  remote: null,
  quality: null,
  scoring: "off",
  showing: "off",
};

/**
 * Be in the call `id` until `signal` aborts or it is over.
 *
 * - `tracks` and `media` are the own ones at the begin: `{camera, microphone}` as tracks or null, and as whether they
 *   are sent.
 * - `onMessage` gets the server's messages, and as `live` messages what comes over the own stream.
 * - `onChange` gets the fields of `closedRoom` that changed.
 * - `expected()`: whether the other person sends something.
 *
 * Returns `{send(type, fields), change(tracks, media), tellClock(referenceS, rate), leave()}`.
 */
export function enterRoom(
  id,
  { tracks, media, onMessage, onChange, expected, makePeer = openPeer, makeSocket = openCallSocket, makeStreams = ticketStreams },
  signal,
) {
  const inside = new AbortController();
  const own = AbortSignal.any([signal, inside.signal]);
  let [now, sent] = [tracks, media];
  let ice = null; // the newest welcome has it
  let peer = null;
  let closePeer = () => {};

  const tell = (changes) => own.aborted || onChange(changes);
  const over = (reason, error) => {
    if (own.aborted) return;
    inside.abort();
    onChange({ ...closedRoom, status: "over", over: reason, error });
  };

  const streams = makeStreams(
    {
      camera: now.camera,
      onMessage: (sessionId, message) => onMessage({ type: "live", session_id: sessionId, message }),
      onStatus: (purpose, status) => tell({ [STREAMS[purpose]]: status }),
    },
    own,
  );

  const socket = makeSocket(
    {
      askToken: (asking) => callToken(id, asking),
      epoch: () => peer?.epoch ?? null,
      onMessage: take,
      onLine: (status, error) => tell({ status, error }),
      onOver: over,
    },
    own,
  );

  function take(message) {
    onMessage(message);
    switch (message.type) {
      case "welcome":
        ice = message;
        socket.send("media", sent);
        peer?.configure(ice);
        peer?.resume();
        break;
      case "renewed":
        // Credentials of relays run out, too: the next restart needs new ones.
        ice = { ...ice, ice_servers: message.ice_servers };
        peer?.configure(ice);
        break;
      case "peer":
        meet(message);
        break;
      case "description":
      case "candidate":
        if (message.epoch === peer?.epoch) peer.receive(message);
        break;
      case "ticket":
        streams.take(message);
        break;
    }
  }

  /** Connect to the other person anew: what was before is of another page, or of another room. */
  function meet(message) {
    closePeer();
    const meeting = new AbortController();
    closePeer = () => meeting.abort();
    own.addEventListener("abort", closePeer, { once: true, signal: meeting.signal });
    tell({ remote: null, quality: null });
    peer = makePeer(
      {
        message,
        ice,
        tracks: now,
        send: socket.send,
        onRemote: (remote) => tell({ remote }),
        onState: (peerState) => tell({ peerState }),
      },
      meeting.signal,
    );
    measure(peer, (quality) => tell({ quality }), expected, meeting.signal);
  }

  return {
    send: socket.send,
    change(nextTracks, nextMedia) {
      now = nextTracks;
      peer?.change(now);
      streams.change(now.camera);
      const same = nextMedia.camera === sent.camera && nextMedia.microphone === sent.microphone;
      sent = nextMedia;
      if (!same) socket.send("media", sent); // while the line is down the next welcome tells it
    },
    tellClock: streams.tellClock,
    leave() {
      socket.send("leave");
      over("left", null);
    },
  };
}

/** Tell how good a connection is, every other second while there is one. */
function measure(peer, onQuality, expected, signal) {
  let before = null;
  const timer = setInterval(async () => {
    const after = await peer.stats();
    if (signal.aborted) return;
    if (before !== null) onQuality(qualityOf(before, after, expected()));
    before = after;
  }, STATS_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
