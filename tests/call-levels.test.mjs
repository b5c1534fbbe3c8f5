import assert from "node:assert/strict";
import { test } from "node:test";

import { levelOf, speaking } from "../static/call/levels.js";

/** A tone whose loudness is `db` below full scale. */
const tone = (db) => Float32Array.from({ length: 1024 }, (_, n) => Math.SQRT2 * 10 ** (db / 20) * Math.sin((2 * Math.PI * 8 * n) / 1024));

test("silence is 0 and a shout is 1", () => {
  assert.equal(levelOf(new Float32Array(1024)), 0);
  assert.equal(levelOf(tone(0)), 1);
});

test("the level rises with loudness as people hear it", () => {
  assert.ok(Math.abs(levelOf(tone(-32.5)) - 0.5) < 0.01);
  assert.ok(Math.abs(levelOf(tone(-21.25)) - 0.75) < 0.01);
  assert.equal(levelOf(tone(-60)), 0);
});

test("a pause between two words is no silence, and a longer one is", () => {
  const speaks = speaking();
  assert.equal(speaks(0.1, 0), false);
  assert.equal(speaks(0.5, 100), true);
  assert.equal(speaks(0.1, 600), true);
  assert.equal(speaks(0.5, 650), true);
  assert.equal(speaks(0.1, 1300), false);
});

test("a loudness between the two bounds goes on with speech, but does not begin it", () => {
  const speaks = speaking();
  assert.equal(speaks(0.3, 0), false);
  assert.equal(speaks(0.5, 100), true);
  assert.equal(speaks(0.3, 2000), true);
});
