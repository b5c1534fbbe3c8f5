import assert from "node:assert/strict";
import { test } from "node:test";

import { lastPart, shownCount, typedCount } from "../static/call-count.js";

test("without a correction as many are shown as were counted", () => {
  assert.equal(shownCount(null, 7), 7);
});

test("what is counted after a correction comes on top of it", () => {
  const correction = { repetitions: 6, counted: 7 };
  assert.equal(shownCount(correction, 7), 6);
  assert.equal(shownCount(correction, 9), 8);
});

test("a count is never below none", () => {
  assert.equal(shownCount({ repetitions: 0, counted: 5 }, 3), 0);
});

test("only whole numbers that the server takes are a count", () => {
  assert.equal(typedCount(" 12 "), 12);
  assert.equal(typedCount("0"), 0);
  for (const text of ["", "1.5", "-1", "12345", "ten"]) assert.equal(typedCount(text), null, text);
});

test("the last three repetitions before the coach came to the computer are proposed", () => {
  assert.deepEqual(lastPart(30, 3.2, 2.56), { startS: 17.4, endS: 27 });
  assert.deepEqual(lastPart(8, 3.2, 2.56), { startS: 0, endS: 5 });
});

test("a proposal is as long as the network needs, and ten seconds without a rhythm", () => {
  assert.deepEqual(lastPart(30, 0.5, 2.56), { startS: 24.44, endS: 27 });
  assert.deepEqual(lastPart(30, null, 2.56), { startS: 17, endS: 27 });
  assert.deepEqual(lastPart(5.4, 3.2, 2.56), { startS: 0, endS: 5.4 });
});
