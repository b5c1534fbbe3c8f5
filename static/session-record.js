/** What a session's record says, beyond its numbers. No DOM, no network. */
import { aimWords, doneWords } from "./exercise-words.js";
import { keys, t } from "./i18n.js";
import { cueWords } from "./words.js";

const SOURCES = keys({ live: "summary.source.live", file: "summary.source.file", import: "summary.source.import" });

/** Where a session comes from, within a line; null for a source of a newer server. */
export const sourceWords = (source) => (Object.hasOwn(SOURCES, source) ? t(SOURCES[source]) : null);

/** That it was part of a call, within a line; null where it was not. */
export const inCallWords = ({ in_call: inCall = false }) => (inCall ? t("summary.source.call") : null);

/** What a coach corrected the count of a session's repetitions to, null where nobody did. */
export const correctedOf = ({ kind, corrected_repetitions: corrected = null }) => (kind === "repetitions" ? corrected : null);

/** The repetitions of a session: as its coach corrected them, else as they were counted. */
export const repetitionsOf = (session) => correctedOf(session) ?? session.summary?.repetitions ?? 0; // old ones have none

const DONE = {
  repetitions: repetitionsOf,
  hold: ({ summary: { held_s: held } }) => held ?? 0,
  routine: ({ summary: { scored_s: scored } }) => scored,
};

/** What was done of a session's target as `{words, reached}`; null where there is none. */
export function targetOf(session) {
  const { kind, target, summary } = session;
  if (target === null || summary === null || !Object.hasOwn(DONE, kind)) return null;
  const done = Math.floor(Number(DONE[kind](session).toFixed(3))); // sums of tenths miss whole numbers by very little
  const unit = kind === "repetitions" ? "repetitions" : "seconds";
  return { words: doneWords({ done, target, unit }), reached: done >= target };
}

/** What was done, where that is worth a word in a list: of a target, or as a coach corrected it. Else null. */
export function doneOf(session) {
  const words = targetOf(session)?.words ?? null;
  return correctedOf(session) === null ? words : t("reps.corrected", { words: words ?? repetitionsWords(session) });
}

/** "12 repetitions". */
export const repetitionsWords = (session) => aimWords({ kind: "repetitions", target: repetitionsOf(session) });

/**
 * `{reps, others}`: each repetition with the `cues` that were told after it had begun and before the next one did, and
 * the cues that belong to none.
 */
export function cuesByRepetition(repetitions, cues) {
  const reps = repetitions.map((rep) => ({ ...rep, cues: [] }));
  const others = [];
  let at = -1;
  for (const cue of cues) {
    while (at + 1 < reps.length && reps[at + 1].start_s < cue.t_s) at += 1;
    (at < 0 ? others : reps[at].cues).push(cue);
  }
  return { reps, others };
}

/** How often each cue was told, as `[words, count]`, the most frequent first. */
export function cueCounts(cues) {
  const counts = new Map();
  for (const words of cues.map(cueWords)) counts.set(words, (counts.get(words) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
