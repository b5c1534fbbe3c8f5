/**
 * The messages of the data channels, read and checked. No DOM, no network.
 *
 * The server defines them in `messages.py`; both sides are tested with the same samples. Times are in
 * seconds, scores 0 to 100, components 0 to 1.
 */

export const VERSION = 1;

/** What the server can see of the person; only `scoring` comes with a number. */
export const STATES = [
  "no_person",
  "partial",
  "several",
  "still",
  "warming_up",
  "lost",
  "gap",
  "scoring",
];

const number = (value) => typeof value === "number" && Number.isFinite(value);
const numberOrNull = (value) => value === null || number(value);
const text = (value) => typeof value === "string";
const state = (value) => STATES.includes(value);
const score = (value) => value === null || (number(value) && value >= 0 && value <= 100);
const share = (value) => number(value) && value >= 0 && value <= 1;
const record = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const components = (value) =>
  value === null ||
  (record(value) && share(value.movement) && share(value.timing) && share(value.range));
const summary = (value) =>
  record(value) &&
  score(value.score) &&
  state(value.state) &&
  components(value.components) &&
  numberOrNull(value.tempo) &&
  number(value.scored_s) &&
  number(value.duration_s) &&
  score(value.best_score) &&
  numberOrNull(value.best_s) &&
  number(value.gaps);

/** The fields of each message from the server, with the check that each must pass. */
const FIELDS = {
  score: {
    t_s: number,
    state,
    score,
    components,
    reference_s: numberOrNull,
    tempo: numberOrNull,
    lag_s: number,
  },
  welcome: {
    session_id: text,
    exercise_name: text,
    reference_duration_s: number,
    window_s: number,
    hop_s: number,
  },
  pong: { id: number },
  state: { t_s: number, state },
  gap: { start_s: number, end_s: number, reason: text },
  ended: { reason: text, summary: (value) => value === null || summary(value) },
};

/**
 * Read one message from the server.
 *
 * Returns null for anything else: text that is not JSON, another version, a type that this page does not
 * know (a newer server may send more), a field that is missing or out of range, and a number in a state that
 * has none. Such a message is left out and the next one counts.
 */
export function parseMessage(data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  if (!record(message) || message.v !== VERSION || !Number.isInteger(message.seq)) return null;
  const fields = Object.hasOwn(FIELDS, message.type) ? FIELDS[message.type] : null;
  if (fields === null) return null;
  for (const [name, passes] of Object.entries(fields)) {
    if (!passes(message[name])) return null;
  }
  if (message.type === "score" && message.state !== "scoring" && message.score !== null) return null;
  return message;
}

/** The first message of the page: the server starts to send after it. */
export const hello = () => JSON.stringify({ v: VERSION, type: "hello" });

/** A sign of life; the server answers with a pong of the same id. */
export const ping = (id) => JSON.stringify({ v: VERSION, type: "ping", id });

/** Ends the session; the server answers with `ended` and its summary. */
export const bye = () => JSON.stringify({ v: VERSION, type: "bye" });
