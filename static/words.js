/** Numbers and states in words, in the language of the page. No DOM, no network. */
import { capital, date, decimal, keys, number, percent as percentOf, relative, t } from "./i18n.js";

/** Seconds as "0:07", "12:30" or "1:02:03". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const pad = (value) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A clip's length: "8.4 s", "45 s" or "2:05". */
export function duration(seconds) {
  if (seconds < 10) return `${decimal(seconds, 1)} s`;
  return seconds < 60 ? `${Math.round(seconds)} s` : clock(seconds);
}

/** A share 0-1 as "43%"; never 100 before it is done. */
export function percent(share) {
  const bounded = Math.min(1, Math.max(0, share));
  return percentOf(bounded < 1 ? Math.floor(bounded * 100) / 100 : 1);
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
  return `${value < 10 && unit > 1 ? decimal(value, 1) : number(Math.round(value))} ${units[unit]}`;
}

/** A score 0-100 as one of three steps, a name for style and symbol: `good`, `fair`, `poor`; `none` without a number. */
export function scoreLevel(score) {
  if (score === null || score === undefined) return "none";
  if (score >= 75) return "good";
  return score >= 50 ? "fair" : "poor";
}

const ROLES = keys({ member: "role.member", coach: "role.coach", admin: "role.admin" });

/** Who somebody is on this server: "Coach". */
export const roleWords = (role) => t(ROLES[role]);

const SCORE_WORDS = keys({ good: "score.good", fair: "score.fair", poor: "score.poor" });

/** A score 0-100 as the word a person reads beside the number. */
export const scoreWord = (score) => t(SCORE_WORDS[scoreLevel(score)]);

const STATE_WORDS = keys({
  warming_up: ["state.warming_up.title", "state.warming_up.hint"],
  still: ["state.still.title", "state.still.hint"],
  lost: ["state.lost.title", "state.lost.hint"],
  black: ["state.black.title", "state.black.hint"],
  frozen: ["state.frozen.title", "state.frozen.hint"],
  no_person: ["state.no_person.title", "state.no_person.hint"],
  partial: ["state.partial.title", "state.partial.hint"],
  several: ["state.several.title", "state.several.hint"],
  gap: ["state.gap.title", "state.gap.hint"],
  scoring: ["state.scoring.title", null],
  other: ["state.other.title", null],
});

/** The entry of `name` in a table, else that of `other`: a newer server may know more names. */
const entry = (table, name) => (Object.hasOwn(table, name) ? table[name] : table.other);

/** A state as `{title, hint}`. */
export function stateWords(state) {
  const [title, hint] = entry(STATE_WORDS, state);
  return { title: t(title), hint: hint === null ? "" : t(hint) };
}

const GAP_HINTS = keys({
  no_frames: "state.gap.hint",
  clock: "state.gap.hint",
  overload: "gap.overload",
  restart: "gap.restart",
  paused: "gap.paused",
  connection: "gap.connection",
});

/** What to tell while scores begin anew: a state, and why there was a gap before it (or null). */
export function waitingWords(state, gap) {
  const words = stateWords(state);
  return state === "warming_up" && Object.hasOwn(GAP_HINTS, gap) ? { ...words, hint: t(GAP_HINTS[gap]) } : words;
}

/** What a tempo (the person's speed / the reference's) means, within a sentence; null when there is none. */
export function tempoWords(tempo) {
  if (tempo === null || tempo === undefined) return null;
  if (tempo < 0.9) return t("tempo.slower", { percent: percentOf(1 - tempo) });
  if (tempo > 1.1) return t("tempo.faster", { percent: percentOf(tempo - 1) });
  return t("tempo.on");
}

/** Nobody sees less, and the server does not know it more exactly. */
const IN_STEP_S = 0.25;

