/**
 * What a screen reader is told of things that change all the time. No DOM, no clock.
 *
 * It says one thing after the other, and a score changes three times a second: so only what has changed is told, the
 * newest of each kind, and nothing for `everyMs` after that.
 */
export function makeAnnouncements(everyMs) {
  const told = new Map(); // kind → words
  const waiting = new Map();
  let toldMs = -Infinity;
  return {
    /** Words of a kind to tell when it is time; null when there are none any more. */
    offer(kind, words) {
      waiting.delete(kind);
      if (words === null) told.delete(kind);
      else if (words !== told.get(kind)) waiting.set(kind, words);
    },
    /** What to tell at `nowMs`, or null. */
    take(nowMs) {
      if (waiting.size === 0 || nowMs - toldMs < everyMs) return null;
      const words = [...waiting.values()].join(" ");
      for (const [kind, each] of waiting) told.set(kind, each);
      waiting.clear();
      toldMs = nowMs;
      return words;
    },
  };
}
