import assert from "node:assert/strict";
import { test } from "node:test";

import { sampled } from "../static/plots/repetitions.js";
import { countTicks, nameEvery, scale, timeTicks } from "../static/plots/scale.js";
import { at, courseRows, endOf, lines, silences, thinned } from "../static/plots/stretches.js";
import { monthNames } from "../static/plots/weeks.js";
import { speak } from "./languages.mjs";

speak("en");

const HOP_S = 0.32;

/** Scores one hop apart: a number is a score, a text the state without one. */
const said = (...values) =>
  values.map((value, seq) => ({
    t_s: (seq + 1) * HOP_S,
    score: typeof value === "number" ? value : null,
    state: typeof value === "number" ? "scoring" : value,
  }));

const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

test("a scale leads from values to places, and what is beyond stays at the edge", () => {
  const y = scale([0, 100], [220, 20]);
  assert.deepEqual([0, 50, 100, 120, -1].map(y), [220, 120, 20, 20, 220]);
});

test("a scale of a single value is no division by nothing", () => assert.equal(scale([3, 3], [0, 10])(3), 0));

test("the times along an axis are round and not too many", () => {
  assert.deepEqual(timeTicks(7, 4), [0, 2, 4, 6]);
  assert.deepEqual(timeTicks(79.3, 6), [0, 15, 30, 45, 60, 75]);
  for (const endS of [5, 61, 3600, 32_000, 1e6]) assert.ok(timeTicks(endS, 6).length <= 7, `${endS}`);
});

test("counts have whole numbers along their axis, up to the highest", () => {
  assert.deepEqual(countTicks(0), [0, 1]);
  assert.deepEqual(countTicks(4), [0, 2, 4]);
  assert.deepEqual(countTicks(541), [0, 200, 400, 600]);
});

test("names are left out where there is no room for each", () => {
  assert.equal(nameEvery(40, 26), 1);
  assert.equal(nameEvery(15, 26), 2);
});

test("neighbours of one state are one silence, and gaps are told after them", () => {
  const scores = said("warming_up", "warming_up", "still", 80, "lost");
  const gaps = [{ start_s: 0.5, end_s: 0.6, reason: "clock" }];
  assert.deepEqual(silences(scores, gaps), [
    { fromS: 0, toS: 2 * HOP_S, state: "warming_up" },
    { fromS: 2 * HOP_S, toS: 3 * HOP_S, state: "still" },
    { fromS: 4 * HOP_S, toS: 5 * HOP_S, state: "lost" },
    { fromS: 0.5, toS: 0.6, state: "gap" },
  ]);
});

test("a gap and the score that tells of it are one silence", () => {
  const gaps = [{ start_s: 0.1, end_s: 0.5 }, { start_s: 2, end_s: 3 }];
  assert.deepEqual(silences(said(70, "gap", "gap", 70), gaps), [
    { fromS: 0.1, toS: 3 * HOP_S, state: "gap" },
    { fromS: 2, toS: 3, state: "gap" },
  ]);
});

test("a state that a newer server may know is no silence that could be drawn", () => {
  assert.deepEqual(silences(said("dancing"), []), []);
});

test("a line is broken where there was no score, and where none came", () => {
  const [first, second, third] = said(70, "still", 80);
  const later = { ...third, t_s: 60, score: 90 };
  assert.deepEqual(
    lines([first, second, third, later]).map((line) => line.map(({ score }) => score)),
    [[70], [80], [90]],
  );
});

test("a long line keeps its lowest and its highest, in order", () => {
  const line = Array.from({ length: 10_000 }, (_, t) => ({ t, score: t === 7_001 ? 3 : t === 42 ? 99 : 50 }));
  const drawn = thinned(line, 100);
  assert.equal(drawn.length, 200);
  assert.deepEqual(drawn.filter(({ score }) => score !== 50), [{ t: 42, score: 99 }, { t: 7_001, score: 3 }]);
  assert.ok(drawn.every(({ t }, place) => place === 0 || drawn[place - 1].t <= t));
});

test("a short line is drawn as it is", () => {
  const line = [{ t: 0, score: 1 }, { t: 1, score: 2 }];
  assert.equal(thinned(line, 1), line);
});

test("the course ends with what was said last", () => {
  assert.equal(endOf([], []), 5);
  assert.equal(endOf(said(50), [{ start_s: 7, end_s: 9 }]), 9);
});

test("the course in rows tells each stretch in the order of time", () => {
  const rows = courseRows(said("warming_up", 60, 80, "still", 90), []);
  assert.deepEqual(rows.map(({ state }) => state), ["warming_up", "scoring", "still", "scoring"]);
  assert.deepEqual([rows[1].lowest, rows[1].mean, rows[1].highest], [60, 70, 80]);
  near(rows[1].fromS, 2 * HOP_S);
  near(rows[1].toS, 3 * HOP_S);
});

test("a long stretch of scores is told in parts, and the table of an hour is short", () => {
  const scores = said(...Array.from({ length: 11_250 }, (_, seq) => seq % 100));
  const rows = courseRows(scores, []);
  assert.ok(rows.length > 5 && rows.length <= 13, `${rows.length}`);
});

test("each moment is what was told of the time before it, and a gap is a gap", () => {
  const scores = said("warming_up", 70, 80);
  const gaps = [{ start_s: 0.7, end_s: 0.8 }];
  assert.deepEqual(at(0, scores, gaps), { state: "warming_up", score: null });
  assert.deepEqual(at(0.5, scores, gaps), { state: "scoring", score: 70 });
  assert.deepEqual(at(0.75, scores, gaps), { state: "gap", score: null });
  assert.deepEqual(at(99, scores, gaps), { state: "scoring", score: 80 });
});

test("of very many repetitions some are drawn, evenly", () => {
  assert.deepEqual(sampled([1, 2, 3, 4, 5], 2), [1, 4]);
  assert.deepEqual(sampled([1, 2], 2), [1, 2]);
});

test("a month is named in the first week that it has, as far as there is room", () => {
  const weeks = ["2026-09-21", "2026-09-28", "2026-10-05", "2026-10-12"].map((monday) => ({ monday }));
  assert.deepEqual(monthNames(weeks, 40), [{ at: 0, name: "Sept" }, { at: 2, name: "Oct" }]);
  assert.deepEqual(monthNames(weeks, 10), [{ at: 0, name: "Sept" }]);
});