/** How far the person is behind the reference that is played (below 0: ahead); null when it is not known. */
export function lagWords(lagS) {
  if (lagS === null || lagS === undefined) return null;
  const seconds = decimal(Math.abs(lagS), 1);
  if (Math.abs(lagS) < IN_STEP_S) return t("lag.in_step");
  return lagS > 0 ? t("lag.behind", { seconds }) : t("lag.ahead", { seconds });
}

/** Shares of the reference's range up to a bound: as a word, and within a sentence. */
const RANGES = keys([
  [0.375, "range.quarter", "range.quarter_of"],
  [0.625, "range.half", "range.half_of"],
  [0.875, "range.three_quarters", "range.three_quarters_of"],
  [1.2, "range.full", "range.full_of"],
  [Infinity, "range.further", "range.further_of"],
]);

const rangeRow = (range) => RANGES.find(([bound]) => range <= bound);

/** How far a repetition went, over the reference's: "full", "three quarters", … */
export const rangeWords = (range) => t(rangeRow(range)[1]);

/** The same within a sentence: "full range", "three quarters of the range", … */
export const rangeOfWords = (range) => t(rangeRow(range)[2]);

const PART_NAMES = keys({
  left_elbow: "part.left_elbow",
  right_elbow: "part.right_elbow",
  left_shoulder: "part.left_shoulder",
  right_shoulder: "part.right_shoulder",
  left_hip: "part.left_hip",
  right_hip: "part.right_hip",
  left_knee: "part.left_knee",
  right_knee: "part.right_knee",
  trunk: "part.trunk",
});

/** A part of the body: "left knee". */
export const partWords = (part) => t(PART_NAMES[part]);

/** By how much a part differed: "Left knee about 20° less bent than the reference (an estimate)". */
export function differenceWords({ part, degrees }) {
  const values = { part: capital(partWords(part)), degrees: Math.abs(degrees) };
  if (part.endsWith("shoulder")) {
    return t(degrees > 0 ? "difference.more_open" : "difference.less_open", values); // an arm is raised, not bent
  }
  return t(degrees < 0 ? "difference.more_bent" : "difference.less_bent", values);
}

/** "7 repetitions" without the number, which stands by itself. */
export const repetitionsWord = (count) => t("reps.unit", { count });

/** "1 attempt", "2 attempts"; null when there is none. */
export const attemptsWords = (count) => (count === 0 ? null : t("reps.attempts", { count }));

/** A finished repetition, read out. `count` is null for an attempt. */
export function repWords({ count, score, range, tempo }) {
  const said = [count === null || score === null ? null : number(Math.round(score)), t(rangeRow(range)[2]), tempoWords(tempo)];
  const how = said.filter((each) => each !== null).join(", ");
  return count === null ? t("reps.spoken_attempt", { how }) : t("reps.spoken", { count, how });
}

/** For how long a posture is held, as a number and what it counts. */
export function heldWords(seconds) {
  if (seconds >= 60) return { number: clock(seconds), unit: t("held.time") };
  const count = Math.floor(seconds);
  return { number: String(count), unit: t("held.seconds", { count }) };
}

const CUE_WORDS = keys({
  lower: ["cue.lower", "cue.lower.praise"],
  higher: ["cue.higher", "cue.higher.praise"],
  further: ["cue.further", "cue.further.praise"],
  slow_down: ["cue.slow_down", "cue.slow_down.praise"],
  speed_up: ["cue.speed_up", "cue.speed_up.praise"],
  keep_still: ["cue.keep_still", "cue.keep_still.praise"],
});

/** Whole sentences: in most languages the part's gender and case change the words around it. */
const CHECK_WORDS = keys({
  left_elbow: "cue.check.left_elbow",
  right_elbow: "cue.check.right_elbow",
  left_shoulder: "cue.check.left_shoulder",
  right_shoulder: "cue.check.right_shoulder",
  left_hip: "cue.check.left_hip",
  right_hip: "cue.check.right_hip",
  left_knee: "cue.check.left_knee",
  right_knee: "cue.check.right_knee",
  trunk: "cue.check.trunk",
});

