/** Numbers and states in words. No DOM, no network. */

/** Seconds as "0:07", "12:30" or "1:02:03". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const pad = (value) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A clip's length: "8.4 s", "45 s" or "2:05". */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 60 ? `${Math.round(seconds)} s` : clock(seconds);
}

/** A share 0-1 as "43 %"; never 100 before it is done. */
export function percent(share) {
  const bounded = Math.min(1, Math.max(0, share));
  return `${bounded < 1 ? Math.floor(bounded * 100) : 100} %`;
}

/** Bytes as "12 MB". */
export function fileSize(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 1 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A score 0-100 as the word a person reads beside the number. */
export function scoreWord(score) {
  if (score >= 75) return "In sync";
  return score >= 50 ? "Close" : "Off";
}

/** The same three steps as a name for style: `good`, `fair`, `poor`, and `none` without a number. */
export function scoreLevel(score) {
  if (score === null || score === undefined) return "none";
  if (score >= 75) return "good";
  return score >= 50 ? "fair" : "poor";
}

const STATE_WORDS = {
  warming_up: ["Getting ready…", "Keep moving, the first score comes in a few seconds."],
  still: ["Start moving", "Follow the movement in the reference."],
  lost: ["Can’t match this movement", "Follow the reference from where it is now."],
  no_person: ["Step into the picture", "The camera can’t see anyone."],
  partial: ["Step back", "Your whole body should be in the picture."],
  several: ["One person at a time", "Someone else is in the picture."],
  gap: ["Connection hiccup", "The picture stopped for a moment. Keep going."],
  scoring: ["Scoring", ""],
};

/** A state as `{title, hint}`. */
export function stateWords(state) {
  const [title, hint] = STATE_WORDS[state] ?? ["Waiting…", ""];
  return { title, hint };
}

const GAP_HINTS = {
  no_frames: "The picture stopped for a moment. Keep going.",
  clock: "The picture stopped for a moment. Keep going.",
  overload: "The server was too busy for a moment. Keep going.",
  restart: "The server had to start its scoring again. Keep going, your scores are kept.",
};

/** What to tell while scores begin anew: a state, and why there was a gap before it (or null). */
export function waitingWords(state, gap) {
  const words = stateWords(state);
  return state === "warming_up" && Object.hasOwn(GAP_HINTS, gap) ? { ...words, hint: GAP_HINTS[gap] } : words;
}

/** What a tempo (the person's speed / the reference's) means; null when there is none. */
export function tempoWords(tempo) {
  if (tempo === null || tempo === undefined) return null;
  if (tempo < 0.9) return `${Math.round((1 - tempo) * 100)} % slower`;
  if (tempo > 1.1) return `${Math.round((tempo - 1) * 100)} % faster`;
  return "On tempo";
}

/** The components of a score: key, name, and what each says. */
export const COMPONENTS = [
  { key: "movement", name: "Movement", says: "Is it the same exercise?" },
  { key: "timing", name: "Timing", says: "Do you keep up with the reference?" },
  { key: "range", name: "Range", says: "Do you move as far?" },
];

const END_WORDS = {
  left: "You ended the session.",
  deleted: "The session was ended.",
  lost: "The connection was lost. Your scores up to then are kept.",
  expired: "The session reached its longest duration.",
  shutdown: "The server was stopped. Your scores up to then are kept.",
  failed: "Something went wrong on the server. Your scores up to then are kept.",
  never_joined: "No picture reached the server. Check your network and try again.",
  reference_deleted: "The reference was deleted during the session.",
};

/** Why a session ended, as a sentence. */
export function endWords(reason) {
  return END_WORDS[reason] ?? "The session has ended.";
}

/** True when a session ended the way its person wanted. */
export const endedWell = (reason) => reason === "left" || reason === "deleted";

const NO_SCORE_WORDS = {
  still: "You hardly moved. Follow the reference next time.",
  lost: "Your movement matched no part of the reference.",
  no_person: "The camera did not see anyone.",
  partial: "Only a part of you was in the picture. Step further back next time.",
  several: "More than one person was in the picture.",
  gap: "The connection was interrupted too often.",
};

/** What to tell when a session has no score. */
export function noScoreWords(summary) {
  if (summary === null) return "No picture was scored.";
  if (summary.duration_s < 5) return "Too short for a score. Move for at least five seconds.";
  return NO_SCORE_WORDS[summary.state] ?? "Not enough movement was seen for a score.";
}

/**
 * A time as a person says it: "Today, 14:05", "Yesterday, 09:30", "Mon 3 Mar, 18:00".
 *
 * `now` and `locale` are arguments so that the words can be tested.
 */
export function when(timestamp, now = new Date(), locale = undefined) {
  const date = new Date(timestamp);
  const time = date.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  const day = (value) => new Date(value.getFullYear(), value.getMonth(), value.getDate());
  const days = Math.round((day(now) - day(date)) / 86_400_000);
  if (days === 0) return `Today, ${time}`;
  if (days === 1) return `Yesterday, ${time}`;
  const words = { weekday: "short", day: "numeric", month: "short" };
  if (date.getFullYear() !== now.getFullYear()) words.year = "numeric";
  return `${date.toLocaleDateString(locale, words)}, ${time}`;
}

/** A name for a reference made of its file's name: "push_up-side.mp4" is "Push up side". */
export function nameFromFile(fileName) {
  const words = fileName
    .replace(/\.[^.]{1,5}$/, "")
    .replace(/[_\-.\s]+/g, " ")
    .trim()
    .slice(0, 80)
    .trim();
  return words === "" ? "My reference" : words[0].toUpperCase() + words.slice(1);
}
