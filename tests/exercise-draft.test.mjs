import assert from "node:assert/strict";
import { test } from "node:test";

import { changesOf, draftOf, isChanged, targetOf } from "../static/exercise-draft.js";

const EXERCISE = {
  name: "Squat",
  description: "",
  kind: "repetitions",
  target: 12,
  mirrored: false,
  visibility: "private",
  start_s: null,
  end_s: 8.4,
  clip_duration_s: 9.633,
};

test("a draft that nobody touched changes nothing", () => {
  assert.deepEqual(changesOf(draftOf(EXERCISE), EXERCISE), {});
  assert.equal(isChanged(draftOf(EXERCISE), EXERCISE), false);
});

test("only what was changed is sent", () => {
  const draft = { ...draftOf(EXERCISE), name: " Deep squat ", part: { startS: 1.2, endS: 8.4 } };
  assert.deepEqual(changesOf(draft, EXERCISE), { name: "Deep squat", start_s: 1.2 });
});

test("what is cleared is sent as null", () => {
  const draft = { ...draftOf(EXERCISE), target: "", part: { startS: 0, endS: 9.633 } };
  assert.deepEqual(changesOf(draft, EXERCISE), { target: null, end_s: null });
});

test("space around a text is no change", () => {
  assert.equal(isChanged({ ...draftOf(EXERCISE), description: " \n" }, EXERCISE), false);
});

test("an exercise whose clip was never measured is not trimmed", () => {
  const unknown = { ...EXERCISE, end_s: null, clip_duration_s: null };
  assert.deepEqual(changesOf(draftOf(unknown), unknown), {});
});

test("a target is a whole number or none", () => {
  assert.deepEqual(["12", " 30 ", "", "x"].map(targetOf), [12, 30, null, null]);
});