/** One thing to tell the person now: what to change or, with `praise`, what has become good. */
export function cueWords({ cue, part, praise }) {
  if (cue === "check") return praise ? t("cue.better", { part: partWords(part) }) : t(CHECK_WORDS[part]);
  return t(CUE_WORDS[cue][praise ? 1 : 0]);
}

/** The two ways to move with the reference, each with the keys of its texts. */
export const PACES = keys([
  { key: "own", name: "pace.own.name", short: "pace.own.short", says: "pace.own.says" },
  { key: "follow", name: "pace.follow.name", short: "pace.follow.short", says: "pace.follow.says" },
]);

/** The components of a score, each with the keys of its name and of what it says. */
export const COMPONENTS = keys([
  { key: "movement", name: "score.movement.name", says: "score.movement.says" },
  { key: "timing", name: "score.timing.name", says: "score.timing.says" },
  { key: "range", name: "score.range.name", says: "score.range.says" },
]);

const END_WORDS = keys({
  left: "end.left",
  deleted: "end.deleted",
  lost: "end.lost",
  expired: "end.expired",
  shutdown: "end.shutdown",
  failed: "end.failed",
  never_joined: "end.never_joined",
  reference_deleted: "end.reference_deleted",
  reference_changed: "end.reference_changed",
  signed_out: "end.signed_out",
  token_expired: "end.token_expired",
  call_ended: "end.call_ended",
  coach_stopped: "end.coach_stopped",
  taken_over: "end.taken_over",
  idle: "end.idle",
  other: "end.other",
});

/** Why a session ended, as a sentence. */
export const endWords = (reason) => t(entry(END_WORDS, reason));

const ENDED_WELL = ["left", "deleted", "call_ended", "coach_stopped"];

/** True when a session ended the way its people wanted. */
export const endedWell = (reason) => ENDED_WELL.includes(reason);

const NO_SCORE_WORDS = keys({
  still: "no_score.still",
  lost: "no_score.lost",
  black: "no_score.black",
  frozen: "no_score.frozen",
  no_person: "no_score.no_person",
  partial: "no_score.partial",
  several: "no_score.several",
  gap: "no_score.gap",
  other: "no_score.other",
});

/** What to tell when a session has no score. */
export function noScoreWords(summary) {
  if (summary === null) return t("no_score.nothing");
  if (summary.duration_s < 5) return t("no_score.short");
  return t(entry(NO_SCORE_WORDS, summary.state));
}

/**
 * A time as a person says it: "Today, 14:05", "Tomorrow, 09:30", "Mon 3 Mar, 18:00".
 *
 * `now` is an argument so that the words can be tested.
 */
export const when = (timestamp, now = new Date()) => `${dayWord(timestamp, now)}, ${timeOfDay(timestamp)}`;

/** The day of a time, by this computer's calendar: "Today", "Mon 3 Mar". */
export function dayWord(timestamp, now = new Date()) {
  const then = new Date(timestamp);
  const day = (value) => new Date(value.getFullYear(), value.getMonth(), value.getDate());
  const days = Math.round((day(now) - day(then)) / 86_400_000);
  if (Math.abs(days) <= 1) return capital(relative(-days, "day"));
  const words = { weekday: "short", day: "numeric", month: "short" };
  if (then.getFullYear() !== now.getFullYear()) words.year = "numeric";
  return date(then, words);
}

/** "14:05". */
export const timeOfDay = (timestamp) => date(timestamp, { hour: "2-digit", minute: "2-digit" });

/** A name for a reference made of its file's name: "push_up-side.mp4" is "Push up side". */
export function nameFromFile(fileName) {
  const words = fileName
    .replace(/\.[^.]{1,5}$/, "")
    .replace(/[_\-.\s]+/g, " ")
    .trim()
    .slice(0, 80)
    .trim();
  return words === "" ? t("library.name.default") : capital(words);
}
