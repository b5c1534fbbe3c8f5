/** What a session's scores say of its course: when there was a score, and why there was none. No DOM. */
import { timelineData } from "../live-state.js";

/** A table of the course has about so many rows for one stretch of scores. */
const ROWS_A_STRETCH = 12;
const ROW_STEPS_S = [10, 15, 30, 60, 120, 300, 600];

/** The states in the order of legends; `gap` is drawn over the others. */
export const NO_SCORE = ["warming_up", "still", "lost", "partial", "several", "black", "frozen", "no_person", "gap"];

/**
 * When there was no score, and why, as `{fromS, toS, state}`: neighbours of one state are one. Gaps come last; the
 * score that tells of one is a part of it.
 *
 * `scores` and `gaps` are those of a record.
 */
export function silences(scores, gaps) {
  const found = [];
  let before = 0;
  for (const { t_s: toS, score, state } of scores) {
    const last = found.at(-1);
    if (score === null && NO_SCORE.includes(state)) {
      if (last?.toS === before && last.state === state) last.toS = toS;
      else found.push({ fromS: before, toS, state });
    }
    before = toS;
  }
  const told = gaps.map(({ start_s: fromS, end_s: toS }) => ({ fromS, toS, state: "gap" }));
  const states = found.filter(({ state }) => state !== "gap");
  return [...states, ...united([...found.filter(({ state }) => state === "gap"), ...told])];
}

/** Stretches of one state in order, those that overlap or touch made one. */
function united(stretches) {
  const found = [];
  for (const each of stretches.toSorted((a, b) => a.fromS - b.fromS)) {
    const last = found.at(-1);
    if (last !== undefined && each.fromS <= last.toS) last.toS = Math.max(last.toS, each.toS);
    else found.push({ ...each });
  }
  return found;
}

/** Stretches of scores without a hole, each as `[{t, score}]`. */
export function lines(scores) {
  const [times, values] = timelineData(scores.map(({ t_s: t, score }) => ({ t, score })));
  const found = [];
  let line = [];
  times.forEach((t, at) => {
    if (values[at] !== null) line.push({ t, score: values[at] });
    else if (line.length > 0) {
      found.push(line);
      line = [];
    }
  });
  return line.length > 0 ? [...found, line] : found;
}

/** The lowest and the highest of each of `parts` equal parts of a line, which is drawn as if it were whole. */
export function thinned(line, parts) {
  if (line.length <= 2 * parts) return line;
  const size = line.length / parts;
  return Array.from({ length: parts }, (_, part) => {
    const some = line.slice(Math.floor(part * size), Math.floor((part + 1) * size));
    const lowest = some.reduce((least, each) => (each.score < least.score ? each : least));
    const highest = some.reduce((most, each) => (each.score > most.score ? each : most));
    return lowest.t <= highest.t ? [lowest, highest] : [highest, lowest];
  }).flat();
}

/** The end of a session's course in seconds, at least five. */
export const endOf = (scores, gaps) =>
  Math.max(5, scores.at(-1)?.t_s ?? 0, gaps.reduce((most, { end_s: end }) => Math.max(most, end), 0));

/**
 * The course in rows, for a table: `{fromS, toS, state}`, and for `state` "scoring" `lowest`, `mean` and `highest` of
 * a part that is not longer than is useful.
 */
export function courseRows(scores, gaps) {
  const stepS = ROW_STEPS_S.find((each) => endOf(scores, gaps) / each <= ROWS_A_STRETCH) ?? ROW_STEPS_S.at(-1);
  const scored = lines(scores).flatMap((line) => [...parts(line, stepS)]);
  return [...silences(scores, gaps), ...scored].sort((a, b) => a.fromS - b.fromS || a.toS - b.toS);
}

function* parts(line, stepS) {
  const first = line[0].t;
  for (let at = 0; at < line.length; ) {
    const until = first + (Math.floor((line[at].t - first) / stepS) + 1) * stepS;
    const begun = at;
    while (at < line.length && line[at].t < until) at += 1;
    const values = line.slice(begun, at).map(({ score }) => score);
    yield {
      fromS: line[begun].t,
      toS: line[at - 1].t,
      state: "scoring",
      lowest: values.reduce((least, value) => Math.min(least, value)),
      mean: values.reduce((sum, value) => sum + value) / values.length,
      highest: values.reduce((most, value) => Math.max(most, value)),
    };
  }
}

/** What was at `t`: `{state, score}`, the score null where there was none. */
export function at(t, scores, gaps) {
  if (gaps.some(({ start_s: from, end_s: to }) => from <= t && t <= to)) return { state: "gap", score: null };
  let [low, high] = [0, scores.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (scores[middle].t_s < t) low = middle + 1;
    else high = middle;
  }
  const { state, score } = scores[low]; // a row tells of the time before it
  return { state, score };
}
