/**
 * The part of a clip that is trained with: `{startS, endS}` in seconds of the clip. No DOM, no network.
 *
 * Clips are long by the server's count, `clipS`: a browser does not know how long a recording is.
 */

/** What the network sees at once, 64 frames: no part is shorter. */
export const SHORTEST_S = 2.56;

/** How far an arrow key and a page key move. */
const STEP_S = 0.1;
const LEAP_S = 1;

/** Nobody sees less than a frame of a clip; what is cut off less than that is nothing. */
const NOTHING_S = 0.02;

/** The part that an exercise plays; `endS` is null where nobody knows yet how long its clip is. */
export const partOf = ({ start_s: start, end_s: end, clip_duration_s: clip = null }) => ({
  startS: start ?? 0,
  endS: end ?? clip,
});

export const wholeClip = (clipS) => ({ startS: 0, endS: clipS });

/** Whether there is anything to choose. */
export const canTrim = (clipS) => clipS !== null && clipS - SHORTEST_S >= STEP_S;

const between = (least, value, most) => Math.max(least, Math.min(most, value));

/** Hundredths, as they are shown. */
const tidy = (seconds) => Math.round(seconds * 100) / 100;

/** The part with its start as near to `toS` as it may be. */
export function moveStart(part, toS) {
  return { ...part, startS: between(0, tidy(toS), Math.floor((part.endS - SHORTEST_S) * 100 + 1e-6) / 100) };
}

/** The part with its end as near to `toS` as it may be. */
export function moveEnd(part, toS, clipS) {
  const least = Math.ceil((part.startS + SHORTEST_S) * 100 - 1e-6) / 100;
  return { ...part, endS: toS > clipS - NOTHING_S ? clipS : Math.min(clipS, Math.max(least, tidy(toS))) };
}

/** The part that begins at `atS`; its end makes way. */
export function startHere(part, atS, clipS) {
  const startS = between(0, tidy(atS), Math.floor((clipS - SHORTEST_S) * 100 + 1e-6) / 100);
  return moveEnd({ startS, endS: part.endS }, Math.max(part.endS, startS + SHORTEST_S), clipS);
}

/** The part that ends at `atS`; its start makes way. */
export function endHere(part, atS, clipS) {
  const { endS } = moveEnd({ startS: 0, endS: clipS }, atS, clipS);
  return moveStart({ startS: part.startS, endS }, Math.min(part.startS, endS - SHORTEST_S));
}

/** The part as the server keeps it: null where nothing is cut off. */
export const trimPoints = ({ startS, endS }, clipS) => ({
  start_s: startS < NOTHING_S ? null : startS,
  end_s: endS === null || endS > clipS - NOTHING_S ? null : endS,
});

/** Where a key leads a handle that stands at `atS`; null for a key that leads nowhere. */
export function keyLeads(key, atS, leastS, mostS) {
  const steps = {
    ArrowLeft: -STEP_S,
    ArrowDown: -STEP_S,
    ArrowRight: STEP_S,
    ArrowUp: STEP_S,
    PageDown: -LEAP_S,
    PageUp: LEAP_S,
  };
  if (key === "Home") return leastS;
  if (key === "End") return mostS;
  return Object.hasOwn(steps, key) ? between(leastS, atS + steps[key], mostS) : null;
}
