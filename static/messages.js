/**
 * The messages of the data channels, read and checked. No DOM, no network.
 *
 * The server defines them in `server/live/`, `page_messages.py` and `server_messages.py`; both sides are tested with
 * the same samples. Times are in seconds, scores 0 to 100, components 0 to 1.
 */

import { count, flag, number, numberOrNull, parseJson, passes, record, text } from "./checks.js";

export const VERSION = 1;

/** What the server can see of the person; only `scoring` comes with a number. */
export const STATES = [
  "black",
  "frozen",
  "no_person",
  "partial",
  "several",
  "still",
  "warming_up",
  "lost",
  "gap",
  "scoring",
];

/** The parts of the body that are compared; left is the person's own left. */
export const PARTS = [
  "left_elbow",
  "right_elbow",
  "left_shoulder",
  "right_shoulder",
  "left_hip",
  "right_hip",
  "left_knee",
  "right_knee",
  "trunk",
];

/** What a person can be told to change; `check` names a part of the body. */
export const CUES = ["lower", "higher", "further", "slow_down", "speed_up", "keep_still", "check"];

/** MediaPipe's landmarks of a body; a pose has two numbers for each. */
export const LANDMARKS = 33;

const state = (value) => STATES.includes(value);
const score = (value) => value === null || (number(value) && value >= 0 && value <= 100);
const share = (value) => number(value) && value >= 0 && value <= 1;
const components = (value) =>
  value === null ||
  (record(value) && share(value.movement) && share(value.timing) && share(value.range));
const part = (value) => PARTS.includes(value);
const points = (value) =>
  Array.isArray(value) &&
  value.length === 2 * LANDMARKS &&
  value.every((each, i) => numberOrNull(each) && (each === null) === (value[i ^ 1] === null));
const difference = (value) => record(value) && part(value.part) && number(value.degrees);

/** Whether it is what a session came to. */
export const summary = (value) =>
  record(value) &&
  score(value.score) &&
  state(value.state) &&
  components(value.components) &&
  numberOrNull(value.tempo) &&
  number(value.scored_s) &&
  number(value.duration_s) &&
  score(value.best_score) &&
  numberOrNull(value.best_s) &&
  number(value.gaps) &&
  count(value.repetitions) &&
  count(value.attempts) &&
  numberOrNull(value.held_s);

/** The fields of each message from the server, with the check that each must pass. */
const FIELDS = {
  score: {
    t_s: number,
    state,
    score,
    components,
    reference_s: numberOrNull,
    tempo: numberOrNull,
    lag_s: numberOrNull,
    mirrored: flag,
    repetitions: count,
    held_s: numberOrNull,
    age_s: number,
  },
  pose: { t_s: number, points, parts: (value) => Array.isArray(value) && value.every(part) },
  welcome: {
    session_id: text,
    exercise_name: text,
    reference_duration_s: number,
    window_s: number,
    hop_s: number,
    repetitions: count,
    attempts: count,
  },
  pong: { id: number },
  renewed: { expires_in: number },
  state: { t_s: number, state },
  gap: { start_s: number, end_s: number, reason: text },
  rep: {
    number: count,
    start_s: number,
    end_s: number,
    valid: flag,
    score,
    range: number,
    tempo: numberOrNull,
    differences: (value) => Array.isArray(value) && value.every(difference),
  },
  cue: {
    t_s: number,
    cue: (value) => CUES.includes(value),
    part: (value) => value === null || part(value),
    praise: flag,
  },
  draining: { left_s: number },
  idle: { left_s: number },
  ended: { reason: text, summary: (value) => value === null || summary(value) },
};

/** What one field alone can't tell. */
const AGREES = {
  score: ({ state: seen, score: value }) => seen === "scoring" || value === null,
  cue: ({ cue, part: named }) => (cue === "check") === (named !== null),
};

/**
 * Read one message from the server.
 *
 * Returns null for anything else: text that is not JSON, another version, a type that this page does not
 * know (a newer server may send more), a field that is missing or out of range, and fields that contradict each
 * other, such as a number in a state that has none. Such a message is left out and the next one counts.
 */
export const parseMessage = (data) => checkMessage(parseJson(data));

/** The same for a message that has been parsed already. */
export function checkMessage(message) {
  if (!record(message) || message.v !== VERSION || !Number.isInteger(message.seq)) return null;
  if (!count(message.epoch)) return null;
  if (!passes(message, FIELDS)) return null;
  return AGREES[message.type]?.(message) === false ? null : message;
}

/**
 * The first message of the page over a connection: the server starts to send after it. `lastSeq` is
 * the newest event that came over an earlier one, `lastScore` the score up to which all came, -1 if none did; both are
 * null without an earlier one.
 */
export const hello = (lastSeq = null, lastScore = null) =>
  JSON.stringify({ v: VERSION, type: "hello", last_seq: lastSeq, last_score: lastScore });

/** A sign of life; the server answers with a pong of the same id. */
export const ping = (id) => JSON.stringify({ v: VERSION, type: "ping", id });

/**
 * Where the reference is that the page plays to the person, and how fast it goes (0: paused); both null when it is
 * no longer played.
 */
export const clock = (referenceS, rate) =>
  JSON.stringify({ v: VERSION, type: "clock", reference_s: referenceS, rate });

/** Another token of this session, before the last one runs out; the server answers with `renewed`. */
export const renew = (token) => JSON.stringify({ v: VERSION, type: "renew", token });

/** Ends the session; the server answers with `ended` and its summary. */
export const bye = () => JSON.stringify({ v: VERSION, type: "bye" });
