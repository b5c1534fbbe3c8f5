/**
 * The messages of a call's socket, read, checked and written. No DOM, no network.
 *
 * The server defines them in `server/calls/`, `page_messages.py` and `server_messages.py`; both sides are tested
 * with the same samples.
 */
import { count, flag, having, listOf, number, numberOrNull, oneOf, orNull, parseJson, passes, record, text, textOrNull } from "../checks.js";
import { VERSION, checkMessage, summary } from "../messages.js";

const iceServers = listOf(having({ urls: (value) => text(value) || listOf(text)(value) }));
const policy = oneOf(["all", "relay"]);
const seat = having({
  name: textOrNull,
  present: flag,
  camera: flag,
  microphone: flag,
  ready: orNull(having({ camera: flag, microphone: flag, framed: flag })),
});
const item = having({ id: text, name: text, kind: text });
const run = having({
  state: oneOf(["starting", "running", "paused"]),
  session_id: textOrNull,
  exercise_id: textOrNull,
  name: text,
  live: flag,
  number: count,
  corrected: orNull(count),
});
const mark = having({ id: text, at: text, session_id: textOrNull, t_s: numberOrNull, note: text });
const result = having({
  session_id: text,
  name: text,
  repetitions: count,
  corrected: orNull(count),
  score: numberOrNull,
});

/** The fields of each message from the server, with the check that each must pass. */
const FIELDS = {
  welcome: {
    call_id: text,
    role: oneOf(["coach", "member"]),
    name: text,
    ice_servers: iceServers,
    ice_transport_policy: policy,
    expires_in: number,
  },
  renewed: { ice_servers: iceServers, expires_in: number },
  pong: { id: number },
  refused: { of: text, detail: text },
  state: {
    phase: oneOf(["waiting", "admitted"]),
    title: text,
    coach: seat,
    member: seat,
    program: listOf(item),
    current: orNull(count),
    run: orNull(run),
    live_reference: oneOf(["off", "connecting", "on"]),
    reference: orNull(having({ kind: text, cycle_s: numberOrNull })),
    marks: listOf(mark),
    results: listOf(result),
  },
  peer: { epoch: text, polite: flag },
  description: { epoch: text, kind: oneOf(["offer", "answer"]), sdp: text },
  candidate: {
    epoch: text,
    candidate: text,
    sdp_mid: textOrNull,
    sdp_m_line_index: orNull(count),
    username_fragment: textOrNull,
  },
  ticket: {
    purpose: oneOf(["score", "reference"]),
    id: text,
    whip_url: text,
    token: text,
    expires_in: number,
    ice_servers: iceServers,
    ice_transport_policy: policy,
    name: text,
  },
  live: { session_id: text, message: record },
  result: { session_id: text, name: text, summary: orNull(summary) },
  draining: { left_s: number },
  bye: { reason: text },
};

/**
 * Read one message from the server.
 *
 * Returns null for anything else, as `parseMessage` of a session does; such a message is left out.
 */
export function parseCallMessage(data) {
  const message = parseJson(data);
  if (!record(message) || message.v !== VERSION || !passes(message, FIELDS)) return null;
  return message.type === "live" && checkMessage(message.message) === null ? null : message;
}

/** A message of this page, as text. */
export const callMessage = (type, fields = {}) => JSON.stringify({ v: VERSION, type, ...fields });
