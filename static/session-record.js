/** What a session's record says, beyond its numbers. No DOM, no network. */
import { doneWords } from "./exercise-words.js";
import { keys, t } from "./i18n.js";
import { cueWords } from "./words.js";

const SOURCES = keys({ live: "summary.source.live", file: "summary.source.file", import: "summary.source.import" });

/** Where a session comes from, within a line; null for a source of a newer server. */
export const sourceWords = (source) => (Object.hasOwn(SOURCES, source) ? t(SOURCES[source]) : null);

const DONE = {
  repetitions: ({ repetitions }) => repetitions ?? 0, // old sessions have none
  hold: ({ held_s: held }) => held ?? 0,
  routine: ({ scored_s: scored }) => scored,
};

/** What was done of a session's target as `{words, reached}`; null where there is none. */
export function targetOf({ kind, target, summary }) {
  if (target === null || summary === null || !Object.hasOwn(DONE, kind)) return null;
  const done = Math.floor(Number(DONE[kind](summary).toFixed(3))); // sums of tenths miss whole numbers by very little
  const unit = kind === "repetitions" ? "repetitions" : "seconds";
  return { words: doneWords({ done, target, unit }), reached: done >= target };
}

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
