/** The connection to the other person's browser: one for each epoch that the server calls out. */
import { negotiate } from "./negotiation.js";

/** Bits a second and frames a second: 640x480 looks no better with more. */
const VIDEO = { maxBitrate: 1_200_000, maxFramerate: 30 };

const KINDS = ["audio", "video"];

/**
 * Connect to the other person until `signal` aborts.
 *
 * Whoever is impolite makes one line for sound and one for pictures, and the first offer; the polite side uses the same
 * two. They stay for as long as the connection: devices that are switched off, changed or granted later need no
 * new offer.
 *
 * - `message` is the server's `peer`, `ice` has `ice_servers` and `ice_transport_policy` of its `welcome`.
 * - `tracks` is `{camera, microphone}`, each null where there is none.
 * - `send(type, fields)` returns whether it could.
 * - `onRemote` gets the other's `MediaStream` whenever a track joins it, `onState` the connection's state.
 *
 * Returns `{epoch, receive(message), resume(), configure(ice), change(tracks), stats()}`.
 */
export function openPeer(
  { message: { epoch, polite }, ice, tracks, send, onRemote, onState, makeConnection = standardConnection },
  signal,
) {
  const connection = makeConnection(configuration(ice));
  signal.addEventListener("abort", () => connection.close(), { once: true });

  const own = new MediaStream(); // names both lines as one: the other browser keeps lips and voice together
  const remote = [];
  let wanted = tracks;

  /** The first line of its kind, or undefined. */
  const line = (kind) => connection.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
  const attach = () =>
    Promise.all(
      KINDS.map((kind) => {
        const track = kind === "audio" ? wanted.microphone : wanted.camera;
        const sender = line(kind)?.sender;
        return sender !== undefined && sender.track !== track ? sender.replaceTrack(track) : null;
      }),
    ).catch(() => {}); // it was closed meanwhile

  const joinLines = () => {
    for (const kind of KINDS) {
      const found = line(kind);
      if (found === undefined || found.direction === "sendrecv") continue;
      found.direction = "sendrecv";
      found.sender.setStreams?.(own);
    }
    attach();
  };

  const negotiation = negotiate(
    connection,
    { polite, send: (type, fields) => send(type, { epoch, ...fields }), beforeAnswer: () => polite && joinLines() },
    signal,
  );

  const on = (event, listener) => connection.addEventListener(event, listener, { signal });
  on("track", ({ track }) => {
    remote.push(track);
    onRemote(new MediaStream(remote));
  });
  on("connectionstatechange", () => onState(connection.connectionState));
  on("signalingstatechange", () => {
    if (connection.signalingState === "stable") limit(line("video")?.sender);
  });

  if (!polite) {
    for (const kind of KINDS) connection.addTransceiver(kind, { direction: "sendrecv", streams: [own] });
    attach();
  }
  onState(connection.connectionState);

  return {
    epoch,
    receive: negotiation.receive,
    resume: negotiation.resume,
    configure: (next) => connection.setConfiguration(configuration(next)),
    change(next) {
      wanted = next;
      return attach();
    },
    stats: async () => [...(await connection.getStats()).values()],
  };
}

const configuration = (ice) => ({ iceServers: ice.ice_servers, iceTransportPolicy: ice.ice_transport_policy });
const standardConnection = (settings) => new RTCPeerConnection(settings);

async function limit(sender) {
  const parameters = sender?.getParameters();
  const first = parameters?.encodings?.[0];
  if (first === undefined || first.maxBitrate === VIDEO.maxBitrate) return;
  Object.assign(first, VIDEO);
  await sender.setParameters(parameters).catch(() => {}); // closed, or a browser that can't
}
