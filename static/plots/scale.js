/** From values to places, and the marks along an axis. No DOM. */

/** A function from values between `from` and `to` to places between `start` and `end`; values beyond stay inside. */
export function scale([from, to], [start, end]) {
  const size = to - from || 1; // a single value has no extent
  return (value) => start + (end - start) * Math.min(1, Math.max(0, (value - from) / size));
}

/** Along an axis of scores; 50 and 75 are the steps between the words for one. */
export const SCORE_TICKS = [0, 50, 75, 100];

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 86_400];

/** Round times from 0 to `endS`, `most` at most and one every second at least apart. */
export function timeTicks(endS, most) {
  const step = TIME_STEPS_S.find((each) => endS / each < most) ?? Math.ceil(endS / most);
  return Array.from({ length: Math.floor(endS / step) + 1 }, (_, n) => n * step);
}

/** Whole numbers from 0 to at least `most`, three or four of them at even distances. */
export function countTicks(most) {
  const rough = Math.max(1, most / 3);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((each) => each * unit >= rough) * unit);
  return Array.from({ length: Math.ceil(Math.max(1, most) / step) + 1 }, (_, n) => n * step);
}

/** Every how many marks, `size` apart, one can be named when a name needs `room`. */
export const nameEvery = (size, room) => Math.max(1, Math.ceil(room / size));
