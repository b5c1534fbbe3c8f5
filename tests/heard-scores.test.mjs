import assert from "node:assert/strict";
import { test } from "node:test";

import { HeardScores } from "../static/heard-scores.js";

const heard = (...seqs) => {
  const scores = new HeardScores();
  for (const seq of seqs) scores.take(seq);
  return scores;
};
const to = (last, from = 0) => Array.from({ length: last - from + 1 }, (_, i) => from + i);

test("a score counts once, in whatever order it comes", () => {
  const scores = new HeardScores();
  assert.deepEqual([0, 2, 1, 2, 0].map((seq) => scores.take(seq)), [true, true, true, false, false]);
});

for (const [what, seqs, upTo] of [
  ["nothing has come", [], -1],
  ["all have come", to(9), 9],
  ["the first was lost", [1, 2], -1],
  ["one was lost", [0, 1, 3, 4], 1],
  ["one was lost and said again", [0, 1, 3, 4, 2], 4],
  ["one was lost that can't be said again", [...to(9), ...to(100, 11)], 100],
  ["the server was restarted and counts from far above", [...to(9), 2 ** 24], 2 ** 24 - 64],
])
  test(`what the server is told of where ${what}`, () => assert.equal(heard(...seqs).upTo, upTo));

test("of a long session no more is remembered than can be said again", () => {
  const scores = heard(...to(10_000));
  assert.deepEqual(to(10_000, 10_000 - 64).map((seq) => scores.take(seq)), Array(65).fill(false));
  assert.equal(scores.take(0), true);
});
