import assert from "node:assert/strict";
import { test } from "node:test";

import { stillSent, without } from "../static/call/program.js";

test("what was sent is kept until the server's state has it", () => {
  assert.deepEqual(stillSent(["squat", "jack"], ["squat"]), ["squat", "jack"]);
  assert.equal(stillSent(["squat", "jack"], ["squat", "jack"]), null);
  assert.equal(stillSent([], []), null);
  assert.equal(stillSent(null, ["squat"]), null);
});

test("an exercise is taken out where it was seen, or where it is meanwhile", () => {
  assert.deepEqual(without(["squat", "jack", "squat"], "squat", 2), ["squat", "jack"]);
  assert.deepEqual(without(["jack", "squat"], "squat", 2), ["jack"]);
  assert.deepEqual(without(["jack"], "squat", 0), ["jack"]);
});
