import assert from "node:assert/strict";
import { test } from "node:test";

import {
  SHORTEST_S,
  canTrim,
  endHere,
  keyLeads,
  moveEnd,
  moveStart,
  partOf,
  startHere,
  trimPoints,
  wholeClip,
} from "../static/trim.js";

const CLIP_S = 9.633;

test("an exercise that nothing is cut off plays its whole clip", () => {
  assert.deepEqual(partOf({ start_s: null, end_s: null, clip_duration_s: CLIP_S }), wholeClip(CLIP_S));
  assert.deepEqual(partOf({ start_s: 1.2, end_s: 8.4, clip_duration_s: CLIP_S }), { startS: 1.2, endS: 8.4 });
});

test("the end of a clip of unknown length is not known", () => {
  assert.equal(partOf({ start_s: null, end_s: null }).endS, null);
});

test("a handle goes where it is moved, in hundredths", () => {
  assert.deepEqual(moveStart(wholeClip(CLIP_S), 1.23456), { startS: 1.23, endS: CLIP_S });
  assert.deepEqual(moveEnd(wholeClip(CLIP_S), 8.40001, CLIP_S), { startS: 0, endS: 8.4 });
});

test("handles stay inside the clip", () => {
  assert.equal(moveStart(wholeClip(CLIP_S), -3).startS, 0);
  assert.equal(moveEnd(wholeClip(CLIP_S), 99, CLIP_S).endS, CLIP_S);
});

test("handles never come nearer than what the server takes, in whole milliseconds", () => {
  for (const endS of [CLIP_S, 8.4, 5.55, 3.333]) {
    const { startS } = moveStart({ startS: 0, endS }, 99);
    assert.ok(Math.round(endS * 1000) - Math.round(startS * 1000) >= SHORTEST_S * 1000, `${startS} to ${endS}`);
  }
  for (const startS of [0, 0.07, 1.111, 7.07]) {
    const { endS } = moveEnd({ startS, endS: CLIP_S }, 0, CLIP_S);
    assert.ok(Math.round(endS * 1000) - Math.round(startS * 1000) >= SHORTEST_S * 1000, `${startS} to ${endS}`);
  }
});

test("where a part begins here, its end makes way", () => {
  assert.deepEqual(startHere({ startS: 0, endS: 4 }, 3, CLIP_S), { startS: 3, endS: 5.56 });
  assert.deepEqual(startHere({ startS: 0, endS: 8 }, 3, CLIP_S), { startS: 3, endS: 8 });
  assert.deepEqual(startHere({ startS: 0, endS: 4 }, 9.5, CLIP_S), { startS: 7.07, endS: CLIP_S });
});

test("where a part ends here, its start makes way", () => {
  assert.deepEqual(endHere({ startS: 5, endS: 9 }, 6, CLIP_S), { startS: 3.44, endS: 6 });
  assert.deepEqual(endHere({ startS: 1, endS: 9 }, 6, CLIP_S), { startS: 1, endS: 6 });
  assert.deepEqual(endHere({ startS: 5, endS: 9 }, 1, CLIP_S), { startS: 0, endS: SHORTEST_S });
});

test("where nothing is cut off the server is told nothing", () => {
  assert.deepEqual(trimPoints(wholeClip(CLIP_S), CLIP_S), { start_s: null, end_s: null });
  assert.deepEqual(trimPoints({ startS: 0.01, endS: 9.63 }, CLIP_S), { start_s: null, end_s: null });
  assert.deepEqual(trimPoints({ startS: 1.2, endS: 8.4 }, CLIP_S), { start_s: 1.2, end_s: 8.4 });
});

test("a clip of hardly more than the shortest part has nothing to choose", () => {
  assert.deepEqual([null, 2.56, 2.6, 2.7].map(canTrim), [false, false, false, true]);
});

test("arrow keys move a tenth of a second, page keys a second, Home and End as far as it goes", () => {
  const led = (key) => keyLeads(key, 3, 0, 5);
  assert.deepEqual(
    ["ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "PageUp", "PageDown", "Home", "End", "a"].map(led),
    [3.1, 3.1, 2.9, 2.9, 4, 2, 0, 5, null],
  );
  assert.equal(keyLeads("PageUp", 4.5, 0, 5), 5);
  assert.equal(keyLeads("PageDown", 0.5, 0, 5), 0);
});
