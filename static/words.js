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

/** Nobody sees less, and the server does not know it more exactly. */
const IN_STEP_S = 0.25;

/** How far the person is behind the reference that is played (below 0: ahead); null when it is not known. */
export function lagWords(lagS) {
  if (lagS === null || lagS === undefined) return null;
  if (Math.abs(lagS) < IN_STEP_S) return "In step";
  return `${Math.abs(lagS).toFixed(1)} s ${lagS > 0 ? "behind" : "ahead"}`;
}

/** Shares of the reference's range up to a bound: as a word, and within a sentence. */
const RANGES = [
  [0.375, "a quarter", "a quarter of the range"],
  [0.625, "half", "half the range"],
  [0.875, "three quarters", "three quarters of the range"],
  [1.2, "full", "full range"],
  [Infinity, "further", "further than the reference"],
];

const rangeRow = (range) => RANGES.find(([bound]) => range <= bound);

/** How far a repetition went, over the reference's: "full", "three quarters", … */
export const rangeWords = (range) => rangeRow(range)[1];

/** A part of the body: "left knee". */
export const partWords = (part) => part.replace("_", " ");

const capital = (words) => words[0].toUpperCase() + words.slice(1);

/** By how much a part differed: "Left knee about 20° less bent than the reference (an estimate)". */
export function differenceWords({ part, degrees }) {
  const opens = part.endsWith("shoulder"); // an arm is raised, not bent
  const more = opens ? degrees > 0 : degrees < 0;
  const how = `${more ? "more" : "less"} ${opens ? "open" : "bent"}`;
  return `${capital(partWords(part))} about ${Math.abs(degrees)}° ${how} than the reference (an estimate)`;
}

/** "7 repetitions" without the number, which stands by itself. */
export const repetitionsWord = (count) => (count === 1 ? "repetition" : "repetitions");

/** "1 attempt", "2 attempts"; null when there is none. */
export function attemptsWords(count) {
  if (count === 0) return null;
  return count === 1 ? "1 attempt" : `${count} attempts`;
}

/** A finished repetition, read out. `count` is null for an attempt. */
export function repWords({ count, score, range, tempo }) {
  const pace = tempo === null ? "" : `, ${tempoWords(tempo).toLowerCase()}`;
  const how = `${rangeRow(range)[2]}${pace}`;
  if (count === null) return `Attempt, not counted: ${how}.`;
  return `${count} ${repetitionsWord(count)}: ${score === null ? "" : `${Math.round(score)}, `}${how}.`;
}

/** For how long a posture is held, as a number and what it counts. */
export function heldWords(seconds) {
  if (seconds >= 60) return { number: clock(seconds), unit: "held" };
  const whole = Math.floor(seconds);
  return { number: String(whole), unit: whole === 1 ? "second held" : "seconds held" };
}

const CUE_WORDS = {
  lower: ["Lower", "Good depth"],
  higher: ["Higher", "Good height"],
  further: ["Further", "Good range"],
  slow_down: ["Slow down", "Good pace"],
  speed_up: ["Speed up", "Good pace"],
  keep_still: ["Keep still", "Nice and still"],
};

/** One thing to tell the person now: what to change or, with `praise`, what has become good. */
export function cueWords({ cue, part, praise }) {
  if (cue === "check") return praise ? `Better: ${partWords(part)}` : `Check your ${partWords(part)}`;
  return CUE_WORDS[cue][praise ? 1 : 0];
}

/** The two ways to move with the reference. */
export const PACES = [
  {
    key: "own",
    name: "At my own pace",
    short: "Own pace",
    says: "The reference shows how. Move as fast as you like.",
  },
  {
    key: "follow",
    name: "Follow the video",
    short: "Follow video",
    says: "Move together with the reference. You see how far behind or ahead you are.",
  },
];

/** Said where a session is prepared. */
export const MIRROR_WORDS = "You may move as in a mirror: either side is right.";

/** What the controls and places of a session are called. */
export const SESSION_WORDS = {
  pace: "How to move",
  voice: "Spoken cues",
  voiceHint: "Say cues aloud (M)",
  voiceOn: "Spoken cues are on.",
  skeleton: "Skeleton",
  skeletonHint: "Show lines over your picture",
  pause: "Pause the reference",
  play: "Play the reference",
  mirrored: ", as in a mirror",
  noReps: "Each repetition is listed here when it is done.",
  hold: "The time runs while you hold the posture.",
};

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
  return words === "" ? "My reference" : capital(words);
}
