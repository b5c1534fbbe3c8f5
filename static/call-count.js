/** Repetitions that the coach counts otherwise than the server. No DOM, no network. */

/**
 * How many to show. A correction is `{repetitions, counted}`: what the coach said, and how many had been counted by
 * then; what has been counted since comes on top. Null: as many as were counted.
 */
export function shownCount(correction, counted) {
  return correction === null ? counted : Math.max(0, correction.repetitions + counted - correction.counted);
}

/** The most that the server takes. */
export const MOST_REPETITIONS = 9_999;

/** A count as somebody typed it, or null for what is none. */
export function typedCount(text) {
  const words = text.trim();
  if (!/^\d{1,4}$/.test(words)) return null;
  return Number(words);
}

/** So many repetitions of a demonstration are kept, if nobody says otherwise. */
const KEPT_CYCLES = 3;

/** Without a rhythm this much is kept. */
const KEPT_S = 10;

/** The end of a recording is the coach's way to the computer. */
const WAY_S = 3;

/** The part of a recording that is proposed as a clip: its last repetitions, `{startS, endS}`. */
export function lastPart(clipS, cycleS, shortestS) {
  const endS = clipS - WAY_S >= shortestS ? hundredths(clipS - WAY_S) : clipS;
  const wantedS = Math.max(shortestS, cycleS === null ? KEPT_S : KEPT_CYCLES * cycleS);
  return { startS: Math.max(0, hundredths(endS - wantedS)), endS };
}

const hundredths = (seconds) => Math.round(seconds * 100) / 100;
